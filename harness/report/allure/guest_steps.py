"""Guests that were left alone, as steps of a case; those that were updated are phases of the workflow."""

from __future__ import annotations

from collections.abc import Iterator

from harness.report.allure.case import SKIPPED, Parameter, Step
from harness.report.record import RunRecord, seqs_text


def left_alone_steps(record: RunRecord, moment_ms: int) -> Iterator[Step]:
    """One step for each guest that does not get the update, skipped, with the reason."""
    for each in record.results.get("guest_updates") or ():
        if each["outcome"] == "left-alone":
            said = {"standing": each["standing"] or "", "build": each["build_after"] or each["build_before"] or ""}
            said["journal"] = seqs_text(each["evidence"])
            yield Step(
                name=f"guest {each['guest']}: left alone",
                status=SKIPPED,
                start_ms=moment_ms,
                stop_ms=moment_ms,
                message="; ".join(each["reasons"]),
                parameters=tuple(Parameter(name, value) for name, value in said.items() if value),
            )
