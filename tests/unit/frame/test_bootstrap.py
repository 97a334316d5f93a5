"""`./hil` before any Python runs: finding one, saying what is missing, and the cost of a warm start."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import pytest

WARM_LIMIT_S = 0.05
TOOLS = ("readlink", "cat", "sha256sum", "cut", "id", "sh", "dirname")


@pytest.fixture
def root(tmp_path: Path, checkout: Path) -> Path:
    folder = tmp_path / "checkout"
    (folder / "requirements").mkdir(parents=True)
    for name in (
        "hil",
        "pyproject.toml",
        "requirements/environment.py",
        "requirements/run.txt",
        "requirements/dev.txt",
        "requirements/bench.txt",
    ):
        shutil.copy2(checkout / name, folder / name)
    return folder


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A PATH with the few tools that the script itself may use, and no Python."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    return folder


def script(path: Path, body: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)


def warm(root: Path, venv: Path, layers: tuple[str, ...] = ("run",)) -> None:
    """An environment that looks installed; its Python prints what it was asked to run."""
    script(venv / "bin" / "python", 'echo "$@"')
    for layer in layers:
        parts = [root / "pyproject.toml", root / "requirements" / "environment.py"]
        parts.append(root / "requirements" / f"{layer}.txt")
        digest = hashlib.sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()
        (venv / f"hil-{layer}.stamp").write_text(f"{root}|{venv / 'bin' / 'python'}|{digest}\n", encoding="utf-8")


def start(root: Path, tools: Path, *words: str, **extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [root / "hil", *words], env={"PATH": str(tools), **extra}, capture_output=True, text=True, cwd="/", timeout=60
    )


def test_without_python_it_asks_for_one_in_one_line(root: Path, tools: Path) -> None:
    refused = start(root, tools, "demo")
    assert refused.returncode == 4
    assert refused.stdout == ""
    assert refused.stderr.count("\n") == 1
    assert "no Python 3.11 or newer" in refused.stderr
    assert "apt-get install -y python3 python3-venv" in refused.stderr


def test_an_old_python_is_not_taken(root: Path, tools: Path) -> None:
    script(tools / "python3", "exit 1")
    assert "no Python 3.11 or newer" in start(root, tools).stderr


def test_a_python_without_venv_is_named_with_the_remedy(root: Path, tools: Path) -> None:
    script(tools / "python3", 'case "$*" in *ensurepip*) exit 1 ;; esac')
    refused = start(root, tools)
    assert refused.returncode == 4
    assert refused.stderr.count("\n") == 1
    assert "'python3' cannot make environments" in refused.stderr
    assert "apt-get install -y python3-venv" in refused.stderr


def test_a_complete_python_is_preferred_to_a_first_one_without_venv(root: Path, tools: Path) -> None:
    script(tools / "python3", 'case "$*" in *ensurepip*) exit 1 ;; esac')
    script(tools / "python3.12", 'case "$*" in *environment.py*) echo "with 3.12" >&2; exit 3 ;; esac')
    chosen = start(root, tools)
    assert chosen.stderr == "with 3.12\n"
    assert chosen.returncode == 3


@pytest.mark.parametrize(
    ("words", "layers"),
    [(("demo",), ("run",)), (("test", "-k", "x"), ("run", "dev")), (("bench", "shell"), ("run", "bench"))],
)
def test_a_warm_start_runs_the_harness_and_looks_for_no_python(
    root: Path, tools: Path, words: tuple[str, ...], layers: tuple[str, ...]
) -> None:
    warm(root, root / ".venv", layers)
    started = start(root, tools, *words)
    assert (started.stdout, started.stderr) == (f"-P -m harness.cli {' '.join(words)}\n", "")


def test_the_development_layer_is_only_for_the_tests(root: Path, tools: Path) -> None:
    warm(root, root / ".venv", ("run",))
    assert start(root, tools, "demo").returncode == 0
    assert "no Python 3.11 or newer" in start(root, tools, "test").stderr


@pytest.mark.parametrize("damage", ["", "garbage\n", "|||\n"])
def test_a_broken_stamp_is_not_trusted(root: Path, tools: Path, damage: str) -> None:
    warm(root, root / ".venv")
    (root / ".venv" / "hil-run.stamp").write_text(damage, encoding="utf-8")
    assert "no Python 3.11 or newer" in start(root, tools).stderr


def test_changed_requirements_make_the_stamp_stale(root: Path, tools: Path) -> None:
    warm(root, root / ".venv")
    with (root / "requirements" / "run.txt").open("a", encoding="utf-8") as file:
        file.write("# one more line\n")
    assert "no Python 3.11 or newer" in start(root, tools).stderr


def test_it_works_through_a_link_and_from_any_folder(root: Path, tools: Path, tmp_path: Path) -> None:
    warm(root, root / ".venv")
    (tmp_path / "link").symlink_to(root / "hil")
    for command in ([tmp_path / "link"], ["sh", "hil"]):
        started = subprocess.run([*command, "lab"], env={"PATH": str(tools)}, capture_output=True, text=True, cwd=root)
        assert started.stdout == "-P -m harness.cli lab\n"


def test_arguments_arrive_unchanged(root: Path, tools: Path) -> None:
    warm(root, root / ".venv")
    script(root / ".venv" / "bin" / "python", 'shift 3; printf "[%s]" "$@"')
    assert start(root, tools, "run", "a b", "", "*", "--x=$HOME").stdout == "[run][a b][][*][--x=$HOME]"


def test_nested_without_headers_says_what_is_left_out_and_goes_on(root: Path, tools: Path) -> None:
    warm(root, root / ".venv")
    started = start(root, tools, "--nested", "doctor")
    assert started.stdout == "-P -m harness.cli doctor\n"
    assert started.stderr.count("\n") == 1
    assert "libvirt labs are left out" in started.stderr


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("test", "--nested"), "nested.apt tests of nested labs"),
        (("test", "-k", "x", "--nested"), "nested.apt tests of nested labs"),
        (("test", "--nested", "--help"), ""),
        (("test",), ""),
        (("--nested", "doctor"), ""),
    ],
)
def test_packages_are_brought_for_the_nested_tests_only(
    root: Path, tools: Path, words: tuple[str, ...], expected: str
) -> None:
    warm(root, root / ".venv", ("run", "dev"))
    script(root / "requirements" / "packages.sh", 'echo "brought: ${1##*/} $2"; exit 1')
    said = start(root, tools, *words).stdout.splitlines()
    assert [line for line in said if line.startswith("brought: ")] == ([f"brought: {expected}"] if expected else [])
    assert said[-1].startswith("-P -m harness.cli "), "it goes on, whatever came of it"


def test_the_help_of_the_tests_needs_no_development_layer(root: Path, tools: Path) -> None:
    warm(root, root / ".venv")
    started = start(root, tools, "test", "--nested", "--help")
    assert (started.stdout, started.stderr) == ("-P -m harness.cli test --nested --help\n", "")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_checkout_that_cannot_be_written_uses_the_cache_folder(root: Path, tools: Path, tmp_path: Path) -> None:
    script(tools / "python3", 'case "$*" in *environment.py*) echo "$4" >&2; exit 3 ;; esac')
    root.chmod(0o555)
    try:
        started = start(root, tools, XDG_CACHE_HOME=str(tmp_path / "cache"))
    finally:
        root.chmod(0o755)
    assert started.stderr.startswith(f"{tmp_path / 'cache' / 'azurelocal-hil'}/")


def test_a_warm_start_is_quick(root: Path, tools: Path) -> None:
    """Best of some tries, since other work may share the processor."""
    warm(root, root / ".venv")
    best_s = float("inf")
    for _ in range(15):
        began_s = perf_counter()
        start(root, tools, "demo")
        best_s = min(best_s, perf_counter() - began_s)
    assert best_s < WARM_LIMIT_S


def test_the_script_is_plain_posix_shell(checkout: Path) -> None:
    text = (checkout / "hil").read_text(encoding="utf-8")
    assert text.startswith("#!/bin/sh\n")
    assert os.access(checkout / "hil", os.X_OK)
    for bashism in ("[[", "local ", "function ", "<<<", "${BASH", "pipefail"):
        assert bashism not in text
    assert subprocess.run(["sh", "-n", checkout / "hil"], capture_output=True).returncode == 0
    assert sys.version_info >= (3, 11)


def test_byte_code_is_kept_also_where_the_environment_forbids_it_or_the_checkout_is_read_only(
    root: Path, tools: Path, tmp_path: Path
) -> None:
    venv = tmp_path / "venv"
    warm(root, venv)
    (root / "harness").mkdir()
    script(venv / "bin" / "python", 'echo "${PYTHONDONTWRITEBYTECODE-unset} ${PYTHONPYCACHEPREFIX-unset}"')
    said = start(root, tools, HIL_VENV=str(venv), PYTHONDONTWRITEBYTECODE="1").stdout
    assert said == "unset unset\n"
    (root / "harness").rmdir()  # as good as one without the right to write, for root too
    said = start(root, tools, HIL_VENV=str(venv)).stdout
    assert said == f"unset {venv}/bytecode\n"
