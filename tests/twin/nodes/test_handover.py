"""An address is on one node at a time, and between two of them on none for as long as the model says."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from harness.twin.nodes.handover import Handover
from tests.examples import examples

MS = 1_000_000
A, B = "10.0.0.1", "10.0.0.2"


@pytest.fixture
def handover() -> Handover:
    made = Handover(["N1", "N2"])
    made.wants(A, "N1", 0)
    assert made.due("N1", 0) == [A]
    made.confirmed("N1", made.tell("N1", [A]), 0)
    made.confirmed("N2", made.tell("N2", []), 0)
    assert made.due("N1", 0) is None
    return made


def test_a_migration_is_at_least_as_long_on_the_wire_as_in_the_model(handover: Handover) -> None:
    handover.wants(A, None, 1000 * MS)
    assert handover.due("N1", 1000 * MS) == []
    given_up = handover.tell("N1", [])
    handover.wants(A, "N2", 1100 * MS)
    assert handover.due("N2", 5000 * MS) is None, "the other may have it yet"
    handover.confirmed("N1", given_up, 5000 * MS)
    assert handover.due("N2", 5099 * MS) is None
    assert handover.due("N2", 5100 * MS) == [A]


def test_a_node_that_is_gone_has_nothing(handover: Handover) -> None:
    handover.gone("N1", 10_000 * MS)
    handover.wants(A, None, 10_000 * MS)
    handover.wants(A, "N2", 15_000 * MS)
    assert handover.due("N2", 14_999 * MS) is None
    assert handover.due("N2", 15_000 * MS) == [A], "the restart is not counted twice"
    assert handover.due("N1", 15_000 * MS) == [], "when it comes again it is told anew"


def test_an_address_that_comes_back_to_its_node_was_away(handover: Handover) -> None:
    handover.wants(A, None, 0)
    given_up = handover.tell("N1", handover.due("N1", 0) or [])
    handover.wants(A, "N1", 200 * MS)
    assert handover.due("N1", 300 * MS) is None
    handover.confirmed("N1", given_up, 300 * MS)
    assert handover.due("N1", 500 * MS) == [A]


def test_what_may_be_lost_is_told_again(handover: Handover) -> None:
    assert handover.due("N1", 0) is None
    handover.unsure("N1")
    assert handover.due("N1", 0) == [A]
    handover.tell("N1", [A])
    assert handover.due("N1", 0) is None


def test_others_stay_where_they_are_meanwhile(handover: Handover) -> None:
    handover.wants(B, "N1", 0)
    assert handover.due("N1", 0) == [A, B]
    handover.tell("N1", [A, B])
    handover.wants(B, None, 0)
    assert handover.due("N1", 0) == [A]


class Machines(RuleBasedStateMachine):
    """Nodes that do what they are told, later; nobody ever has what another one has."""

    NODES = ("N1", "N2", "N3")

    def __init__(self) -> None:
        super().__init__()
        self.handover = Handover(self.NODES)
        self.now_ns = 0
        self.inbox: dict[str, list[tuple[int, list[str]]]] = {node: [] for node in self.NODES}
        self.has: dict[str, set[str]] = {node: set() for node in self.NODES}

    @rule(address=st.sampled_from((A, B)), node=st.sampled_from((*NODES, None)))
    def model(self, address: str, node: str | None) -> None:
        self.handover.wants(address, None, self.now_ns)
        self.handover.wants(address, node, self.now_ns)

    @rule(node=st.sampled_from(NODES))
    def tell(self, node: str) -> None:
        if (due := self.handover.due(node, self.now_ns)) is not None:
            self.inbox[node].append((self.handover.tell(node, due), due))

    @rule(node=st.sampled_from(NODES), confirms=st.booleans())
    def obey(self, node: str, confirms: bool) -> None:
        if self.inbox[node]:
            number, addresses = self.inbox[node].pop(0)
            self.has[node] = set(addresses)
            if confirms:
                self.handover.confirmed(node, number, self.now_ns)

    @rule(node=st.sampled_from(NODES))
    def die(self, node: str) -> None:
        self.inbox[node], self.has[node] = [], set()
        self.handover.gone(node, self.now_ns)

    @rule(ms=st.integers(1, 50))
    def pass_time(self, ms: int) -> None:
        self.now_ns += ms * MS

    @invariant()
    def nobody_shares(self) -> None:
        everything = [address for addresses in self.has.values() for address in addresses]
        assert len(everything) == len(set(everything))


TestMachines = Machines.TestCase
TestMachines.settings = settings(max_examples=examples(60), stateful_step_count=40)
