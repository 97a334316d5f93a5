"""Causes from outside of a node: planted by name, told apart, lifted by a process that knows nothing but the folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from harness.errors import LabError
from harness.labs.nested import faults, power
from harness.labs.nested.command import run
from harness.labs.nested.machines import Machines
from harness.labs.nested.namespace import (
    Network,
    ensure_namespace,
    owned_name,
    remove_namespace,
    why_no_namespaces,
)
from harness.labs.nested.outside import OUTSIDE, is_outside, lift, plant
from harness.labs.nested.port import DomainState
from harness.labs.nested.recovery import recover
from harness.labs.nested.spec import DataDisk, MachinesSpec, Nic
from harness.labs.nested.undo import FAULT, Undo
from harness.paths import root
from harness.testing.hypervisors import Rack
from tests.unit.labs.nested.conftest import Opener

STATES: dict[str, str] = {
    "machine-frozen": "paused",
    "cables-out": "out: mgmt, storage",
    "disk-out": "pulled: d1",
    "disk-failing": "pulled: d1; bad: d1",
    "disk-slow": "slow: sdb total_iops_sec 50",
    "memory-short": "64 MiB",
    "processors-short": "quota 10000",
}
"""Of the causes that the hypervisor brings about, what is to be seen of n1 where only defaults count."""
WIRES = {"packets-lost", "line-slow", "network-parted"}
PULSES = {"machine-reset", "machine-crashed"}


@pytest.fixture
def spec(spec: MachinesSpec) -> MachinesSpec:
    """Two networks and two data disks."""
    nics, disks = (Nic("mgmt"), Nic("storage")), (DataDisk("d1", 4096), DataDisk("d2", 4096))
    machines = tuple(replace(machine, nics=nics, disks=disks) for machine in spec.machines)
    return replace(spec, networks=(*spec.networks, Network("storage", "10.80.2.0/24")), machines=machines)


@pytest.fixture
def machines(opened: Opener) -> Machines:
    """Both are on."""
    machines = opened()
    machines.ensure()
    machines.start()
    return machines


def seen(machines: Machines, rack: Rack, name: str = "n1") -> str:
    """What is wrong with a machine, in words; empty when nothing is."""
    spec, domain = machines.spec, machines.domain(name)
    cards = {spec.mac(name, nic.network): nic.network for nic in spec.machine(name).nics}
    out = sorted(cards[mac] for where, mac in rack.links_down if where == domain)
    pulled = sorted(serial for where, serial in rack.pulled if where == domain)
    slow = [
        f"slow: {target} {limit} {value}"
        for (where, target), limits in rack.limits.items()
        for limit, value in limits.items()
        if where == domain and value
    ]
    bad = [name.removeprefix("bad-") for name in rack.plugged.get(domain, {})]
    quota, memory_kib = rack.quotas.get(domain, -1), rack.memory_kib.get(domain, 128 * 1024)
    state = machines.state(name)
    found = {
        str(state): state is not DomainState.RUNNING,
        f"out: {', '.join(out)}": out,
        f"pulled: {', '.join(pulled)}": pulled,
        f"bad: {', '.join(bad)}": bad,
        "; ".join(slow): slow,
        f"{memory_kib >> 10} MiB": memory_kib != 128 * 1024,
        f"quota {quota}": quota != -1,
        "a block node": set(rack.nodes.get(domain, {})) - set(rack.plugged.get(domain, {}).values()),
    }
    return "; ".join(text for text, is_there in found.items() if is_there)


def test_every_cause_is_tried_here() -> None:
    assert {*STATES, *WIRES, *PULSES} == set(OUTSIDE)
    assert {name for name, cause in OUTSIDE.items() if cause.pulse} == PULSES
    assert all(map(is_outside, OUTSIDE))
    assert not is_outside("system-drive-full")


@pytest.mark.parametrize("cause", STATES)
class TestStates:
    def test_planted_twice_and_lifted_by_another_process(
        self, cause: str, machines: Machines, rack: Rack, opened: Opener
    ) -> None:
        plant(machines, cause, "n1")
        assert seen(machines, rack) == STATES[cause]
        steps = machines.journal.open_steps
        assert {step.details["cause"] for step in steps} == {cause}
        plant(machines, cause, "n1", {})
        assert seen(machines, rack) == STATES[cause]
        assert machines.journal.open_steps == steps
        assert seen(machines, rack, "n2") == ""
        other = opened()
        for _ in range(2):
            lift(other, cause, "n1")
            assert seen(machines, rack) == ""
            assert other.journal.open_steps == ()
        assert opened().journal.open_steps == ()

    def test_recovery_takes_it_back(self, cause: str, machines: Machines, rack: Rack, opened: Opener) -> None:
        plant(machines, cause, "n1")
        assert recover(opened())
        assert seen(machines, rack) == ""
        assert opened().journal.open_steps == ()

    def test_lifting_it_leaves_other_causes_and_other_nodes(self, cause: str, machines: Machines, rack: Rack) -> None:
        plant(machines, cause, "n2")
        other = "disk-slow" if cause != "disk-slow" else "processors-short"
        plant(machines, other, "n1", {"serial": "d2"} if other == "disk-slow" else {})
        left = machines.journal.open_steps, seen(machines, rack), seen(machines, rack, "n2")
        lift(machines, cause, "n1")
        assert (machines.journal.open_steps, seen(machines, rack), seen(machines, rack, "n2")) == left
        assert left[1]

    def test_a_machine_that_is_off_is_a_clear_error_or_no_matter(self, cause: str, opened: Opener, rack: Rack) -> None:
        machines = opened()
        machines.ensure()
        if cause in ("cables-out", "disk-out"):
            plant(machines, cause, "n1")
            machines.start()
            assert seen(machines, rack) == STATES[cause]
        else:
            with pytest.raises(LabError, match="off") as caught:
                plant(machines, cause, "n1")
            assert caught.value.hint
            assert machines.journal.open_steps == ()


@pytest.mark.parametrize(
    ("cause", "parameters", "expected"),
    [
        ("cables-out", {"network": "storage"}, "out: storage"),
        ("disk-out", {"serial": "d2"}, "pulled: d2"),
        ("disk-slow", {"serial": "d2", "bytes_per_s": 7, "iops": 0}, "slow: sdc total_bytes_sec 7"),
        ("memory-short", {"memory_mib": 100}, "100 MiB"),
        ("processors-short", {"share": 0.5}, "quota 50000"),
        ("disk-failing", {"serial": "d2", "on": "write", "sectors": [8, 9]}, "pulled: d2; bad: d2"),
    ],
)
def test_parameters_count(
    cause: str, parameters: Mapping[str, object], expected: str, machines: Machines, rack: Rack
) -> None:
    plant(machines, cause, "n1", parameters)
    assert seen(machines, rack) == expected


def test_bad_sectors_and_what_fails_reach_the_disk(machines: Machines, rack: Rack) -> None:
    plant(machines, "disk-failing", "n1", {"on": "write", "sectors": [8, 9]})
    ((node,),) = [nodes.values() for nodes in rack.nodes.values()]
    rules = node["file"]["inject-error"]
    assert [(rule["iotype"], rule["sector"]) for rule in rules] == [("write", 8), ("write", 9)]


def test_the_newest_parameters_count_and_everything_is_lifted(machines: Machines, rack: Rack) -> None:
    for serial, iops in (("d1", 9), ("d2", 8), ("d1", 7)):
        plant(machines, "disk-slow", "n1", {"serial": serial, "iops": iops})
    assert seen(machines, rack) == "slow: sdb total_iops_sec 7; slow: sdc total_iops_sec 8"
    lift(machines, "disk-slow", "n1")
    assert seen(machines, rack) == ""


def test_a_pulse_is_over_at_once(machines: Machines) -> None:
    power.suspend(machines, "n1")
    plant(machines, "machine-reset", "n1")
    assert machines.state("n1") is DomainState.RUNNING
    plant(machines, "machine-crashed", "n1")
    assert [step.details["primitive"] for step in machines.journal.open_steps] == ["freeze"]
    for cause in PULSES:
        lift(machines, cause, "n1")
    told = (machines.folder / "steps.jsonl").read_text()
    for cause, deed in (("machine-reset", "reset"), ("machine-crashed", "nmi")):
        assert f'"parameters":{{"of":"{deed}"}},"cause":"{cause}"' in told


@pytest.mark.parametrize(
    ("cause", "node", "parameters", "words"),
    [
        ("gravity", "n1", {}, "'gravity' cannot be brought about"),
        ("machine-frozen", None, {}, "no node was named"),
        ("machine-frozen", "n9", {}, "node 'n9' was named"),
        ("machine-frozen", "n1", {"for": 3}, "has no parameter 'for'"),
        ("cables-out", "n1", {"network": "none"}, "no card on network 'none'"),
        ("cables-out", "n1", {"network": 3}, "'network' is 3"),
        ("packets-lost", "n1", {"percent": 0}, "0 % of its packets"),
        ("packets-lost", "n1", {"percent": "30"}, "'percent' is '30'"),
        ("packets-lost", "n1", {"percent": float("nan")}, "'percent' is nan"),
        ("packets-lost", "n1", {"percent": True}, "'percent' is True"),
        ("packets-lost", "n1", {"direction": "up"}, "'direction' is 'up'"),
        ("line-slow", "n1", {"kbit_per_s": 0}, "0 kbit/s"),
        ("line-slow", "n1", {"kbit_per_s": 1.5}, "'kbit_per_s' is 1.5"),
        ("disk-out", "n1", {"serial": "d9"}, "no data disk 'd9'"),
        ("disk-failing", "n1", {"sectors": [-1]}, "'sectors' is"),
        ("disk-failing", "n1", {"sectors": 8}, "'sectors' is 8"),
        ("disk-failing", "n1", {"on": "sometimes"}, "'on' is 'sometimes'"),
        ("disk-slow", "n1", {"iops": 0}, "0 operations and 0 bytes"),
        ("memory-short", "n1", {"memory_mib": 128}, "128 MiB and is to keep 128"),
        ("memory-short", "n1", {"memory_mib": 0}, "is to keep 0"),
        ("processors-short", "n1", {"share": 1}, "share of 1"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_done(
    cause: str, node: str | None, parameters: Mapping[str, Any], words: str, machines: Machines, rack: Rack
) -> None:
    with pytest.raises(LabError, match=words) as caught:
        plant(machines, cause, node, parameters)
    assert caught.value.hint
    assert machines.journal.open_steps == ()
    assert seen(machines, rack) == ""


def test_lifting_what_is_not_known_is_refused(machines: Machines) -> None:
    for cause, node in (("gravity", "n1"), ("cables-out", None), ("cables-out", "n9")):
        with pytest.raises(LabError):
            lift(machines, cause, node)


@pytest.mark.parametrize("cause", ["cables-out", "disk-out"])
def test_a_machine_without_cards_or_disks_cannot_lose_them(cause: str, machines: Machines) -> None:
    bare = tuple(replace(machine, nics=(), disks=()) for machine in machines.spec.machines)
    machines.spec = replace(machines.spec, machines=bare)
    with pytest.raises(LabError, match=r"has no (network card|data disk)"):
        plant(machines, cause, "n1")
    assert machines.journal.open_steps == ()


# --- records ---------------------------------------------------------------------------------------------------------


def test_a_record_of_a_version_without_causes_is_still_taken_back(machines: Machines, opened: Opener) -> None:
    machines.hypervisor.suspend(machines.domain("n1"))
    machines.journal.begin(FAULT, primitive="freeze", machine="n1", parameters={})
    lift(opened(), "machine-frozen", "n1")
    assert machines.state("n1") is DomainState.PAUSED, "it was not done for that cause"
    assert recover(opened())
    assert machines.state("n1") is DomainState.RUNNING


def test_what_is_undone_is_undone_for_every_cause(machines: Machines) -> None:
    alone = power.suspend(machines, "n1")
    plant(machines, "machine-frozen", "n1")
    assert [record.cause for record in machines.open_faults().values()] == ["", "machine-frozen"]
    assert Undo.read(alone.plain()) == alone
    faults.undo(machines, alone)
    assert machines.state("n1") is DomainState.RUNNING
    assert machines.journal.open_steps == ()


@pytest.mark.parametrize("first", ["hold f1", "machine-frozen"])
def test_what_two_causes_want_stays_until_neither_does(first: str, machines: Machines) -> None:
    power.suspend(machines.acting_for("hold f1"), "n1")
    plant(machines, "machine-frozen", "n1")
    causes = ["hold f1", "machine-frozen"]
    causes.remove(first)
    faults.undo_cause(machines, first, "n1")
    assert machines.state("n1") is DomainState.PAUSED
    assert [record.cause for record in machines.open_faults().values()] == causes
    faults.undo_cause(machines, causes[0], "n1")
    assert machines.state("n1") is DomainState.RUNNING
    assert machines.journal.open_steps == ()


# --- wires, with the programs and a namespace of the kernel ----------------------------------------------------------


@pytest.fixture
def wired(spec: MachinesSpec, opened: Opener) -> Iterator[Opener]:
    """Labs whose wires are in a namespace of their own, with a bridge in the place of each tap."""
    missing = why_no_namespaces("hil-try") or next(
        (f"no {name}" for name in ("nft", "tc") if not shutil.which(name)), ""
    )
    if missing:
        pytest.skip(missing)
    namespace = owned_name("hil-try", "outside")
    apart = replace(spec, namespace=namespace)

    def reopened() -> Machines:
        machines = opened()
        machines.spec = apart
        return machines

    try:
        ensure_namespace(namespace)
        for machine in apart.machines:
            run(["ip", "link", "add", apart.tap(machine.name, "mgmt"), "type", "bridge"], namespace=namespace)
        machines = reopened()
        machines.ensure()
        machines.start()
        yield reopened
    finally:
        remove_namespace(namespace)


def wires(machines: Machines) -> tuple[str, str]:
    """All rules and the shaping of all interfaces."""
    namespace = machines.spec.namespace
    rules = run(["nft", "list", "ruleset"], namespace=namespace).stdout
    return rules, run(["tc", "qdisc", "show"], namespace=namespace).stdout


@pytest.mark.parametrize(
    ("cause", "parameters", "words"),
    [
        ("packets-lost", {}, ["mod 1000 < 300 drop", "iifname", "oifname"]),
        ("packets-lost", {"percent": 100, "direction": "from", "network": "storage"}, ["iifname", "drop"]),
        ("line-slow", {"kbit_per_s": 64}, ["tbf", "64Kbit"]),
        ("network-parted", {}, ["hook forward", "drop"]),
    ],
)
def test_wires_are_as_before_once_it_is_lifted(
    cause: str, parameters: Mapping[str, object], words: list[str], wired: Opener
) -> None:
    machines = wired()
    before = wires(machines)
    for _ in range(2):
        plant(machines, cause, "n1", parameters)
        assert all(word in "".join(wires(machines)) for word in words)
        assert len(machines.journal.open_steps) == 1
    lift(wired(), cause, "n2")
    assert wires(machines) != before
    for _ in range(2):
        lift(wired(), cause, "n1")
        assert wires(machines) == before
    assert wired().journal.open_steps == ()


def test_causes_that_share_a_primitive_are_told_apart(wired: Opener) -> None:
    machines = wired()
    nothing = wires(machines)
    plant(machines, "packets-lost", "n1")
    lost = wires(machines)
    plant(machines, "network-parted", "n1")
    plant(machines, "network-parted", "n2")
    lift(wired(), "network-parted", "n1")
    assert "hook forward" in wires(machines)[0], "the other node's parting stays"
    lift(wired(), "network-parted", "n2")
    assert wires(machines) == lost
    lift(wired(), "packets-lost", "n1")
    assert wires(machines) == nothing


def test_the_page_tells_every_cause_and_its_parameters() -> None:
    page = (root() / "docs" / "explanation" / "nested.md").read_text(encoding="utf-8")
    rows = {row.split("`")[1]: row for row in page.splitlines() if row.startswith("| `") and row.count("|") == 4}
    told = {name: row for name, row in rows.items() if name in OUTSIDE}
    assert set(told) == set(OUTSIDE)
    for name, cause in OUTSIDE.items():
        assert cause.meaning in told[name]
        assert ("(pulse)" in told[name]) == cause.pulse
        assert all(f"`{parameter}`" in told[name] for parameter in cause.parameters)
