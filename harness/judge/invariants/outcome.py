"""What must be true when the update has ended ([D] ASD update docs; builds: [T] UpdateOsBuildNumberInEce)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from harness.judge.case import Case, listed
from harness.judge.sights import compact
from harness.judge.timeline import Seen
from harness.values import Finding, Verdict

FAILED = ("InstallationFailed", "PreparationFailed", "DownloadFailed", "HealthCheckFailed")
HOME_UP_TO_NODES = 16
"""Guests are failed back on clusters of up to this many nodes [D]."""


def update_ended(case: Case) -> Iterator[Finding]:
    """The update of a completed run is Installed, prepared where only that was asked, or in the hands of the next
    leg."""
    timeline = case.timeline
    if timeline.begun is None or timeline.handovers or not timeline.completed or not timeline.updates:
        return
    last = timeline.updates[-1]
    state = last.value.state.name
    options = (timeline.scenario.get("workflow") or {}).get("options") or {}
    if state == "Installed" or (state == "ReadyToInstall" and options.get("prepare_only")):
        return
    if state in FAILED:
        step = last.value.step
        error = f": {step.error}" if step and step.error else ""
        checks, seqs = failed_checks(case)
        text = f"the update ended as {state}{error}{checks}"
        yield case.fail("update-failed", text, last.t_ns, [last.seq, *seqs], node=last.value.node or "", value=state)
        return
    text = f"the update was still {state} when the run ended"
    yield case.fail(
        "update-not-finished", text, last.t_ns, [last.seq], outcome=Verdict.INCONCLUSIVE, about="harness", value=state
    )


def failed_checks(case: Case) -> tuple[str, list[int]]:
    """Critical health checks of the update that failed, in words, and the line that holds them."""
    rows = [row for row in case.timeline.health if row.value.get("scope") == "update"]
    checks = rows[-1].value.get("checks") or () if rows else ()
    failed = [
        f"{check['name']} on {check['target']}" if check.get("target") else str(check.get("name"))
        for check in checks
        if check.get("status") == "FAILURE" and check.get("severity") == "CRITICAL"
    ]
    return (f"; failed health checks: {listed(failed)}", [rows[-1].seq]) if failed else ("", [])


def final_of_installed(case: Case) -> Seen[Mapping[str, Any]] | None:
    """The final look, when the update claims to be Installed."""
    final = case.timeline.final
    if final is None:
        return None
    state = final.value.get("update_state")
    name = state.get("name") if isinstance(state, Mapping) else state
    return final if name == "Installed" else None


def version_is_target(case: Case) -> Iterator[Finding]:
    """Invariant 5: after Installed the current version is the target, and somebody looked."""
    final, installed = final_of_installed(case), case.timeline.installed
    if installed and case.timeline.final is None and case.timeline.completed:
        text = "the update is Installed but no final look at versions and builds was journalled"
        yield case.fail(
            "no-final-look", text, installed.t_ns, [installed.seq], outcome=Verdict.INCONCLUSIVE, about="harness"
        )
    if final is None:
        return
    target, current = str(final.value.get("target") or ""), str(final.value.get("current_version") or "")
    if target and current != target:
        text = f"the update reports Installed, but the current version is {current or 'unknown'} instead of {target}"
        yield case.fail("version-not-target", text, final.t_ns, [final.seq], value=current, limit=target)


def build_number(text: str) -> tuple[int, ...]:
    """`10.0.26100.4061` and `26100.4061` as numbers that compare."""
    return tuple(int(part) for part in re.findall(r"\d+", text.removeprefix("10.0.")))


def builds_are_new(case: Case) -> Iterator[Finding]:
    """Invariant 5: after Installed every node has the same build, and at least the expected one."""
    final = final_of_installed(case)
    if final is None:
        return
    builds = {str(node): str(build or "") for node, build in (final.value.get("builds") or {}).items()}
    expected = str(final.value.get("expected_build") or "")
    known = {node: build for node, build in builds.items() if build_number(build)}
    newest = max((build_number(build) for build in known.values()), default=())
    floor = max(build_number(expected), newest)
    old = sorted(node for node, build in known.items() if build_number(build) < floor)
    unknown = sorted(builds.keys() - known.keys()) or (() if known else ("any node",))
    if unknown:
        yield not_looked_at(case, final, "no-builds", f"operating system build of {listed(list(unknown))}", expected)
    if old:
        wanted = expected or ".".join(str(part) for part in newest)
        rows = listed([f"node {node} has build {known[node]}" for node in old])
        text = f"the update reports Installed, but {rows}; expected {wanted} on every node"
        behind = {node: known[node] for node in old}
        yield nodes_behind(case, final, "build-old", text, behind, limit=wanted, attrs={"builds": builds})


def not_looked_at(case: Case, final: Seen[Mapping[str, Any]], name: str, what: str, limit: str) -> Finding:
    """The final look lacks *what*, so nobody can tell whether the update is there."""
    text = f"the final look holds no {what}"
    return case.fail(name, text, final.t_ns, [final.seq], outcome=Verdict.INCONCLUSIVE, about="harness", limit=limit)


def nodes_behind(
    case: Case,
    final: Seen[Mapping[str, Any]],
    name: str,
    text: str,
    behind: Mapping[str, str],
    *,
    limit: str,
    attrs: Mapping[str, Any],
) -> Finding:
    """Nodes with less than was installed, `behind` with what each has; the claim Installed is the time and evidence."""
    claim = case.timeline.installed
    return case.fail(
        name,
        text,
        claim.t_ns if claim else final.t_ns,
        [final.seq, claim.seq] if claim else [final.seq],
        node=", ".join(behind),
        value=", ".join(behind.values()),
        limit=limit,
        attrs=attrs,
    )


def environment_is_applied(case: Case) -> Iterator[Finding]:
    """Invariant 5: after Installed the update environment says AppliedSuccessfully, or offers the next update."""
    final = final_of_installed(case)
    state = final.value.get("environment_state") if final else None
    name = str(state.get("name") if isinstance(state, Mapping) else state or "")
    if final and name and name not in ("AppliedSuccessfully", "UpdateAvailable"):
        text = f"the update reports Installed, but the update environment is {name}"
        yield case.fail(
            "environment-not-applied", text, final.t_ns, [final.seq], value=name, limit="AppliedSuccessfully"
        )


def cau_is_idle(case: Case) -> Iterator[Finding]:
    """Invariant 5: after Installed no CAU run is in progress and the last CAU report is Succeeded."""
    final = final_of_installed(case)
    if final is None:
        return
    run = str(final.value.get("cau_run") or "")
    if run and "notinprogress" not in compact(run):
        text = f"the update reports Installed, but a CAU run is in progress: {run}"
        yield case.fail("cau-not-idle", text, final.t_ns, [final.seq], value=run, limit="RunNotInProgress")
    report = final.value.get("cau_report") or {}
    status = str(report.get("status") or "")
    if status and status != "Succeeded":
        text = f"the update reports Installed, but the last CAU report is {status}"
        yield case.fail("cau-report-failed", text, final.t_ns, [final.seq], value=status, limit="Succeeded")


def nodes_are_up(case: Case) -> Iterator[Finding]:
    """Invariant 5: after Installed all nodes are Up, none Paused."""
    last = case.timeline.clusters[-1] if case.timeline.clusters else None
    if final_of_installed(case) is None or last is None:
        return
    away = {node.name: node.state.name for node in last.value.not_up}
    names = sorted(away.keys() - case.nodes_explained(last.t_ns))
    if names:
        text = f"after the update {listed([f'node {name} is {away[name]}' for name in names])}"
        yield case.fail("node-not-up", text, last.t_ns, [last.seq], node=", ".join(names), limit="Up")


def guests_are_home(case: Case) -> Iterator[Finding]:
    """Invariant 5: after Installed guests are back on the node they came from, except those whose node was lost."""
    if case.timeline.takeovers:
        return  # guests had left home before this leg began
    looks = [row for row in case.timeline.clusters if row.value.owners()]
    begin_ns = case.timeline.starts[0].t_ns if case.timeline.starts else 0
    first = next((row for row in reversed(looks) if row.t_ns <= begin_ns), looks[0] if looks else None)
    if final_of_installed(case) is None or first is None or len(first.value.nodes) > HOME_UP_TO_NODES:
        return
    last, hit = looks[-1], {vm for each in case.explanations for vm in each.vms}
    home, now = first.value.owners(), last.value.owners()
    strayed = sorted(vm for vm, node in home.items() if vm not in hit and now.get(vm, node) != node)
    if strayed:
        moves = [f"{vm} on {now[vm]} instead of {home[vm]}" for vm in strayed]
        text = f"after the update virtual machines are not back home: {listed(moves)}"
        yield case.fail("vm-not-home", text, last.t_ns, [first.seq, last.seq], attrs={"vms": strayed})


def failure_leaves_no_node_paused(case: Case) -> Iterator[Finding]:
    """Invariant 6: an installation that failed says so about every node that it leaves Paused."""
    updates, clusters = case.timeline.updates, case.timeline.clusters
    if not updates or not clusters or updates[-1].value.state.name != "InstallationFailed":
        return
    last = clusters[-1]
    paused = sorted(node.name for node in last.value.nodes if node.state.name == "Paused")
    paused = [name for name in paused if name not in case.nodes_explained(last.t_ns)]
    if last.t_ns >= updates[-1].t_ns and paused:
        text = f"the installation failed and left {listed([f'node {name}' for name in paused])} Paused"
        yield case.fail("node-left-paused", text, last.t_ns, [updates[-1].seq, last.seq], node=", ".join(paused))
