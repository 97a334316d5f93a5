"""Role expressions, answered from what is known when the fault fires."""

from __future__ import annotations

from harness.faults.roles import RoleView, Turn, seeded_draw
from harness.faults.view import NodeFact, View
from harness.plan.target import parse_target

NODES = ("N1", "N2", "N3", "N4")


def resolve(expression: str, *, turn: Turn | None = None, seed: int = 1, **view: object) -> tuple[str, ...]:
    facts = {node: NodeFact("Up", "", "N1", 1) for node in NODES}
    facts["N4"] = NodeFact("Down", "", "N1", 1)
    roles = RoleView(NODES, View(nodes=facts, **view), turn or Turn("N2", "N1", ("N1",)), "N3")  # type: ignore[arg-type]
    return parse_target(expression).resolve(roles, seeded_draw(seed, "f", 1))


def test_roles_of_the_turn() -> None:
    assert resolve("self") == ("N3",)
    assert resolve("updating") == ("N2",)
    assert resolve("last_updated") == ("N1",)
    assert resolve("next_to_update") == ("N3",)
    assert resolve("next_to_update", turn=Turn()) == ("N1",)
    assert resolve("next_to_update", turn=Turn(None, "N4", NODES)) == ()
    assert resolve("updating", turn=Turn()) == ()


def test_nodes_by_number_and_name() -> None:
    assert resolve("node(1) | node(N4)") == ("N1", "N4")
    assert resolve("node(5)") == resolve("node(0)") == resolve("node(other)") == ()


def test_owners() -> None:
    owners = {"Azure Stack HCI Update Service Cluster Group": "N2", "Cluster Group": "N1"}
    assert resolve("owner_of(update_service)", group_owner=owners) == ("N2",)
    assert resolve("coordinator", group_owner=owners) == ("N1",)
    assert resolve("owner_of(update_service)") == ()
    assert resolve("csv_owner(Volume01)", csv_owner={"Volume01": "N3"}) == ("N3",)


def test_sets() -> None:
    assert resolve("up") == ("N1", "N2", "N3")
    assert resolve("all & not up") == ("N4",)
    assert resolve("up & not self & not updating") == ("N1",)


def test_draws_depend_on_seed_fault_and_occurrence_only() -> None:
    assert resolve("one & up", seed=5) == resolve("one & up", seed=5)
    assert {resolve("one & up", seed=seed) for seed in range(30)} == {("N1",), ("N2",), ("N3",)}
    candidates = list(NODES)
    assert seeded_draw(1, "a", 1)(candidates, 2) == seeded_draw(1, "a", 1)(candidates, 2)
    draws = {tuple(seeded_draw(1, name, number)(candidates, 4)) for name in "abcd" for number in range(4)}
    assert len(draws) > 4
