"""What goes wrong in use: each ends with its exit code and a message that says what to do, and nothing is left
behind."""

from __future__ import annotations

import json
import signal
import socket
import sys
from pathlib import Path

import pytest

from harness.exits import Exit
from harness.paths import labs_dir
from tests.e2e.chain import Chain, await_lines, of_kind

ONE_SCREEN = 30


def lab_with(tmp_path: Path, name: str, **changes: str) -> Path:
    """A copy of the demo's lab file under another name, with some lines changed."""
    text = (labs_dir() / "twin-4node.yaml").read_text().replace("lab: twin-4node", f"lab: {name}")
    for old, new in changes.items():
        text = "\n".join(new if line.startswith(f"{old}:") else line for line in text.splitlines())
    path = tmp_path / f"{name}.yaml"
    path.write_text(text + "\n")
    return path


@pytest.mark.full
def test_second_harness_on_the_same_instance_is_refused(chain: Chain, tmp_path: Path) -> None:
    """One instance, two sessions: the second ends with 11 and names the holder; the first is not disturbed."""
    lab = lab_with(tmp_path, "single", instances="instances: 1")
    first = chain.begin("run", "start", "demo", "-k", "UPD_001", "-n", "1", "--lab", str(lab))
    assert await_lines(chain.run_of("UPD-001"), 20, alive=lambda: first.poll() is None)
    second = chain.hil("run", "start", "demo", "-k", "UPD_002", "-n", "1", "--lab", str(lab))
    assert second.returncode == Exit.LEASE, second.stdout + second.stderr
    assert "is held by process" in second.stdout + second.stderr
    assert first.wait(timeout=120) == Exit.PASS


def test_interrupt_undoes_and_ends_honestly(chain: Chain) -> None:
    """Ctrl-C while the fault is active: it is reverted and proven clean, the verdict is no pass, the exit code 2."""
    process = chain.begin("run", "start", "demo", "-k", "UPD_002", "-n", "1", "--seed", "1")
    run = chain.run_of("UPD-002")
    assert await_lines(run, 40, alive=lambda: process.poll() is None)
    while not of_kind(run, "fault.confirmed"):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=120) == Exit.INTERRUPTED
    results = json.loads((run / "results.json").read_text())
    assert results["verdict"] == "inconclusive"
    assert [row["data"]["to"] for row in of_kind(run, "fault.state")][-1] == "clean"
    assert of_kind(run, "attempt.end")[-1]["data"]["reason"] == "aborted"
    chain.await_silence()


def test_taken_address_is_named(chain: Chain, tmp_path: Path) -> None:
    """Another program sits on a node's address in every range: the run ends `lab`, the message names address and
    port."""
    lab = lab_with(tmp_path, "crowded", winrm="winrm: {port: 6985, transport: ntlm}")
    blockers = []
    try:
        for slot in range(64, 128):
            blocker = socket.socket()
            blocker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            blocker.bind((f"127.{slot}.0.10", 6985))
            blocker.listen(1)
            blockers.append(blocker)
        done = chain.hil("run", "start", "demo", "-k", "UPD_001", "-n", "1", "--lab", str(lab))
    finally:
        for blocker in blockers:
            blocker.close()
    said = done.stdout + done.stderr
    assert done.returncode == Exit.LAB, said
    assert "6985" in said
    chain.await_silence()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"instances": "instancs: 1"}, ["instancs", "did you mean 'instances'"]),
        ({"versions": "versions: {solution: 12.2509}"}, ["quote it"]),
        ({"clock": "clock: fast"}, ["virtual, real or scaled"]),
        ({"credentials": "credentials: {node: {username: deploy, secret: hunter22}}"}, ["expected a reference"]),
    ],
)
def test_lab_file_mistakes_are_named_with_their_place(
    chain: Chain, tmp_path: Path, change: dict[str, str], words: list[str]
) -> None:
    """A mistake in the lab file: file, line and column, nothing touched, one screen, exit code 4."""
    lab = lab_with(tmp_path, "broken", **change)
    inside = {"versions": ("  solution:", "  sbe:"), "credentials": ("  node:", "  bmc:")}.get(next(iter(change)), ())
    lines = [line for line in lab.read_text().splitlines() if not line.startswith(inside or ("\0",))]
    lab.write_text("\n".join(lines) + "\n")
    done = chain.hil("run", "start", "demo", "-k", "UPD_001", "-n", "1", "--lab", str(lab))
    said = done.stdout + done.stderr
    assert done.returncode == Exit.USAGE, said
    assert f"{lab.name}:" in said
    for word in words:
        assert word in said
    assert len(said.splitlines()) <= ONE_SCREEN
    assert "hunter22" not in said
    assert not chain.runs


def test_missing_secret_is_named_before_anything_is_touched(chain: Chain, tmp_path: Path) -> None:
    """A secret reference that cannot be resolved: its name and the remedy, exit code 4, no run."""
    credentials = "credentials: {node: {username: deploy, secret: secret://env/HIL_NO_SUCH_SECRET}}"
    lab = lab_with(tmp_path, "locked", credentials=credentials)
    lab.write_text(
        "\n".join(line for line in lab.read_text().splitlines() if not line.startswith(("  node:", "  bmc:"))) + "\n"
    )
    done = chain.hil("run", "start", "demo", "-k", "UPD_001", "-n", "1", "--lab", str(lab))
    said = done.stdout + done.stderr
    assert done.returncode == Exit.USAGE, said
    assert "HIL_NO_SUCH_SECRET" in said
    assert not chain.runs


@pytest.mark.full
def test_full_disk_stops_before_the_effect(chain: Chain, tmp_path: Path) -> None:
    """The journal cannot grow any more: the run stops with 3 and can be resumed once there is space."""
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000));"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "from harness.cli import main; sys.exit(int(main(sys.argv[1:])))"
    )
    import subprocess

    done = subprocess.run(
        [sys.executable, "-c", code, "run", "start", "demo", "-k", "UPD_001", "-n", "1"],
        capture_output=True,
        text=True,
        timeout=200,
        env=chain.env,
        check=False,
        cwd=str(labs_dir().parent),
    )
    said = done.stdout + done.stderr
    assert done.returncode == Exit.HARNESS, said
    (run,) = chain.runs
    assert "cannot write journal" in said + (run / "run.log").read_text()
    resumed = chain.hil("run", "resume", run.name)
    assert resumed.returncode == Exit.PASS, resumed.stdout + resumed.stderr
    assert len(of_kind(run, "update.started")) == 1
