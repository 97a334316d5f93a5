"""A scenario as plain data: what `plan.json` and the first line of a journal hold, and what a plan's hash is of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from harness.errors import ConfigError
from harness.plan.models import Scenario


def to_plain(scenario: Scenario) -> dict[str, Any]:
    """The scenario as JSON values, keys as in YAML; durations, triggers and targets in their canonical spelling."""
    return scenario.model_dump(mode="json", by_alias=True)


def from_plain(plain: Mapping[str, Any]) -> Scenario:
    """The scenario that `to_plain` saved.

    Raises ConfigError when the data has another shape: written by another version of the harness, or changed by hand.
    """
    try:
        scenario = Scenario.model_validate(dict(plain))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigError(
            f"saved scenario '{plain.get('id', '?')}' cannot be read: {where}: {first['msg']}",
            hint="it was written by another version of the harness; plan it again from its YAML file",
        ) from error
    if canonical_json(to_plain(scenario)) != canonical_json(plain):
        raise ConfigError(
            f"saved scenario '{scenario.id}' is not in canonical form, so its hash means nothing",
            hint="plan it again from its YAML file",
        )
    return scenario


def canonical_json(plain: Mapping[str, Any]) -> str:
    """JSON with sorted keys and no blanks: equal data, equal text."""
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def plan_sha256(scenario: Scenario) -> str:
    """The hash that identifies what was to be proved, in hexadecimal."""
    return hashlib.sha256(canonical_json(to_plain(scenario)).encode()).hexdigest()
