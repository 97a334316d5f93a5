"""The guest part of a workflow: which month's update, in which guests, and when they may restart."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator, WithJsonSchema

from harness.plan.guest_calendar import CATALOG, known_months, needs_restart
from harness.plan.quantity import Duration
from harness.plan.text import Objection, TextError, closest, describe, require_text

ALL: Final = "all"
_MONTH: Final = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")
_GUEST: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,14}")


def _month(value: object) -> str:
    text = require_text(value, "2025-12")
    if not _MONTH.fullmatch(text):
        raise TextError(f"'{text}' is no month; write year and month, for example 2025-12")
    known = known_months()
    if text not in known:
        message = f"there is no hotpatch or baseline of {text} in {CATALOG}; it has {known[0]} to {known[-1]}"
        raise TextError(message, suggestion=closest(text, known))
    return text


def _guests(value: object) -> tuple[str, ...]:
    """Names of guests; the word `all` is the empty tuple."""
    if value == ALL:
        return ()
    if not isinstance(value, list | tuple) or not (value or isinstance(value, tuple)):
        raise TextError(f"expected '{ALL}' or a list of guests, found {describe(value)}")
    for name in value:
        if not isinstance(name, str) or not _GUEST.fullmatch(name):
            raise TextError(f"{describe(name)} is no guest; write names such as vm001, or '{ALL}'")
    if len(set(value)) != len(value):
        raise TextError("a guest is there twice")
    return tuple(value)


Month = Annotated[
    str,
    PlainValidator(_month),
    WithJsonSchema({"type": "string", "pattern": f"^{_MONTH.pattern}$", "examples": ["2025-12"]}),
]
GuestNames = Annotated[
    tuple[str, ...],
    PlainValidator(_guests),
    PlainSerializer(lambda names: list(names) or ALL, return_type=Any),
    WithJsonSchema(
        {"anyOf": [{"const": ALL}, {"type": "array", "items": {"type": "string"}, "minItems": 1}], "default": ALL}
    ),
]


class Window(BaseModel):
    """When guests may restart, in lab time since the start of the workflow: it opens after `from` and is open `for`."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    opens_after: Duration = Field(alias="from")
    lasts: Duration = Field(alias="for")


class GuestUpdates(BaseModel):
    """The update of one month of the hotpatch train for guests; no `guests` means all that the lab manages.

    `window` is None in a month whose updates need no restart.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    month: Month
    guests: GuestNames
    window: Window | None


def window_objections(month: str, window: Window | None) -> list[Objection]:
    """A baseline needs a window for its restarts, a hotpatch needs none ([D] WSD get-started/hotpatch)."""
    if needs_restart(month) and window is None:
        text = f"{month} brings a baseline, which needs a restart: say when, for example window: {{from: 30m, for: 3h}}"
        return [Objection((), text)]
    if not needs_restart(month) and window is not None:
        text = f"{month} brings hotpatches, which need no restart; leave 'window' out"
        return [Objection(("window",), text, at_key=True)]
    return []
