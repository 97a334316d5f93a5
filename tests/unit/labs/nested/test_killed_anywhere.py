"""A process that works on a lab is killed at every line; the next one brings the lab to a state somebody asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import harness
from harness.labs.nested import outside, power
from harness.labs.nested.files import remove
from harness.labs.nested.machines import Machines
from harness.labs.nested.port import DomainState
from harness.labs.nested.recovery import recover
from harness.testing.hypervisors import Rack
from tests.unit.labs.nested.conftest import Opener

SPARSE, EVERY = 12, 1
"""Of so many lines at which an action can be killed one is tried: some of them always, all of them in the full tier."""
ROOT = Path(harness.__file__).parent
WATCHED = (str(ROOT / "labs" / "nested"), str(ROOT / "testing" / "hypervisors.py"))
Point = tuple[str, int]


class KilledError(BaseException):
    """As SIGKILL: nothing that handles errors may see it."""


@contextmanager
def lines_watched(seen: Callable[[Point], None]) -> Iterator[None]:
    """`seen` is called with each line of the nested lab before it runs; what it raises comes from that line."""

    def local(frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "line":
            seen((frame.f_code.co_filename, frame.f_lineno))
        return local

    def calls(frame: FrameType, _event: str, _argument: Any) -> Any:
        return local if frame.f_code.co_filename.startswith(WATCHED) else None

    before = sys.gettrace()
    sys.settrace(calls)
    try:
        yield
    finally:
        sys.settrace(before)


def occasions(action: Callable[[], object]) -> list[int]:
    """Number of the first and of the last time that each line runs in an action."""
    points: list[Point] = []
    with lines_watched(points.append):
        action()
    first = {point: at for at, point in reversed(list(enumerate(points)))}
    last = {point: at for at, point in enumerate(points)}
    return sorted({*first.values(), *last.values()})


def killed_at(number: int, action: Callable[[], object]) -> bool:
    """Kill an action at its line `number`; False when it came to its end before."""
    counted = 0

    def seen(_point: Point) -> None:
        nonlocal counted
        counted += 1
        if counted > number:
            raise KilledError

    try:
        with lines_watched(seen):
            action()
    except KilledError:
        return True
    return False


def contents(folder: Path) -> dict[str, bytes]:
    """Files of a lab, without its journal."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "steps.jsonl")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


class Bench:
    """A lab that is brought to the same beginning again and again."""

    def __init__(self, opened: Opener, rack: Rack, folder: Path, every: int) -> None:
        self.opened, self.rack, self.folder, self.every = opened, rack, folder, every

    def occasions(self, action: Callable[[], object]) -> list[int]:
        """Where to kill an action: the first line, the last, and some or all between."""
        numbers = occasions(action)
        return sorted({*numbers[:: self.every], numbers[-1]})

    def begin(self) -> Machines:
        """Made, with a set in which everything says `kept`, and used since; machines are off."""
        remove(self.folder / "lab")
        remove(self.folder / "swtpm")
        self.rack.definitions.clear()
        self.rack.states.clear()
        self.rack.links_down.clear()
        machines = self.opened()
        machines.ensure()
        self.write(machines, "kept")
        machines.snapshot("set")
        self.write(machines, "used")
        return machines

    def write(self, machines: Machines, text: str) -> None:
        for name in machines.names:
            for path in (machines.places.system_disk(name), machines.places.variables(name)):
                path.write_text(text)

    def disks(self) -> set[str]:
        return {path.read_text() for path in (self.folder / "lab" / "volumes").glob("*.qcow2")}


@pytest.fixture(params=[SPARSE, pytest.param(EVERY, marks=pytest.mark.full)])
def bench(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, opened: Opener, rack: Rack, tmp_path: Path
) -> Bench:
    """Nothing is forced onto the disk: a killed process leaves the page cache as it is."""
    monkeypatch.setattr("os.fsync", lambda _descriptor: None)
    return Bench(opened, rack, tmp_path, request.param)


def killed_everywhere(bench: Bench, action: Callable[[Machines], object]) -> Iterator[tuple[int, Machines]]:
    """The lab after each death and the recovery by a new process, which must leave no open step."""
    machines = bench.begin()
    numbers = bench.occasions(lambda: action(machines))
    for number in numbers:
        dying = bench.begin()
        assert killed_at(number, lambda dying=dying: action(dying)), "the same lines every time"
        recover(bench.opened())
        after = bench.opened()
        assert after.journal.open_steps == (), f"killed at {number}"
        parts = [name for name in contents(bench.folder / "lab") if ".part" in name or ".new" in name]
        assert parts == [], f"killed at {number}"
        yield number, after


