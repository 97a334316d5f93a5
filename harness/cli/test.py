"""`hil test`: everything that a change to the harness has to pass.

The static checks run one after another beside pytest, so that the whole takes about as long as pytest alone.  pytest's
output is passed on as it comes, except its closing line, which is kept for the end.

`hil test --nested` is a tier of its own: tests with virtual machines and nothing else.  It promises that they ran, so a
test that was skipped there makes the result incomplete.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final

import typer

from harness.cli import tally
from harness.cli.called import CALLED_AS, say
from harness.clock import NS_PER_S, monotonic_ns
from harness.errors import LabError
from harness.exits import OF_PYTEST, Exit, worst
from harness.labs.nested import needs
from harness.paths import root

MAX_WORKERS: Final = 8
TEST_TIMEOUT_S: Final = 300
"""Back-stop for one hanging test; not in pyproject.toml, since it would also hit plans, which may run for hours."""
NESTED_TIMEOUT_S: Final = 900
"""The same for tests with virtual machines: the first one that needs a node image waits for its building."""
STATIC_CHECKS: Final = {
    "lint": ("-m", "ruff", "check", "--quiet", "--output-format=concise", "."),
    "format": ("-m", "ruff", "format", "--check", "--quiet", "--output-format=concise", "."),
    "imports": ("-c", "from importlinter.cli import lint_imports_command as check; check()", "--no-logo"),
    "types": ("-m", "mypy", "--strict", "harness", "requirements/environment.py"),
}
"""Stage → what Python runs for it, in the checkout."""
CLOSING_LINE: Final = re.compile(r"^(\x1b\[[\d;]*m)*=+ .*\bin \d+\.\d+s\b")
DISTRIBUTION: Final = ("--dist=worksteal",)
"""The long tests stand together, at the end of one worker's share."""
NESTED_DISTRIBUTION: Final = ("--dist=loadgroup", "--no-loadscope-reorder")
"""Tests at one hypervisor share a process, in the order of tests/nested/conftest.py."""
RESULT: Final = {
    Exit.PASS: "ok",
    Exit.PRODUCT: "failed",
    Exit.INTERRUPTED: "interrupted",
    Exit.USAGE: "wrong usage",
    Exit.NOTHING_SELECTED: "no test selected",
}

app = typer.Typer()


@dataclass
class Stage:
    """One check: its name, and once it ran its output, seconds and exit.  `result` says more than the exit does."""

    name: str
    seconds: float = 0.0
    exit: Exit = Exit.INTERRUPTED
    output: list[str] = field(default_factory=list)
    result: str = ""


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def test(
    context: typer.Context,
    full: Annotated[bool, typer.Option("--full", help="Also tests marked `full`: all plans and seeds.")] = False,
    nested: Annotated[
        bool, typer.Option("--nested", help="Instead of all that: the tests marked `nested`, with virtual machines.")
    ] = False,
    expression: Annotated[str, typer.Option("-k", metavar="EXPR", help="Only tests that match, as in pytest.")] = "",
) -> Exit:
    """Check the harness itself: lint, format, import contracts, types, tests.

    Further arguments go to pytest: files, node ids, `-x`, `-n 0` …  Exit 0 means that every stage passed.
    With `--nested` exit 10 means that some or all tests could not run on this machine, and none failed.
    """
    folder = root()
    command = pytest_command(context.args, full=full, nested=nested, expression=expression)
    return nested_tier(command, folder) if nested else usual_tier(command, folder)


def usual_tier(command: Sequence[str], folder: Path) -> Exit:
    """Static checks beside the tests that every machine can run."""
    static = [Stage(name) for name in STATIC_CHECKS]
    tests = Stage("tests")
    beside = threading.Thread(target=run_static_checks, args=(static, folder), daemon=True)
    beside.start()
    closing = run_tests(tests, command, folder)
    beside.join()
    show([*static, tests], closing)
    return worst(stage.exit for stage in (*static, tests))


