"""Network ATC: the service that brings every machine to the cluster's intents ([D] ASD deploy/network-atc).

A new or changed intent is provisioned on each machine after some time; a machine that is down gets it later.  Every
quarter of an hour the service looks for drift [T]: it makes anew what is missing of switches and host adapters, and
sets back VLANs, overrides, the switch and data centre bridging.  What an intent does not say is left alone [INF].
Removing an intent leaves what it made ([D] WPD NetworkATC/Remove-NetIntent).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from harness.twin.model.entities import Node
from harness.twin.model.errors import ModelError
from harness.twin.model.network.facts import NetworkFacts
from harness.twin.model.network.intents import (
    ADAPTER_NOT_FOUND,
    Intent,
    default_intents,
    is_provisioned,
    missing_adapters,
    provision,
)
from harness.twin.model.network.state import NodeNetwork
from harness.twin.model.network.virtual import Identities
from harness.twin.model.world import NodeLostError, Process, World

GLOBAL: Final = "globalintent"
"""[T] Name of what holds for the whole cluster, as published labs show ``Get-NetIntent -GlobalOverrides``."""


@dataclass(slots=True)
class GlobalOverrides:
    """What holds for the whole cluster: values that somebody set, by property."""

    cluster: dict[str, object] = field(default_factory=dict)
    proxy: dict[str, object] = field(default_factory=dict)
    version: int = 1


@dataclass(frozen=True, slots=True)
class Standing:
    """How an intent stands on one machine."""

    pending: bool
    error: str
    """Network ATC's name of what is wrong; empty for nothing."""
    since_ns: int
    """When it was last provisioned; 0 for by the deployment."""


@dataclass(slots=True)
class _Work:
    pending: bool = True
    error: str = ""
    since_ns: int = 0


class NetworkAtc:
    """The intents of the cluster and their work on the machines."""

    def __init__(self, world: World, network_of: Callable[[str], NodeNetwork], facts: NetworkFacts) -> None:
        self._world = world
        self._network_of = network_of
        self._facts = facts
        self._work: dict[tuple[str, str], _Work] = {}
        self._checks: set[str] = set()
        self.on_change: Callable[[str], None] = lambda node: None
        """Told when the service changed the network of a machine."""
        self.intents: list[Intent] = default_intents(facts)
        self.globals: GlobalOverrides | None = GlobalOverrides()

    # --- what operators do

    def find(self, name: str) -> Intent | None:
        """The intent of a name, in any case of letters."""
        return next((intent for intent in self.intents if intent.shown_name == name.lower()), None)

    def add(self, intent: Intent) -> None:
        """A new intent; it is provisioned on all machines.  Raises ModelError where it collides with another one."""
        if self.find(intent.name) is not None:
            raise ModelError("IntentExists", f"An intent with the name {intent.shown_name} already exists.")
        self._require_free(intent, intent.adapters)
        self.intents.append(intent)
        self.apply(intent, self._world.nodes)

    def move(self, intent: Intent, adapters: tuple[str, ...]) -> None:
        """Give an intent other adapters.  Raises ModelError where one belongs to another intent."""
        self._require_free(intent, adapters)
        intent.adapters = adapters
        intent.version += 1
        self.apply(intent, self._world.nodes)

    def _require_free(self, intent: Intent, adapters: tuple[str, ...]) -> None:
        taken = {name.lower() for other in self.intents if other is not intent for name in other.adapters}
        for name in adapters:
            if name.lower() in taken:
                raise ModelError("AdapterInUse", f"The adapter {name} belongs to another intent already.")

    def remove(self, intent: Intent) -> None:
        """The intent goes; what it made stays."""
        self.intents.remove(intent)
        self._work = {key: work for key, work in self._work.items() if key[0] != intent.shown_name}

    def apply(self, intent: Intent, nodes: Iterable[str]) -> None:
        """Provision an intent anew on some machines."""
        for node in nodes:
            work = self._work[intent.shown_name, node] = _Work()
            self._world.env.process(self._provision(intent, self._world.node(node), work))

    # --- how it stands

    def standing(self, intent: Intent, node: Node) -> Standing:
        """How an intent stands on a machine."""
        work = self._work.get((intent.shown_name, node.name), _Work(pending=False))
        missing = node.network is not None and missing_adapters(node.network, intent)
        return Standing(work.pending, ADAPTER_NOT_FOUND if missing else work.error, work.since_ns)

    def settled(self, node: Node) -> bool:
        """Whether no intent is pending or has failed on a machine."""
        found = [self.standing(intent, node) for intent in self.intents]
        return not any(one.pending or one.error for one in found)

    def is_pending(self, intent: Intent, nodes: Iterable[str]) -> bool:
        """Whether an intent is still being provisioned on one of the machines."""
        return any(self.standing(intent, self._world.node(name)).pending for name in nodes)

    # --- what the service does

    def noticed(self, name: str) -> None:
        """Somebody changed the network of a machine: its next look is no longer in vain."""
        if name not in self._checks:
            self._checks.add(name)
            self._world.env.process(self._look(self._world.node(name)))

    def _look(self, node: Node) -> Process:
        period = self._facts.check_ns
        yield self._world.env.timeout(period - self._world.now % period)
        self._checks.discard(node.name)
        own = self._network_of(node.name)
        for intent in list(self.intents) if node.os_running else []:
            if not is_provisioned(own, intent):
                self.apply(intent, [node.name])
            elif not self.standing(intent, node).pending:
                work = self._work.setdefault((intent.shown_name, node.name), _Work(pending=False))
                error = self._bring(intent, node)
                work.error = "" if error == ADAPTER_NOT_FOUND else error  # that one shows while the name is missing

    def _provision(self, intent: Intent, node: Node, work: _Work) -> Process:
        while True:
            try:
                yield from self._world.wait(self._facts.provision_ns, node.name)
                break
            except NodeLostError:
                yield self._world.env.timeout(self._facts.check_ns)
        if self._work.get((intent.shown_name, node.name)) is not work:
            return  # meanwhile removed, or begun anew
        work.error = self._bring(intent, node)
        work.pending, work.since_ns = False, self._world.now
        self._world.emit("network.intent", node=node.name, intent=intent.shown_name, error=work.error)
        self.on_change(node.name)

    def _bring(self, intent: Intent, node: Node) -> str:
        """Bring a machine to what an intent wants; the error, or nothing."""
        own = self._network_of(node.name)
        return provision(self._facts, Identities(self._world.streams, node), node, own, intent)
