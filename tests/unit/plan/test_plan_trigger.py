"""Event patterns, guards and targets: grammar, positions of mistakes, meaning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.plan.condition import Both, Compare, Condition, Either, InPhase, Not, parse_condition
from harness.plan.path_pattern import parse_path
from harness.plan.target import Common, Except, Joined, NodeSet, Role, Target, parse_target
from harness.plan.text import TextError
from harness.plan.trigger import parse_after, parse_event
from harness.plan.vocabulary import FACTS

REBOOT = "update/install/cau/node[*]/reboot"


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        (f"phase.enter {REBOOT} nth=1", f"phase.enter {REBOOT} nth=1"),
        (f"  phase.enter   {REBOOT}", f"phase.enter {REBOOT} nth=1"),
        (f"phase.exit {REBOOT} status=Error first", f"phase.exit {REBOOT} status=Error nth=1"),
        (f"phase.enter {REBOOT} last", f"phase.enter {REBOOT} last"),
        ("node.down planned=False every", "node.down planned=False every"),
        ("phase.enter update/** nth=3", "phase.enter update/** nth=3"),
    ],
)
def test_event_has_one_spelling(text: str, canonical: str) -> None:
    assert str(parse_event(text)) == canonical
    assert parse_event(canonical) == parse_event(text)


@pytest.mark.parametrize(
    ("text", "offset", "message"),
    [
        ("", 0, "must name an event"),
        ("phase.enter", 11, "needs a path"),
        ("phase.enterr update", 0, "unknown event"),
        ("phase.enter updat", 12, "unknown path part 'updat'"),
        ("phase.enter update/install/cau/node[*]/reboo", 39, "the steps of a node's turn are"),
        ("phase.enter update/install/cau/node[*", 31, "is no part of a path"),
        ("phase.enter update nth=x", 23, "must count from 1"),
        ("phase.enter update first every", 25, "second occurrence"),
        ("phase.enter update soon", 19, "neither an attribute"),
        ("phase.enter update/install last", 27, "known only for a path with node"),
        ("node.down percent>=much", 19, "is no number"),
    ],
)
def test_bad_event_names_its_place(text: str, offset: int, message: str) -> None:
    with pytest.raises(TextError, match=message) as caught:
        parse_event(text)
    assert caught.value.offset == offset


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        (REBOOT, "update/install/cau/node[NODE02]/reboot", True),
        (REBOOT, "update/install/cau/node[NODE02]/drain", False),
        (REBOOT, "update/install/cau/node/reboot", False),
        ("update/install/cau/node[NODE01]/reboot", "update/install/cau/node[NODE02]/reboot", False),
        ("update/*", "update/install", True),
        ("update/*", "update/install/cau", False),
        ("update/**", "update/install/cau", True),
        ("update/**/reboot", "update/install/cau/node[NODE02]/reboot", True),
        ("**", "update", True),
    ],
)
def test_path(pattern: str, path: str, matches: bool) -> None:
    assert parse_path(pattern).matches(path) is matches


def test_phase_in_includes_everything_below() -> None:
    assert parse_path("update/install").contains("update/install/cau/node[NODE02]/reboot")
    assert not parse_path("update/install").contains("update/download")


def test_event_matches_kind_path_and_attributes() -> None:
    pattern = parse_event("phase.exit update/install status!=Success retries>=2")
    assert pattern.matches("phase.exit", "update/install", {"status": "Error", "retries": 2})
    assert not pattern.matches("phase.exit", "update/install", {"status": "Success", "retries": 2})
    assert not pattern.matches("phase.exit", "update/install", {"status": "Error", "retries": 1})
    assert not pattern.matches("phase.exit", "update/install", {"status": "Error"})
    assert not pattern.matches("phase.enter", "update/install", {"status": "Error", "retries": 2})


def test_after() -> None:
    after = parse_after("owner-dies.clean + 5s")
    assert (after.fault, after.state, after.delay.total_seconds()) == ("owner-dies", "clean", 5)
    assert str(parse_after("a.active")) == "a.active"


@pytest.mark.parametrize(
    ("text", "offset"), [("a.reverted + 5s", 2), ("a.clean + 5", 11), ("clean", 0), ("a.clean 5s", 0)]
)
def test_bad_after_names_its_place(text: str, offset: int) -> None:
    with pytest.raises(TextError) as caught:
        parse_after(text)
    assert caught.value.offset == offset


atoms = st.one_of(
    st.builds(lambda path: InPhase(parse_path(path)), st.sampled_from(["update", "update/install", "update/**"])),
    st.builds(
        Compare, st.sampled_from(sorted(FACTS)), st.sampled_from([">=", "<", "=="]), st.integers(0, 9).map(float)
    ),
)
conditions: st.SearchStrategy[Condition] = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(Both, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Either, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)


@given(conditions)
def test_condition_survives_its_text(condition: Condition) -> None:
    assert parse_condition(str(condition)) == condition


@dataclass
class Now:
    path: str
    facts: dict[str, float]

    def phase_path(self) -> str:
        return self.path

    def fact(self, name: str) -> float:
        return self.facts.get(name, 0)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("phase.in update/install", True),
        ("phase.in update/download or node.down>=1", True),
        ("phase.in update/install and not node.down >= 1", False),
        ("not (phase.in update/download or storage.resync > 0)", True),
        ("node.down == 1 and node.paused != 0 or vm.down < 1", True),
    ],
)
def test_condition_holds(text: str, holds: bool) -> None:
    now = Now("update/install/cau/node[NODE01]/drain", {"node.down": 1})
    assert parse_condition(text).holds(now) is holds


@pytest.mark.parametrize(
    ("text", "offset", "message"),
    [
        ("", 0, "ends too early"),
        ("node.dwn >= 1", 0, "unknown fact"),
        ("node.down", 9, "expected a comparison"),
        ("node.down >= one", 13, "expected a number"),
        ("(node.down >= 1", 15, r"expected '\)'"),
        ("node.down >= 1 node.down", 15, "unexpected"),
        ("phase.in update/instal", 16, "unknown path part"),
    ],
)
def test_bad_condition_names_its_place(text: str, offset: int, message: str) -> None:
    with pytest.raises(TextError, match=message) as caught:
        parse_condition(text)
    assert caught.value.offset == offset


class Cluster:
    """Four nodes; NODE01 reboots, NODE02 owns the update service and is next."""

    def nodes(self) -> frozenset[str]:
        return frozenset({"NODE01", "NODE02", "NODE03", "NODE04"})

    def role(self, name: str, argument: str | None) -> frozenset[str]:
        players = {
            ("self", None): {"NODE01"},
            ("updating", None): {"NODE01"},
            ("next_to_update", None): {"NODE02"},
            ("owner_of", "update_service"): {"NODE02"},
            ("up", None): {"NODE02", "NODE03", "NODE04"},
            ("node", "NODE03"): {"NODE03"},
            ("all", None): self.nodes(),
        }
        return frozenset(players.get((name, argument), set()))


def last(candidates: Sequence[str], count: int) -> Sequence[str]:
    return candidates[-count:] if count else []


@pytest.mark.parametrize(
    ("text", "nodes", "most"),
    [
        ("next_to_update", ("NODE02",), 1),
        ("owner_of(update_service) & not self", ("NODE02",), 1),
        ("owner_of(update_service) & self", (), 1),
        ("one & not self", ("NODE04",), 1),
        ("one", ("NODE04",), 1),
        ("not self", ("NODE02", "NODE03", "NODE04"), 4),
        ("self | node(NODE03)", ("NODE01", "NODE03"), 2),
        ("minority & up", ("NODE04",), 1),
        ("one & (self | next_to_update)", ("NODE02",), 1),
        ("up & (self | next_to_update)", ("NODE02",), 2),
        ("last_updated", (), 1),
    ],
)
def test_target(text: str, nodes: tuple[str, ...], most: int) -> None:
    target = parse_target(text)
    assert target.resolve(Cluster(), last) == nodes
    assert target.most(4) == most
    assert len(nodes) <= most


@pytest.mark.parametrize(
    ("text", "offset", "message"),
    [
        ("", 0, "ends too early"),
        ("next_to_updat", 0, "unknown role"),
        ("one & one", 6, "draw only once"),
        ("not one", 4, "outermost"),
        ("self | one", 7, "outermost"),
        ("owner_of", 8, "takes a cluster group"),
        ("owner_of(x)", 9, "unknown cluster group"),
        ("self(x)", 4, "takes no argument"),
        ("one & (self", 11, r"expected '\)'"),
        ("one self", 4, "unexpected 'self'"),
        ("one & ?", 6, "unexpected '?'"),
    ],
)
def test_bad_target_names_its_place(text: str, offset: int, message: str) -> None:
    with pytest.raises(TextError, match=message.replace("?", r"\?")) as caught:
        parse_target(text)
    assert caught.value.offset == offset


roles = st.sampled_from([Role("self"), Role("up"), Role("next_to_update"), Role("owner_of", "update_service")])
node_sets: st.SearchStrategy[NodeSet] = st.recursive(
    roles,
    lambda inner: st.one_of(
        st.builds(Except, inner),
        st.builds(Common, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Joined, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)


@given(node_sets, st.sampled_from([None, "one", "minority"]))
def test_target_survives_its_text_and_keeps_its_meaning(nodes: NodeSet, selector: str | None) -> None:
    target = Target(nodes, selector)
    again = parse_target(str(target))
    assert str(again) == str(target)
    assert again.resolve(Cluster(), last) == target.resolve(Cluster(), last)
    assert len(target.resolve(Cluster(), last)) <= target.most(4)
