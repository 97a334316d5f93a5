"""What to type next, by verdict; the program is spelt as it is typed in a checkout."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any


@dataclass(frozen=True, slots=True)
class Command:
    """A command line, and what it is good for."""

    line: str
    purpose: str


def next_commands(results: Mapping[str, Any], header: Mapping[str, Any]) -> tuple[Command, ...]:
    """The commands of a run's page, the one to begin with first."""
    run, lab = shlex.quote(results["run_id"]), shlex.quote(results["lab"]["name"])
    show = Command(f"./hil run show {run}", "what decided, what to do next, and where the run's files are")
    replay = Command(f"./hil judge replay {run}", "judge the same journal again, offline: same journal, same verdict")
    what = "all legs of the campaign" if results.get("leg") else "the same scenario"
    again = Command(start_command(results, header), f"{what} on the same lab with the same seed")
    resume = Command(f"./hil run resume {run}", "go on where the run broke off; what was injected is undone first")
    begin: Mapping[str, tuple[Command, ...]] = {
        "pass": (again, replay),
        "lab": (Command(f"./hil lab show {lab}", "which part of the lab failed"), again, replay),
        "not-run": (
            Command(f"./hil plan fits {lab}", "what can be started on this lab, and why the rest cannot"),
            again,
        ),
        "harness": (replay, again),
        "inconclusive": (show, again, replay),
    }
    commands = begin.get(str(results["verdict"]), (show, replay, again))
    unfinished = results["attempts"] and results["attempts"][-1]["reason"] in ("", "detached")
    return (resume, *commands) if unfinished else commands


def session_commands(runs: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> tuple[Command, ...]:
    """How to run a session again: one command for each plan, lab and seed that it had.

    `runs` are the results of each run, with the order that it was started with (`plan.json`).  Where there are several
    commands, each names its scenarios: a plan on one lab alone would leave those of the others not-run.
    """
    found: dict[str, list[tuple[Mapping[str, Any], Mapping[str, Any]]]] = {}
    for results, order in runs:
        plan = order.get("plan") or {"name": results["plan"]}
        found.setdefault(_start_command(results, plan), []).append((results, plan))
    commands = []
    for line, rows in found.items():
        ids = list(dict.fromkeys(str(results["scenario"]) for results, _ in rows))
        selected = line if len(found) == 1 else _start_command(*rows[0], "-k", " or ".join(ids))
        commands.append(Command(selected, "runs again: " + ", ".join(ids)))
    return tuple(commands)


def start_command(results: Mapping[str, Any], header: Mapping[str, Any]) -> str:
    """The command that runs the same scenario again; a leg does not run without those before it."""
    leg = results.get("leg")
    selected = leg["campaign"] if leg else results["scenario"]
    return _start_command(results, header.get("plan") or {}, "-k", str(selected))


def _start_command(results: Mapping[str, Any], plan: Mapping[str, Any], *selection: str) -> str:
    words = ["run", "start", _plan_word(plan), "--lab", results["lab"]["name"], *selection]
    if results["seed"] is not None:
        words += ["--seed", str(results["seed"])]
    return f"./hil {shlex.join(words)}"


def _plan_word(plan: Mapping[str, Any]) -> str:
    """The plan's path where it was run by path, else its name (`plan_reference` in harness/plan/load.py)."""
    file = PurePosixPath(str(plan.get("file") or plan.get("name") or "PLAN"))
    return str(file) if len(file.parts) > 1 else file.stem
