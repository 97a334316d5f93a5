"""How domain commands are declared: each charges its lab time before it does anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from harness.twin.shell.commands.api import Call, CommandTable, Parameter
from harness.twin.shell.objects import NOTHING
from harness.twin.shell.regexes import matches_wildcard

Body = Callable[[Call], Iterable[object] | None]


class Module:
    """A PowerShell module: its name, and how the classes of its commands are called in error ids."""

    def __init__(self, name: str, class_of: Callable[[str], str]) -> None:
        self.name = name
        self.table = CommandTable()
        self._class_of = class_of

    def cmdlet(
        self,
        name: str,
        *parameters: Parameter,
        default_set: str = "",
        aliases: Sequence[str] = (),
        should_process: bool = False,
    ) -> Callable[[Body], Body]:
        """Decorator: declare a function as command *name*."""

        def declare(body: Body) -> Body:
            def charged(call: Call) -> Iterable[object] | None:
                call.host.charge(name)
                return body(call)

            self.table.cmdlet(
                name,
                parameters=parameters,
                module=self.name,
                class_name=self._class_of(name),
                default_set=default_set,
                aliases=aliases,
                should_process=should_process,
            )(charged)
            return body

        return declare


def classes(pattern: str) -> Callable[[str], str]:
    """Class names from command names: ``{}`` in the pattern is the command without its hyphen."""
    return lambda name: pattern.format(name.replace("-", ""))


def given_input(call: Call) -> object:
    """The pipeline's object, or what ``-InputObject`` was given; None without either."""
    if call.current is not NOTHING:
        return call.current
    found: object = call.get("InputObject")
    return found


def property_of(value: object, name: str) -> Any:
    """A property of an object that came in; None where it has none."""
    get = getattr(value, "get", None)
    return None if get is None else get(name)


def picked_values(values: Mapping[str, object], patterns: Sequence[str]) -> dict[str, object]:
    """What the patterns ask for, in their order; within a pattern in that of *values*."""
    return {name: values[name] for pattern in patterns for name in values if matches_wildcard(pattern, name)}


def selects(patterns: Sequence[str], name: str) -> bool:
    """Whether *name* matches one of the patterns (without regard to case); no pattern means every name."""
    return not patterns or any(matches_wildcard(pattern, name) for pattern in patterns)
