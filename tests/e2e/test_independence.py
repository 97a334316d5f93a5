"""A run on a twin whose prober leans on a guest is refused; one whose prober stands outside is not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.journal import JournalWriter, Redactor, read_journal
from harness.judge.judgement import judge
from harness.labs.host import LabHost
from harness.labs.hosting import folder_of
from harness.labs.lease import LeaseStore
from harness.labs.models import find_lab
from harness.labs.remote import RemoteLab
from harness.labs.twin import TwinHosting
from harness.plan.load import load_plan
from harness.plan.plain import plan_sha256, to_plain
from harness.probes.independence import Need, Surroundings
from harness.run import independence
from harness.run.conductor import Conductor
from harness.run.endpoints import Endpoints
from harness.run.job import Job
from harness.run.memory import RunMemory
from harness.run.scribe import Scribe
from harness.run.sessions import session_opener
from harness.run.stop import StopFlag
from harness.values import Verdict
from harness.workflows.catalog import workflow_of

INSTANCE = "twin-4node#1"
PLAN = """\
schema: 1
plan: inside
title: A prober that leans on the lab
scenarios:
  - id: IND-001
    title: Nothing but an update
    lab: twin-4node
    from: {solution: 12.2509.1001.22}
    workflow: {kind: solution, target: {solution: 12.2510.1002.94}}
    budgets: {deadline: 13h, poll: 60s}
"""


@pytest.fixture
def lab_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TwinHosting]:
    """A twin on a virtual clock, hosted by a thread of this process."""
    monkeypatch.setenv("HIL_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("HIL_REPORTS", str(tmp_path / "reports"))
    hosting = TwinHosting(INSTANCE, find_lab("twin-4node").model_dump(mode="json", by_alias=True))
    folder = folder_of(INSTANCE)
    folder.mkdir(parents=True)
    host = LabHost(hosting, folder)
    thread = threading.Thread(target=host.serve, daemon=True)
    thread.start()
    while not (folder / "host.json").exists():
        assert thread.is_alive()
    yield hosting
    host.end()
    thread.join(20)


def conduct(tmp_path: Path, until: str) -> Any:
    """Conduct the plan up to the record `until`, or to its end; the journal."""
    plan = tmp_path / "inside.yaml"
    plan.write_text(PLAN)
    (scenario,) = load_plan(plan).scenarios
    about = {"name": "inside", "title": "", "file": "", "sha256": plan_sha256(scenario)}
    job = Job("inside", "s", to_plain(scenario), about, {}, (), 1)
    job.save()
    lease = LeaseStore().acquire(INSTANCE, purpose="test")
    lab = RemoteLab(folder_of(INSTANCE), lease)
    redactor, stop = Redactor(), StopFlag()
    writer = JournalWriter(job.folder, redactor)
    writer.lab_time = lab.clock.now_ns
    scribe = Scribe(writer)
    scribe.header(job, lab, "test")
    scribe.attempt_begin(resumed=False, torn_sha256=None, epoch=lease.epoch)
    endpoints = Endpoints(session_opener(lab, redactor, None))
    conductor = Conductor(
        job, scenario, lab, lease, scribe, endpoints, workflow_of(scenario, lab.nodes), RunMemory(), stop
    )
    path = job.folder / "journal.jsonl"

    def watch() -> None:
        if f'"what":"{until}"' in path.read_text():
            stop.set("the test has seen enough")

    conductor.before_step(watch)
    scribe.attempt_end(conductor.conduct())
    endpoints.close()
    writer.close()
    return read_journal(path)


def records(journal: Any, what: str) -> list[Any]:
    return [entry.data for entry in journal.entries if entry.what == what]


def test_prober_whose_name_server_is_a_guest_is_refused(
    lab_host: TwinHosting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Preconditions: the name server of this machine has the address of guest vm003.  Expected: verdict lab."""
    model = lab_host.simulated._plant.model
    guest = list(model.guests.values())[2]
    (address,) = model.networks.guests.of(guest).addresses
    around = Surroundings((Need("gateway", "10.255.0.1"), Need("name server", address)))
    monkeypatch.setattr(independence, "surroundings", lambda *, kerberos: around)
    journal = conduct(tmp_path, "update.start")
    (finding,) = records(journal, "finding")
    assert finding["id"] == "prober-inside"
    assert f"its name server {address} is guest '{guest.name}'" in finding["summary"]
    assert records(journal, "update.start") == []
    assert judge(journal).verdict is Verdict.LAB


def test_prober_outside_is_not_refused(lab_host: TwinHosting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Preconditions: names as in the lab, addresses beside it.  Expected: the update starts, every guest was
    counted, and nothing of this machine stands in the record but under `host`."""
    needs = (Need("gateway", "10.255.0.1"), Need("name server", "10.255.0.2"))
    around = Surroundings(needs, lab_host.simulated.nodes[0], lab_host.simulated.guests[0])
    monkeypatch.setattr(independence, "surroundings", lambda *, kerberos: around)
    journal = conduct(tmp_path, "update.start")
    (record,) = records(journal, "independence")
    assert record.pop("host") == {"needs": {"gateway": 1, "name server": 1}}
    assert record == {
        "what": "independence",
        "guests": dict.fromkeys(sorted(lab_host.simulated.guests), 1),
        "silent": [],
        "objections": [],
    }
    assert len(records(journal, "update.start")) == 1
    assert [row["id"] for row in records(journal, "finding")] == ["aborted"]
