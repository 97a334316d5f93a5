"""Lab files: sections by kind, names from counts, secrets that stay out of messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import paths
from harness.errors import ConfigError
from harness.labs.models import ClockSpec, LabFile, find_lab, lab_names, load_lab
from harness.plan.problem import SourceError

SOUND = """\
schema: 1
lab: sample
title: A lab
kind: twin
nodes: 2
guests: [web01, web02]
clock: scaled:60
epoch: "2025-11-11T22:00:00Z"
witness: cloud
versions: {solution: 12.2509.1001.22}
capabilities: [power]
credentials: {node: {username: u, secret: "secret://generated"}}
"""


def load(folder: Path, text: str) -> LabFile:
    path = folder / "sample.yaml"
    path.write_text(text, encoding="utf-8")
    return load_lab(path)


def test_counts_become_names(tmp_path: Path) -> None:
    lab = load(tmp_path, SOUND)
    assert lab.nodes == ("NODE01", "NODE02")
    assert lab.guests == ("web01", "web02")
    assert lab.clock == ClockSpec("scaled", 60)
    assert lab.instance_names == ("sample#1",)


def test_values_survive_json(tmp_path: Path) -> None:
    lab = load(tmp_path, SOUND)
    assert LabFile.model_validate(lab.model_dump(mode="json", by_alias=True)) == lab


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("kind: twin", "kind: nested", "7:8: clock: only a simulated lab has a clock of its own"),
        ("kind: twin", "kind: nested", "4:7: kind: 'kind: nested' needs a section 'nested'"),
        ("capabilities: [power]", "capabilities: [powr]",
         "11:16: capabilities.0: unknown capability 'powr' (did you mean 'power'?)"),
        ("nodes: 2", "nodes: 17", "5:8: nodes: takes at most 16 entries, found 17"),
        ("nodes: 2", "nodes: 0", "5:8: nodes: needs at least 1 entries, found 0"),
        ("nodes: 2", "nodes: [a, a_b]", "5:12: nodes.1: the text 'a_b' is no computer name"),
        ("nodes: 2", "nodes: [a, A]", "5:8: nodes: a name is there twice"),
        ("clock: scaled:60", "clock: scaled:0", "7:8: clock: 'scaled:0' is no clock"),
        ("22:00:00Z", "22:00:00+01:00", "8:8: epoch: the epoch must be in UTC"),
        ("epoch", "# epoch", "7:8: clock: a simulated clock needs an 'epoch'"),
        ("lab: sample", "lab: other", "2:6: lab: the lab is called 'other', but its file 'sample.yaml'"),
        ("witness: cloud", "witness: cloud\nphysical: {machines: []}",
         "10:22: physical.machines: needs at least 1 entries"),
        ("witness: cloud", "witness: cloud\nnested: {uri: u, namespace: n, subject: product}",
         "10:1: nested: the section 'nested' belongs to 'kind: nested'; this lab is 'kind: twin'"),
    ],
)  # fmt: skip
def test_mistake(tmp_path: Path, old: str, new: str, expected: str) -> None:
    with pytest.raises(SourceError) as caught:
        load(tmp_path, SOUND.replace(old, new, 1))
    assert any(expected in problem.headline for problem in caught.value.problems), str(caught.value)


def test_classes_of_guests(tmp_path: Path) -> None:
    lab = load(tmp_path, SOUND + "classes: {web: [web01]}\n")
    assert lab.guest_classes == {"web01": "web"}
    assert LabFile.model_validate(lab.model_dump(mode="json", by_alias=True)) == lab


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        ("{web: [web09]}", "classes.web.0: 'web09' is none of the lab's guests"),
        ("{web: [web01], db: [web01]}", "classes.db.0: 'web01' is in class 'web' already"),
        ("{Web Servers: [web01]}", "classes"),
    ],
)
def test_mistake_in_classes(tmp_path: Path, classes: str, expected: str) -> None:
    with pytest.raises(SourceError) as caught:
        load(tmp_path, f"{SOUND}classes: {classes}\n")
    assert any(expected in problem.headline for problem in caught.value.problems), str(caught.value)


WINDOWS = "twin:\n  windows_guests:\n    - {guest: web01, installed: [KB5066835], vbs: off, approved: 2025-12}\n"


def test_windows_guests_survive_json(tmp_path: Path) -> None:
    lab = load(tmp_path, SOUND + WINDOWS)
    assert lab.twin is not None
    assert [(item.guest, item.hotpatch, item.vbs) for item in lab.twin.windows_guests] == [("web01", True, "off")]
    assert LabFile.model_validate(lab.model_dump(mode="json", by_alias=True)) == lab


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("guest: web01", "guest: web03", "guest: 'web03' is none of the lab's guests"),
        ("[KB5066835]", "[5066835]", "installed.0"),
        ("[KB5066835]", "[]", "installed: needs at least 1 entries"),
        ("2025-12", "2025-13", "approved"),
        ("vbs: off", "vbs: on", "vbs"),
    ],
)
def test_mistake_in_a_windows_guest(tmp_path: Path, old: str, new: str, expected: str) -> None:
    with pytest.raises(SourceError) as caught:
        load(tmp_path, SOUND + WINDOWS.replace(old, new, 1))
    assert any(expected in problem.headline for problem in caught.value.problems), str(caught.value)


def test_a_windows_guest_is_named_once(tmp_path: Path) -> None:
    line = "    - {guest: web01, installed: [KB5066835]}\n"
    with pytest.raises(SourceError, match="there twice"):
        load(tmp_path, SOUND + WINDOWS + line)


def test_a_written_password_is_refused_and_never_shown(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        load(tmp_path, SOUND.replace("secret://generated", "Pa55-in-clear"))
    assert "credentials.node.secret: expected a reference, never a value" in str(caught.value)
    assert "Pa55" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('{username: u, secret: "secret://generated"}', "Pa55-in-clear"),
        ('{username: u, secret: "secret://generated"}', "{usernam: u, secret: Pa55-in-clear}"),
        ('{username: u, secret: "secret://generated"}', "{username: u, secret: Pa55-in-clear"),
        ('{username: u, secret: "secret://generated"}', "{username: u, password: Pa55-in-clear}"),
        ('{username: u, secret: "secret://generated"}', "{username: u, secret: [Pa55-in-clear]}"),
    ],
)
def test_mistakes_beside_a_password_do_not_show_it(tmp_path: Path, old: str, new: str) -> None:
    assert old in SOUND
    with pytest.raises(SourceError) as caught:
        load(tmp_path, SOUND.replace(old, new))
    assert "Pa55" not in str(caught.value)
    assert "Pa55" not in "".join(problem.message for problem in caught.value.problems)


def test_a_physical_lab_cannot_make_secrets(tmp_path: Path) -> None:
    example = (paths.labs_dir() / "physical-rack.example.yaml").read_text(encoding="utf-8")
    path = tmp_path / "physical-rack.yaml"
    path.write_text(example.replace("secret://exec/pass show lab/bmc", "secret://generated"), encoding="utf-8")
    with pytest.raises(SourceError, match=r"credentials\.bmc\.secret: a physical lab cannot make its own secrets"):
        load_lab(path)


def test_examples_are_not_listed() -> None:
    assert "twin-4node" in lab_names()
    assert not any("example" in name or "rack" in name for name in lab_names())


def test_demo_lab() -> None:
    lab = find_lab("twin-4node")
    assert (len(lab.nodes), len(lab.guests), lab.instances, lab.clock.mode) == (4, 40, 4, "virtual")


def test_unknown_lab_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"unknown lab 'twin-4nod' \(did you mean 'twin-4node'\?\)"):
        find_lab("twin-4nod")


EMULATED = (
    SOUND.replace("kind: twin", "kind: nested").replace("clock: scaled:60", "clock: real")
    + """\
