"""Running one scenario as a test: order, run process, wait, verdict."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.errors import LeaseError
from harness.exits import Exit
from harness.journal.writer import FILE_NAME
from harness.judge.text import explain_failure
from harness.labs.models import LabFile
from harness.paths import LOG_NAME, RESULTS_NAME, runs_dir, sessions_dir
from harness.plan.load import plan_reference
from harness.plan.models import Scenario
from harness.plan.plain import plan_sha256, to_plain
from harness.pytest_plugin.options import HilOptions
from harness.pytest_plugin.outcome import ScenarioBroken, raise_for
from harness.run.job import Job
from harness.run.launch import RunProcess
from harness.run.session_folder import STOP_NAME, run_id_of
from harness.values import Verdict


def session_id_of(config: pytest.Config) -> str:
    """The session's name, on the controller and on a worker."""
    worker_input = getattr(config, "workerinput", None)
    if worker_input is not None:
        return str(worker_input["hil_session"])
    return str(config.pluginmanager.get_plugin("hil-session").session_id)  # type: ignore[union-attr]


def seed_of(lab: LabFile, options: HilOptions) -> int:
    """The seed of a run: as asked, else the lab's."""
    return lab.default_seed if options.seed is None else options.seed


def run_scenario(
    item: pytest.Item, path: Path, title: str, scenario: Scenario, lab: LabFile, options: HilOptions
) -> None:
    """Have the scenario conducted by a process of its own, and turn its verdict into a test result."""
    session_id = session_id_of(item.config)
    if (sessions_dir() / session_id / STOP_NAME).exists():
        pytest.skip("not-run: the session was stopped")
    previous = previous_of(scenario, session_id, lab)
    plan = {
        "name": scenario.plan,
        "title": title,
        "file": plan_reference(path),
        "sha256": plan_sha256(scenario),
    }
    job = Job(
        run_id=run_id_of(session_id, scenario.id, lab.lab),
        session=session_id,
        scenario=to_plain(scenario),
        plan=plan,
        lab=lab.model_dump(mode="json", by_alias=True),
        instances=lab.instance_names,
        seed=seed_of(lab, options),
        record=options.record,
        previous=previous,
    )
    job.save()
    interrupted = False
    try:
        code = RunProcess(job.folder).wait()
    except KeyboardInterrupt:
        interrupted, code = True, int(Exit.INTERRUPTED)
        item.session.shouldstop = "stopped by the operator"
    report(item, job, code, interrupted=interrupted)


def previous_of(scenario: Scenario, session_id: str, lab: LabFile) -> str | None:
    """The run of the leg before, None for a scenario that begins at a baseline.  Skips a leg whose turn cannot come."""
    leg = scenario.leg
    if leg is None or leg.after is None:
        return None
    run_id = run_id_of(session_id, leg.after, lab.lab)
    if not (runs_dir() / run_id / FILE_NAME).exists():
        pytest.skip(
            f"not-run: leg {leg.number} of campaign '{leg.campaign}' goes on where '{leg.after}' ends, "
            f"which was not begun in this session; select all legs with: -k {leg.campaign}"
        )
    return run_id


def report(item: pytest.Item, job: Job, code: int, *, interrupted: bool) -> None:
    """Raise what the run's results say.  Nothing that was interrupted ever passes."""
    results_path = job.folder / RESULTS_NAME
    item.user_properties.append(("hil_run", job.run_id))
    item.user_properties.append(("hil_exit", int(code)))
    if not results_path.exists():
        _explain_missing(job, code)
    results = json.loads(results_path.read_text())
    verdict = Verdict(results["effective"])
    if interrupted and verdict is Verdict.PASS:
        raise ScenarioBroken(f"{job.run_id}: interrupted by the operator")
    if verdict is Verdict.NOT_RUN:
        pytest.skip(f"not-run: {explain_failure(results)}")
    raise_for(verdict, explain_failure(results))


def _explain_missing(job: Job, code: int) -> None:
    """The run process ended without results: say what it said."""
    log_path = job.folder / LOG_NAME
    lines = log_path.read_text(errors="replace").strip().splitlines() if log_path.exists() else []
    said = "\n".join(lines[-8:]) or "it said nothing"
    if code == Exit.LEASE:
        raise LeaseError(said, hint="wait for the holder, or see: hil lab list")
    begun = (job.folder / FILE_NAME).exists()
    next_step = f"hil run resume {job.run_id}" if begun else "nothing was begun: mend the cause and start again"
    raise ScenarioBroken(f"{said}\nrun '{job.run_id}' ended with code {code} and without results\nnext: {next_step}")
