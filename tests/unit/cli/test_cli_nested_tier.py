"""`hil test --nested`: only nested tests, and no `ok` unless all of them ran."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import cli
from harness.cli import tally
from harness.cli import test as command
from harness.exits import Exit
from harness.labs.nested import needs
from harness.labs.nested.needs import Lack

PASSES = "def test_passes(): pass\n"
FAILS = "def test_fails(): assert 0\n"
SKIPS = """
import pytest
@pytest.mark.parametrize("number", [1, 2])
def test_skips(number): pytest.skip("needs swtpm (package swtpm)")
"""
SKIPS_ALL = "import pytest\npytest.skip('needs libvirtd', allow_module_level=True)\n"

Tier = Callable[..., Exit]


@pytest.fixture
def tier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tier:
    """Run the tier on a file of tests, on a machine that has everything."""

    def run(*parts: str, workers: int = 0) -> Exit:
        for number, part in enumerate(parts):
            (tmp_path / f"test_{number}.py").write_text(part)
        line = [sys.executable, "-m", "pytest", "-q", "-p", "xdist", "-n", str(workers), str(tmp_path)]
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # these tests need no others, and they take a second
        monkeypatch.setattr(command, "pytest_command", lambda *_, **__: line)
        monkeypatch.setattr(needs, "lab_lacks", list)
        return Exit(cli.main(["test", "--nested"]))

    return run


def row(out: str) -> list[str]:
    [line] = [line for line in out.splitlines() if line.startswith("nested ")]
    return line.split()


@pytest.mark.parametrize(
    ("parts", "expected", "result", "reasons"),
    [
        ((PASSES,), Exit.PASS, "ok", ""),
        ((SKIPS,), Exit.LAB, "not-run", "needs swtpm (package swtpm) (2)"),
        ((SKIPS_ALL,), Exit.LAB, "not-run", "needs libvirtd (1)"),
        ((PASSES, SKIPS), Exit.LAB, "incomplete", "needs swtpm (package swtpm) (2)"),
        ((PASSES, SKIPS, SKIPS_ALL), Exit.LAB, "incomplete", "needs libvirtd (1); needs swtpm (package swtpm) (2)"),
        ((FAILS, SKIPS), Exit.PRODUCT, "failed", "needs swtpm (package swtpm) (2)"),
    ],
)
def test_only_a_run_without_skipped_tests_is_ok(
    tier: Tier,
    parts: tuple[str, ...],
    expected: Exit,
    result: str,
    reasons: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert tier(*parts) is expected
    said = capsys.readouterr()
    assert row(said.out)[2:] == [result]
    assert said.err == (f"nested tests that did not run: {reasons}\n" if reasons else "")


def test_skipped_tests_of_all_workers_count(tier: Tier, capsys: pytest.CaptureFixture[str]) -> None:
    assert tier(PASSES, SKIPS, workers=2) is Exit.LAB
    said = capsys.readouterr()
    assert row(said.out)[2:] == ["incomplete"]
    assert "(2)" in said.err


def test_no_test_selected_is_not_a_pass(tier: Tier, capsys: pytest.CaptureFixture[str]) -> None:
    assert tier("") is Exit.NOTHING_SELECTED
    assert row(capsys.readouterr().out)[2:] == ["no", "test", "selected"]


def test_a_run_that_ends_without_counting_is_broken(tier: Tier, capsys: pytest.CaptureFixture[str]) -> None:
    assert tier("def test_leaves():\n    import os\n    os._exit(0)\n") is Exit.HARNESS
    assert row(capsys.readouterr().out)[2:] == ["broken", "off"]


def test_a_machine_that_lacks_something_runs_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(needs, "lab_lacks", lambda: [Lack("network namespaces need root"), Lack("nft", ("nftables",))])
    monkeypatch.setattr(command, "run_tests", lambda *_: pytest.fail("pytest was started"))
    assert cli.main(["test", "--nested"]) == Exit.LAB
    said = capsys.readouterr()
    assert row(said.out) == ["nested", "0.0", "not-run"]
    assert "no nested test ran; they need what is not here: network namespaces need root, nft" in said.err
    assert "apt-get install -y --no-install-recommends nftables" in said.err


def test_the_static_checks_are_left_to_the_usual_tier(tier: Tier, capsys: pytest.CaptureFixture[str]) -> None:
    tier(PASSES)
    out = capsys.readouterr().out
    assert not [line for line in out.splitlines() if line.startswith(tuple(command.STATIC_CHECKS))]


def test_tests_at_one_hypervisor_share_a_process() -> None:
    line = command.pytest_command([], full=False, nested=True, expression="")
    assert {"--dist=loadgroup", "--no-loadscope-reorder"} <= set(line)
    assert "--dist=worksteal" in command.pytest_command([], full=False, nested=False, expression="")


def test_nothing_was_counted_where_pytest_did_not_come_that_far(tmp_path: Path) -> None:
    assert tally.read(tmp_path / "none.json") is None
