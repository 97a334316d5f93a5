"""Names of namespaces tell who owns them; a lab folder tells it too."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import LabError, LeaseError
from harness.labs.nested.command import run
from harness.labs.nested.leftovers import LeftoverKind, clean, leftovers
from harness.labs.nested.namespace import owned_name, owner_alive
from harness.labs.nested.owner import OWNER_NAME, claim, owner_of
from harness.labs.nested.spec import MachinesSpec
from harness.netns import entered


def test_a_name_tells_whether_its_owner_lives() -> None:
    ours = owned_name("hil-try", "lab")
    assert ours != owned_name("hil-try", "lab")
    assert owner_alive("hil-try", ours)
    pid, started = str(os.getpid()), ours.split("-")[3]
    assert not owner_alive("hil-try", f"hil-try-{pid}-{int(started) + 1}-1-lab"), "a later process of that number"
    assert owner_alive("hil-try", "hil-try-somebody-elses"), "nothing is proven"


def test_entering_what_is_not_there_is_a_clear_error() -> None:
    with pytest.raises(LabError, match="no network namespace 'hil-none'") as caught, entered("hil-none"):
        pass
    assert caught.value.hint


def test_programs_that_are_missing_slow_or_fail() -> None:
    with pytest.raises(LabError, match="not installed") as caught:
        run(["hil-no-such-program"])
    assert "apt-get install" in caught.value.hint
    with pytest.raises(LabError, match="did not end within"):
        run([sys.executable, "-c", "input()"], text="", within_s=0.001)
    with pytest.raises(LabError, match="ended with 3: because"):
        run(["sh", "-c", "echo because >&2; exit 3"])
    assert run(["cat"], text="said").stdout == "said"


def test_a_folder_belongs_to_its_owner_until_that_is_dead(tmp_path: Path, spec: MachinesSpec) -> None:
    folder = tmp_path / "labs" / "lab"
    assert owner_of(folder) is None
    owner = claim(folder, spec, "qemu:///embed?root=/nowhere")
    assert claim(folder, spec, owner.uri) == owner_of(folder) == owner
    assert set(owner.domains) == {"hil-lab-n1", "hil-lab-n2"}
    record = folder / OWNER_NAME
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        plain = json.loads(record.read_text())
        fields = Path(f"/proc/{other.pid}/stat").read_text().rpartition(")")[2].split()
        plain["holder"] |= {"pid": other.pid, "started": int(fields[19])}
        record.write_text(json.dumps(plain))
        with pytest.raises(LeaseError, match="is alive"):
            claim(folder, spec, owner.uri)
        assert leftovers(tmp_path / "labs") == []
        other.kill()
    assert [(left.kind, left.name) for left in leftovers(tmp_path / "labs")] == [(LeftoverKind.FOLDER, str(folder))]
    clean(tmp_path / "labs")
    assert not folder.exists()


def test_processes_of_a_dead_owners_lab_are_found_and_ended(tmp_path: Path, spec: MachinesSpec) -> None:
    folder = tmp_path / "labs" / "lab"
    claim(folder, spec, "qemu:///embed?root=/nowhere")
    record = folder / OWNER_NAME
    plain = json.loads(record.read_text())
    plain["holder"]["started"] += 1
    record.write_text(json.dumps(plain))
    named = ["qemu-system-fake", "-c", "input()"]
    with (
        subprocess.Popen([*named, f"{folder}/disk"], executable=sys.executable, stdin=subprocess.PIPE) as ours,
        subprocess.Popen([*named, f"{folder}2/disk"], executable=sys.executable, stdin=subprocess.PIPE) as others,
    ):
        found = clean(tmp_path / "labs")
        assert [left.name for left in found if left.kind is LeftoverKind.PROCESS] == [str(ours.pid)]
        assert ours.wait(10) == -9
        assert others.poll() is None
        others.kill()
