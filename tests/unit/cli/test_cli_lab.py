"""`hil lab`, `hil twin` and `hil faults`: what is shown, what is refused, what a served lab lives through."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness import cli
from harness.cli import lab as lab_noun
from harness.cli import serving
from harness.errors import ConfigError, LabError, LeaseError
from harness.exits import Exit
from harness.labs.control import ControlChannel, LabHostGoneError
from harness.labs.holder import Holder
from harness.labs.host import LabHost
from harness.labs.hosting import folder_of
from harness.labs.lease import LeaseStore
from harness.labs.models import find_lab
from harness.labs.port import Endpoint
from harness.paths import root
from harness.plan.vocabulary import FAULTS
from tests.unit.cli.conftest import dead_holder

INSTANCE = "twin-4node#2"
EPOCH = "2025-11-11T22:00:00+00:00"
HOUR_NS = 3600 * 10**9


class FakeHosted:
    """An instance with a virtual clock; `hold_ns` is where an event holds it."""

    def __init__(self, *, flows: bool = False, hold_ns: int | None = None) -> None:
        self.now_ns, self.flows, self.hold_ns = 0, flows, hold_ns
        self.grants: list[int] = []

    def call(self, verb: str, args: dict[str, Any]) -> Any:
        if verb == "describe":
            return {"flows": self.flows, "rate": 60.0, "epoch": EPOCH}
        if verb == "advance":
            self.grants.append(args["to_ns"])
            self.now_ns = args["to_ns"] if self.hold_ns is None else min(args["to_ns"], self.hold_ns)
        return self.now_ns

    def close(self) -> None:
        """Nothing to let go of."""


@pytest.fixture
def hosted() -> Iterator[FakeHosted]:
    """A lab host of INSTANCE in a thread, with a lease of `hil twin serve`."""
    fake = FakeHosted()
    folder = folder_of(INSTANCE)
    folder.mkdir(parents=True)
    lease = LeaseStore().acquire(INSTANCE, purpose=serving.PURPOSE)
    host = LabHost(fake, folder)
    thread = threading.Thread(target=host.serve)
    thread.start()
    while not (folder / "host.json").exists():
        threading.Event().wait(0.005)
    yield fake
    assert lease.epoch
    host.end()
    thread.join()


# --- hil lab ----------------------------------------------------------------------------------------------------------


def instances(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert cli.main(["lab", "list", "--json"]) == Exit.PASS
    labs = json.loads(capsys.readouterr().out)
    return {each["instance"]: each for lab in labs for each in lab["instances"]}


def test_list_puts_lease_host_and_taint_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    store = LeaseStore()
    store.acquire(INSTANCE, purpose="run s.UPD-001.twin-4node")
    store.acquire("twin-4node#3", purpose="run old", holder=dead_holder())
    store.release(store.acquire("twin-4node#4", purpose="run bad"), tainted="fault x is not proven clean")
    found = instances(capsys)
    me = Holder.me()
    held = {"host": me.host, "pid": me.pid, "alive": True, "purpose": "run s.UPD-001.twin-4node"}
    assert found["twin-4node#1"]["lease"] is None
    assert found[INSTANCE]["lease"] == held
    assert found["twin-4node#3"]["lease"]["alive"] is False
    assert found["twin-4node#4"]["tainted"] == "fault x is not proven clean"
    assert cli.main(["lab", "list"]) == Exit.PASS
    shown = capsys.readouterr().out
    assert "left by dead" in shown
    assert "twin-4node#4 is tainted: fault x" in shown
    assert max(map(len, shown.splitlines())) <= 100


def test_an_instance_without_a_lab_file_is_still_listed(capsys: pytest.CaptureFixture[str]) -> None:
    LeaseStore().acquire("gone#1", purpose="run x")
    assert instances(capsys)["gone#1"]["lease"]["purpose"] == "run x"


def test_release_shows_its_consequences_and_does_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    lease = LeaseStore().acquire(INSTANCE, purpose="run s.UPD-001.x")
    assert cli.main(["lab", "release", INSTANCE]) == Exit.USAGE
    shown = capsys.readouterr().out
    assert "would take the lease away from" in shown
    assert "hil run stop s.UPD-001.x --yes" in shown
    LeaseStore().check(lease)


def test_release_fences_the_holder_off_before_the_host_ends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = LeaseStore()
    lease = store.acquire(INSTANCE, purpose="run x")
    fenced: list[bool] = []

    def end_host(instance: str) -> bool:
        row = store.read(instance)
        fenced.append(row is not None and row.epoch > lease.epoch)
        return True

    monkeypatch.setattr(lab_noun, "end_host", end_host)
    assert cli.main(["lab", "release", INSTANCE, "--yes"]) == Exit.PASS
    assert fenced == [True]
    with pytest.raises(LeaseError):
        store.check(lease)
    assert cli.main(["lab", "release", INSTANCE]) == Exit.PASS
    assert "free already" in capsys.readouterr().out


def test_release_takes_a_taint_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab_noun, "end_host", lambda instance: False)
    store = LeaseStore()
    store.release(store.acquire(INSTANCE, purpose="run x"), tainted="fault y")
    assert cli.main(["lab", "release", INSTANCE, "--yes"]) == Exit.PASS
    assert store.acquire(INSTANCE, purpose="run z").epoch > 1


def test_the_name_of_a_lab_is_enough_only_where_it_has_one_instance(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["lab", "release", "twin-4node"]) == Exit.USAGE
    assert "has 4 instances" in capsys.readouterr().err


def test_show_is_the_lab_file_as_the_harness_reads_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["lab", "show", "twin-4node", "--json"]) == Exit.PASS
    document = json.loads(capsys.readouterr().out)
    assert document["file"]["nodes"] == ["NODE01", "NODE02", "NODE03", "NODE04"]
    assert [each["instance"] for each in document["instances"]][1] == INSTANCE
    assert cli.main(["lab", "show", "twin-4node"]) == Exit.PASS
    assert "40 (vm001 … vm040)" in capsys.readouterr().out


def test_doctor_names_every_mistake_of_a_lab_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("schema: 1\nlab: broken\nnodse: 4\n")
    assert cli.main(["lab", "doctor", str(broken)]) == Exit.USAGE
    assert "broken.yaml:3" in capsys.readouterr().out


def test_doctor_refuses_what_it_cannot_host(capsys: pytest.CaptureFixture[str]) -> None:
    path = root() / "labs" / "physical-rack.example.yaml"
    assert cli.main(["lab", "doctor", str(path), "--json"]) == Exit.USAGE
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert checks["lab file"]["state"] == "ok"
    assert checks["provider"]["state"] == "missing"


def test_a_port_below_1024_needs_root(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = find_lab("twin-4node")
    low = lab.model_copy(update={"winrm": lab.winrm.model_copy(update={"port": 985})})
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert lab_noun.check_port(low).state == "missing"
    assert lab_noun.check_port(lab).state != "missing"


# --- hil twin advance -------------------------------------------------------------------------------------------------


def test_advance_grants_lab_time_in_portions(hosted: FakeHosted, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["twin", "advance", "1h10m", "--json"]) == Exit.PASS
    reached = json.loads(capsys.readouterr().out)
    assert reached == {
        "instance": INSTANCE,
        "before_ns": 0,
        "reached_ns": HOUR_NS + HOUR_NS // 6,
        "complete": True,
        "lab_time": "2025-11-11T23:10:00.000Z",
    }
    assert hosted.grants == [HOUR_NS // 2, HOUR_NS, HOUR_NS + HOUR_NS // 6]
    assert cli.main(["twin", "advance", "50m", "--instance", INSTANCE]) == Exit.PASS
    assert "2025-11-12T00:00:00.000Z, 2:00:00 after its zero" in capsys.readouterr().out


def test_a_held_event_ends_the_grant_early(hosted: FakeHosted) -> None:
    hosted.hold_ns = HOUR_NS // 4
    assert cli.main(["twin", "advance", "1h"]) == Exit.INTERRUPTED
    assert hosted.now_ns == HOUR_NS // 4


def test_a_clock_that_flows_is_not_advanced(hosted: FakeHosted, capsys: pytest.CaptureFixture[str]) -> None:
    hosted.flows = True
    assert cli.main(["twin", "advance", "10m"]) == Exit.USAGE
    assert "passes by itself, 60 lab seconds" in capsys.readouterr().err
    assert hosted.grants == []


def test_after_a_change_of_hands_the_lab_host_refuses_the_grant(hosted: FakeHosted) -> None:
    row = serving.served(None)
    ControlChannel(folder_of(INSTANCE)).call("unhold", epoch=row.epoch + 1)
    with pytest.raises(LeaseError, match="older"):
        serving.grant(row, timedelta(minutes=1))


def test_only_a_served_lab_is_advanced(capsys: pytest.CaptureFixture[str]) -> None:
    store = LeaseStore()
    store.acquire("twin-4node#1", purpose="run s.UPD-001.x")
    store.acquire("twin-4node#3", purpose=serving.PURPOSE, holder=dead_holder())
    assert cli.main(["twin", "advance", "10m"]) == Exit.USAGE
    assert "no lab is served" in capsys.readouterr().err
    assert cli.main(["twin", "advance", "10m", "--instance", "twin-4node#1"]) == Exit.USAGE
    assert "only a served lab is yours" in capsys.readouterr().err


def test_several_served_labs_must_be_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    store = LeaseStore()
    store.acquire("twin-4node#1", purpose=serving.PURPOSE)
    store.acquire("twin-4node#3", purpose=serving.PURPOSE)
    assert cli.main(["twin", "advance", "10m"]) == Exit.USAGE
    assert "--instance: twin-4node#1, twin-4node#3" in capsys.readouterr().err
    assert cli.main(["twin", "advance", "ten", "--instance", "twin-4node#1"]) == Exit.USAGE


# --- hil twin serve ---------------------------------------------------------------------------------------------------


class FakeLab:
    """A hosted lab as `attach` gives it."""

    nodes = ("NODE01", "NODE02")
    guests = ("vm001",)
    managed_guests = ()
    ready = True

    def __init__(self) -> None:
        self.released = False
        self.clock = SimpleNamespace(epoch=find_lab("twin-4node").epoch, flows=False)

    def baseline(self, spec: Any, lease: Any) -> Any:
        self.spec = spec
        return SimpleNamespace(ready=self.ready, reason="no such version", versions=spec.versions)

    def endpoint(self, name: str, kind: str) -> Any:
        tls = kind == "winrm-https"
        port, ca_file = (5986, "/state/ca.pem") if tls else (5985, "")
        return Endpoint(name, kind, "127.64.0.1", port, "HIL\\deploy", f"pw-{name}", tls=tls, ca_file=ca_file)

    def release(self, lease: Any) -> None:
        self.released = True


@pytest.fixture
def served_lab(monkeypatch: pytest.MonkeyPatch) -> FakeLab:
    """What `hil twin serve` would host, and where it ends after one look."""
    lab = FakeLab()
    started: list[dict[str, Any]] = []

    def start_host(instance: str, job: dict[str, Any], say: object) -> Path:
        started.append(job)
        return folder_of(instance)

    monkeypatch.setattr("harness.labs.instance.start_host", start_host)
    monkeypatch.setattr("harness.labs.instance.attach", lambda lease: lab)
    monkeypatch.setattr("harness.labs.instance.end_host", lambda instance: True)
    monkeypatch.setattr(serving, "find_host", lambda instance: SimpleNamespace(alive=True))
    monkeypatch.setattr(serving, "pause", lambda seconds: interrupt())
    lab.started = started  # type: ignore[attr-defined]
    return lab


def interrupt() -> None:
    import signal

    signal.raise_signal(signal.SIGTERM)


def test_serve_says_how_to_reach_the_lab_and_gives_it_back(served_lab: Any, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["twin", "serve", "twin-4node", "--instance", "2", "--clock", "scaled:60", "--seed", "9", "--json"]
    assert cli.main(command) == Exit.PASS
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert (first["instance"], first["clock"], first["epoch"]) == (INSTANCE, "scaled:60", "2025-11-11T22:00:00.000Z")
    assert first["endpoints"][1] == {
        "node": "NODE02",
        "address": "127.64.0.1",
        "port": 5985,
        "tls_port": 5986,
        "username": "HIL\\deploy",
        "password": "pw-NODE02",
        "url": "http://127.64.0.1:5985/wsman",
        "tls_url": "https://127.64.0.1:5986/wsman",
        "ca_file": "/state/ca.pem",
    }
    assert served_lab.started[0]["clock"] == "scaled:60"
    assert served_lab.spec.seed == 9
    assert served_lab.released
    row = LeaseStore().read(INSTANCE)
    assert row is not None
    assert row.holder is None


def test_serve_for_people_says_how_to_let_time_pass(served_lab: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["twin", "serve", "twin-4node"]) == Exit.PASS
    shown = capsys.readouterr().out
    assert "NODE01  http://127.64.0.1:5985/wsman  https://127.64.0.1:5986/wsman  HIL\\deploy  pw-NODE01" in shown
    assert "/state/ca.pem" in shown
    assert "hil twin advance 10m --instance 'twin-4node#1'" in shown


def test_a_lab_that_does_not_come_up_leaves_no_lease(served_lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(instance: str, job: object, say: object) -> None:
        raise LabError("no address is free")

    monkeypatch.setattr("harness.labs.instance.start_host", fail)
    assert cli.main(["twin", "serve", "twin-4node"]) == Exit.LAB
    monkeypatch.setattr("harness.labs.instance.start_host", lambda instance, job, say: folder_of(instance))
    monkeypatch.setattr(FakeLab, "ready", False)
    assert cli.main(["twin", "serve", "twin-4node"]) == Exit.LAB
    assert served_lab.released
    assert all(row.holder is None for row in LeaseStore().rows())


def test_a_lost_lab_host_and_a_lost_lease_are_told_apart(served_lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    service = serving.Service(find_lab("twin-4node"), (INSTANCE,), 1)
    monkeypatch.setattr(serving, "find_host", lambda instance: SimpleNamespace(alive=False))
    with pytest.raises(LabHostGoneError):
        service.serve(lambda: True)
    LeaseStore().clear(INSTANCE)
    with pytest.raises(LeaseError):
        service.serve(lambda: True)
    somebody = LeaseStore().acquire(INSTANCE, purpose="run next")
    service.release()
    LeaseStore().check(somebody)


@pytest.mark.parametrize("clock", ["fast", "scaled:0", "scaled:x"])
def test_a_clock_that_is_none_is_wrong_usage(clock: str) -> None:
    with pytest.raises(ConfigError, match="--clock"):
        serving.with_clock(find_lab("twin-4node"), clock)


def test_only_instances_that_the_lab_has_are_served() -> None:
    lab = find_lab("twin-4node")
    assert serving.instance_names(lab, None) == lab.instance_names
    with pytest.raises(ConfigError, match="instances 1 to 4"):
        serving.instance_names(lab, 5)


# --- hil faults -------------------------------------------------------------------------------------------------------


def test_faults_are_those_that_plans_may_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["faults", "list", "--json"]) == Exit.PASS
    rows = {row["fault"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(rows) == set(FAULTS)
    assert rows["node.power_loss"]["injectable"] is True
    assert cli.main(["faults", "list"]) == Exit.PASS
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(FAULTS) + 2
    assert max(map(len, lines)) <= 100
    assert not any("…" in line for line in lines), "nothing is cut off"
