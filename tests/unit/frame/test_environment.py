"""Setting up the private environment, with a pip that installs nothing: empty requirement files need no network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path
from types import ModuleType

import pytest

START_LIMIT_S = 120


@pytest.fixture
def place(tmp_path: Path, checkout: Path) -> Path:
    """A small checkout whose layers are empty, with a stub of the command line."""
    root = tmp_path / "check out"
    (root / "requirements").mkdir(parents=True)
    (root / "harness" / "cli").mkdir(parents=True)
    for name in ("hil", "pyproject.toml", "requirements/environment.py"):
        shutil.copy2(checkout / name, root / name)
    for layer in ("run", "dev", "bench", "nested", "nested-build"):
        (root / "requirements" / f"{layer}.txt").write_text("# nothing\n", encoding="utf-8")
    (root / "harness" / "__init__.py").touch()
    (root / "harness" / "cli" / "__init__.py").touch()
    main = "import sys; print('started', sys.prefix, *sys.argv[1:])\n"
    (root / "harness" / "cli" / "__main__.py").write_text(main, encoding="utf-8")
    return root


def clean(extra: dict[str, str] | None = None) -> dict[str, str]:
    """The caller's variables without those that would point the start elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HIL_", "PYTHON", "PIP_"))}
    return {**kept, "HIL_PYTHON": sys.executable, "PIP_NO_INDEX": "1", **(extra or {})}


def start(root: Path, *words: str, **extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [root / "hil", *words], capture_output=True, text=True, env=clean(extra), timeout=START_LIMIT_S, cwd="/"
    )


