"""Machines together, on a rack that is not there: made, snapshot, reverted, removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ConfigError, FaultError, JournalError, LabError
from harness.labs.nested import cables, disks, faults, power
from harness.labs.nested.machines import Machines
from harness.labs.nested.port import DomainState
from harness.labs.nested.recovery import recover
from harness.labs.nested.sets import MANIFEST, PRISTINE, SnapshotSets
from harness.labs.nested.steps import StepJournal
from harness.labs.nested.undo import Undo
from harness.testing.hypervisors import Rack
from tests.unit.labs.nested.conftest import Opener


def write_state(machines: Machines, text: str) -> None:
    """What guests and firmware would have written."""
    for path in machines._state_files().values():
        if path.suffix in (".fd", ".raw", ".qcow2"):
            path.write_text(text)
        else:
            path.mkdir(parents=True, exist_ok=True)
            (path / "state").write_text(text)


def state(machines: Machines) -> dict[str, str]:
    found = {}
    for label, path in machines._state_files().items():
        file = path / "state" if path.is_dir() else path
        found[label] = file.read_text() if file.exists() else "none"
    return found


def test_ensure_makes_what_is_missing_and_leaves_what_is_there(opened: Opener, rack: Rack) -> None:
    machines = opened()
    machines.ensure()
    assert machines.hypervisor.domains() == ("hil-lab-n1", "hil-lab-n2")
    overlay = machines.places.system_disk("n1")
    assert overlay.read_text() == "qcow2 overlay on base.qcow2"
    assert machines.places.data_disk("n2", "d1").stat().st_size == 4096
    overlay.write_text("used")
    rack.definitions["hil-lab-n1"] = "changed by a fault"
    opened().ensure()
    assert overlay.read_text() == "used"
    assert rack.definitions["hil-lab-n1"] == "changed by a fault"


def test_a_missing_base_image_is_told(opened: Opener, tmp_path: Path) -> None:
    (tmp_path / "base.qcow2").unlink()
    with pytest.raises(LabError, match=r"base\.qcow2 of machine 'n1' is not there"):
        opened().ensure()


def test_a_set_holds_what_all_machines_remember(opened: Opener) -> None:
    machines = opened()
    machines.ensure()
    write_state(machines, "first")
    machines.snapshot("ready")
    write_state(machines, "second")
    machines.snapshot("later")
    write_state(machines, "third")
    machines.start()
    machines.revert("ready")
    assert set(state(machines).values()) == {"first"}
    assert [machines.state(name) for name in machines.names] == [DomainState.OFF, DomainState.OFF]
    opened().revert("later")
    assert set(state(machines).values()) == {"second"}


def test_a_set_is_replaced_by_one_of_its_name(opened: Opener) -> None:
    machines = opened()
    machines.ensure()
    for text in ("old", "new"):
        write_state(machines, text)
        machines.snapshot("ready")
    write_state(machines, "other")
    machines.revert("ready")
    assert set(state(machines).values()) == {"new"}
    assert machines.sets.names() == ("ready",)


def test_what_was_not_there_at_the_snapshot_is_not_there_after_the_revert(opened: Opener) -> None:
    machines = opened()
    machines.ensure()
    machines.snapshot("fresh")
    write_state(machines, "used")
    machines.revert("fresh")
    assert not machines.places.variables("n1").exists()
    assert state(machines)["n1.tpm"] == "none"


def test_pristine_is_always_there(opened: Opener) -> None:
    machines = opened()
    machines.ensure()
    write_state(machines, "used")
    machines.revert(PRISTINE)
    assert machines.places.system_disk("n2").read_text() == "qcow2 overlay on base.qcow2"
    assert machines.places.data_disk("n1", "d1").read_bytes() == bytes(4096)
    assert state(machines)["n2.tpm"] == "none"


def test_running_machines_are_not_snapshot(opened: Opener) -> None:
    machines = opened()
    machines.ensure()
    machines.hypervisor.start(machines.domain("n2"))
    with pytest.raises(LabError, match="'n2' is on"):
        machines.snapshot("ready")
    assert machines.sets.names() == ()


@pytest.mark.parametrize("name", [PRISTINE, "", "../up", "a.new"])
def test_names_that_a_set_cannot_have(opened: Opener, name: str) -> None:
    machines = opened()
    machines.ensure()
    with pytest.raises(ConfigError):
        machines.snapshot(name)


def test_an_unknown_or_damaged_set_touches_nothing(opened: Opener) -> None:
    machines = opened()
    machines.ensure()
    write_state(machines, "kept")
    machines.snapshot("ready")
    machines.start()
    (machines.folder / "sets" / "ready" / "n2.qcow2").write_text("cut")
    for name, words in (("ready", "damaged"), ("unknown", "no snapshot set")):
        with pytest.raises(LabError, match=words):
            machines.revert(name)
    assert set(state(machines).values()) >= {"kept"}
    assert machines.state("n1") is DomainState.RUNNING
    assert machines.journal.open_steps == ()


def test_a_set_without_manifest_does_not_count_and_goes(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text("content")
    sets = SnapshotSets(tmp_path / "sets")
    sets.make("whole", {"member": source})
    sets.make("part", {"member": source})
    (tmp_path / "sets" / "part" / MANIFEST).unlink()
    assert sets.names() == ("whole",)
    assert not (tmp_path / "sets" / "part").exists()


def test_a_whole_replacement_is_put_in_place_and_a_part_of_one_is_not(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text("old")
    sets = SnapshotSets(tmp_path / "sets")
    sets.make("one", {"member": source})
    new = tmp_path / "sets" / "one.new"
    new.mkdir()
    (new / "member").write_text("half")
    assert sets.names() == ("one",)
    assert not new.exists()
    source.write_text("new")
    sets.make("two", {"member": source})
    (tmp_path / "sets" / "two").rename(new)
    assert sets.names() == ("one",)
    assert (tmp_path / "sets" / "one" / "member").read_text() == "new"


def test_destroy_leaves_base_images_and_the_step_journal(opened: Opener, tmp_path: Path) -> None:
    machines = opened()
    machines.ensure()
    machines.snapshot("ready")
    machines.start()
    machines.destroy()
    machines.destroy()
    assert machines.hypervisor.domains() == ()
    assert (tmp_path / "base.qcow2").read_text() == "base image"
    left = sorted(path.name for path in machines.folder.rglob("*") if path.is_file())
    assert left == ["steps.jsonl"]
    assert list((tmp_path / "swtpm").iterdir()) == []


# --- faults ----------------------------------------------------------------------------------------------------------


def test_power_comes_and_goes_and_is_undone_as_it_was(opened: Opener) -> None:
    machines = opened()
    machines.ensure()
    machines.start()
    record = power.power_off(machines, "n1")
    assert machines.state("n1") is DomainState.OFF
    assert [step.details for step in machines.journal.open_steps] == [record.plain()]
    faults.undo(opened(), Undo.read(record.plain()))
    assert machines.state("n1") is DomainState.RUNNING
    assert opened().journal.open_steps == ()


def test_a_second_power_cut_is_the_same_one(opened: Opener) -> None:
    machines = opened()
    machines.ensure()
    machines.start()
    record = power.power_off(machines, "n1")
    assert power.power_off(machines, "n1") == record
    faults.undo(machines, record)
    faults.undo_all(opened())
    assert machines.state("n1") is DomainState.RUNNING


def test_power_on_takes_a_power_cut_back(opened: Opener) -> None:
    machines = opened()
    machines.ensure()
    machines.start()
    power.power_off(machines, "n1")
    power.power_on(machines, "n1")
    assert machines.state("n1") is DomainState.RUNNING
    assert machines.journal.open_steps == ()


def test_a_new_process_takes_everything_back(opened: Opener, rack: Rack) -> None:
    machines = opened()
    machines.ensure()
    machines.start()
    power.suspend(machines, "n1")
    power.starve(machines, "n1", 0.1)
    power.squeeze(machines, "n2", 64)
    cables.link_down(machines, "n2", "mgmt")
    disks.pull_disk(machines, "n2", "d1")
    disks.throttle_disk(machines, "n1", "d1", iops=5)
    power.power_off(machines, "n2")
    assert rack.quotas == {"hil-lab-n1": 10_000}
    assert rack.memory_kib == {}, "gone with the power"
    assert rack.links_down
    assert rack.pulled
    said = recover(opened())
    assert len(said) == 7
    assert [machines.state(name) for name in machines.names] == [DomainState.RUNNING, DomainState.RUNNING]
    assert rack.quotas == {"hil-lab-n1": -1}
    assert rack.memory_kib == {"hil-lab-n2": 128 * 1024}
    assert not rack.links_down
    assert not rack.pulled
    assert set(rack.limits[("hil-lab-n1", "sdb")].values()) == {0}
    assert recover(opened()) == []


def test_a_pulse_leaves_nothing_to_take_back(opened: Opener) -> None:
    machines = opened()
    machines.ensure()
    machines.start()
    power.reset(machines, "n1")
    faults.undo(machines, power.inject_nmi(machines, "n1"))
    assert machines.journal.open_steps == ()
    assert machines.state("n1") is DomainState.RUNNING


def test_faults_on_a_machine_that_is_off_are_refused_before_the_journal(opened: Opener) -> None:
    machines = opened()
    machines.ensure()
    for fault in (power.reset, power.suspend, power.inject_nmi):
        with pytest.raises(FaultError, match="is off"):
            fault(machines, "n1")
    with pytest.raises(FaultError):
        disks.fail_disk(machines, "n1", "d1")
    assert machines.journal.open_steps == ()


def test_a_record_of_an_unknown_primitive_is_refused(opened: Opener) -> None:
    with pytest.raises(FaultError, match="'gravity'"):
        faults.undo(opened(), Undo("gravity", "n1"))
    with pytest.raises(FaultError):
        Undo.read({"primitive": "power"})


# --- step journal ----------------------------------------------------------------------------------------------------


def test_a_torn_line_is_cut_and_open_steps_are_found(tmp_path: Path) -> None:
    path = tmp_path / "steps.jsonl"
    journal = StepJournal(path)
    first, second = journal.begin("ensure", machine="n1"), journal.begin("snapshot", name="a")
    journal.end(first)
    with path.open("ab") as file:
        file.write(b'{"step":3,"beg')
    again = StepJournal(path)
    assert [(step.number, step.what, dict(step.details)) for step in again.open_steps] == [
        (second, "snapshot", {"name": "a"})
    ]
    assert again.begin("destroy") == 3
    assert [step.number for step in StepJournal(path).open_steps] == [2, 3]


def test_a_journal_that_cannot_be_read_or_written_stops_everything(tmp_path: Path, opened: Opener) -> None:
    path = tmp_path / "steps.jsonl"
    path.write_text('{"step":1,"begin":"ensure"}\nno json\n')
    with pytest.raises(JournalError, match="line 2"):
        StepJournal(path)
    machines = opened()
    machines.ensure()
    machines.journal._path = tmp_path
    with pytest.raises(JournalError, match="nothing was done"):
        power.power_off(machines, "n1")
    with pytest.raises(JournalError):
        machines.destroy()
    assert machines.hypervisor.domains() == ("hil-lab-n1", "hil-lab-n2")
