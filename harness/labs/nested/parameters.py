"""Parameters that a cause takes: what each means, what it may be, and what it is when nobody says it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final, Literal

from harness.errors import LabError

Kind = Literal["text", "number", "whole number", "whole numbers"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter; whole numbers are not negative.

    `default` is what counts when it is not given; None where that depends on the machine, which `meaning` then says.
    `choices`, where there are any, are all that a text may be.
    """

    meaning: str
    kind: Kind
    default: Any = None
    choices: tuple[str, ...] = ()


def read_parameters(what: str, known: Mapping[str, Parameter], given: Mapping[str, object]) -> dict[str, Any]:
    """A value for each of the `known` parameters: the given one or its default.

    `what` is whose they are, for messages.  Raises LabError for a parameter that is unknown or of another kind.
    """
    if unknown := [name for name in given if name not in known]:
        raise LabError(f"{what} has no parameter '{unknown[0]}'", hint=f"it takes: {', '.join(known) or 'none'}")
    return {name: _value(what, name, each, given.get(name)) for name, each in known.items()}


def _value(what: str, name: str, parameter: Parameter, given: object) -> Any:
    """Nothing given is the same as not given."""
    if given is None:
        return parameter.default
    fits = _KINDS[parameter.kind](given) and (not parameter.choices or given in parameter.choices)
    if not fits:
        wanted = f"one of: {', '.join(parameter.choices)}" if parameter.choices else f"a {parameter.kind}"
        if parameter.kind == "whole numbers":
            wanted = "a list of whole numbers"
        raise LabError(f"{what}: '{name}' is {given!r}", hint=f"{wanted} ({parameter.meaning})")
    return given


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


_KINDS: Final[Mapping[Kind, Callable[[object], bool]]] = {
    "text": lambda value: isinstance(value, str),
    "number": lambda value: _is_whole(value) or (isinstance(value, float) and isfinite(value)),
    "whole number": _is_whole,
    "whole numbers": lambda value: isinstance(value, list | tuple) and all(map(_is_whole, value)),
}
