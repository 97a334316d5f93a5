"""The live Allure writer: what allure-pytest writes about a scenario becomes the case of its run.

allure-pytest makes one result for each test, in the process that ran it.  Here each scenario's test is labelled with
its run when it begins, and just before allure_commons writes the result its content is replaced by the case that the
offline writer would write.  Both are public hooks; other tests of the same session are left as they are.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any, Final

import allure
import allure_commons
import pytest

from harness.paths import runs_dir
from harness.plan.plain import to_plain
from harness.pytest_plugin.collect import ScenarioFunction
from harness.pytest_plugin.running import session_id_of
from harness.report.allure.build import Order, case_of_folder, case_without_run, interrupted
from harness.report.allure.case import PASSED, SKIPPED, AllureCase
from harness.report.allure.rendering import result_of
from harness.run.session_folder import run_id_of

RUN_LABEL: Final = "hil_run"
OPTION: Final = "allure_report_dir"


def results_folder(config: pytest.Config) -> Path | None:
    """Where allure-pytest writes in this session; None when it does not."""
    given = getattr(config.option, OPTION, None)
    return Path(given).absolute() if given else None


def go_live(config: pytest.Config, folder: Path) -> None:
    """Take part in writing results until the end of this pytest process."""
    live = LiveAllure(folder)
    config.pluginmanager.register(live, "hil-allure")
    allure_commons.plugin_manager.register(live)
    config.add_cleanup(lambda: allure_commons.plugin_manager.unregister(plugin=live))


def order_of(item: ScenarioFunction) -> Order:
    """What a scenario's test was asked to run."""
    scenario, lab = item.scenario, item.lab
    run_id = run_id_of(session_id_of(item.config), scenario.id, lab.lab)
    plan = {"name": scenario.plan, "title": item.plan_title}
    return Order(run_id, plan, to_plain(scenario), lab.lab, item.seed)


class LiveAllure:
    """Hooks of pytest and of allure_commons."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._orders: dict[str, Order] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Label the result of a scenario with its run, also when the test is skipped."""
        if isinstance(item, ScenarioFunction):
            order = order_of(item)
            self._orders[order.run_id] = order
            allure.dynamic.label(RUN_LABEL, order.run_id)  # type: ignore[no-untyped-call]

    @allure_commons.hookimpl(tryfirst=True)
    def report_result(self, result: Any) -> None:
        """Replace the content of a scenario's result before it is written."""
        labelled = (label.value for label in result.labels if label.name == RUN_LABEL)
        order = self._orders.pop(next(labelled, ""), None)
        if order is None:
            return
        case = _case_of(order, result)
        for captured in result.attachments:
            # What pytest caught on its own streams went through no redactor.
            (self._folder / captured.source).unlink(missing_ok=True)
        rendered = result_of(case)
        rendered.attachments = [
            shown
            for shown, stored in zip(rendered.attachments, case.attachments, strict=True)
            if _written(case.attachment_file(stored), stored)
        ]
        for field, value in vars(rendered).items():
            setattr(result, field, value)


def _written(file: str, attachment: Any) -> bool:
    with contextlib.suppress(OSError):
        allure_commons.plugin_manager.hook.report_attached_data(body=attachment.content, file_name=file)
        return True
    return False


def _case_of(order: Order, result: Any) -> AllureCase:
    """The case of what was run; a test that did not pass never becomes a passed case."""
    said = str(getattr(result.statusDetails, "message", None) or "")
    said = said.removeprefix("Skipped: ").removeprefix("not-run: ")
    folder = runs_dir() / order.run_id
    try:
        if not folder.is_dir():
            return case_without_run(order, "not-run" if result.status == SKIPPED else "harness", said)
        case = case_of_folder(folder, order, said)
    except Exception as error:  # noqa: BLE001 - a defect here must cost neither the session nor the result
        return case_without_run(order, "harness", f"defect of the Allure writer: {type(error).__name__}: {error}")
    broken_off = case.status == PASSED and result.status != PASSED
    return interrupted(case, said or "the test did not come to its end") if broken_off else case
