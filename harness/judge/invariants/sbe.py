"""What must be true when the update of a Solution Builder Extension has ended.

The cluster's version is what the environment shows ([D] CurrentSbeVersion); a node's version is what the node itself
says, because the product may report Installed although a node was left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.judge.case import Case, listed
from harness.judge.invariants.outcome import build_number, final_of_installed, nodes_behind, not_looked_at
from harness.values import Finding


def target_of(case: Case) -> str:
    """The extension that the scenario was to install, empty when it was something else."""
    target = (case.timeline.scenario.get("workflow") or {}).get("target")
    return str(target.get("sbe") or "") if isinstance(target, Mapping) else ""


def extension_is_target(case: Case) -> Iterator[Finding]:
    """After Installed the cluster's extension is the target."""
    final, target = final_of_installed(case), target_of(case)
    if final is None or not target:
        return
    current = str(_told(final.value).get("current") or "")
    if not current:
        yield not_looked_at(case, final, "no-sbe", "SBE version of the cluster", target)
    elif build_number(current) != build_number(target):
        text = f"the update reports Installed, but the current SBE version is {current} instead of {target}"
        yield case.fail("sbe-not-target", text, final.t_ns, [final.seq], value=current, limit=target)


def every_node_has_the_extension(case: Case) -> Iterator[Finding]:
    """After Installed every node says that it has the target, or a newer version."""
    final, target = final_of_installed(case), target_of(case)
    if final is None or not target:
        return
    told = {str(node): str(version or "") for node, version in (_told(final.value).get("nodes") or {}).items()}
    known = {node: version for node, version in told.items() if build_number(version)}
    unknown = sorted({*case.timeline.names("nodes"), *told} - known.keys())
    if unknown or not known:
        yield not_looked_at(case, final, "no-sbe", f"SBE version of {listed(unknown) or 'any node'}", target)
    old = sorted(node for node, version in known.items() if build_number(version) < build_number(target))
    if old:
        rows = listed([f"node {node} has {known[node]}" for node in old])
        text = f"the update reports Installed, but {rows}; expected SBE {target} on every node"
        behind = {node: known[node] for node in old}
        yield nodes_behind(case, final, "sbe-old", text, behind, limit=target, attrs={"sbe": told})


def _told(final: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part `sbe` of the final look."""
    told = final.get("sbe")
    return told if isinstance(told, Mapping) else {}
