"""`requirements/packages.sh`: what it asks of apt, and when it leaves the machine alone.

Stand-ins play apt and dpkg.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from time import perf_counter

import pytest

LIMIT_S = 0.5
TOOLS = ("sh", "mktemp", "rm", "tail", "touch", "cat")
LIST = "# packages\n\ngcc\nnftables\nswtpm\n"


class Machine:
    """A PATH with a few tools, a package database that is a folder, and an apt that writes down how it was called."""

    def __init__(self, folder: Path, script: Path) -> None:
        self.folder, self.script = folder, script
        self.tools, self.installed = folder / "tools", folder / "installed"
        self.calls = folder / "calls"
        self.tools.mkdir()
        self.installed.mkdir()
        for name in TOOLS:
            found = shutil.which(name)
            assert found is not None
            (self.tools / name).symlink_to(found)
        (folder / "list").write_text(LIST)
        self.tool("id", "echo 0")
        self.tool("dpkg-query", f"cd {self.installed}; for one in *; do printf 'installed=%s ' \"$one\"; done")
        self.apt(f"cd {self.installed}; touch gcc nftables swtpm")

    def tool(self, name: str, body: str) -> None:
        (self.tools / name).write_text(f"#!/bin/sh\n{body}\n")
        (self.tools / name).chmod(0o755)

    def apt(self, body: str) -> None:
        self.tool("apt-get", f'echo "$RUNLEVEL $SYSTEMD_OFFLINE $*" >>{self.calls}; {body}')

    def has(self, *packages: str) -> None:
        for package in packages:
            (self.installed / package).touch()

    def run(self) -> subprocess.CompletedProcess[str]:
        command = ["sh", self.script, self.folder / "list", "nested labs"]
        environ = {"PATH": str(self.tools), "RUNLEVEL": "", "SYSTEMD_OFFLINE": "", "TMPDIR": str(self.folder)}
        return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)

    @property
    def called(self) -> list[str]:
        return self.calls.read_text().splitlines() if self.calls.exists() else []


@pytest.fixture
def machine(tmp_path: Path, checkout: Path) -> Machine:
    return Machine(tmp_path, checkout / "requirements" / "packages.sh")


def test_it_is_silent_and_quick_when_all_is_there(machine: Machine) -> None:
    machine.has("gcc", "nftables", "swtpm")
    took_s = []
    for _ in range(5):
        began_s = perf_counter()
        done = machine.run()
        took_s.append(perf_counter() - began_s)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert min(took_s) < LIMIT_S
    assert machine.called == []


def test_what_is_missing_is_installed_and_nothing_is_started(machine: Machine) -> None:
    machine.has("gcc")
    done = machine.run()
    assert done.returncode == 0
    assert done.stdout == ""
    first, last = done.stderr.splitlines()
    assert first == "hil: installing 2 Debian packages for nested labs, up to some minutes: nftables swtpm"
    assert last == "hil: installed"
    [call] = machine.called
    assert call.startswith("1 1 install -y -q --no-install-recommends")
    assert call.endswith(" nftables swtpm")
    assert not list(machine.folder.glob("tmp.*"))


def test_apt_is_asked_for_news_when_it_fails(machine: Machine) -> None:
    machine.apt(
        f'case "$*" in update*) touch {machine.folder}/news ;; '
        f"*) [ -e {machine.folder}/news ] && cd {machine.installed} && touch gcc nftables swtpm ;; esac"
    )
    done = machine.run()
    assert done.returncode == 0
    assert [call.split()[-1] if "update" in call else "install" for call in machine.called] == [
        "install",
        "-q",
        "install",
    ]


def test_what_apt_cannot_bring_is_named_with_its_words(machine: Machine) -> None:
    machine.apt(f"touch {machine.installed}/gcc; echo no route to the mirror >&2; exit 100")
    done = machine.run()
    assert done.returncode == 1
    assert "could not be installed: nftables swtpm" in done.stderr
    assert "no route to the mirror" in done.stderr
    assert len(machine.called) == 3


def test_without_root_it_says_what_to_type(machine: Machine) -> None:
    machine.tool("id", "echo 1000")
    machine.has("swtpm")
    done = machine.run()
    assert done.returncode == 1
    assert done.stderr == (
        "hil: 2 Debian packages for nested labs are missing; install them as root: "
        "apt-get install -y --no-install-recommends gcc nftables\n"
    )
    assert machine.called == []


def test_a_package_that_was_removed_but_not_purged_is_missing(machine: Machine) -> None:
    machine.tool("dpkg-query", "printf 'installed=gcc config-files=nftables installed=swtpm '")
    machine.tool("id", "echo 1000")
    assert machine.run().stderr.endswith(" nftables\n")


def test_another_system_is_left_alone(machine: Machine) -> None:
    (machine.tools / "dpkg-query").unlink()
    done = machine.run()
    assert (done.returncode, done.stderr) == (0, "")


def test_it_is_plain_posix_shell(machine: Machine) -> None:
    text = machine.script.read_text(encoding="utf-8")
    assert text.startswith("#!/bin/sh\n")
    assert os.access(machine.script, os.X_OK)
    for bashism in ("[[", "local ", "function ", "<<<", "pipefail"):
        assert bashism not in text
    assert subprocess.run(["sh", "-n", machine.script], capture_output=True, check=False).returncode == 0
