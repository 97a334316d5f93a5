"""`hil test`: what it runs, and how the stages add up to one exit code."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness import cli
from harness.cli import test as command
from harness.exits import Exit

OK = ("-c", "")
BAD = ("-c", "import sys; print('unused import'); sys.exit(1)")


def stages(monkeypatch: pytest.MonkeyPatch, static: tuple[str, ...], tests: str) -> int:
    monkeypatch.setattr(command, "STATIC_CHECKS", {"lint": static})
    monkeypatch.setattr(command, "pytest_command", lambda *_, **__: [sys.executable, "-c", tests])
    return cli.main(["test"])


def pytest_ending(code: int, closing: str = "===== 3 passed in 1.20s =====") -> str:
    return f"import sys; print('dots'); print({closing!r}); print('afterwards'); sys.exit({code})"


@pytest.mark.parametrize(
    ("static", "code", "expected"),
    [
        (OK, 0, Exit.PASS),
        (BAD, 0, Exit.PRODUCT),
        (OK, 1, Exit.PRODUCT),
        (OK, 2, Exit.INTERRUPTED),
        (OK, 3, Exit.HARNESS),
        (OK, 4, Exit.USAGE),
        (OK, 5, Exit.NOTHING_SELECTED),
        (BAD, 5, Exit.PRODUCT),
        (OK, -9, Exit.HARNESS),
    ],
)
def test_the_worst_stage_decides(
    static: tuple[str, ...], code: int, expected: Exit, monkeypatch: pytest.MonkeyPatch
) -> None:
    ending = pytest_ending(code) if code >= 0 else f"import os; os.kill(os.getpid(), {-code})"
    assert stages(monkeypatch, static, ending) == expected


def test_the_closing_line_of_pytest_comes_last_and_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stages(monkeypatch, BAD, pytest_ending(0))
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["dots", "afterwards"]
    assert lines[-1] == "===== 3 passed in 1.20s ====="
    assert lines.count(lines[-1]) == 1
    assert "unused import" in lines


@pytest.mark.parametrize(
    "line",
    [
        "=== 3 passed in 1.20s ===",
        "\x1b[31m=== \x1b[1m1 failed\x1b[0m, 2 passed in 61.20s (0:01:01) ===",
        "= no tests ran in 0.01s =",
    ],
)
def test_a_closing_line_is_recognised(line: str) -> None:
    assert command.CLOSING_LINE.match(line)


@pytest.mark.parametrize("line", ["=== short test summary info ===", "FAILED x - in 1.2s", "=== FAILURES ==="])
def test_other_lines_are_not(line: str) -> None:
    assert not command.CLOSING_LINE.match(line)


@pytest.mark.parametrize(
    ("full", "nested", "marks"),
    [
        (False, False, "not nested and not full"),
        (True, False, "not nested"),
        (False, True, "nested and not full"),
        (True, True, "nested"),
    ],
)
def test_tests_are_chosen_by_their_marks(full: bool, nested: bool, marks: str) -> None:
    line = command.pytest_command([], full=full, nested=nested, expression="")
    assert line[line.index("-m", 3) + 1] == marks
    assert line[-1] == ("tests/nested" if nested else "tests"), "others need not be collected"


def test_what_the_user_adds_comes_last(tmp_path: Path) -> None:
    file = tmp_path / "test_x.py"
    file.touch()
    line = command.pytest_command(["-x", f"{file}::test_a"], full=False, nested=False, expression="twin")
    assert line[-4:] == ["-k", "twin", "-x", f"{file}::test_a"]
