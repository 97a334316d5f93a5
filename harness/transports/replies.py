"""Reading what a script wrote: the JSON document between its markers, and the values as PowerShell 5.1 prints them.

Objects do not survive a text shell, so scripts print one JSON document (`harness.transports.powershell.script_json`).
The readers here accept every form in which 5.1 is known to print the same thing: a list of one as the thing itself, a
list as `{"value": [...], "Count": n}`, dates as `/Date(ms)/`, as ISO 8601, or as `{"value": ..., "DateTime": ...}`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from harness.errors import HarnessError, ProductError, TransportError
from harness.transports import clixml

Json = Any
"""A decoded JSON value: dict, list, str, int, float, bool or None."""

_MARKED: Final = re.compile(r"\[hil:([0-9a-f]{8})(!?)\](.*?)\[/hil:\1\]", re.DOTALL)
_JSON_DATE: Final = re.compile(r"/Date\((-?\d+)(?:[+-]\d{4})?\)/")
_LIMITATION: Final = "twin limitation:"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_US_DATE: Final = "%m/%d/%Y %I:%M:%S %p"
_EXCERPT_CHARS: Final = 400


@dataclass(frozen=True, slots=True)
class Reply:
    """What a script wrote to its two streams, and its exit code."""

    stdout: str
    stderr: str
    exit_code: int


class PowerShellError(ProductError):
    """The script ended with a PowerShell error: `id` is its FullyQualifiedErrorId, `category` the category's name.

    The node was reached and answered: judge by `id` and `reason`, and remember that cmdlets of a service that is just
    being updated fail for a while.
    """

    def __init__(self, reason: str, *, id: str = "", category: str = "", line: int | None = None) -> None:
        where = f" in line {line}" if line else ""
        super().__init__(f"PowerShell error{where}: {reason or 'no text'} [{id or 'no error id'}]")
        self.id = id
        self.category = category
        self.reason = reason
        self.line = line


class UnreadableReplyError(TransportError):
    """The script ended without the document it was to print.  The excerpt in the message shows what came instead."""


def parse_json_reply(reply: Reply) -> Json:
    """The JSON document that a `script_json` script printed; None where it printed nothing at all and succeeded.

    Raises PowerShellError for an error of the script, UnreadableReplyError for an answer that is neither.
    """
    found = read_documents(reply)
    if found:
        content = found[-1]
        if isinstance(content, HarnessError):
            raise content
        return content
    text = _unwrapped(reply.stdout)
    reason = clixml.read_errors(reply.stderr)
    if _LIMITATION in reason:
        raise UnreadableReplyError(reason, hint="The simulated node does not support this script.")
    if reason or reply.exit_code != 0:
        raise PowerShellError(reason or text[:_EXCERPT_CHARS] or f"exit code {reply.exit_code} without a word")
    if text.strip():
        raise UnreadableReplyError(f"a script printed no JSON document, but: {text[:_EXCERPT_CHARS]}")
    return None


def read_documents(reply: Reply) -> list[Json | HarnessError]:
    """Every document in `reply`, in the order in which it was printed; in place of one that tells an error, or that
    is broken, the error."""
    found: list[Json | HarnessError] = []
    for _, failed, document in _MARKED.findall(_unwrapped(reply.stdout)):
        try:
            content = _load(document)
        except UnreadableReplyError as error:
            content = error
        found.append(_read_error(content) if failed and not isinstance(content, HarnessError) else content)
    return found


def _unwrapped(text: str) -> str:
    """JSON holds no raw line breaks: those in the text come from a console that wraps its lines."""
    return text.replace("\r", "").replace("\n", "")


def _load(document: str) -> Json:
    if not document.strip():
        return None
    try:
        return json.loads(document)
    except ValueError as error:
        excerpt = document[:_EXCERPT_CHARS]
        raise UnreadableReplyError(f"a script printed a broken JSON document ({error}): {excerpt}") from error


def _read_error(content: Json) -> PowerShellError:
    if not isinstance(content, Mapping):
        return PowerShellError(str(content))
    line = content.get("line")
    return PowerShellError(
        as_text(content.get("message")),
        id=as_text(content.get("id")),
        category=as_text(content.get("category")),
        line=line if isinstance(line, int) else None,
    )


def as_list(value: Json) -> list[Json]:
    """`value` as a list: null is empty, one thing a list of one."""
    if value is None:
        return []
    if isinstance(value, list):
        return value
    if isinstance(value, Mapping) and set(value) == {"value", "Count"}:
        return as_list(value["value"])
    return [value]


def as_record(value: Json) -> Mapping[str, Json]:
    """`value` as an object: what is none becomes the empty object, a list of one its element."""
    if isinstance(value, list) and len(value) == 1:
        return as_record(value[0])
    return value if isinstance(value, Mapping) else {}


def as_text(value: Json) -> str:
    """`value` as text; null is empty, a list of texts is joined by blanks."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, Sequence):
        return " ".join(as_text(item) for item in value)
    return str(value)


def as_number(value: Json) -> float | None:
    """`value` as a number, also from its text; None where it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return float(value)
    try:
        return float(as_text(value))
    except ValueError:
        return None


def as_flag(value: Json) -> bool:
    """`value` as a truth value, also from the texts `True` and `False`."""
    return as_text(value).strip().lower() == "true"


def as_time(value: Json) -> datetime | None:
    """`value` as UTC time; None where it is unset (PowerShell shows that as year 1) or no date.

    A text without zone counts as UTC: the product labels its times so ([INF]).
    """
    if isinstance(value, Mapping):
        return as_time(value.get("value", value.get("DateTime")))
    text = as_text(value).strip()
    match = _JSON_DATE.fullmatch(text)
    try:
        if match:
            moment = _EPOCH + timedelta(milliseconds=int(match.group(1)))
        elif "/" in text:
            moment = datetime.strptime(text, _US_DATE).replace(tzinfo=UTC)
        else:
            moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        return None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment if moment.year > 1 else None
