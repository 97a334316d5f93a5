"""`hil probe`: what is refused before anything is written, and what is told of what the ledger does not show."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from harness import cli
from harness.clock import pause
from harness.exits import Exit
from harness.probes import prober
from harness.probes.heartbeat_wire import Heartbeat, encode, guest_id
from harness.probes.permission import Permission
from harness.probes.target_file import load_probe_file

FILE = """\
schema: 1
name: two
heartbeats: {{address: {address}, port: {port}}}
guests:
  - {{name: hb01, address: 127.0.0.21, icmp: false, heartbeat: true}}
  - {{name: hb02, address: 127.0.0.22, icmp: false, heartbeat: true}}
"""


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def written(tmp_path: Path, *, address: str = "127.0.0.1", port: int = 0) -> Path:
    path = tmp_path / "guests.yaml"
    path.write_text(FILE.format(address=address, port=port or free_port()))
    return path


@pytest.mark.parametrize("words", ["0s", "soon", "0ms"])
def test_a_length_that_is_none_is_refused(tmp_path: Path, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "recording"
    assert cli.main(["probe", "run", str(written(tmp_path)), "--for", words, "--out", str(place)]) is Exit.USAGE
    assert "--for" in capsys.readouterr().err
    assert not place.exists()


@pytest.mark.parametrize("command", ["check", "run"])
def test_a_foreign_address_for_heartbeats_is_refused_at_once(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "recording"
    words = ["probe", command, str(written(tmp_path, address="192.0.2.1"))]
    assert cli.main(words + (["--out", str(place)] if command == "run" else [])) is Exit.USAGE
    assert "heartbeats cannot be received at 192.0.2.1" in capsys.readouterr().err
    assert not place.exists()


def test_check_refuses_what_run_refuses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prober, "permission", lambda: Permission(icmp=False, half_open=False))
    path = tmp_path / "guests.yaml"
    path.write_text("schema: 1\nname: one\nguests: [{name: web01, address: 127.0.0.31}]\n")
    assert cli.main(["probe", "check", str(path)]) is Exit.USAGE
    assert "may not send ICMP, and 1 guests are asked nothing else: 'web01' first" in capsys.readouterr().err


def test_guests_that_were_never_heard_are_named(tmp_path: Path) -> None:
    port = free_port()
    watching = prober.Prober(load_probe_file(written(tmp_path, port=port)), tmp_path)
    beats = [Heartbeat(guest_id(name), 1, 1, 1, 1) for name in ("hb01", "hb09")]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for datagram in [*(encode(beat) for beat in beats), b"hello"]:
            sock.sendto(datagram, ("127.0.0.1", port))
    pause(0.05)
    looks = iter([False, True])
    watching.run(lambda: next(looks), lambda window, health: None)
    told = watching.heartbeats_told()
    watching.close()
    assert told[0] == "no heartbeat ever came from 1 of the guests: hb02"
    assert "1 of guests that nobody expects" in told[1]
    assert "1 that are no heartbeats" in told[1]
