"""pytest plug-in `hil`: YAML plans become tests.  Options, hooks and fixtures only; the logic lives below.

Inert unless a plan file is named on the command line, or an option `--hil-…` is given.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.pytest_plugin.options import ACTIVE, HilOptions, add_options

if TYPE_CHECKING:
    from harness.pytest_plugin.session import SessionRecorder


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options `--hil-…`."""
    add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """On the controller: make the session folder; on a worker: learn it from the controller."""
    options = HilOptions.of(config)
    config.stash[ACTIVE] = options.active
    if not options.active:
        return
    from harness.clock import slow_collector

    slow_collector()
    from harness.pytest_plugin.allure_live import go_live, results_folder

    folder = results_folder(config)
    if folder is not None:
        go_live(config, folder)
    if not hasattr(config, "workerinput"):
        from harness.pytest_plugin.session import SessionRecorder

        config.pluginmanager.register(SessionRecorder(config, options), "hil-session")
    elif folder is not None:
        # Each worker would empty the folder, one that replaces a crashed one also of the results until then.
        config.option.clean_alluredir = False


def pytest_collection_finish(session: pytest.Session) -> None:
    """All is loaded that will be; pytest walks through it five times at the end."""
    if session.config.stash[ACTIVE]:
        from harness.clock import spare_collector

        spare_collector()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A YAML file that was named on the command line is a plan."""
    if file_path.suffix not in (".yaml", ".yml") or not parent.session.isinitpath(file_path):
        return None
    from harness.pytest_plugin.collect import PlanModule

    return PlanModule.from_parent(parent, path=file_path)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker the session's name."""
    recorder = session_recorder(node.config)
    if recorder is not None:
        node.workerinput["hil_session"] = recorder.session_id


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """One scenario or campaign at a time to each worker, and a crashed one never again."""
    recorder = session_recorder(config)
    if recorder is None:
        return None
    from harness.pytest_plugin.scheduling import ScenarioScheduling

    return ScenarioScheduling(config, log, recorder.campaign_of)


def session_recorder(config: pytest.Config) -> SessionRecorder | None:
    """The recorder of this process, None on a worker or while the plug-in is inert."""
    from harness.pytest_plugin.session import SessionRecorder

    plugin = config.pluginmanager.get_plugin("hil-session")
    return plugin if isinstance(plugin, SessionRecorder) else None
