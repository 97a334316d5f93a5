"""`hil lab image`: what is told of images, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import cli
from harness.cli import labimage
from harness.errors import ConfigError, LabError
from harness.exits import Exit
from harness.labs.nested.image import NodeImage
from harness.labs.nested.image.build import NODE
from harness.labs.nested.image.store import ImageStore

MIB = 2**20


@pytest.fixture
def built() -> NodeImage:
    """An image of 3 MiB that was built here."""

    def fill(into: Path) -> None:
        for name in ("kernel", "initrd", "disk.qcow2"):
            (into / name).write_bytes(b"x" * MIB)

    store = ImageStore()
    with store.building(lambda _: None):
        stored = store.make(NODE, "ab" * 32, fill)
    return NodeImage.at(stored.folder, stored.digest)


def current(monkeypatch: pytest.MonkeyPatch, found: Callable[[], NodeImage | None]) -> None:
    monkeypatch.setattr(labimage, "image_ready", found)


def test_where_nothing_was_built_the_next_step_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    current(monkeypatch, lambda: None)
    assert cli.main(["lab", "image", "list"]) == Exit.PASS
    assert "hil lab image build" in capsys.readouterr().out


@pytest.mark.parametrize("is_current", [True, False])
def test_the_current_image_is_marked(
    is_current: bool, built: NodeImage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    current(monkeypatch, lambda: built if is_current else None)
    assert cli.main(["lab", "image", "list"]) == Exit.PASS
    text = capsys.readouterr().out
    assert "abababababababab" in text
    assert ("current" in text.splitlines()[1]) == is_current
    assert ("was not built yet" in text) != is_current
    assert cli.main(["lab", "image", "list", "--json"]) == Exit.PASS
    found = json.loads(capsys.readouterr().out)
    [image] = found["images"]
    assert (image["size_bytes"], image["current"], found["trouble"]) == (3 * MIB, is_current, None)
    assert Path(image["disk"]) == built.disk


def test_a_checkout_without_an_image_still_lists_others(
    built: NodeImage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise ConfigError("the recipe is gone")

    current(monkeypatch, fail)
    assert cli.main(["lab", "image", "list"]) == Exit.PASS
    text = capsys.readouterr().out
    assert built.digest[:16] in text
    assert "the recipe is gone" in text


def test_a_build_tells_its_steps_beside_json(
    built: NodeImage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[bool] = []

    def build(say: Callable[[str], None], *, force: bool) -> NodeImage:
        asked.append(force)
        say("disk: being made")
        return built

    monkeypatch.setattr(labimage, "build_image", build)
    assert cli.main(["lab", "image", "build"]) == Exit.PASS
    said = capsys.readouterr()
    assert said.out.splitlines() == ["disk: being made", f"node image abababababababab, 3 MiB: {built.disk.parent}"]
    assert cli.main(["lab", "image", "build", "--force", "--json"]) == Exit.PASS
    said = capsys.readouterr()
    assert json.loads(said.out) == built.plain()
    assert said.err.splitlines() == ["disk: being made"]
    assert asked == [False, True]


@pytest.mark.parametrize(("error", "code"), [(ConfigError, Exit.USAGE), (LabError, Exit.LAB)])
def test_a_build_that_fails_says_why(
    error: type[ConfigError | LabError],
    code: Exit,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def build(*_: Any, **__: Any) -> NodeImage:
        raise error("mmdebstrap missing", hint="bring what is missing")

    monkeypatch.setattr(labimage, "build_image", build)
    assert cli.main(["lab", "image", "build"]) == code
    said = capsys.readouterr().err
    assert "mmdebstrap missing" in said
    assert "next: bring what is missing" in said
