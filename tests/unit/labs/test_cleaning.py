"""Cleaning after killed lab hosts: under the lease of the instance, and never beside a living lab host."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from uuid import uuid4

import pytest

from harness.errors import LeaseError
from harness.labs.cleaning import clean_instance, find_remains, remove_remains
from harness.labs.control import SOCKET_NAME
from harness.labs.holder import Holder
from harness.labs.host import READY_NAME, STARTING_NAME
from harness.labs.hosting import LOG_NAME, folder_of
from harness.labs.lease import LeaseStore
from harness.labs.nested.embedroot import prepare_root
from harness.labs.nested.owner import Owner

INSTANCE = "nested#1"


def dead() -> Holder:
    me = Holder.me()
    return Holder(me.host, me.boot_id, me.pid, me.started + 1)


def killed_host(root: Path, instance: str = INSTANCE, *, uri: str = "") -> None:
    """A lab host of a nested lab that was killed: its own files, the record of its machines, libvirt's state."""
    folder = folder_of(instance)
    uri = uri or f"qemu:///embed?root={root}"
    owner = Owner("nested", uri, "", {"hil-nested-n1": str(uuid4())}, dead())
    (folder / "machines").mkdir(parents=True)
    (folder / "machines" / "owner.json").write_text(json.dumps(asdict(owner)))
    for name in (READY_NAME, STARTING_NAME):
        (folder / name).write_text(json.dumps(asdict(dead())))
    (folder / SOCKET_NAME).touch()
    (folder / LOG_NAME).write_text("its last words\n")
    prepare_root(uri)


def names(instance: str = INSTANCE) -> set[str]:
    return {path.name for path in folder_of(instance).iterdir()}


def test_all_is_removed_but_the_log_and_the_instance_is_free_again(tmp_path: Path, leases: LeaseStore) -> None:
    leases.acquire(INSTANCE, purpose="run x", holder=dead())
    killed_host(tmp_path / "embed")
    (remains,) = find_remains()
    wanted = [str(tmp_path / "embed"), str(folder_of(INSTANCE) / "machines")]
    assert (remains.instance, [left.name for left in remains.left], remains.trouble) == (INSTANCE, wanted, None)
    assert list(remove_remains()) == [remains]
    assert names() == {LOG_NAME}
    assert not (tmp_path / "embed").exists()
    row = leases.read(INSTANCE)
    assert row is not None
    assert row.holder is None
    assert find_remains() == list(remove_remains()) == []


@pytest.mark.parametrize("condition", ["held", "kept", "tainted"])
def test_an_instance_that_cannot_be_leased_stays_and_the_others_do_not(
    tmp_path: Path, leases: LeaseStore, condition: str
) -> None:
    killed_host(tmp_path / "embed")
    killed_host(tmp_path / "embed2", "nested#2")
    lease = leases.acquire(INSTANCE, purpose="run x")
    if condition == "kept":
        leases.hand_over(lease, kept_for="run y")
    if condition == "tainted":
        leases.release(lease, tainted="a fault is not proven undone")
    first, second = remove_remains()
    assert isinstance(first.trouble, LeaseError)
    assert second.trouble is None
    assert "machines" in names()
    assert names("nested#2") == {LOG_NAME}
    assert (tmp_path / "embed").exists()
    row = leases.read(INSTANCE)
    assert row is not None
    assert row.epoch == lease.epoch


@pytest.mark.parametrize("name", [READY_NAME, STARTING_NAME])
def test_beside_a_living_lab_host_nothing_is_touched(tmp_path: Path, name: str) -> None:
    """It goes on with the machines of the dead one, or is about to."""
    killed_host(tmp_path / "embed")
    (folder_of(INSTANCE) / READY_NAME).unlink()
    (folder_of(INSTANCE) / name).write_text(json.dumps(asdict(Holder.me())))
    assert find_remains() == list(remove_remains()) == clean_instance(INSTANCE) == []
    assert "machines" in names()
    assert (tmp_path / "embed").exists()


def test_where_no_hypervisor_answers_the_record_stays(tmp_path: Path, leases: LeaseStore) -> None:
    """With the record its domains would be forgotten."""
    killed_host(tmp_path / "embed", uri="nothing:///")
    killed_host(tmp_path / "embed2", "nested#2")
    first, second = remove_remains()
    assert first.trouble is not None
    assert first.trouble.code == "LAB"
    assert first.trouble.hint
    assert second.trouble is None
    assert (folder_of(INSTANCE) / "machines" / "owner.json").exists()
    row = leases.read(INSTANCE)
    assert row is not None
    assert row.holder is None, "the lease is given back all the same"


def test_lab_hosts_without_machines_leave_nothing_to_remove() -> None:
    folder_of("twin#1").mkdir(parents=True)
    (folder_of("twin#1") / READY_NAME).write_text(json.dumps(asdict(dead())))
    assert find_remains() == list(remove_remains()) == clean_instance("twin#1") == []
    assert names("twin#1") == {READY_NAME}
