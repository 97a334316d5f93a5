"""Pieces of the node image: kernel modules, command line, sources of packages, scripts, pinned requirements."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.errors import ConfigError
from harness.labs.nested.image import programs, sources
from harness.labs.nested.image.bootline import Card, boot_line
from harness.labs.nested.image.kernelmodules import KernelModules
from harness.labs.nested.image.recipe import image_dir, read_recipe
from harness.paths import root

MAC = "52:54:00:00:00:01"


def module(tree: Path, name: str, needs: str) -> None:
    folder = tree / "lib" / "modules" / "6.1" / "kernel" / "drivers" / name
    folder.mkdir(parents=True)
    (folder / f"{name}.ko").write_bytes(b"\x7fELF\0license=GPL\0depends=" + needs.encode() + b"\0retpoline=Y\0")


@pytest.fixture
def modules(tmp_path: Path) -> KernelModules:
    module(tmp_path, "virtio", "")
    module(tmp_path, "virtio-ring", "virtio")
    module(tmp_path, "virtio_pci", "virtio,virtio-ring")
    module(tmp_path, "virtio_blk", "virtio_ring")
    listing = tmp_path / "lib" / "modules" / "6.1" / "modules.builtin"
    listing.write_text("kernel/fs/ext4/ext4.ko\nkernel/drivers/nvme/host/nvme-core.ko\n")
    return KernelModules.below(tmp_path)


def test_modules_come_after_what_they_need(modules: KernelModules) -> None:
    found = [file.name for file in modules.in_order(["virtio_pci", "virtio_blk"])]
    assert found == ["virtio.ko", "virtio-ring.ko", "virtio_pci.ko", "virtio_blk.ko"]


def test_built_in_modules_need_no_file(modules: KernelModules) -> None:
    assert [file.name for file in modules.in_order(["ext4", "nvme_core", "virtio"])] == ["virtio.ko"]


def test_an_unknown_module_is_named(modules: KernelModules) -> None:
    with pytest.raises(ConfigError, match=r"no module 'virtio_blok', which the recipe asks for \(did you mean"):
        modules.in_order(["virtio_blok"])


def test_the_command_line_says_who_the_node_is() -> None:
    line = boot_line("NODE01", cards=[Card(MAC, "10.1.0.1/24")], brain="10.1.0.254:4711", token="abc")
    words = line.split(" ")
    assert words[-4:] == ["hil.name=NODE01", f"hil.net={MAC},10.1.0.1/24", "hil.brain=10.1.0.254:4711", "hil.token=abc"]
    assert "console=ttyS0" in words


@pytest.mark.parametrize(
    ("token", "mac"), [("two words", MAC), ("line\nend", MAC), ("ok", "52-54-00-00-00-01"), ("x" * 2000, MAC)]
)
def test_what_the_command_line_cannot_carry_is_refused(token: str, mac: str) -> None:
    with pytest.raises(ConfigError):
        boot_line("NODE01", cards=[Card(mac, "10.1.0.1/24")], brain="10.1.0.254:4711", token=token)


def test_missing_programs_are_named_with_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda program, **_: None if program in ("cpio", "qemu-img") else program)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    why = programs.why_not_here()
    assert "cpio, qemu-img missing (apt-get install -y cpio qemu-utils)" in why
    assert "built by root" in why


def test_nothing_is_missing_where_all_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda program, **_: program)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    assert programs.why_not_here() == ""


TARGETS = """\
http://mirror/debian/|bookworm|main|bookworm|Debian
http://mirror/debian/|bookworm|main|bookworm|Debian
http://mirror/debian/|bookworm|contrib|bookworm|Debian
http://mirror/debian/|bookworm-updates|main|bookworm-updates|Debian
http://mirror/security/|stable-security|main|bookworm-security|Debian
http://other/docker/|bookworm|main|bookworm|Docker
http://mirror/debian/|trixie|main|trixie|Debian
"""


def answering(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, stdout=text, stderr=""))


def test_sources_are_what_apt_knows_of_the_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, TARGETS)
    assert sources.package_sources(read_recipe(image_dir())).splitlines() == [
        "deb http://mirror/debian/ bookworm main",
        "deb http://mirror/debian/ bookworm-updates main",
        "deb http://mirror/security/ stable-security main",
    ]


def test_an_unknown_suite_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, TARGETS.replace("bookworm", "noble"))
    recipe = read_recipe(image_dir())
    with pytest.raises(ConfigError, match="'bookworm'"):
        sources.package_sources(recipe)
    assert "apt-get update" in sources.why_no_sources(recipe)


def test_settings_for_mirrors_are_kept_and_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = 'Acquire::http::Proxy "http://proxy:3128/";\nAcquire::Check-Date "false";\n'
    answering(monkeypatch, f'Acquire "";\nAcquire::http "";\n{kept}Acquire::Languages "none";\nAcquire::httpd "1";\n')
    assert sources.apt_settings() == kept


@pytest.mark.parametrize("name", ["init", "initrd-init", "fetch-kernel"])
@pytest.mark.skipif(shutil.which("sh") is None, reason="needs a POSIX shell")
def test_scripts_are_good_shell(name: str) -> None:
    done = subprocess.run(["sh", "-n", str(image_dir() / name)], capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stderr) == (0, "")


def pins(text: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Version and hashes of each package."""
    logical = text.replace("\\\n", " ").splitlines()
    lines = [line for line in logical if line and not line.startswith((" ", "#"))]
    return {
        line.partition("==")[0]: (line.split()[0].partition("==")[2], frozenset(re.findall(r"sha256:(\w{64})", line)))
        for line in lines
    }


def test_the_image_has_the_packages_that_the_harness_has() -> None:
    ours = pins((root() / "requirements" / "run.txt").read_text())
    text = (image_dir() / "requirements.txt").read_text()
    images = pins(text)
    asked = (image_dir() / "requirements.in").read_text().splitlines()
    assert {line for line in asked if line and not line.startswith("#")} <= set(images)
    assert images == {name: ours[name] for name in images}, "compile it anew: docs/howto/build-node-image.md"
    assert all(hashes for _, hashes in images.values())
    assert "://" not in text
