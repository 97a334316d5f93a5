"""`hil bench shell`: the figures are there and mean what they say; whether they keep their limits is not asked here."""

from __future__ import annotations

import json

import pytest

from harness import cli
from harness.exits import Exit


@pytest.mark.full
def test_the_figures_of_the_shell(capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main(["bench", "shell", "--rounds", "2", "--json"])
    captured = capsys.readouterr()
    figures = json.loads(captured.out)
    assert [figure["unit"] for figure in figures] == ["lines/s", "ms p50", "ms p50", "MiB"]
    for figure in figures:
        assert set(figure) == {
            *("name", "value", "unit", "peer", "peer_value", "ratio", "bound", "limit", "ok", "remark"),
        }
        assert figure["value"] > 0
        assert figure["ratio"] == pytest.approx(figure["value"] / figure["peer_value"], rel=0.01)
    assert code is (Exit.PASS if all(figure["ok"] for figure in figures) else Exit.PRODUCT)
    assert "100 of 100 nodes have answered" in captured.err


def test_no_round_at_all_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "shell", "--rounds", "0"]) == Exit.USAGE
    assert "--rounds" in capsys.readouterr().err
