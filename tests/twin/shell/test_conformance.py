"""The shell against what a real engine did: every recorded case, with a floor per area that must not sink.

Cases whose recording is known to differ from 5.1 (``differs51``) are run, so that they cannot crash, but not counted.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.twin.shell.conformance import check_case, load, load_processes, process_differences

# Percent of the recorded cases that agree in every aspect: values, types, text, errors, other streams.
FLOORS = {
    "expressions": 98.9,
    "statements": 100.0,
    "cmdlets": 100.0,
    "formatting": 96.3,
    "operators": 98.2,
    "clixml": 99.0,
}
PROCESS_FLOOR = 90.0


@pytest.mark.parametrize("area", FLOORS)
def test_recorded_cases(area: str, record_property: Callable[[str, object], None]) -> None:
    cases = load(area)
    counted = [case for case in cases if "differs51" not in case]
    failed = {case["id"]: wrong for case in counted if (wrong := check_case(case))}
    crashed = [
        case["id"] for case in cases if "differs51" in case and any(one.startswith("crash") for one in check_case(case))
    ]
    percent = 100 * (len(counted) - len(failed)) / len(counted)
    record_property(f"{area}_percent", round(percent, 1))
    assert percent >= FLOORS[area], f"{area}: {percent:.1f}% of {len(counted)}; failing: {', '.join(failed)}"
    assert len(crashed) <= 2, crashed


def test_recorded_processes() -> None:
    rows = load_processes()
    failed = {row["id"]: wrong for row in rows if (wrong := process_differences(row))}
    percent = 100 * (len(rows) - len(failed)) / len(rows)
    assert percent >= PROCESS_FLOOR, f"{percent:.1f}%; failing: {failed}"
