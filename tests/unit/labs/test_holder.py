"""Who holds something: alive, dead, a zombie, or another process that got the number."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace

import pytest

from harness.clock import wait_until
from harness.labs.holder import Holder


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


def test_this_process_is_alive_and_itself() -> None:
    assert Holder.me() == Holder.of(os.getpid())
    assert Holder.me().is_local
    assert not Holder.me().proven_dead


def test_ended_child_is_proven_dead(child: subprocess.Popen[bytes]) -> None:
    holder = Holder.of(child.pid)
    assert not holder.proven_dead
    child.kill()
    child.wait()
    assert holder.proven_dead
    with pytest.raises(ProcessLookupError):
        Holder.of(child.pid)


def test_zombie_counts_as_dead(child: subprocess.Popen[bytes]) -> None:
    holder = Holder.of(child.pid)
    child.kill()
    wait_until(lambda: holder.proven_dead or None, within_s=5, what="the child to become a zombie")
    os.kill(child.pid, 0)  # the number is still taken: nobody has waited for the child


def test_stopped_process_is_alive(child: subprocess.Popen[bytes]) -> None:
    holder = Holder.of(child.pid)
    os.kill(child.pid, 19)
    assert not holder.proven_dead


def test_same_number_with_another_start_is_another_process() -> None:
    assert replace(Holder.me(), started=Holder.me().started + 1).proven_dead


def test_same_number_after_a_reboot_is_another_process() -> None:
    assert replace(Holder.me(), boot_id="another boot").proven_dead


def test_nothing_is_proven_about_another_host() -> None:
    foreign = Holder("elsewhere", "another boot", 1, 1)
    assert not foreign.is_local
    assert not foreign.proven_dead
