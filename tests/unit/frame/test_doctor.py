"""`hil doctor`: what counts as missing, and that every line that is not fine says what to do."""

from __future__ import annotations

import json
import socket
import subprocess
from collections import namedtuple
from pathlib import Path

import pytest

from harness import cli
from harness.cli import doctor
from harness.cli.doctor import Check, State
from harness.exits import Exit

Usage = namedtuple("Usage", "total used free")


def test_json_has_every_check_and_remedies_where_needed(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["doctor", "--json"])
    checks = json.loads(capsys.readouterr().out)["checks"]
    names = [check["name"] for check in checks]
    assert names == [
        "python",
        "environment",
        "loopback",
        "disk",
        "state",
        "git",
        "probing",
        "chromium",
        "libvirt",
        "node",
    ]
    assert [check["name"] for check in checks if (check["state"] == "ok") == bool(check["remedy"])] == []


@pytest.mark.parametrize(
    ("needed", "state", "expected"),
    [
        (True, State.MISSING, Exit.USAGE),
        (True, State.WARN, Exit.PASS),
        (False, State.MISSING, Exit.PASS),
        (True, State.OK, Exit.PASS),
    ],
)
def test_only_a_missing_needed_part_fails(
    needed: bool, state: State, expected: Exit, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "CHECKS", [lambda: Check("part", state, "found", "do this", needed=needed)])
    assert cli.main(["doctor"]) == expected
    assert "do this" in capsys.readouterr().out


def test_an_address_in_use_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        monkeypatch.setattr(doctor, "LAB_ADDRESSES", ("127.0.0.1",))
        monkeypatch.setattr(doctor, "WINRM_PORTS", (other.getsockname()[1],))
        assert doctor.loopback().state is State.WARN


def test_an_address_that_is_not_ours_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LAB_ADDRESSES", ("192.0.2.1",))
    assert doctor.loopback().state is State.MISSING


@pytest.mark.parametrize(("free_mib", "expected"), [(100, State.MISSING), (1000, State.WARN), (5000, State.OK)])
def test_disk_is_judged_by_room(free_mib: int, expected: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: Usage(0, 0, free_mib * 2**20))
    assert doctor.disk().state is expected


def test_a_state_folder_that_cannot_be_made_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("HIL_STATE", str(tmp_path / "file" / "state"))
    assert doctor.state().state is State.MISSING


@pytest.mark.parametrize(
    ("version", "expected"), [("v22.3.0\n", State.OK), ("v18.20.1\n", State.WARN), ("", State.WARN)]
)
def test_node_is_judged_by_version(version: str, expected: State, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = subprocess.CompletedProcess([], 0, stdout=version)
    monkeypatch.setattr(doctor.shutil, "which", lambda _: "/usr/bin/node")
    monkeypatch.setattr(doctor.subprocess, "run", lambda *_, **__: answer)
    assert doctor.node().state is expected


def stamped(prefix: Path, layer: str, digest: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (prefix / f"hil-{layer}.stamp").write_text(f"/checkout|/usr/bin/python3.11|{digest}\n", encoding="utf-8")
    monkeypatch.setattr(doctor.sys, "prefix", str(prefix))


def test_the_environment_is_compared_with_the_pins(
    tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stamped(tmp_path, "run", doctor.layer_digest(checkout, "run"), monkeypatch)
    assert doctor.environment().state is State.OK
    stamped(tmp_path, "dev", "0" * 64, monkeypatch)
    assert doctor.environment().state is State.WARN
    assert "dev older than" in doctor.environment().found


def test_an_environment_made_otherwise_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.sys, "prefix", str(tmp_path))
    assert doctor.environment().state is State.WARN


def test_doctor_and_script_agree_on_the_digest(checkout: Path) -> None:
    text = (checkout / "hil").read_text(encoding="utf-8")
    functions = text[text.index("digest_of() {") : text.index("stamp_of()")]
    for layer in ("run", "dev", "nested"):
        command = f'root="$1"; {functions} digest_of {layer}; printf %s "$digest"'
        done = subprocess.run(["sh", "-c", command, "sh", checkout], capture_output=True, text=True, check=True)
        assert done.stdout == doctor.layer_digest(checkout, layer)
