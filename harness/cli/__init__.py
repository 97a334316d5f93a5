"""The command line: `hil <noun> <verb>`.

A noun lives in a module of its own, which is imported when the noun is used and not before: `hil --help` stays fast,
and a broken noun breaks only itself.  A noun module defines `app`, a `typer.Typer`; with one command in it the noun is
that command (`hil doctor`).  Adding a noun is one line in `NOUNS`.

The run process (`harness.cli.conduct`) passes through here too, so nothing heavy is imported.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

NOUNS: Final = {
    "demo": ("harness.cli.demo:app", "Run the demo plan on the simulated cluster and write its report."),
    "test": ("harness.cli.test:app", "Check the harness itself: lint, types, imports, tests."),
    "doctor": ("harness.cli.doctor:app", "Say what this machine has and lacks, with the remedy for each."),
    "plan": ("harness.cli.plan:plan_app", "List, show and check test plans."),
    "lab": ("harness.cli.lab:app", "List labs; inspect and release their instances."),
    "run": ("harness.cli.run:app", "Start, watch, resume and stop runs."),
    "faults": ("harness.cli.faults:app", "List what can go wrong on purpose."),
    "guides": ("harness.cli.guides:app", "Show published troubleshooting guides; put evidence to them."),
    "judge": ("harness.cli.judge:app", "Judge a journal again, or compare two."),
    "probe": ("harness.cli.probe:app", "Watch guests over the network; read what was seen."),
    "report": ("harness.cli.report:app", "Build, list and open reports."),
    "probe": ("harness.cli.probe:app", "Watch guests over the network."),
    "bench": ("harness.cli.bench:app", "Measure how fast the harness is on this machine."),
    "twin": ("harness.cli.twin:app", "Serve and explore the simulated cluster."),
}
"""Noun → where its typer app is, and its line in `hil --help`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; see `harness.cli.program`."""
    from harness.cli.program import run

    return run(arguments)
