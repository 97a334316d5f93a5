"""Installing a Solution Builder Extension ([D] ASD update/solution-builder-extension).

It is started, observed and resumed like a solution update.  What differs: its content may have to be imported first,
and what proves it is a version of its own, of the cluster and of every node.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.azurelocal import sbe, updates
from harness.azurelocal.command import Command
from harness.azurelocal.updates import UpdateList
from harness.transports.replies import Json
from harness.workflows.port import Proof
from harness.workflows.solution import SolutionUpdate


@dataclass(frozen=True, slots=True)
class SbeUpdate(SolutionUpdate):
    """The workflow of one SBE row.  `content` is the folder on a node that holds the vendor's three files, None when
    nothing is to be imported."""

    content: str | None = None

    def find_content(self) -> Command[tuple[str, ...]]:
        """Which files the node it is sent to sees in the folder."""
        return sbe.find_content(self.content or "")

    def import_content(self, key: str) -> Command[str]:
        """Import them."""
        return sbe.add_update(self.content or "", key)

    def list_updates(self) -> Command[UpdateList]:
        """All listed updates: before the import, and while its effect is awaited."""
        return updates.list_updates()

    def read_extension(self) -> Command[str]:
        """The SBE version of the node it is sent to."""
        return sbe.read_installed()


def extension_record(proof: Proof, target: str, nodes: Mapping[str, str]) -> dict[str, Json]:
    """The part `sbe` of the `final` record: target, version of the cluster, version that each node told of itself."""
    return {"target": target, "current": proof.current_sbe_version, "nodes": dict(sorted(nodes.items()))}
