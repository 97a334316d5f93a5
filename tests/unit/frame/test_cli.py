"""The command line's frame: lazy nouns, one place for errors, exit codes that never lie."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import typer

from harness import cli
from harness.errors import ConfigError
from harness.exits import Exit

NOUN_MODULES = {target.partition(":")[0] for target, _ in cli.NOUNS.values()}


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch) -> Iterator[typer.Typer]:
    """A noun `probe` whose only command does what the test says."""
    module = ModuleType("harness.cli.probe")
    module.app = typer.Typer()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "harness.cli.probe", module)
    monkeypatch.setitem(cli.NOUNS, "probe", ("harness.cli.probe:app", "A noun of the tests."))
    yield module.app


def ends_with(app: typer.Typer, trouble: BaseException | Exit | None) -> int:
    @app.command()
    def probe() -> Exit | None:
        if isinstance(trouble, BaseException):
            raise trouble
        return trouble

    return cli.main(["probe"])


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [
        (None, Exit.PASS),
        (Exit.GUIDE_GAP, Exit.GUIDE_GAP),
        (typer.Exit(Exit.LEASE), Exit.LEASE),
        (ConfigError("plan 'x' has no scenario"), Exit.USAGE),
        (typer.BadParameter("must be positive"), Exit.USAGE),
        (KeyboardInterrupt(), Exit.INTERRUPTED),
        (typer.Abort(), Exit.INTERRUPTED),
        (ValueError("unforeseen"), Exit.HARNESS),
        (BrokenPipeError(), Exit.PASS),
    ],
)
def test_every_way_to_end_has_its_exit_code(
    probe: typer.Typer, trouble: BaseException | Exit | None, expected: Exit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    assert ends_with(probe, trouble) == expected


def test_an_error_is_one_screen_with_the_next_step(probe: typer.Typer, capsys: pytest.CaptureFixture[str]) -> None:
    ends_with(probe, ConfigError("lab 'rack-9' is unknown", hint="`hil lab list` shows the labs"))
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "hil: lab 'rack-9' is unknown\n  next: `hil lab list` shows the labs\n"


def test_the_traceback_comes_only_when_asked_for(
    probe: typer.Typer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIL_DEBUG", "1")
    ends_with(probe, ValueError("unforeseen"))
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_an_unknown_noun_is_a_usage_error_with_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["docter"]) == Exit.USAGE
    assert "Did you mean 'doctor'?" in capsys.readouterr().err


def test_an_unknown_option_points_to_the_help_of_its_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor", "--jsno"]) == Exit.USAGE
    assert "`hil doctor --help`" in capsys.readouterr().err


def test_help_and_bare_hil_list_every_noun(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == Exit.PASS
    asked = capsys.readouterr().out
    assert cli.main([]) == Exit.USAGE
    assert capsys.readouterr().out == asked
    for noun, (_, summary) in cli.NOUNS.items():
        assert f"  {noun:<6}  {summary}" in asked


def test_help_imports_no_noun(checkout: Path) -> None:
    code = (
        "import sys; from harness.cli import main; main(['--help']); print([m for m in sys.modules if 'harness' in m])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=checkout, capture_output=True, text=True, check=True)
    assert not [module for module in NOUN_MODULES if f"'{module}'" in done.stdout]
    assert "'harness.labs'" not in done.stdout


def test_a_noun_shows_plain_help_without_options_of_the_whole(
    probe: typer.Typer, capsys: pytest.CaptureFixture[str]
) -> None:
    @probe.command()
    def probe_command() -> None:
        """Look."""

    assert cli.main(["probe", "--help"]) == Exit.PASS
    shown = capsys.readouterr().out
    assert "--install-completion" not in shown
    assert "╭" not in shown


def test_version_is_the_one_of_the_checkout(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == Exit.PASS
    number = capsys.readouterr().out.strip().removeprefix("hil ")
    assert f'version = "{number}"' in (checkout / "pyproject.toml").read_text(encoding="utf-8")


def test_every_noun_in_the_table_has_its_module(checkout: Path) -> None:
    missing = [module for module in NOUN_MODULES if not (checkout / f"{module.replace('.', '/')}.py").is_file()]
    assert not missing
