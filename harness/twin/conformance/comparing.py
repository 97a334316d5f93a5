"""In which aspects the shell differs from a recorded case."""

from __future__ import annotations

import re
from typing import Any, Final

from harness.twin.conformance.cases import ASPECTS, ERRORS, OUTPUT, STREAMS, TEXT, Case
from harness.twin.conformance.running import Outcome, run_script
from harness.twin.shell.clixml import Serializer
from harness.twin.shell.formatting import render
from harness.twin.shell.formatting.renderer import Packet
from harness.twin.shell.parser import parse
from harness.twin.shell.runspace import Runspace

WIDTH: Final = 120
"""Columns of the recorded texts."""
DEPTH: Final = 2
"""Depth of the recorded CLIXML."""
_STREAM_NAMES: Final = ("warnings", "verbose", "debug", "information")
_NUMBER: Final = re.compile(r' RefId="\d+"')
_ASSEMBLY: Final = re.compile(r"\[\[([\w.]+), [^\]]*\](?:,\[([\w.]+), [^\]]*\])?\]")

Differences = dict[str, str]
"""Aspect → what was wanted and what came, in one line."""


def differences_of(case: Case) -> Differences:
    """Run a case and compare; nothing when the shell agrees.

    Where the text is accepted by one and not by the other, or the shell itself fails, no later aspect agrees either.
    """
    wrong = _parse_difference(case)
    if wrong:
        return dict.fromkeys(ASPECTS, wrong)
    if case.get("parse_errors"):
        return {}
    try:
        return compare(case, run_script(case["script"]))
    except Exception as fault:  # noqa: BLE001 - a crash of the shell is a failed case with its reason
        return dict.fromkeys(ASPECTS[1:], f"crash: {type(fault).__name__}: {fault}")


def crashed(differences: Differences) -> bool:
    """Whether the shell itself failed."""
    return differences.get(OUTPUT, "").startswith("crash: ")


def _parse_difference(case: Case) -> str:
    have = [(one.id, one.line, one.column) for one in parse(case["script"]).errors]
    want = [(one["id"], one["line"], one["column"]) for one in case.get("parse_errors") or ()]
    listed = case.get("parse_errors_listed")
    if want and listed is not None:
        have = have[:listed]
    return "" if have == want else f"want {want} have {have}"


def compare(case: Case, outcome: Outcome) -> Differences:
    """The aspects in which what a script did differs from the recording."""
    rs, wrong = outcome.runspace, Differences()
    want = [_normal(one) for one in case.get("output", [])]
    have = [_normal(written(rs, one)) for one in outcome.output]
    if want != have:
        wrong[OUTPUT] = _first("object", want, have)
    text = render(rs, outcome.output, WIDTH).replace("\r\n", "\n")
    expected = case.get("text", "").replace("\r\n", "\n")
    if expected != text:
        wrong[TEXT] = _first("line", expected.split("\n"), text.split("\n"))
    if errors := _error_difference(case, outcome):
        wrong[ERRORS] = errors
    if streams := _stream_difference(case, outcome):
        wrong[STREAMS] = streams
    return wrong


def _stream_difference(case: Case, outcome: Outcome) -> str:
    """Texts of the streams beside output and errors; line ends are the same."""
    parts = []
    for name in _STREAM_NAMES:
        found = [text.replace("\r\n", "\n") for text in outcome.streams.get(name, [])]
        if case.get(name, []) != found:
            parts.append(f"{name}: want {case.get(name, [])} have {found}")
    return "; ".join(parts)


def _first(what: str, want: list[str], have: list[str]) -> str:
    """Where two lists part."""
    at = next((at for at, pair in enumerate(zip(want, have, strict=False)) if pair[0] != pair[1]), None)
    if at is None:
        at = min(len(want), len(have))
    wanted, found = (repr(one[at]) if at < len(one) else "nothing" for one in (want, have))
    return f"{what} {at + 1} of {len(want)}: want {wanted} have {found}"


def _error_difference(case: Case, outcome: Outcome) -> str:
    """Ids and categories of the errors, and of the one that ended the script."""
    ended = [outcome.terminating] if outcome.terminating else []
    parts = []
    for name, records in (("errors", outcome.errors), ("terminating", ended)):
        wanted = [(one["id"], one["category"]) for one in _rows(case.get(name, []))]
        found = [(one.full_id, one.category) for one in records]
        if wanted != found:
            parts.append(f"{name}: want {wanted} have {found} ({[one.message for one in records]})")
    return "; ".join(parts)


def _rows(value: Any) -> list[dict[str, str]]:
    return value if isinstance(value, list) else [value]


def written(rs: Runspace, value: object) -> str:
    """The CLIXML of an output object, as the recordings hold it."""
    return "<Layout/>" if isinstance(value, Packet) else Serializer(rs, DEPTH).write(value)


def _normal(clixml: str) -> str:
    """Without what means nothing: numbers of references, escaped carriage returns, type names, assemblies."""
    plain = _NUMBER.sub("", clixml).replace("_x000D_", "")
    plain = re.sub(r"<TNRef />|<TN>.*?</TN>", "", plain)
    return _ASSEMBLY.sub(lambda m: f"[{m[1]},{m[2]}]" if m[2] else f"[{m[1]}]", plain)
