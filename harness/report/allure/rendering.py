"""A case in the words of allure_commons: the one rendering that both writers use."""

from __future__ import annotations

from typing import Any

from allure_commons.logger import AllureMemoryLogger
from allure_commons.model2 import Attachment, Label, Link, Parameter, StatusDetails, TestResult, TestStepResult

from harness.report.allure import case as cases
from harness.report.allure.case import AllureCase, Step

FINISHED = "finished"


def result_of(case: AllureCase) -> Any:
    """The test result, an `allure_commons.model2.TestResult`."""
    return TestResult(
        uuid=case.uuid,
        historyId=case.history_id,
        testCaseId=cases.uuid_of(case.full_name),
        fullName=case.full_name,
        name=case.name,
        titlePath=list(case.title_path),
        status=case.status,
        stage=FINISHED,
        statusDetails=StatusDetails(message=case.message, trace=case.trace),
        description=case.description,
        labels=[Label(name=name, value=value) for name, value in case.labels],
        links=[Link(type=link.kind, url=link.url, name=link.name) for link in case.links],
        # Excluded: a changed seed or version must not cut a case off from its history.
        parameters=[Parameter(name=each.name, value=each.value, excluded=True) for each in case.parameters],
        steps=[_step(step) for step in case.steps],
        attachments=[
            Attachment(name=each.name, source=case.attachment_file(each), type=each.media_type)
            for each in case.attachments
        ],
        start=case.start_ms,
        stop=case.stop_ms,
    )


def document_of(case: AllureCase) -> dict[str, Any]:
    """The content of the result's file, as allure_commons serializes it."""
    logger = AllureMemoryLogger()  # type: ignore[no-untyped-call]
    logger.report_result(result_of(case))  # type: ignore[no-untyped-call]
    document: dict[str, Any] = logger.test_cases[0]
    return document


def result_file(case: AllureCase) -> str:
    """Name of the result's file in a results folder."""
    return str(TestResult.file_pattern.format(prefix=case.uuid))


def _step(step: Step) -> Any:
    return TestStepResult(
        name=step.name,
        status=step.status,
        stage=FINISHED,
        statusDetails=StatusDetails(message=step.message) if step.message else None,
        parameters=[Parameter(name=each.name, value=each.value) for each in step.parameters],
        steps=[_step(each) for each in step.steps],
        start=step.start_ms,
        stop=step.stop_ms,
    )
