"""What the benchmark of nested labs says where there are none, and of what it measured."""

from __future__ import annotations

import json

import pytest

from harness import cli
from harness.bench import nested
from harness.exits import Exit
from harness.labs.nested import needs


def test_without_what_nested_labs_need_nothing_is_measured_and_nothing_is_ok(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(needs, "lab_lacks", lambda: [needs.Lack("qemu-img", ("qemu-utils",))])
    assert cli.main(["bench", "nested", "--json"]) == Exit.LAB
    figures = json.loads(capsys.readouterr().out)
    assert [figure["ok"] for figure in figures] == ["not-run"] * len(nested.FIGURES)
    assert all("qemu-img" in figure["remark"] for figure in figures)


def test_the_limit_is_on_the_slowest_of_a_hundred() -> None:
    lags = nested.Lags(held=[20.0] * 98 + [501.0] * 2, fault=[60.0] * 100, alone=[9.0] * 10)
    hold, fault = nested.figures_of(lags)
    assert (hold.value, hold.ok, hold.peer_value) == (501.0, False, 9.0)
    assert fault.ok is True
    assert nested.figures_of(nested.Lags(held=[20.0] * 99 + [501.0], fault=[1.0], alone=[1.0]))[0].ok is True