nested: {uri: "qemu:///embed", namespace: n, subject: emulated}
"""
)


def test_a_stand_in_lab_has_machines_of_usual_size_on_networks_of_its_own(tmp_path: Path) -> None:
    nested = load(tmp_path, EMULATED).nested
    assert nested is not None
    assert (nested.domain_type, nested.memory_mib, nested.processors) == ("qemu", 256, 1)
    assert (nested.management, nested.storage, nested.scale) == ("10.77.0.0/24", "10.77.1.0/24", 1.0)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('epoch: "2025-11-11T22:00:00Z"\n', "", "nested.subject: an emulated cluster needs an 'epoch'"),
        ("subject: emulated", "subject: emulated, snapshot: s", "nested.snapshot: machines of an emulated cluster"),
        (
            '"qemu:///embed"',
            '"qemu:///system"',
            'nested.uri: write "qemu:///embed": it makes the machines',
        ),
        (
            "subject: emulated",
            "subject: emulated, storage: 10.77.0.128/25",
            "nested.storage: '10.77.0.128/25' overlaps",
        ),
        ("subject: emulated", "subject: emulated, storage: 10.77.1.1/24", "nested.storage: '10.77.1.1/24' is no IPv4"),
        ("subject: emulated", "subject: emulated, scale: 0", "nested.scale: the number 0 is no share: above 0"),
        ("subject: emulated", "subject: emulated, scale: 1.5", "nested.scale: the number 1.5 is no share"),
        (
            "subject: emulated",
            "subject: emulated, overrides: {guest.bot: 5}",
            "there is no calibration entry 'guest.bot' in calibration.yaml (did you mean 'guest.boot'?)",
        ),
        ("subject: emulated", "subject: emulated, overrides: {guest.boot: -5}", "'-5' is no number of 0 or more"),
        ("capabilities: [power]", "capabilities: [power, arm]", "capabilities.1: 'arm' is beyond an emulated lab"),
        ("guests: [web01, web02]", "guests: 156", "nested.management: '10.77.0.0/24' has room for 155 guests"),
        ("subject: emulated", "subject: emulated, management: 10.1.0.0/28", "has room for 0 guests"),
        ("subject: emulated", "subject: emulated, storage: 10.1.0.0/29", "nested.storage: '10.1.0.0/29' has no room"),
        ("subject: emulated", "subject: emulated, memory_mib: 64", "nested.memory_mib"),
        ("subject: emulated", "subject: emulated, domain_type: xen", "nested.domain_type"),
    ],
)
def test_mistakes_of_a_stand_in_lab(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in EMULATED
    with pytest.raises(SourceError) as caught:
        load(tmp_path, EMULATED.replace(old, new))
    assert expected in str(caught.value)


def test_releases_of_a_computed_cluster_are_known_wherever_it_runs(tmp_path: Path) -> None:
    assert load(tmp_path, EMULATED).releases == load(tmp_path, SOUND).releases
    assert load(tmp_path, EMULATED.replace("subject: emulated", "subject: product")).releases is None
