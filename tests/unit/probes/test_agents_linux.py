"""The agent in a Linux guest, against a real sshd on this machine with keys of its own."""

from __future__ import annotations

import getpass
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import paramiko
import pytest

from harness.clock import monotonic_ns, wait_until
from harness.errors import ConfigError, CredentialRejectedError, ProductError, TransportError
from harness.probes.agents import AgentSettings
from harness.probes.agents.linux import (
    UNIT,
    LinuxPlace,
    SshTarget,
    connected,
    install_agent,
    install_record,
    look_at_agent,
    remove_agent,
    undo,
)
from harness.probes.heartbeat import HeartbeatSink, open_sink
from harness.probes.heartbeat_wire import HeartbeatKey
from harness.values import Answer

SSHD = "/usr/sbin/sshd"
PERIOD_MS = 20

pytestmark = pytest.mark.skipif(not os.access(SSHD, os.X_OK), reason=f"{SSHD} is missing: install openssh-server")


@dataclass
class Guest:
    """A guest as the tests reach it."""

    target: SshTarget
    place: LinuxPlace
    folder: Path
    fingerprint: str


def make_key(path: Path) -> None:
    """An ed25519 key without a pass phrase."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)


def free_port() -> int:
    """A TCP port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """An sshd on 127.0.0.1 that accepts one key, and in which the agent has a folder to live in."""
    folder = tmp_path_factory.mktemp("ssh")
    for name in ("host", "user", "stranger"):
        make_key(folder / name)
    (folder / "authorized").write_text((folder / "user.pub").read_text())
    port = free_port()
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where a privileged sshd locks its helper up
    (folder / "bin").mkdir()
    (folder / "bin" / "python3").symlink_to(Path(sys.executable).resolve())
    path = f"{folder}/bin:{os.environ['PATH']}"
    (folder / "config").write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\n"
        f"PidFile {folder}/sshd.pid\nStrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        f"UsePAM no\nPermitRootLogin yes\nSubsystem sftp internal-sftp\nSetEnv PATH={path}\n"
    )
    public = (folder / "host.pub").read_text().split()
    (folder / "known").write_text(f"[127.0.0.1]:{port} {public[0]} {public[1]}\n")
    shown = subprocess.run(["ssh-keygen", "-lf", f"{folder}/host.pub"], check=True, capture_output=True, text=True)
    server = subprocess.Popen([SSHD, "-D", "-e", "-f", str(folder / "config")], stderr=subprocess.DEVNULL)
    target = SshTarget(
        "vm001", "127.0.0.1", getpass.getuser(), port, key_file=f"{folder}/user", known_hosts=f"{folder}/known"
    )
    place = LinuxPlace(f"{folder}/agent", f"{folder}/units", f"{folder}/systemd-runs")
    try:
        wait_until(lambda: _answers(port), within_s=20, what="sshd to answer")
        yield Guest(target, place, folder, shown.stdout.split()[1])
    finally:
        server.terminate()
        server.wait(timeout=10)


def _answers(port: int) -> bool | None:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            return connection.recv(4) == b"SSH-" or None
    except OSError:
        return None


@pytest.fixture
def client(guest: Guest) -> Iterator[paramiko.SSHClient]:
    """Logged on; whatever agent is left afterwards is taken away."""
    with connected(guest.target) as made:
        yield made
        remove_agent(made, "vm001", guest.place)


@pytest.fixture
def key() -> HeartbeatKey:
    return HeartbeatKey.make()


@pytest.fixture
def sink(key: HeartbeatKey) -> Iterator[HeartbeatSink]:
    made = open_sink("127.0.0.1", 0, {"vm001": PERIOD_MS * 1_000_000}, key=key)
    yield made
    made.close()


def settings_for(sink: HeartbeatSink, key: HeartbeatKey | None) -> AgentSettings:
    return AgentSettings("vm001", "127.0.0.1", sink.port, PERIOD_MS, key)


