"""Names of the calibration's entries, for whoever writes `overrides` into a lab file; what they mean the twin knows."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

import yaml

from harness.paths import fixtures_dir
from harness.plan.text import Objection, closest

CATALOG: Final = "calibration.yaml"


@lru_cache(maxsize=1)
def entries() -> tuple[str, ...]:
    """All entries as `section.entry`."""
    text = (fixtures_dir() / "catalogs" / CATALOG).read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.safe_load(text)
    sections = {section: rows for section, rows in document.items() if isinstance(rows, dict)}
    return tuple(f"{section}.{entry}" for section, rows in sections.items() for entry in rows)


def override_objections(section: str, overrides: tuple[tuple[str, Any], ...]) -> Iterator[Objection]:
    """What is wrong with the overrides in a section of a lab file: names that no entry has, values that are none."""
    for name, value in overrides:
        at = (section, "overrides", name)
        if name not in entries():
            near = closest(name, entries())
            meant = f" (did you mean '{near}'?)" if near else ""
            yield Objection(at, f"there is no calibration entry '{name}' in {CATALOG}{meant}", at_key=True)
        elif isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            yield Objection(at, f"'{value}' is no number of 0 or more")
