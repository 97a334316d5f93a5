"""From pydantic's errors to mistakes in a file: position, plain words, nearest known key."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from harness.plan.problem import Problem
from harness.plan.text import Objection, Objections, TextError, closest, describe
from harness.plan.yaml_source import Source, SourcePath

M = TypeVar("M", bound=BaseModel)

_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "mapping_type": "a mapping",
    "date_type": "a date such as 2026-06-30",
    "date_from_datetime_parsing": "a date such as 2026-06-30",
    "date_parsing": "a date such as 2026-06-30",
}


def validate(model: type[M], value: object, source: Source, at: SourcePath = ()) -> tuple[M | None, list[Problem]]:
    """Validate the value that stands at `at` in the source: the model, or all its mistakes with their positions."""
    try:
        return model.model_validate(value), []
    except ValidationError as error:
        problems: list[Problem] = []
        for detail in error.errors(include_url=False):
            problems += _problems(detail, model, source, at)
        return None, problems


def objection_problem(item: Objection, source: Source, at: SourcePath) -> Problem:
    """A complaint about a part of the value at `at`, as a mistake with a position."""
    path = (*at, *item.path)
    return source.problem(path, item.message, at_key=item.at_key, offset=item.offset, suggestion=item.suggestion)


def _problems(detail: ErrorDetails, model: type[BaseModel], source: Source, at: SourcePath) -> list[Problem]:
    path = (*at, *detail["loc"])
    cause = detail.get("ctx", {}).get("error")
    if isinstance(cause, Objections):
        return [objection_problem(item, source, path) for item in cause.items]
    if isinstance(cause, TextError):
        problem = source.problem(path, cause.message, offset=cause.offset, suggestion=cause.suggestion)
        return [replace(problem, source_line="") if cause.conceal else problem]
    match detail["type"]:
        case "extra_forbidden":
            word = str(path[-1])
            known = _keys_at(model, detail["loc"][:-1])
            message = f"unknown key '{word}'" + (
                "" if closest(word, known) else f"; known keys: {', '.join(sorted(known))}"
            )
            return [source.problem(path, message, at_key=True, suggestion=closest(word, known))]
        case "missing":
            return [source.problem(path, f"the key '{path[-1]}' is missing")]
        case "literal_error":
            expected = detail["ctx"]["expected"].replace("'", "").replace(" or ", ", ")
            words = expected.split(", ")
            message = f"expected {detail['ctx']['expected']}, found {describe(detail['input'])}"
            return [source.problem(path, message, suggestion=closest(str(detail["input"]), words))]
    return [source.problem(path, _plain_message(detail))]


def _plain_message(detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    found = "something else" if "credentials" in detail["loc"] else describe(detail["input"])
    match detail["type"]:
        case kind if kind in _EXPECTED:
            return f"expected {_EXPECTED[kind]}, found {found}"
        case "greater_than_equal":
            return f"must be at least {context['ge']}, found {found}"
        case "less_than_equal":
            return f"must be at most {context['le']}, found {found}"
        case "too_short":
            return f"needs at least {context['min_length']} entries, found {context['actual_length']}"
        case "too_long":
            return f"takes at most {context['max_length']} entries, found {context['actual_length']}"
        case _:
            return f"{detail['msg']}, found {found}"


def _keys_at(model: type[BaseModel], location: tuple[str | int, ...]) -> list[str]:
    """The keys that the model knows at a location; empty where keys are free."""
    found: Any = model
    for part in location:
        found = _below(found, part)
        if found is None:
            return []
    candidate = _model_in(found)
    return [] if candidate is None else [field.alias or name for name, field in candidate.model_fields.items()]


def _below(annotation: Any, part: str | int) -> Any:
    candidate = _model_in(annotation)
    if candidate is not None and isinstance(part, str):
        for name, field in candidate.model_fields.items():
            if part in (name, field.alias):
                return field.annotation
        return None
    for option in _options(annotation):
        arguments = typing.get_args(option)
        origin = typing.get_origin(option)
        if origin in (tuple, list) and isinstance(part, int) and arguments:
            return arguments[0]
        if isinstance(origin, type) and issubclass(origin, Mapping) and len(arguments) == 2:
            return arguments[1]
    return None


def _model_in(annotation: Any) -> type[BaseModel] | None:
    for option in _options(annotation):
        if isinstance(option, type) and issubclass(option, BaseModel):
            return option
    return None


def _options(annotation: Any) -> list[Any]:
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _options(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return [inner for option in typing.get_args(annotation) for inner in _options(option)]
    return [annotation]
