"""`hil probe agent`: what is refused before any guest is asked."""

from __future__ import annotations

import pytest

from harness import cli
from harness.exits import Exit


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["status", "--lab", "no-such-lab"], "unknown lab 'no-such-lab'"),
        (["status", "--lab", "twin-2node-guests"], "'twin-2node-guests' is not served"),
        (["install", "--lab", "twin-2node-guests", "--period", "1h"], "each 3600000 ms"),
        (["install", "--lab", "twin-2node-guests", "--period", "soon"], "'soon' is no duration"),
        (["install", "--lab", "twin-2node-guests", "--period", "1500us"], "no whole number of milliseconds"),
        (["install", "--lab", "twin-2node-guests", "--sink", "a b"], "no address"),
        (["install", "--lab", "twin-2node-guests", "--port", "99999"], "99999 is no UDP port"),
        (["install", "--lab", "twin-2node-guests", "--key", "c2VjcmV0"], "takes a reference, never a key"),
        (["install", "--lab", "twin-2node-guests", "--key", "secret://env/HIL_NO_KEY"], "no variable 'HIL_NO_KEY'"),
        (["install", "--lab", "physical-rack"], "needs an address to which its guests can send"),
        (["remove"], "'--lab'"),
    ],
)
def test_bad_input_is_named_before_anything_is_asked(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["probe", "agent", *words]) == Exit.USAGE
    shown = capsys.readouterr()
    assert told in shown.err
    assert "next:" in shown.err
    assert "c2VjcmV0" not in shown.err + shown.out


def test_a_key_that_is_none_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HIL_BAD_KEY", "not-a-real-key")
    words = ["install", "--lab", "twin-2node-guests", "--key", "secret://env/HIL_BAD_KEY"]
    assert cli.main(["probe", "agent", *words]) == Exit.USAGE
    shown = capsys.readouterr()
    assert "secret://env/HIL_BAD_KEY" in shown.err
    assert "not-a-real-key" not in shown.err + shown.out