def start_two_at_once(root: Path) -> list[str]:
    """Two first starts; returns what they said on stderr."""
    both = [
        subprocess.Popen([root / "hil", word], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean())
        for word in ("one", "two")
    ]
    shown = [process.communicate(timeout=START_LIMIT_S) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert {out for out, _ in shown} == {f"started {root / '.venv'} one\n", f"started {root / '.venv'} two\n"}
    return [err for _, err in shown]


@pytest.mark.full
def test_first_starts_set_up_once_and_later_ones_only_what_changed(place: Path) -> None:
    """One story, since making an environment takes seconds."""
    venv = place / ".venv"
    said = start_two_at_once(place)
    assert "".join(said).count(f"hil: setting up the Python environment in '{venv}'") == 1
    linked = {found.name: found for found in distributions(path=[str(next(venv.glob("lib/python*/site-packages")))])}
    plugin = [(point.group, point.name, point.value) for point in linked["azurelocal-hil"].entry_points]
    assert ("pytest11", "hil", "harness.pytest_plugin") in plugin
    by_name = subprocess.run([venv / "bin" / "hil", "lab"], capture_output=True, text=True, cwd="/", env=clean())
    assert by_name.stdout == f"started {venv} lab\n"

    warm = start(place, "demo", "--x y", HIL_PYTHON="/nonexistent")
    assert (warm.stdout, warm.stderr) == (f"started {venv} demo --x y\n", "")

    requirement = place / "requirements" / "run.txt"
    requirement.write_text("absent-package==1.0 --hash=sha256:" + "0" * 64 + "\n", encoding="utf-8")
    failed = start(place, "demo")
    assert (failed.returncode, failed.stdout) == (3, "")
    assert "absent-package==1.0" in failed.stderr
    assert "hil-setup.log" in failed.stderr
    assert not (venv / "hil-run.stamp").exists()


@pytest.mark.full
def test_an_environment_cut_off_or_moved_is_made_again(place: Path, tmp_path: Path) -> None:
    venv = place / ".venv"
    start(place)
    (venv / "hil-run.stamp").unlink()
    (venv / "hil-changing").touch()
    (venv / "torn").touch()
    assert "setting up" in start(place).stderr
    assert not (venv / "torn").exists()

    moved = tmp_path / "moved"
    place.rename(moved)
    after = start(moved)
    assert after.stdout == f"started {moved / '.venv'}\n"
    assert "setting up" in after.stderr
    assert start(moved).stderr == ""


@pytest.fixture
def ours(environment_module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment made by hil, whose Python runs; making it again leaves the file `made`."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    (tmp_path / "pyvenv.cfg").touch()
    (tmp_path / environment_module.MADE_HERE).write_text(f"{tmp_path}\n", encoding="utf-8")
    (tmp_path / environment_module.LOCK).touch()
    monkeypatch.setattr(environment_module, "run", lambda *_: (tmp_path / "made").touch())
    return tmp_path


def test_a_whole_environment_is_kept(environment_module: ModuleType, ours: Path) -> None:
    assert environment_module.prepare(ours) is False
    assert not (ours / "made").exists()
    assert (ours / environment_module.CHANGING).exists()


def test_an_environment_cut_off_is_emptied_but_for_its_lock(environment_module: ModuleType, ours: Path) -> None:
    (ours / environment_module.CHANGING).touch()
    environment_module.prepare(ours)
    kept = {environment_module.LOCK, environment_module.MADE_HERE, environment_module.CHANGING, "made"}
    assert {entry.name for entry in ours.iterdir()} == kept


def test_an_environment_that_came_from_elsewhere_is_made_again(environment_module: ModuleType, ours: Path) -> None:
    (ours / environment_module.MADE_HERE).write_text("/somewhere/else\n", encoding="utf-8")
    environment_module.prepare(ours)
    assert (ours / "made").exists()


def test_an_environment_whose_python_is_gone_is_made_again(environment_module: ModuleType, ours: Path) -> None:
    (ours / "bin" / "python").unlink()
    (ours / "bin" / "python").symlink_to("/nonexistent/python3.9")
    environment_module.prepare(ours)
    assert (ours / "made").exists()


def test_a_folder_with_other_content_is_left_alone(place: Path) -> None:
    occupied = place / "letters"
    occupied.mkdir()
    (occupied / "letter.txt").touch()
    refused = start(place, HIL_VENV=str(occupied))
    assert refused.returncode == 4
    assert "holds other things than an environment" in refused.stderr
    assert [entry.name for entry in occupied.iterdir()] == ["letter.txt"]


def test_a_place_that_cannot_be_written_names_the_remedy(place: Path) -> None:
    (place / "file").touch()
    refused = start(place, HIL_VENV=str(place / "file" / "venv"))
    assert refused.returncode == 4
    assert "Set HIL_VENV to a writable folder" in refused.stderr


def test_an_environment_of_somebody_else_is_never_emptied(
    environment_module: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pyvenv.cfg").touch()
    (tmp_path / "precious").touch()
    with pytest.raises(SystemExit) as stopped:
        environment_module.prepare(tmp_path)
    assert stopped.value.code == 4
    assert "was not made by hil" in capsys.readouterr().err
    assert {entry.name for entry in tmp_path.iterdir()} == {"pyvenv.cfg", "precious"}


def test_remarks_of_pip_about_the_machine_are_noise_and_errors_are_not(environment_module: ModuleType) -> None:
    assert environment_module.is_noise("WARNING: Location 'file:///x/simple/uv/' is ignored: it is neither a file")
    assert environment_module.is_noise("[notice] A new release of pip is available")
    assert not environment_module.is_noise("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES")
    assert not environment_module.is_noise("WARNING: Retrying after connection broken by 'ProxyError'")


def test_linking_replaces_the_metadata_of_an_older_version(
    environment_module: ModuleType, checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    (site / "azurelocal_hil-0.0.1.dist-info").mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    answer = subprocess.CompletedProcess([], 0, stdout=f"{site}\n")
    monkeypatch.setattr(environment_module.subprocess, "run", lambda *_, **__: answer)
    environment_module.link(checkout, tmp_path)
    monkeypatch.undo()
    (found,) = distributions(path=[str(site)])
    assert found.version != "0.0.1"
    assert json.loads(found.read_text("direct_url.json") or "")["url"] == checkout.as_uri()
    assert {point.group for point in found.entry_points} == {"console_scripts", "pytest11"}
    assert all((site / file).exists() for file in found.files or [])
    assert os.access(tmp_path / "bin" / "hil", os.X_OK)
