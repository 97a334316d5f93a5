"""A node that swallows requests and one that answers late must not hold up anything else (flowing clock, real
sockets)."""

from __future__ import annotations

import json
import threading
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from harness.clock import monotonic_ns
from harness.journal import JournalWriter, Redactor
from harness.labs.host import LabHost
from harness.labs.hosting import folder_of
from harness.labs.lease import LeaseStore
from harness.labs.models import find_lab
from harness.labs.remote import RemoteLab
from harness.labs.twin import TwinHosting
from harness.plan.load import load_plan
from harness.plan.plain import plan_sha256, to_plain
from harness.run.conductor import Conductor
from harness.run.endpoints import Endpoints
from harness.run.job import Job
from harness.run.memory import RunMemory
from harness.run.scribe import Scribe
from harness.run.sessions import session_opener
from harness.run.stop import StopFlag
from harness.workflows.catalog import workflow_of
from tests.e2e.chain import lines

RATE = 240
"""Lab seconds per wall second: 60 s of poll budget are 0.25 s."""

MAY_LAG_S = 2.0

PLAN = """\
schema: 1
plan: hanging
title: Two nodes that hang
scenarios:
  - id: HNG-001
    title: An early power loss while two nodes hang
    lab: twin-4node
    from: {solution: 12.2509.1001.22}
    workflow: {kind: solution, target: {solution: 12.2510.1002.94}}
    faults:
      - id: dies
        fault: node.power_loss
        on: phase.enter update/prepare
        target: node(2)
        for: 6m
    tolerates: {nodes_down: 1, resync: busy}
    budgets: {deadline: 13h, poll: 60s}
"""


@pytest.fixture
def lab_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A twin on a scaled clock, hosted by a thread of this process so that its endpoints can be made to hang."""
    monkeypatch.setenv("HIL_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("HIL_REPORTS", str(tmp_path / "reports"))
    lab = find_lab("twin-4node").model_dump(mode="json", by_alias=True)
    hosting = TwinHosting("twin-4node#1", {**lab, "clock": f"scaled:{RATE}"})
    folder = folder_of("twin-4node#1")
    folder.mkdir(parents=True)
    host = LabHost(hosting, folder)
    thread = threading.Thread(target=host.serve, daemon=True)
    thread.start()
    while not (folder / "host.json").exists():
        assert thread.is_alive()
    yield hosting
    host.end()
    thread.join(20)


@pytest.mark.full
def test_hanging_nodes_delay_nobody_else(lab_host: TwinHosting, tmp_path: Path) -> None:
    """Preconditions: NODE04 is a black hole, NODE03 answers after 30 s.  Steps: update with a power loss of NODE02.

    Expected: observations of the other nodes go on at the poll budget, the trigger fires and the undo is sent within
    2 s.
    """
    plan = tmp_path / "hanging.yaml"
    plan.write_text(PLAN)
    (scenario,) = load_plan(plan).scenarios
    job = Job(
        "hanging",
        "s",
        to_plain(scenario),
        {"name": "hanging", "title": "", "file": "", "sha256": plan_sha256(scenario)},
        {},
        (),
        1,
    )
    job.save()
    lease = LeaseStore().acquire("twin-4node#1", purpose="test")
    lab = RemoteLab(folder_of("twin-4node#1"), lease)
    redactor = Redactor()
    writer = JournalWriter(job.folder, redactor)
    writer.lab_time = lab.clock.now_ns
    scribe = Scribe(writer)
    scribe.header(job, lab, "test")
    stop = StopFlag()
    endpoints = Endpoints(session_opener(lab, redactor, None))
    conductor = Conductor(
        job, scenario, lab, lease, scribe, endpoints, workflow_of(scenario, lab.nodes), RunMemory(), stop
    )
    simulated = lab_host.simulated

    def watch() -> None:
        if lab.nodes and not armed and lab.clock.flows:
            armed.append(monotonic_ns())
            simulated.impair("NODE04", "black_hole")
            simulated.impair("NODE03", "slow:30")
        recovered = [line for line in lines(job.folder) if line["data"].get("what") == "fault.recover"] if armed else []
        if recovered:
            stop.set("the test has seen enough")

    armed: list[int] = []
    conductor.before_step(watch)
    assert conductor.conduct() == "aborted"
    endpoints.close()
    journal = lines(job.folder)
    _assert_prompt(journal)


def _assert_prompt(journal: list[dict[str, Any]]) -> None:
    observed = [_wall(line) for line in journal if line["kind"] == "observation" and line["actor"].startswith("node/")]
    pauses = [later - earlier for earlier, later in pairwise(observed)]
    assert max(pauses) <= MAY_LAG_S, json.dumps(pauses)

    (inject,) = [line for line in journal if line["data"].get("what") == "fault.inject"]
    assert inject["data"]["trigger"]["lag_ns"] / 1e9 / RATE <= MAY_LAG_S
    (recover,) = [line for line in journal if line["data"].get("what") == "fault.recover"]
    late_ns = recover["t_lab_ns"] - inject["data"]["recover_at_ns"]
    assert 0 <= late_ns / 1e9 / RATE <= MAY_LAG_S
    lags = [line["data"]["lag_ns"] / 1e9 / RATE for line in journal if line["data"].get("what") == "event"]
    assert max(lags) <= MAY_LAG_S


def _wall(line: dict[str, Any]) -> float:
    return datetime.fromisoformat(line["t_wall"]).timestamp()
