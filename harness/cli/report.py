"""`hil report`: find, open and rebuild the pages of sessions and runs."""

from __future__ import annotations

import json
import os
import webbrowser
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from harness.errors import ConfigError
from harness.journal.writer import FILE_NAME
from harness.paths import ALLURE_NAME, PAGE_NAME, RESULTS_NAME, reports_dir, runs_dir, sessions_dir
from harness.report.reading import read_json
from harness.report.run import write_report
from harness.report.scenario_row import SUMMARY_NAME
from harness.report.session import rebuild_session
from harness.report.wording import duration_text
from harness.run.job import MATCHES_SHOWN, find_run

if TYPE_CHECKING:
    from harness.report.allure.page import Wish

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Find, open and rebuild the pages of runs.")

LAST: Final = "last"
REPORT_NAME: Final = "allure-report"
DISPLAYS: Final = ("DISPLAY", "WAYLAND_DISPLAY")

What = Annotated[
    str,
    typer.Argument(
        metavar="[RUN|SESSION|last]", help="Run or session, a unique part of its name, or `last`: the newest session."
    ),
]
Whats = Annotated[
    list[str] | None,
    typer.Argument(metavar="[SESSION|RUN|last]...", help="Sessions and runs; default: the newest session."),
]
Output = Annotated[Path | None, typer.Option(help="Folder for the page [default: allure-report in the session folder]")]
OpenNothing = Annotated[
    bool, typer.Option("--open-nothing", help="Do not open the page, also where there is a display.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


@app.command("open")
def open_page(what: What = LAST, as_json: AsJson = False) -> None:
    """Print the path of a page, and open it where there is a display."""
    page = folder_of(what) / PAGE_NAME
    if not page.is_file():
        raise ConfigError(f"'{page.parent}' has no page", hint=f"make it from the journal: hil report build {what}")
    typer.echo(json.dumps({"page": str(page)}) if as_json else str(page))
    if not as_json and any(os.environ.get(name) for name in DISPLAYS):
        webbrowser.open(page.as_uri())


@app.command()
def build(what: What = LAST) -> None:
    """Make results and pages again from the journals alone; of a session also its summary, JUnit file and page."""
    folder = folder_of(what)
    if not is_session(folder):
        typer.echo(build_run(folder))
        return
    for row in (read_json(folder / SUMMARY_NAME) or {"scenarios": []})["scenarios"]:
        run = runs_dir() / str(row["run_id"])
        if (run / FILE_NAME).is_file():
            typer.echo(build_run(run))
    rebuild_session(folder, runs_dir())
    if (folder / ALLURE_NAME).is_dir():
        from harness.report.allure.session import rebuild_results

        rebuild_results(folder, runs_dir())
    typer.echo(str(folder / PAGE_NAME))


@app.command("list")
def list_reports(as_json: AsJson = False) -> None:
    """List sessions and the verdicts of their runs, the newest last."""
    sessions = sorted(_sessions(), key=lambda session: str(session["started"]))
    if as_json:
        typer.echo(json.dumps(sessions, indent=1, ensure_ascii=False))
        return
    for session in sessions:
        typer.echo(f"{session['session']}  exit code {session['exit_code']}  {duration_text(session['wall_s'])}")
        for row in session["scenarios"]:
            waived = f" ({row['waived']} waived)" if row.get("waived") else ""
            label = f"  · {row['label']}" if row.get("label") else ""
            typer.echo(f"  {row['verdict'] or 'no verdict':<13}{row['id']:<12}{row['title']}{waived}{label}")
    if not sessions:
        typer.echo(f"no session in {sessions_dir()}")


@app.command("allure")
def allure_report(
    what: Whats = None, output: Output = None, as_json: AsJson = False, open_nothing: OpenNothing = False
) -> None:
    """Make Allure results from run folders, and of them one HTML file that loads nothing.  Needs Node 20 and npm."""
    from harness.report.allure.page import build_report

    wish = _wish([folder_of(name) for name in what or [LAST]], output)
    if not as_json:
        typer.echo(f"results: {wish.results}", err=True)
    pages = build_report(wish, lambda text: typer.echo(text, err=True))
    if as_json:
        found = {"schema": 1, "name": wish.name, "results": str(wish.results), "pages": [str(page) for page in pages]}
        typer.echo(json.dumps(found, indent=1, ensure_ascii=False))
        return
    for page in pages:
        typer.echo(str(page))
    if not open_nothing and any(os.environ.get(name) for name in DISPLAYS):
        webbrowser.open(pages[0].as_uri())


def _wish(folders: Sequence[Path], output: Path | None) -> Wish:
    """The report of one session, which gets a place in the history; or of any selection, which does not."""
    from harness.report.allure.build import case_of_folder
    from harness.report.allure.companions import write_companions
    from harness.report.allure.folder import keep_only, write_case
    from harness.report.allure.page import Wish
    from harness.report.allure.session import build_order, rebuild_results, session_cases

    history = reports_dir() / "allure-history.jsonl"
    if len(folders) == 1 and is_session(folders[0]):
        session = folders[0]
        results = rebuild_results(session, runs_dir())
        return Wish(session.name, results, output or session / REPORT_NAME, history, remember=True)
    place = output or reports_dir() / REPORT_NAME
    results, written = place / ALLURE_NAME, set()
    for folder in folders:
        for case in session_cases(folder, runs_dir()) if is_session(folder) else [case_of_folder(folder)]:
            write_case(results, case)
            written.add(case.uuid)
    keep_only(results, written)
    newest = max(folder.name for folder in folders)
    name = newest if len(folders) == 1 else f"{len(folders)} sessions and runs, the newest {newest}"
    write_companions(results, name, build_order(newest))
    return Wish(name, results, place, history)


def build_run(folder: Path) -> str:
    """Judge the journal of a run folder, write results and page, and return the path of the page."""
    write_report(folder)
    return str(folder / PAGE_NAME)


def is_session(folder: Path) -> bool:
    """Is it the folder of a session, not of a run?"""
    return (folder / SUMMARY_NAME).is_file() or folder.resolve().parent == sessions_dir().resolve()


def folder_of(what: str) -> Path:
    """The folder of a session or run that `what` names.  Raises ConfigError when there is none."""
    if what == LAST:
        last = reports_dir() / LAST
        if not last.exists():
            raise ConfigError(f"there is no session in {sessions_dir()} yet", hint="start one: hil demo")
        return last.resolve()
    session = sessions_dir() / what
    if what and session.is_dir():
        return session
    path = Path(what)
    if (path / FILE_NAME).is_file() or (path / RESULTS_NAME).is_file():
        return path
    # Every id of a run begins with that of its session: what is a part of the latter means the session.
    matches = [folder for folder in _session_folders() if what and what in folder.name]
    if len(matches) > 1:
        names = "".join(f"\n  {folder.name}" for folder in matches[-MATCHES_SHOWN:])
        raise ConfigError(f"{len(matches)} sessions match '{what}':{names}", hint="see: hil report list")
    return matches[0] if matches else find_run(what)


def _session_folders() -> list[Path]:
    return sorted(sessions_dir().iterdir()) if sessions_dir().is_dir() else []


def _sessions() -> Iterator[dict[str, Any]]:
    """Name, folder and summary of each session that has one."""
    for folder in _session_folders():
        summary = read_json(folder / SUMMARY_NAME)
        if summary is not None:
            yield {"session": folder.name, "page": str(folder / PAGE_NAME), **summary}
