"""How many recorded cases agree, by area and aspect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.twin.conformance import processes
from harness.twin.conformance.cases import (
    ASPECTS,
    PROCESSES,
    Case,
    CasesError,
    area_files,
    expected_of,
    read_known,
    read_lines,
)
from harness.twin.conformance.comparing import differences_of


@dataclass(frozen=True, slots=True)
class Tally:
    """How many cases were compared, which differ, and in what (aspect → difference)."""

    cases: int
    wrong: Mapping[str, Mapping[str, str]]

    def agreeing(self, aspect: str) -> int:
        """Cases that agree in an aspect."""
        return self.cases - sum(aspect in differences for differences in self.wrong.values())

    @property
    def all(self) -> int:
        """Cases that agree in every aspect."""
        return self.cases - len(self.wrong)


@dataclass(frozen=True, slots=True)
class AreaResult(Tally):
    """One area.  `not_counted` are cases of which it is known that 5.1 differs from the recording, but not written
    down how."""

    area: str
    not_counted: tuple[str, ...]

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "area": self.area,
            "cases": self.cases,
            **{aspect: self.agreeing(aspect) for aspect in ASPECTS},
            "all": self.all,
            "failing": list(self.wrong),
            "not_counted": list(self.not_counted),
        }


@dataclass(frozen=True, slots=True)
class ProcessResult(Tally):
    """The starts of the console program."""

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "cases": self.cases,
            **{aspect: self.agreeing(aspect) for aspect in processes.ASPECTS},
            "all": self.all,
            "failing": list(self.wrong),
        }


@dataclass(frozen=True, slots=True)
class Measured:
    """All areas of a folder; `process` is None where the folder has no recorded starts."""

    areas: tuple[AreaResult, ...]
    process: ProcessResult | None

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        process = self.process.plain() if self.process is not None else None
        return {"areas": [area.plain() for area in self.areas], "process": process}


def measure(folder: Path) -> Measured:
    """Run every recorded case of a folder.  Raises CasesError."""
    known = read_known(folder)
    areas = tuple(_measure_area(area, read_lines(path), known) for area, path in area_files(folder).items())
    path = folder / PROCESSES
    if not path.is_file():
        return Measured(areas, None)
    rows = read_lines(path)
    wrong = {row["id"]: found for row in rows if (found := processes.process_differences(row))}
    return Measured(areas, ProcessResult(len(rows), wrong))


def _measure_area(area: str, cases: list[dict[str, Any]], known: Mapping[str, Case]) -> AreaResult:
    counted: list[Case] = []
    left_out = []
    for case in cases:
        if not isinstance(case.get("script"), str):
            raise CasesError(f"case '{case['id']}' of area '{area}' has no 'script'")
        expected = expected_of(case, known)
        if expected is None:
            left_out.append(case["id"])
        else:
            counted.append(expected)
    wrong = {case["id"]: found for case in counted if (found := differences_of(case))}
    return AreaResult(len(counted), wrong, area, tuple(left_out))
