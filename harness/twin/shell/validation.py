"""The checks that parameters declare: sets, ranges, patterns, emptiness."""

from __future__ import annotations

from harness.twin.shell.arguments import BindingErrors
from harness.twin.shell.ast import Extent
from harness.twin.shell.commands.api import Parameter
from harness.twin.shell.comparison import order
from harness.twin.shell.errors import PSError
from harness.twin.shell.regexes import operator_regex
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import is_null


class ValidationError(Exception):
    """A value that a check rejects, with the text that follows ``Cannot validate argument on parameter 'X'.``"""


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def check_set(value: object, allowed: tuple[str, ...], ignore_case: bool = True) -> None:
    """``ValidateSet``."""
    for item in _items(value):
        text = to_text(item)
        known = text.lower() in [one.lower() for one in allowed] if ignore_case else text in allowed
        if not known:
            names = ",".join(allowed)
            raise ValidationError(
                f'The argument "{text}" does not belong to the set "{names}" specified by the ValidateSet attribute. '
                "Supply an argument that is in the set and then try the command again."
            )


def check_range(value: object, low: object, high: object) -> None:
    """``ValidateRange``."""
    for item in _items(value):
        if high is not None and order(item, high) > 0:
            raise ValidationError(
                f"The {to_text(item)} argument is greater than the maximum allowed range of {to_text(high)}. Supply an "
                f"argument that is less than or equal to {to_text(high)} and then try the command again."
            )
        if low is not None and order(item, low) < 0:
            raise ValidationError(
                f"The {to_text(item)} argument is less than the minimum allowed range of {to_text(low)}. Supply "
                "an argument "
                f"that is greater than or equal to {to_text(low)} and then try the command again."
            )


def check_pattern(value: object, pattern: str) -> None:
    """``ValidatePattern``."""
    for item in _items(value):
        if not operator_regex(pattern, ignore_case=True).pattern.search(to_text(item)):
            raise ValidationError(
                f'The argument "{to_text(item)}" does not match the "{pattern}" pattern. Supply an argument that '
                "matches "
                f'"{pattern}" and try the command again.'
            )


def check_length(value: object, low: int, high: int) -> None:
    """``ValidateLength``."""
    for item in _items(value):
        size = len(to_text(item))
        if size < low:
            raise ValidationError(
                f"The character length ({size}) of the argument is too short. Specify an argument with a length "
                "that is "
                f'greater than or equal to "{low}", and then try the command again.'
            )
        if size > high:
            raise ValidationError(
                f"The character length of the {size} argument is too long. Shorten the character length of the "
                "argument so "
                f'it is fewer than or equal to "{high}" characters, and then try the command again.'
            )


def check_count(value: object, low: int, high: int) -> None:
    """``ValidateCount``."""
    size = len(value) if isinstance(value, list) else 1
    if size < low:
        raise ValidationError(
            f"The number of provided arguments ({size}) is fewer than the minimum number of allowed arguments ({low}). "
            f"Provide more than {low} arguments, and then try the command again."
        )
    if size > high:
        raise ValidationError(
            f"The number of provided arguments, ({size}), exceeds the maximum number of allowed arguments ({high}). "
            f"Provide fewer than {high} arguments, and then try the command again."
        )


def check_not_null(value: object, or_empty: bool) -> None:
    """``ValidateNotNull`` and ``ValidateNotNullOrEmpty``."""
    if is_null(value):
        raise ValidationError(
            "The argument is null or empty. Provide an argument that is not null or empty, and then try the "
            "command again."
            if or_empty
            else "The argument is null. Provide a valid value for the argument, and then try running the command again."
        )
    if isinstance(value, list):
        if or_empty and not value:
            raise ValidationError(
                "The argument is null, empty, or an element of the argument collection contains a null value. Supply a "
                "collection that does not contain any null values and then try the command again."
            )
        if any(is_null(item) or (or_empty and item == "") for item in value):
            raise ValidationError(
                "The argument is null, empty, or an element of the argument collection contains a null value. Supply a "
                "collection that does not contain any null values and then try the command again."
            )
    elif or_empty and isinstance(value, str) and not value:
        raise ValidationError(
            "The argument is null or empty. Provide an argument that is not null or empty, and then try the "
            "command again."
        )


def validate(parameter: Parameter, value: object, errors: BindingErrors, extent: Extent | None) -> None:
    """All checks of a declared parameter. Raises ``PSError`` in the command's name."""
    try:
        if parameter.values:
            check_set(value, parameter.values)
        if parameter.minimum is not None or parameter.maximum is not None:
            check_range(value, parameter.minimum, parameter.maximum)
        if parameter.pattern:
            check_pattern(value, parameter.pattern)
        if parameter.not_null_or_empty:
            check_not_null(value, True)
        for check in parameter.validate:
            check(value)
    except ValidationError as fault:
        raise errors.invalid(parameter.name, str(fault), extent) from None
    except PSError as fault:
        raise errors.invalid(parameter.name, fault.record.message, extent, fault.record.exception) from None


def check_emptiness(parameter: Parameter, value: object, errors: BindingErrors, extent: Extent | None) -> None:
    """A mandatory parameter takes no null, no empty text and no empty list, unless it says so."""
    if is_null(value):
        if not parameter.allow_null:
            raise errors.empty(parameter.name, "Null", extent)
    elif isinstance(value, str):
        if not value and not parameter.allow_empty and parameter.kind.startswith(("string", "System.String")):
            raise errors.empty(parameter.name, "EmptyString", extent)
    elif isinstance(value, list):
        if not value and not parameter.allow_empty and parameter.kind.endswith("[]"):
            raise errors.empty(parameter.name, "EmptyArray", extent)
        for item in value:
            if is_null(item) and not parameter.allow_null:
                raise errors.empty(parameter.name, "Null", extent)
            if item == "" and not parameter.allow_empty and parameter.kind.startswith(("string", "System.String")):
                raise errors.empty(parameter.name, "EmptyString", extent)
