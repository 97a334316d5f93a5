"""`hil judge claim` and `hil judge compare`: what many stored runs support, and whether a second group is worse."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.called import say
from harness.cli.table import echo_json
from harness.errors import ConfigError, NothingSelectedError
from harness.exits import Exit
from harness.journal.writer import FILE_NAME
from harness.judge.claims import (
    CORRELATION,
    LEFT_OUT_SHOWN,
    Wish,
    assumption_lines,
    claim_lines,
    claim_of,
    claim_plain,
    key_plain,
    left_out_lines,
)
from harness.judge.comparison import assumptions, compare, comparison_lines, comparison_plain, pair, pairing_lines
from harness.judge.history import History, LeftOut, read_history, run_folders
from harness.judge.observations import VERDICT, Measure, Observed, Per, Progress, measure_named, observe
from harness.judge.outages import AWAY
from harness.paths import runs_dir
from harness.plan.budget import parse_confidence
from harness.plan.quantity import parse_value
from harness.plan.text import TextError, closest
from harness.run.job import find_run

TELL_PROGRESS_FROM = 20
"""Runs from which on reading them is worth a line."""

Runs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="RUN",
        help="Ids of runs or unique parts of them, patterns ('*UPD-001*'), run folders, folders of them; default: all.",
    ),
]
First = Annotated[
    list[str] | None, typer.Argument(metavar="RUN", help="Runs of the first group, named as for `claim`.")
]
Folder = Annotated[Path | None, typer.Option("--runs", help="Take all runs in this folder.", metavar="FOLDER")]
Scenario = Annotated[str | None, typer.Option(help="Only runs of this scenario, with all its variants.", metavar="ID")]
MetricName = Annotated[
    str | None,
    typer.Option(
        "--metric",
        metavar="NAME",
        help=f"What counts; default: with a limit {AWAY}, for whatever reason a guest was away; else the verdict.",
    ),
]
Limit = Annotated[str | None, typer.Option(help="What an observation must keep, such as 2s.", metavar="VALUE")]
ComparedName = Annotated[str, typer.Option("--metric", metavar="NAME", help="What may have grown.")]
ComparedLimit = Annotated[
    str | None,
    typer.Option("--limit", help="Beyond it is a failure; default: verdicts fail and stuck are.", metavar="VALUE"),
]
PerWhat = Annotated[Per, typer.Option("--per", help="What is counted.")]
Confidence = Annotated[str, typer.Option(help="Of the bounds.", metavar="SHARE")]
Correlation = Annotated[
    float, typer.Option(help="Of the virtual machines of one run (0 to 1), with --per vm.", metavar="SHARE")
]
With = Annotated[
    list[str],
    typer.Option("--with", metavar="RUN", help="Runs of the second group, named as the first; may be repeated."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


def claim(
    runs: Runs = None,
    folder: Folder = None,
    scenario: Scenario = None,
    metric: MetricName = None,
    limit: Limit = None,
    per: PerWhat = Per.RUN,
    confidence: Confidence = "95%",
    correlation: Correlation = CORRELATION,
    as_json: AsJson = False,
) -> None:
    """Say what stored runs support, with how many more a stronger claim needs, and which runs do not count.

    Runs of different kinds are never put together: each kind has a claim of its own.
    """
    measure, bound = _measure(metric, limit, per)
    wish = Wish(bound, _confidence(confidence), _share(correlation))
    history = _history(_folders(runs or (), folder), scenario)
    found, without = observe(history, measure, per, bound, _progress(history))
    observed = [each for each in found if each.values]
    left_out = (*history.left_out, *without)
    _refuse_nothing(observed, left_out)
    claims = [claim_of(each, wish) for each in observed]
    if as_json:
        echo_json({"claims": [claim_plain(each) for each in claims], "left_out": _plain(left_out)})
        return
    for each in claims:
        _say_all(claim_lines(each))
        say()
    _say_all(assumption_lines(claims, per))
    _say_all(left_out_lines(left_out))


def compare_runs(
    runs: First = None,
    others: With = [],  # noqa: B006 - typer reads the default and gives each call a list of its own
    scenario: Scenario = None,
    metric: ComparedName = AWAY,
    limit: ComparedLimit = None,
    per: PerWhat = Per.RUN,
    as_json: AsJson = False,
) -> None:
    """Say whether a second group of runs is worse than a first: longer outages by a rank test, more failures by
    Fisher's exact test, with the smallest change that so many runs would show.

    Exit code 1 when it is worse, 0 when that was not shown.
    """
    if not runs or not others:
        raise ConfigError(
            "a comparison needs two groups of runs", hint="hil judge compare OLD… --with NEW [--with NEW]…"
        )
    if per is Per.VM:
        raise ConfigError(
            "virtual machines of one run are not independent, so their number proves nothing in a test",
            hint="compare runs, or node drains with --per drain",
        )
    measure, bound = _measure(metric, limit, per)
    first, second = (_history(_folders(names, None), scenario) for names in (runs, others))
    _refuse_both(first, second)
    groups = [observe(each, measure, per, bound, _progress(each)) for each in (first, second)]
    left_out = tuple(each for history in (first, second) for each in history.left_out)
    left_out += tuple(each for _, without in groups for each in without)
    for observed, _ in groups:
        _refuse_nothing(observed, left_out)
    pairing = pair(groups[0][0], groups[1][0])
    if not pairing.pairs:
        raise NothingSelectedError(
            "no kind of run is in both groups:\n" + "\n".join(pairing_lines(pairing)),
            hint="compare runs of one scenario, on as many nodes, and evidence with evidence",
        )
    found = compare(pairing.pairs, bound)
    worse = any(each.worse for each in found)
    if as_json:
        only = [[key_plain(key) for key in keys] for keys in (pairing.only_first, pairing.only_second)]
        rows = [comparison_plain(each) for each in found]
        echo_json({"worse": worse, "comparisons": rows, "not_compared": only, "left_out": _plain(left_out)})
    else:
        for each in found:
            _say_all(comparison_lines(each))
            say()
        say(assumptions(found, per))
        _say_all(pairing_lines(pairing))
        _say_all(left_out_lines(left_out))
    raise typer.Exit(Exit.PRODUCT if worse else Exit.PASS)


def _say_all(lines: Iterable[str]) -> None:
    for line in lines:
        say(line)


def _plain(left_out: Sequence[LeftOut]) -> list[dict[str, str]]:
    return [{"run": each.run_id, "scenario": each.scenario, "why": each.why} for each in left_out]


def _measure(metric: str | None, limit: str | None, per: Per) -> tuple[Measure, float | None]:
    """What is measured and its limit.  Raises ConfigError."""
    name = metric or (VERDICT if limit is None and per is Per.RUN else AWAY)
    measure = measure_named(name, per)
    if measure.name == VERDICT:
        if limit is not None:
            raise ConfigError("a verdict has no limit", hint="leave --limit out, or choose another --metric")
        return measure, 0.0
    if limit is None:
        return measure, None
    try:
        return measure, parse_value(limit.removeprefix(measure.comparison).strip(), measure.unit)
    except TextError as error:
        raise ConfigError(f"--limit: {error.message}", hint=f"'{name}' is measured in '{measure.unit}'") from error


def _confidence(text: str) -> float:
    try:
        return parse_confidence(text)
    except TextError as error:
        raise ConfigError(f"--confidence: {error.message}", hint="write for example --confidence 95%") from error


def _share(correlation: float) -> float:
    if not 0 <= correlation <= 1:
        raise ConfigError(f"--correlation: {correlation:g} is not between 0 and 1", hint="0.5 is assumed without it")
    return correlation


def _folders(names: Sequence[str], folder: Path | None) -> tuple[Path, ...]:
    """The run folders that are named; all of the reports where none is.  Raises ConfigError."""
    if folder is not None and not folder.is_dir():
        raise ConfigError(f"'{folder}' is no folder", hint="name the folder that holds the run folders")
    found = [path for name in names for path in _named(name)]
    if folder is not None:
        found += run_folders(folder)
    if not names and folder is None:
        found += run_folders(runs_dir())
    return tuple(dict.fromkeys(path.resolve() for path in found))


def _named(name: str) -> tuple[Path, ...]:
    given = Path(name)
    if given.name == FILE_NAME and given.is_file():
        return (given.parent,)
    if given.is_dir():
        return (given,) if (given / FILE_NAME).is_file() else run_folders(given)
    if any(sign in name for sign in "*?["):
        found = tuple(path for path in run_folders(runs_dir()) if path.match(name))
        if not found:
            raise ConfigError(f"no run matches '{name}' in {runs_dir()}", hint="see the runs with: hil run list")
        return found
    return (find_run(name),)


def _history(folders: Sequence[Path], scenario: str | None) -> History:
    """The runs in `folders`, of one scenario where it is named.  Raises ConfigError, NothingSelectedError."""
    if not folders:
        raise NothingSelectedError(
            "there is no stored run", hint="start one: hil run start PLAN, or name its folder: --runs"
        )
    history = read_history(folders)
    if scenario is None:
        return history
    narrowed = history.of_scenario(scenario)
    if not narrowed.runs and not narrowed.left_out:
        near = closest(scenario, history.scenarios)
        raise NothingSelectedError(
            f"no stored run is of scenario '{scenario}'{f'; did you mean {near}?' if near else ''}",
            hint=f"there are runs of: {', '.join(history.scenarios) or 'none'}",
        )
    return narrowed


def _refuse_nothing(observed: Sequence[Observed], left_out: Sequence[LeftOut]) -> None:
    if not observed:
        raise NothingSelectedError(
            "\n".join(["no stored run says anything about this", *left_out_lines(left_out, LEFT_OUT_SHOWN)]),
            hint="see the verdicts with: hil run list",
        )


def _refuse_both(first: History, second: History) -> None:
    both = sorted({run.run_id for run in first.runs} & {run.run_id for run in second.runs})
    if both:
        more = f" and {len(both) - 1} more" if len(both) > 1 else ""
        raise ConfigError(f"run '{both[0]}'{more} is in both groups", hint="name each run once")


def _progress(history: History) -> Progress | None:
    """Says on a terminal how far reading is."""
    if len(history.runs) < TELL_PROGRESS_FROM or not sys.stderr.isatty():
        return None

    def tell(done: int, of: int) -> None:
        typer.echo(f"\rreading run {done} of {of}", err=True, nl=done == of)

    return tell
