"""From a run folder, or from a scenario that never ran, to the case that Allure is told about."""

from __future__ import annotations

import html
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import HarnessError
from harness.journal.writer import FILE_NAME
from harness.judge.text import explain_failure
from harness.report.allure.attachments import drawn, files_of
from harness.report.allure.case import BROKEN, FAILED, OF_VERDICT, PASSED, SKIPPED, AllureCase
from harness.report.allure.description import description_of, milliseconds_of
from harness.report.allure.labels import NO_RUN, full_name_of, labels_of, name_of, parameters_of
from harness.report.allure.steps import steps_of
from harness.report.reading import read_json
from harness.report.record import Plain, RunRecord, load_record
from harness.run.job import JOB_NAME


@dataclass(frozen=True, slots=True)
class Order:
    """What was to run: `plan` {name, title}, the resolved scenario and the lab's name."""

    run_id: str
    plan: Plain
    scenario: Plain
    lab: str
    seed: int | None = None


def case_of_folder(folder: Path, order: Order | None = None, detail: str = "") -> AllureCase:
    """The case of a run folder, whatever is left of it.

    A journal that cannot be judged, or none at all, makes a broken case that says why; `detail` is what the test
    runner heard of the run, `order` stands in for a `plan.json` that is missing.
    """
    order = _stored_order(folder) or order or Order(folder.name, {}, {"id": folder.name}, "")
    if not (folder / FILE_NAME).is_file():
        return case_without_run(order, "harness", detail or "the run ended before it wrote a journal")
    try:
        record = load_record(folder)
    except HarnessError as error:
        return case_without_run(order, "harness", f"the journal says nothing that can be judged: {error}")
    return case_of_record(record)


def case_of_record(record: RunRecord) -> AllureCase:
    """The case of a run that left a journal.  Pure, but for the evidence files that it names by their path."""
    results, header = record.results, record.timeline.header
    plan, scenario = (
        header.get("plan") or {"name": results["plan"]},
        {"id": results["scenario"], "title": results["title"]},
    )
    scenario = {**record.timeline.scenario, **scenario}
    lab, versions = str(results["lab"]["name"]), results["versions"]
    status, message = _status(record)
    files, left_out = files_of(record)
    evidence = (str(results["subject"]), str(results["machines"]))
    labels = list(labels_of(plan, scenario, lab, str(results["label"]), evidence))
    if results["waived"]:
        labels.append(("tag", "waived"))
    return AllureCase(
        run_id=str(results["folder"]),
        name=name_of(scenario),
        full_name=full_name_of(str(results["plan"]), str(results["scenario"]), lab),
        title_path=(str(results["plan"]), lab),
        status=status,
        message=message,
        trace=explain_failure(results),
        description=description_of(record, left_out),
        labels=tuple(labels),
        parameters=parameters_of(
            {
                "lab": lab,
                "seed": results["seed"],
                "version from": versions["from"],
                "version to": versions["to"],
                "version reached": versions["reached"],
                "subject": results["subject"],
                "machines": results["machines"],
                "verdict": f"{results['effective']} ({results['verdict']} waived)"
                if results["waived"]
                else results["verdict"],
            }
        ),
        links=(),
        start_ms=milliseconds_of(results["started"]),
        stop_ms=milliseconds_of(results["ended"]),
        steps=steps_of(record, status),
        attachments=(*drawn(record), *files),
    )


def case_without_run(order: Order, verdict: str, detail: str, at_ms: int = 0) -> AllureCase:
    """The case of a scenario that left no journal: skipped when it was never to begin, else broken."""
    status = SKIPPED if verdict == "not-run" else BROKEN
    scenario_id = str(order.scenario.get("id") or "")
    first_line = detail.strip().partition("\n")[0]
    return AllureCase(
        run_id=order.run_id,
        name=name_of(order.scenario),
        full_name=full_name_of(str(order.plan.get("name") or ""), scenario_id, order.lab),
        title_path=(str(order.plan.get("name") or "plan"), order.lab),
        status=status,
        message=f"{verdict}: {first_line}",
        trace=detail.strip(),
        description=f"**{NO_RUN}**\n\n{html.escape(first_line, quote=False)}",
        labels=tuple(labels_of(order.plan, order.scenario, order.lab, "", ("", ""))),
        parameters=parameters_of({"lab": order.lab, "seed": order.seed, "verdict": verdict}),
        links=(),
        start_ms=at_ms,
        stop_ms=at_ms,
        steps=(),
        attachments=(),
    )


def interrupted(case: AllureCase, reason: str) -> AllureCase:
    """The case of a run that somebody broke off while its test was watched: broken, whatever its journal says."""
    return replace(case, status=BROKEN, message=f"inconclusive: {reason}", trace=f"{reason}\n{case.trace}".strip())


def _stored_order(folder: Path) -> Order | None:
    """The order in a run folder, None when there is none that can be read."""
    job = read_json(folder / JOB_NAME)
    if job is None or not isinstance(job.get("scenario"), dict):
        return None
    lab = job.get("lab") or {}
    return Order(folder.name, job.get("plan") or {}, job["scenario"], str(lab.get("lab") or ""), job.get("seed"))


# --- status -----------------------------------------------------------------------------------------------------------


def _status(record: RunRecord) -> tuple[str, str]:
    """Status and its first lines.  A run that was not ended as planned is broken, whatever was found until then."""
    results = record.results
    cause, verdict = results["cause"], str(results["effective"])
    what = str(cause["summary"]) if cause else "every limit was kept and every invariant held"
    said = f"{results['verdict']}: {what}"
    status = OF_VERDICT.get(verdict, BROKEN)
    if results["waived"]:
        said = f"{verdict}: {results['verdict']} is waived ({cause['waived_by']}): {what}"
    attempts = results["attempts"]
    reason = str(attempts[-1]["reason"]) if attempts else ""
    if not record.timeline.completed and (status in (PASSED, FAILED) or (verdict == "inconclusive" and not reason)):
        why = reason or "its journal stops in the middle: it died, or it still goes on"
        status, said = BROKEN, f"unfinished: the run did not come to its end ({why}); until then {said}"
    return status, f"{said}\n{results['label']}"
