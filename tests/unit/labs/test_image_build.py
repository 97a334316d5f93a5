"""Building node images with layers that are made in an instant: what is kept, what is made anew, what is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from harness.clock import utc_now, wait_until
from harness.errors import ConfigError, LabError
from harness.labs.nested.image import build, build_image, image_ready
from harness.labs.nested.image.build import NODE, SYSTEM, WHEELS
from harness.labs.nested.image.store import UNUSED_AFTER, ImageStore
from harness.paths import root


class Made:
    """Layers that write small files, and remember that they were asked."""

    def __init__(self) -> None:
        self.kinds: list[str] = []
        self.before: dict[str, Callable[[], object]] = {}

    def _make(self, kind: str, into: Path) -> None:
        (into / "kernel").write_text("k" * 10)
        self.before.get(kind, lambda: None)()
        self.kinds.append(kind)

    def system(self, into: Path) -> None:
        self._make(SYSTEM, into)

    def wheels(self, system: Path, into: Path) -> None:
        assert (system / "kernel").is_file()
        self._make(WHEELS, into)

    def node(self, system: Path, wheels: Path, into: Path) -> None:
        assert (system / "kernel").is_file()
        assert (wheels / "kernel").is_file()
        (into / "initrd").write_text("i" * 20)
        (into / "disk.qcow2").write_text("d" * 30)
        self._make(NODE, into)


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout of the test's own for the recipe and its files; returns their folder."""
    folder = tmp_path / "linux-node"
    folder.mkdir()
    for file in (root() / "fixtures" / "images" / "linux-node").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(build, "image_dir", lambda: folder)
    return folder


@pytest.fixture
def service(tmp_path: Path) -> dict[str, Path]:
    file = tmp_path / "service.py"
    file.write_text("import json\n")
    return {"harness/twin/nodes/service.py": file}


@pytest.fixture
def made() -> Made:
    return Made()


def quiet(_: str) -> None:
    """Nobody listens."""


def left(state: Path) -> list[str]:
    """Everything that is no layer."""
    folders = state / "images"
    return sorted(entry.name for entry in folders.iterdir() if entry.name.startswith("."))


@pytest.mark.usefixtures("images")
def test_an_image_is_made_once(made: Made, service: dict[str, Path]) -> None:
    assert image_ready(service) is None
    said: list[str] = []
    first = build_image(said.append, service_files=service, layers=made)
    assert made.kinds == [SYSTEM, WHEELS, NODE]
    assert any(line.startswith("operating system: made in") for line in said)
    assert first.size_bytes == 60
    assert first.disk.read_text() == "d" * 30
    said.clear()
    assert build_image(said.append, service_files=service, layers=made) == first
    assert image_ready(service) == first
    assert (made.kinds, said) == ([SYSTEM, WHEELS, NODE], [])