def command_line(pid: int) -> bytes:
    """Of a process that lives; a dead one that nobody has taken note of has none."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return b""


def hear(sink: HeartbeatSink, count: int) -> int:
    """Wait for so many more heartbeats; how many there are."""
    wanted = sink.health.fresh + count

    def heard() -> int | None:
        sink.step(monotonic_ns())
        return sink.health.fresh if sink.health.fresh >= wanted else None

    return wait_until(heard, within_s=30, what=f"{count} heartbeats", poll_s=0.02)


def test_an_agent_that_is_installed_is_heard(
    guest: Guest, client: paramiko.SSHClient, sink: HeartbeatSink, key: HeartbeatKey
) -> None:
    look = install_agent(client, settings_for(sink, key), guest.place)
    assert (look.running, look.signed, look.period_ms) == (True, True, PERIOD_MS)
    assert look.target == f"127.0.0.1:{sink.port}"
    assert len(look.pids) == 1
    hear(sink, 10)
    runs = sink.runs(monotonic_ns())
    assert runs[0].boot_id > 0
    assert runs[-1].heartbeat_last >= 9
    assert (sink.health.wrong_tag, sink.health.missing, sink.health.malformed) == (0, 0, 0)


def test_a_second_install_leaves_it_alone_and_another_one_replaces_it(
    guest: Guest, client: paramiko.SSHClient, sink: HeartbeatSink, key: HeartbeatKey
) -> None:
    first = install_agent(client, settings_for(sink, key), guest.place)
    assert install_agent(client, settings_for(sink, key), guest.place).pids == first.pids
    other = install_agent(client, replace(settings_for(sink, key), period_ms=50), guest.place)
    assert other.pids != first.pids
    assert (other.period_ms, len(other.pids)) == (50, 1)
    assert look_at_agent(client, "vm001", guest.place) == other


def test_no_command_line_and_no_readable_file_shows_the_key(
    guest: Guest, client: paramiko.SSHClient, sink: HeartbeatSink, key: HeartbeatKey
) -> None:
    look = install_agent(client, settings_for(sink, key), guest.place)
    line = command_line(look.pids[0])
    assert key.text.encode() not in line
    assert b"heartbeat.json" in line
    folder = Path(guest.place.folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for file in folder.iterdir():
        if key.text in file.read_text():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted(file.name for file in folder.iterdir()) == ["heartbeat.json", "heartbeat.pid", "heartbeat.py"]


def test_removal_takes_everything_away_and_may_be_repeated(
    guest: Guest, client: paramiko.SSHClient, sink: HeartbeatSink, key: HeartbeatKey
) -> None:
    record = install_record(guest.target, guest.place)
    look = install_agent(client, settings_for(sink, key), guest.place)
    assert key.text not in repr(record)
    assert undo(client, record).absent
    assert not Path(guest.place.folder).exists()
    assert not command_line(look.pids[0])
    assert undo(client, record).absent
    assert look_at_agent(client, "vm001", guest.place).word == "absent"


def test_what_is_not_the_agents_is_left_and_named(
    guest: Guest, client: paramiko.SSHClient, sink: HeartbeatSink, key: HeartbeatKey
) -> None:
    install_agent(client, settings_for(sink, key), guest.place)
    foreign = Path(guest.place.folder) / "notes.txt"
    foreign.write_text("mine")
    with pytest.raises(ProductError, match="not the agent's"):
        remove_agent(client, "vm001", guest.place)
    assert foreign.read_text() == "mine"
    foreign.unlink()


def test_an_agent_that_was_killed_is_seen_and_started_again(
    guest: Guest, client: paramiko.SSHClient, sink: HeartbeatSink, key: HeartbeatKey
) -> None:
    first = install_agent(client, settings_for(sink, key), guest.place)
    os.kill(first.pids[0], signal.SIGKILL)
    stopped = wait_until(
        lambda: (lambda look: look if not look.running else None)(look_at_agent(client, "vm001", guest.place)),
        within_s=10,
        what="the agent to be gone",
    )
    assert stopped.word == "stopped"
    again = install_agent(client, settings_for(sink, key), guest.place)
    assert again.running
    assert again.pids != first.pids


def test_a_guest_that_was_stopped_goes_on_without_a_hole(
    guest: Guest, client: paramiko.SSHClient, sink: HeartbeatSink, key: HeartbeatKey
) -> None:
    """SIGSTOP is what a host's pause looks like: nothing is sent, and nothing is caught up."""
    (pid,) = install_agent(client, settings_for(sink, key), guest.place).pids
    hear(sink, 10)
    os.kill(pid, signal.SIGSTOP)
    paused_until_ns = monotonic_ns() + 500_000_000
    try:
        wait_until(lambda: True if monotonic_ns() > paused_until_ns else None, within_s=10, what="a pause")
    finally:
        os.kill(pid, signal.SIGCONT)
    hear(sink, 10)
    runs = sink.runs(monotonic_ns())
    lost = [run for run in runs if run.answer is Answer.LOST]
    assert sum(run.count for run in lost) >= 20
    assert sink.health.missing == 0
    after = next(run for run in runs if run.answer is Answer.OK and run.first_ns > lost[-1].first_ns)
    assert after.heartbeat_first == lost[-1].heartbeat_last + 1


