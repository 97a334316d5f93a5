"""What nested labs need: one list for the start script, the doctor and the page for people."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.cli import doctor
from harness.cli.doctor import State
from harness.labs import start
from harness.labs.models import find_lab
from harness.labs.nested import needs
from harness.labs.nested.needs import Lack
from harness.paths import root


def listed() -> set[str]:
    lines = (root() / "requirements" / "nested.apt").read_text(encoding="utf-8").splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def test_the_start_script_brings_what_the_doctor_misses() -> None:
    known = {*needs.BINDING_PACKAGES, needs.DRIVER_PACKAGE, needs.FIRMWARE_PACKAGE}
    assert listed() == known | set(needs.LAB_PROGRAMS.values()) | set(needs.FURTHER_PROGRAMS.values())


def test_the_page_names_the_same_packages() -> None:
    page = (root() / "docs" / "howto" / "run-the-tests.md").read_text(encoding="utf-8")
    block = page[page.index("apt-get install -y --no-install-recommends") :].partition("```")[0]
    words = block.replace("\\\n", " ").split()
    assert set(words[4:]) == listed()


def test_a_machine_without_programs_lacks_them_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs, "environment", lambda: {"PATH": str(tmp_path)})
    assert {lack.what for lack in needs.lab_lacks()} >= set(needs.LAB_PROGRAMS)
    assert {lack.what for lack in needs.further_lacks()} >= set(needs.FURTHER_PROGRAMS)
    tool = tmp_path / "nft"
    tool.touch(0o755)
    assert "nft" not in {lack.what for lack in needs.lab_lacks()}


def test_the_remedy_is_what_can_be_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    lacks = [Lack("libvirt-python", needs.BINDING_PACKAGES), Lack("nft", ("nftables",)), Lack("tc", ("nftables",))]
    install = "apt-get install -y --no-install-recommends gcc libvirt-dev nftables pkg-config python3-dev"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(needs, "can_build", lambda: True)
    assert needs.remedy(lacks[:1]) == "./hil --nested doctor"
    monkeypatch.setattr(needs, "can_build", lambda: False)
    assert needs.remedy(lacks) == f"{install}, then ./hil --nested doctor"
    assert needs.remedy(lacks[1:]) == "apt-get install -y --no-install-recommends nftables"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert needs.remedy(lacks[1:]) == "become root, then apt-get install -y --no-install-recommends nftables"
    assert needs.remedy([Lack("root")]) == "become root"


@pytest.mark.parametrize(
    ("lab", "further", "state", "words"),
    [
        ([], [], State.OK, "QEMU"),
        ([], [Lack("swtpm", ("swtpm",))], State.WARN, "without what needs swtpm"),
        ([Lack("qemu-img", ("qemu-utils",))], [Lack("swtpm", ("swtpm",))], State.MISSING, "no nested labs: qemu-img"),
    ],
)
def test_the_doctor_names_what_is_missing(
    lab: list[Lack], further: list[Lack], state: State, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(needs, "lab_lacks", lambda: lab)
    monkeypatch.setattr(needs, "further_lacks", lambda: further)
    check = doctor.libvirt()
    assert check.state is state
    assert words in check.found
    assert bool(check.remedy) == (state is not State.OK)


def test_machines_want_their_memory_and_their_emulators_what_they_translate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = tmp_path / "meminfo"
    memory.write_text("MemTotal:        4096000 kB\nMemAvailable:     655360 kB\nBuffers:  1 kB\n", encoding="ascii")
    monkeypatch.setattr(needs, "MEMORY", memory)
    assert needs.memory_short(2, 256) == "", "2 x (256 + 64) MiB are 640 MiB, and so many are free"
    short = "its 3 machines want 960 MiB of memory in all, of which 640 MiB are free"
    assert needs.memory_short(3, 256) == short
    lab = find_lab("nested-2node")
    monkeypatch.setattr(needs, "lab_lacks", list)
    assert start.why_not_hosted(lab) == ""
    memory.write_text("MemAvailable: 1024 kB\n", encoding="ascii")
    assert start.why_not_hosted(lab).startswith("its 2 machines want 640 MiB")
    assert "nested.memory_mib" in start.how_to_host(lab)