def nested_tier(command: Sequence[str], folder: Path) -> Exit:
    """Tests with virtual machines.  Raises LabError when this machine can run none of them."""
    tests = Stage("nested")
    if lacks := needs.lab_lacks():
        tests.exit, tests.result = Exit.LAB, tally.NOT_RUN
        show([tests], "")
        raise LabError(
            f"no nested test ran; they need what is not here: {needs.named(lacks)}", hint=needs.remedy(lacks)
        )
    with tempfile.TemporaryDirectory(prefix="hil-tally-") as place:
        file = Path(place) / "tally.json"
        closing = run_tests(tests, [*command, *tally.arguments(file)], folder)
        counted = tally.read(file)
    if counted is None and tests.exit is Exit.PASS:
        tests.exit = Exit.HARNESS
    elif counted and counted.skipped and tests.exit in (Exit.PASS, Exit.NOTHING_SELECTED):
        tests.exit, tests.result = Exit.LAB, tally.INCOMPLETE if counted.ran else tally.NOT_RUN
    show([tests], closing)
    if counted and counted.skipped:
        say(f"nested tests that did not run: {counted.reasons}", err=True)
    return tests.exit


def pytest_command(extra: Sequence[str], *, full: bool, nested: bool, expression: str) -> list[str]:
    """The command line of pytest; what the user adds comes last and so wins."""
    workers = max(2, min(MAX_WORKERS, len(os.sched_getaffinity(0))))
    marks = ["nested" if nested else "not nested", *([] if full else ["not full"])]
    timeout_s = NESTED_TIMEOUT_S if nested else TEST_TIMEOUT_S
    command = [sys.executable, "-m", "pytest", f"--numprocesses={workers}", f"--timeout={timeout_s}"]
    command += NESTED_DISTRIBUTION if nested else DISTRIBUTION
    if nested:
        command.append("-v")  # one such test can take minutes: say which
    if sys.stdout.isatty():
        command.append("--color=yes")
    command += ["-m", " and ".join(marks)]
    if expression:
        command += ["-k", expression]
    names_files = any(Path(word.partition("::")[0]).exists() for word in extra if not word.startswith("-"))
    return [*command, *extra] if names_files else [*command, *extra, "tests/nested" if nested else "tests"]


def run_tests(stage: Stage, command: Sequence[str], folder: Path) -> str:
    """Run pytest, pass its lines on, and return its closing line."""
    closing = ""
    started_ns = monotonic_ns()
    environ = {name: value for name, value in os.environ.items() if name != CALLED_AS}  # tests see `hil` alone
    with subprocess.Popen(
        command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout or ():
            if CLOSING_LINE.match(line):
                closing = line.rstrip("\n")
            else:
                typer.echo(line, nl=False)
    stage.seconds = (monotonic_ns() - started_ns) / NS_PER_S
    stage.exit = OF_PYTEST.get(process.returncode, Exit.HARNESS)
    return closing


def run_static_checks(stages: Sequence[Stage], folder: Path) -> None:
    """Run the static checks one after another, keeping their output."""
    for stage in stages:
        started_ns = monotonic_ns()
        command = [sys.executable, *STATIC_CHECKS[stage.name]]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        stage.output = [*done.stdout.splitlines(), *done.stderr.splitlines()]
        stage.seconds = (monotonic_ns() - started_ns) / NS_PER_S
        stage.exit = Exit.PASS if done.returncode == 0 else Exit.PRODUCT


def show(stages: Sequence[Stage], closing: str) -> None:
    """Print the output of what failed, the table of stages, and pytest's closing line last."""
    for stage in stages:
        if stage.exit is not Exit.PASS and stage.output:
            typer.echo(f"\n{stage.name}:")
            typer.echo("\n".join(stage.output))
    typer.echo(f"\n{'stage':<10}{'seconds':>8}  result")
    for stage in stages:
        result = stage.result or RESULT.get(stage.exit, "broken off")
        typer.echo(f"{stage.name:<10}{stage.seconds:>8.1f}  {result}")
    if closing:
        typer.echo(closing)