CHANGES: dict[str, tuple[str, Callable[[str], str], list[str]]] = {
    "another package": (
        "recipe.yaml",
        lambda text: text.replace("[python3,", "[python3, nftables,"),
        [SYSTEM, WHEELS, NODE],
    ),
    "a larger disk": ("recipe.yaml", lambda text: text.replace("disk_mib: 768", "disk_mib: 1024"), [NODE]),
    "a remark": ("recipe.yaml", lambda text: f"{text}\n# a remark\n", []),
    "how the kernel is fetched": ("fetch-kernel", lambda text: f"{text}\n", [SYSTEM, WHEELS, NODE]),
    "another requirement": ("requirements.txt", lambda text: f"{text}\n# more\n", [WHEELS, NODE]),
    "another first process": ("init", lambda text: f"{text}\n", [NODE]),
    "another initrd": ("initrd-init", lambda text: f"{text}\n", [NODE]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_only_what_changed_is_made_anew(change: str, images: Path, made: Made, service: dict[str, Path]) -> None:
    first = build_image(quiet, service_files=service, layers=made)
    made.kinds.clear()
    name, edit, expected = CHANGES[change]
    text = (images / name).read_text()
    assert edit(text) != text
    (images / name).write_text(edit(text))
    second = build_image(quiet, service_files=service, layers=made)
    assert made.kinds == expected
    assert (second.digest != first.digest) == bool(expected)


@pytest.mark.usefixtures("images")
def test_a_change_of_the_service_makes_the_disk_anew(made: Made, service: dict[str, Path], tmp_path: Path) -> None:
    first = build_image(quiet, service_files=service, layers=made)
    made.kinds.clear()
    (tmp_path / "service.py").write_text("import socket\n")
    assert image_ready(service) is None
    second = build_image(quiet, service_files=service, layers=made)
    assert made.kinds == [NODE]
    assert second.digest != first.digest
    assert first.disk.is_file(), "nodes may still have their overlays over it"


@pytest.mark.usefixtures("images")
def test_a_file_of_another_name_is_another_image(made: Made, service: dict[str, Path], tmp_path: Path) -> None:
    first = build_image(quiet, service_files=service, layers=made)
    renamed = {"harness/twin/nodes/other.py": tmp_path / "service.py"}
    assert build_image(quiet, service_files=renamed, layers=made).digest != first.digest


@pytest.mark.usefixtures("images")
def test_force_makes_everything_anew_beside_the_old(made: Made, service: dict[str, Path]) -> None:
    first = build_image(quiet, service_files=service, layers=made)
    second = build_image(quiet, force=True, service_files=service, layers=made)
    assert made.kinds == [SYSTEM, WHEELS, NODE] * 2
    assert second.digest == first.digest
    assert second.disk != first.disk
    assert first.disk.is_file()
    assert image_ready(service) == second


@pytest.mark.usefixtures("images")
def test_nothing_is_left_of_a_layer_that_failed(made: Made, service: dict[str, Path], state: Path) -> None:
    def fail() -> None:
        raise LabError("no space left")

    made.before[NODE] = fail
    with pytest.raises(LabError, match="no space left"):
        build_image(quiet, service_files=service, layers=made)
    assert left(state) == []
    assert image_ready(service) is None
    made.before.clear()
    made.kinds.clear()
    build_image(quiet, service_files=service, layers=made)
    assert made.kinds == [NODE], "what was made before is kept"


def test_files_that_change_meanwhile_are_noticed(images: Path, made: Made, service: dict[str, Path]) -> None:
    made.before[NODE] = lambda: (images / "init").write_text("other")
    with pytest.raises(LabError, match="were changed while it was being made"):
        build_image(quiet, service_files=service, layers=made)


@pytest.mark.usefixtures("images")
@pytest.mark.parametrize("harm", ["shorter", "gone"])
def test_an_image_with_torn_files_does_not_count(made: Made, service: dict[str, Path], harm: str) -> None:
    first = build_image(quiet, service_files=service, layers=made)
    if harm == "gone":
        first.initrd.unlink()
    else:
        first.disk.write_text("d")
    assert image_ready(service) is None
    made.kinds.clear()
    assert build_image(quiet, service_files=service, layers=made).disk.read_text() == "d" * 30
    assert made.kinds == [NODE]


@pytest.mark.usefixtures("images")
def test_two_builders_at_once_make_one_image(made: Made, service: dict[str, Path]) -> None:
    inside, go_on, said = threading.Event(), threading.Event(), list[str]()
    made.before[SYSTEM] = lambda: (inside.set(), go_on.wait(20))
    found = []
    first = threading.Thread(target=lambda: found.append(build_image(quiet, service_files=service, layers=made)))
    second = threading.Thread(target=lambda: found.append(build_image(said.append, service_files=service, layers=made)))
    first.start()
    assert inside.wait(20)
    second.start()
    wait_until(lambda: said or None, within_s=20, what="the second builder to wait")
    assert said == ["another process builds a node image; waiting for it"]
    go_on.set()
    for thread in (first, second):
        thread.join(20)
    assert made.kinds == [SYSTEM, WHEELS, NODE]
    assert found[0] == found[1]


KILLED = """
import sys
from pathlib import Path
from harness.clock import pause
from harness.labs.nested.image.store import ImageStore

def fill(into):
    (into / "disk.qcow2").write_text("half")
    sys.stdout.write("filling\\n")
    sys.stdout.flush()
    pause(60)

store = ImageStore(Path(sys.argv[1]))
with store.building(lambda text: None):
    store.make("node", "0" * 64, fill)
"""


def test_a_killed_builder_leaves_nothing_that_counts(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder)],
        stdout=subprocess.PIPE,
        cwd=root(),
        env={**os.environ, "PYTHONPATH": str(root())},
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"filling\n"
        assert [entry.name for entry in folder.iterdir() if entry.name.startswith(".part-")]
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=20)
    store = ImageStore(folder)
    assert store.all("node") == []
    with store.building(quiet):
        assert [entry.name for entry in folder.iterdir()] == ["lock"]


def test_what_nobody_wants_is_removed(tmp_path: Path) -> None:
    store = ImageStore(tmp_path / "images")
    with store.building(quiet):
        old, wanted = (store.make("node", digit * 64, lambda into: (into / "x").touch() or None) for digit in "ab")
        long_ago = (utc_now() - UNUSED_AFTER - timedelta(hours=1)).timestamp()
        for stored in (old, wanted):
            os.utime(stored.folder, (long_ago, long_ago))
        wanted.touch()
        assert store.remove_unused(("node",)) == [old.folder]
    assert [stored.digest[0] for stored in store.all("node")] == ["b"]


def test_a_manifest_of_something_else_is_no_layer(tmp_path: Path) -> None:
    store = ImageStore(tmp_path)
    for name, text in {"node-a-1": "{", "node-b-1": "{}", "node-c-1": json.dumps({"sizes": []})}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "made.json").write_text(text)
    (tmp_path / "node-d-1").mkdir()
    assert store.all("node") == []


@pytest.mark.usefixtures("images")
def test_a_machine_that_cannot_build_says_why(monkeypatch: pytest.MonkeyPatch, service: dict[str, Path]) -> None:
    monkeypatch.setattr(build, "why_not_buildable", lambda: "mmdebstrap missing (apt-get install -y mmdebstrap)")
    with pytest.raises(ConfigError, match="apt-get install -y mmdebstrap"):
        build_image(quiet, service_files=service)