def test_making(bench: Bench) -> None:
    fresh = bench.begin()
    fresh.destroy()
    numbers = bench.occasions(fresh.ensure)
    for number in numbers:
        dying = bench.begin()
        dying.destroy()
        assert killed_at(number, dying.ensure)
        recover(bench.opened())
        after = bench.opened()
        assert after.journal.open_steps == ()
        known = set(after.hypervisor.domains())
        assert known in (set(), {"hil-lab-n1", "hil-lab-n2"}), "none or all, once recovered"
        after.ensure()
        assert bench.disks() == {"qcow2 overlay on base.qcow2"}, f"killed at {number}"


def test_snapshot(bench: Bench) -> None:
    seen = set()
    for number, after in killed_everywhere(bench, lambda machines: machines.snapshot("new")):
        names = after.sets.names()
        seen.add(names)
        assert names in (("set",), ("new", "set"))
        after.revert(names[0])
        assert bench.disks() == ({"used"} if names[0] == "new" else {"kept"}), f"killed at {number}"
    assert len(seen) == 2, "both outcomes were met"


def test_replacing_a_snapshot(bench: Bench) -> None:
    seen = set()
    for number, after in killed_everywhere(bench, lambda machines: machines.snapshot("set")):
        assert after.sets.names() == ("set",), f"killed at {number}"
        after.revert("set")
        (text,) = bench.disks()
        seen.add(text)
    assert seen == {"kept", "used"}, "the old one or the new one, never a mixture"


def test_revert(bench: Bench) -> None:
    seen = set()
    for number, after in killed_everywhere(bench, lambda machines: machines.revert("set")):
        disks = bench.disks()
        assert disks in ({"kept"}, {"used"}), f"killed at {number}: all machines or none"
        seen |= disks
        assert {path.read_text() for path in (bench.folder / "lab" / "firmware").glob("*.fd")} == disks
        assert after.state("n1") is DomainState.OFF
    assert seen == {"kept", "used"}


def test_revert_to_pristine(bench: Bench) -> None:
    for number, _after in killed_everywhere(bench, lambda machines: machines.revert("pristine")):
        assert bench.disks() in ({"qcow2 overlay on base.qcow2"}, {"used"}), f"killed at {number}"


def test_removal(bench: Bench) -> None:
    seen = set()
    for number, after in killed_everywhere(bench, lambda machines: machines.destroy()):
        domains = after.hypervisor.domains()
        seen.add(domains)
        assert domains in ((), ("hil-lab-n1", "hil-lab-n2")), f"killed at {number}"
        if not domains:
            assert contents(bench.folder / "lab") == {}, f"killed at {number}"
    assert len(seen) == 2


def test_power_cut(bench: Bench) -> None:
    """Whether the cut came about or not, it is taken back."""
    machines = bench.begin()
    machines.start()
    for number in bench.occasions(lambda: power.power_off(machines, "n2")):
        dying = bench.begin()
        dying.start()
        assert killed_at(number, lambda dying=dying: power.power_off(dying, "n2"))
        recover(bench.opened())
        after = bench.opened()
        assert [after.state(name) for name in after.names] == [DomainState.RUNNING] * 2, f"killed at {number}"
        assert after.journal.open_steps == ()


def test_planting_a_cause(bench: Bench) -> None:
    """However far it came, the next process lifts it knowing nothing but its name."""
    machines, came_about = bench.begin(), set()
    machines.start()
    for number in bench.occasions(lambda: outside.plant(machines, "cables-out", "n2")):
        dying = bench.begin()
        dying.start()
        assert killed_at(number, lambda dying=dying: outside.plant(dying, "cables-out", "n2"))
        came_about.add(bool(bench.rack.links_down))
        outside.lift(bench.opened(), "cables-out", "n2")
        assert bench.rack.links_down == set(), f"killed at {number}"
        assert bench.opened().journal.open_steps == ()
    assert came_about == {True, False}, "both were met"


def test_a_recovery_that_is_killed_itself(bench: Bench) -> None:
    first = bench.begin()
    numbers = occasions(lambda: first.revert("set"))

    def interrupted() -> Machines:
        dying = bench.begin()
        assert killed_at(numbers[len(numbers) // 2], lambda: dying.revert("set"))
        return bench.opened()

    machines = interrupted()
    for number in bench.occasions(lambda: recover(machines)):
        again = interrupted()
        assert killed_at(number, lambda again=again: recover(again))
        recover(bench.opened())
        assert bench.disks() == {"kept"}, f"killed at {number}"
        assert bench.opened().journal.open_steps == ()