def test_systemd_is_used_where_it_runs(
    guest: Guest, client: paramiko.SSHClient, sink: HeartbeatSink, key: HeartbeatKey
) -> None:
    """A stand-in for systemctl that notes what it is told, and starts what the unit says."""
    place = replace(guest.place, folder=f"{guest.folder}/with systemd")
    for folder in (Path(place.unit_folder), Path(place.systemd_marker)):
        folder.mkdir()
    stand_in, log = guest.folder / "bin" / "systemctl", guest.folder / "systemctl.log"
    stand_in.write_text(
        "#!/bin/sh\n"
        f'echo "$*" >>{log}\n'
        f'unit="{place.unit_folder}/{UNIT}"\n'
        'case "$1" in\n'
        f'  restart) setsid python3 "{place.folder}/heartbeat.py" --settings "{place.folder}/heartbeat.json" '
        ">/dev/null 2>&1 </dev/null & ;;\n"
        '  is-enabled) [ -e "$unit" ] ;;\n'
        "esac\n"
    )
    stand_in.chmod(0o755)
    try:
        look = install_agent(client, settings_for(sink, key), place)
        assert (look.running, look.starts_by_itself) == (True, True)
        unit = (Path(place.unit_folder) / UNIT).read_text()
        assert "ExecStart=" in unit
        assert "@" not in unit.partition("ExecStart=")[2].partition("\n")[0]
        assert ["daemon-reload", f"enable {UNIT}", f"restart {UNIT}"] == [
            line for line in log.read_text().splitlines() if not line.startswith("is-enabled")
        ][:3]
        removed = remove_agent(client, "vm001", place)
        assert removed.absent
        assert f"disable {UNIT}" in log.read_text()
        assert list(Path(place.unit_folder).iterdir()) == []
    finally:
        remove_agent(client, "vm001", place)
        stand_in.unlink()
        for folder in (Path(place.unit_folder), Path(place.systemd_marker)):
            folder.rmdir()


def test_an_unknown_host_key_is_refused(guest: Guest) -> None:
    empty = guest.folder / "nobody-known"
    empty.write_text("")
    with (
        pytest.raises(TransportError, match="shows the host key SHA256:"),
        connected(replace(guest.target, known_hosts=str(empty))),
    ):
        pass
    with pytest.raises(ConfigError, match="is not known"), connected(replace(guest.target, known_hosts="")):
        pass


def test_a_host_key_that_changed_is_refused(guest: Guest) -> None:
    other = guest.folder / "changed"
    public = (guest.folder / "stranger.pub").read_text().split()
    other.write_text(f"[127.0.0.1]:{guest.target.port} {public[0]} {public[1]}\n")
    with (
        pytest.raises(TransportError, match="another host key"),
        connected(replace(guest.target, known_hosts=str(other))),
    ):
        pass


def test_a_fingerprint_is_enough_and_must_be_right(guest: Guest) -> None:
    with connected(replace(guest.target, known_hosts="", fingerprint=guest.fingerprint)) as client:
        assert look_at_agent(client, "vm001", guest.place).absent
    with (
        pytest.raises(TransportError, match="expected SHA256:AAAA"),
        connected(replace(guest.target, known_hosts="", fingerprint="SHA256:AAAA")),
    ):
        pass


def test_a_stranger_is_refused_and_not_tried_again(guest: Guest) -> None:
    with (
        pytest.raises(CredentialRejectedError, match="refused the log-on"),
        connected(replace(guest.target, key_file=f"{guest.folder}/stranger")),
    ):
        pass


def test_a_guest_that_is_not_there_is_named(guest: Guest) -> None:
    with (
        pytest.raises(TransportError, match="'vm001' at 127"),
        connected(replace(guest.target, port=free_port())),
    ):
        pass
