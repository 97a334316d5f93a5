"""What a case is sorted by, and the values that are shown beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.report.allure.case import Parameter

REHEARSAL = "rehearsal"
NO_RUN = "no run: no evidence"
"""Stands for the evidence class where nothing ran."""


def name_of(scenario: Mapping[str, Any]) -> str:
    """`UPD-001 Solution update leaves guests running`."""
    return f"{scenario.get('id') or ''} {scenario.get('title') or ''}".strip() or "scenario without a name"


def full_name_of(plan: str, scenario: str, lab: str) -> str:
    """The same for each run of a scenario on a lab; Allure finds the history by it."""
    return f"{plan or 'plan'}.{scenario}[lab={lab}]"


def labels_of(
    plan: Mapping[str, Any], scenario: Mapping[str, Any], lab: str, label: str, evidence: tuple[str, str]
) -> Iterator[tuple[str, str]]:
    """Labels in the order in which they are written.

    The parent suite is the evidence class, so that no branch of the report's tree mixes rehearsals with evidence.
    `evidence` is subject and machines, empty where nothing ran.
    """
    subject, machines = evidence
    workflow = scenario.get("workflow") or {}
    yield "parentSuite", label or NO_RUN
    yield "suite", str(plan.get("title") or plan.get("name") or "plan")
    yield "subSuite", lab
    yield "epic", str(plan.get("name") or "plan")
    yield "feature", f"workflow {workflow.get('kind') or 'unknown'}"
    yield "story", name_of(scenario)
    yield "severity", str(scenario.get("severity") or "normal")
    yield "host", lab
    yield "framework", "azurelocal-hil"
    yield "language", "yaml"
    if subject:
        yield "tag", f"subject:{subject}"
        yield "tag", f"machines:{machines}"
        if subject != "product":
            yield "tag", REHEARSAL
    for fault in scenario.get("faults") or ():
        yield "tag", f"fault:{fault.get('fault') or fault.get('id')}"


def parameters_of(values: Mapping[str, object]) -> tuple[Parameter, ...]:
    """Those that have a value."""
    return tuple(Parameter(name, str(value)) for name, value in values.items() if value not in (None, ""))
