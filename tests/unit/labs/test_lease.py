"""The lease: one holder at a time, epochs that grow, take-over of the dead, patience with the living."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from harness.clock import utc_now
from harness.errors import LeaseError
from harness.labs import lease as lease_module
from harness.labs.holder import Holder
from harness.labs.lease import KEPT_FOR_S, TTL_S, LeaseRow, LeaseStore

FOREIGN = Holder("elsewhere", "a boot", 4711, 99)


def dead_child() -> Holder:
    child = subprocess.Popen(["sleep", "60"])
    holder = Holder.of(child.pid)
    child.kill()
    child.wait()
    return holder


class TestAcquire:
    def test_held_lease_is_refused_and_the_message_names_holder_purpose_and_epoch(self, leases: LeaseStore) -> None:
        leases.acquire("lab#1", purpose="run one")
        with pytest.raises(LeaseError, match=rf"held by {Holder.me()} for 'run one' \(epoch 1\)"):
            leases.acquire("lab#1", purpose="run two", holder=FOREIGN)

    def test_epoch_grows_with_every_change_of_hands(self, leases: LeaseStore) -> None:
        epochs = []
        for _ in range(3):
            lease = leases.acquire("lab#1", purpose="x")
            epochs.append(lease.epoch)
            leases.release(lease)
        leases.clear("lab#1")
        epochs.append(leases.acquire("lab#1", purpose="x").epoch)
        assert epochs == sorted(set(epochs))

    def test_dead_holder_is_taken_over_at_once(self, leases: LeaseStore) -> None:
        old = leases.acquire("lab#1", purpose="x", holder=dead_child())
        new = leases.acquire("lab#1", purpose="y")
        assert new.epoch == old.epoch + 1
        with pytest.raises(LeaseError, match="taken over"):
            leases.renew(old)
        with pytest.raises(LeaseError, match="lost"):
            leases.check(old)
        leases.renew(new)
        leases.check(new)

    @pytest.mark.parametrize("other", [{"started": 1}, {"boot_id": "before"}], ids=["pid reused", "rebooted"])
    def test_process_that_only_has_the_number_is_no_holder(self, leases: LeaseStore, other: dict[str, object]) -> None:
        leases.acquire("lab#1", purpose="x", holder=replace(Holder.me(), **other))  # type: ignore[arg-type]
        assert leases.acquire("lab#1", purpose="y").epoch == 2

    def test_living_local_holder_keeps_an_expired_lease(
        self, leases: LeaseStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        leases.acquire("lab#1", purpose="x")
        monkeypatch.setattr(lease_module, "utc_now", lambda: utc_now() + timedelta(days=1))
        with pytest.raises(LeaseError, match="held by"):
            leases.acquire("lab#1", purpose="y")

    def test_foreign_holder_keeps_the_lease_until_it_expires(
        self, leases: LeaseStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = utc_now()
        monkeypatch.setattr(lease_module, "utc_now", lambda: now)
        old = leases.acquire("lab#1", purpose="x", holder=FOREIGN)
        now += timedelta(seconds=TTL_S - 1)
        with pytest.raises(LeaseError, match="elsewhere"):
            leases.acquire("lab#1", purpose="y")
        leases.renew(old)
        now += timedelta(seconds=TTL_S - 1)
        with pytest.raises(LeaseError, match="elsewhere"):
            leases.acquire("lab#1", purpose="y")
        now += timedelta(seconds=2)
        assert leases.acquire("lab#1", purpose="y").epoch == old.epoch + 1

    def test_any_takes_the_first_free_one_or_names_every_holder(self, leases: LeaseStore) -> None:
        names = ("lab#1", "lab#2")
        assert [leases.acquire_any(names, purpose=f"run {n}").instance for n in range(2)] == ["lab#1", "lab#2"]
        with pytest.raises(LeaseError) as caught:
            leases.acquire_any(names, purpose="run 3")
        assert "run 0" in str(caught.value)
        assert "run 1" in str(caught.value)


class TestRelease:
    def test_released_lease_is_free_and_cannot_be_renewed(self, leases: LeaseStore) -> None:
        lease = leases.acquire("lab#1", purpose="x")
        leases.release(lease)
        row = leases.read("lab#1")
        assert row is not None
        assert row.holder is None
        with pytest.raises(LeaseError):
            leases.renew(lease)
        with pytest.raises(LeaseError):
            leases.check(lease)

    def test_release_by_a_former_holder_changes_nothing(self, leases: LeaseStore) -> None:
        old = leases.acquire("lab#1", purpose="x", holder=dead_child())
        new = leases.acquire("lab#1", purpose="y")
        leases.release(old, tainted="by somebody who has no say")
        leases.check(new)
        row = leases.read("lab#1")
        assert row is not None
        assert row.tainted is None

    def test_taint_keeps_everybody_out_until_it_is_cleared(self, leases: LeaseStore) -> None:
        leases.release(leases.acquire("lab#1", purpose="x"), tainted="NODE02 is off")
        with pytest.raises(LeaseError, match="tainted: NODE02 is off"):
            leases.acquire("lab#1", purpose="y")
        leases.clear("lab#1")
        leases.acquire("lab#1", purpose="y")

    def test_cleared_lease_is_lost_to_its_holder(self, leases: LeaseStore) -> None:
        lease = leases.acquire("lab#1", purpose="x")
        leases.clear("lab#1")
        with pytest.raises(LeaseError):
            leases.renew(lease)

    def test_rows_by_instance(self, leases: LeaseStore) -> None:
        leases.acquire("b#1", purpose="x")
        leases.acquire("a#1", purpose="y")
        assert [(row.instance, row.purpose) for row in leases.rows()] == [("a#1", "y"), ("b#1", "x")]
        assert leases.read("c#1") is None


CONTENDER = """
import os, sys
from pathlib import Path
from harness.clock import Deadline, pause
from harness.errors import LeaseError
from harness.labs.lease import LeaseStore
store, mark, deadline, won = LeaseStore(), Path(sys.argv[1]), Deadline.after(float(sys.argv[2])), 0
while not deadline.expired():
    try:
        lease = store.acquire("lab#1", purpose="contest")
    except LeaseError:
        pause(0.002)
        continue
    # Exclusive creation fails if anybody else is inside.
    os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
    print(lease.epoch)
    mark.unlink()
    store.release(lease)
    won += 1
"""


def test_eight_processes_never_hold_it_together(tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", CONTENDER, str(tmp_path / "mark"), "1.2"]
    contenders = [subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(8)]
    outputs = [contender.communicate(timeout=60) for contender in contenders]
    assert [error.decode() for _, error in outputs] == [""] * 8
    epochs = [int(line) for output, _ in outputs for line in output.split()]
    assert sorted(epochs) == list(range(1, len(epochs) + 1)), "an epoch was given twice or left out"
    assert len(epochs) >= 8


def test_first_users_at_once_do_not_collide(tmp_path: Path) -> None:
    """Two scenarios of a fresh machine's first session make the store in the same instant."""
    together = threading.Barrier(4)

    def use_first(path: Path) -> list[LeaseRow]:
        together.wait(timeout=30)
        return LeaseStore(path).rows()

    with ThreadPoolExecutor(4) as pool:
        for number in range(60):
            path = tmp_path / f"leases-{number}.sqlite"
            assert list(pool.map(use_first, [path] * 4)) == [[]] * 4


def test_damaged_file_is_named_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "leases.sqlite"
    path.write_bytes(b"no database" * 100)
    with pytest.raises(LeaseError, match=r"leases\.sqlite' cannot be used") as caught:
        LeaseStore(path)
    assert "move it away" in caught.value.hint


class TestHandOver:
    def test_instance_is_kept_for_whom_it_was_handed_to(self, leases: LeaseStore) -> None:
        first = leases.acquire("lab#1", purpose="leg 1")
        leases.hand_over(first, kept_for="campaign night")
        row = leases.read("lab#1")
        assert row is not None
        assert row.is_kept
        with pytest.raises(LeaseError, match=r"'lab#1' is kept for campaign night"):
            leases.acquire("lab#1", purpose="somebody else")
        with pytest.raises(LeaseError, match="kept for campaign night"):
            leases.acquire_any(("lab#1",), purpose="somebody else")
        second = leases.acquire("lab#1", purpose="leg 2", kept_for="campaign night")
        assert second.epoch == first.epoch + 1
        with pytest.raises(LeaseError, match="taken over"):
            leases.renew(first)

    def test_name_opens_nothing_that_somebody_holds(self, leases: LeaseStore) -> None:
        leases.acquire("lab#1", purpose="campaign night")
        with pytest.raises(LeaseError, match="held by"):
            leases.acquire("lab#1", purpose="leg 2", kept_for="campaign night")

    def test_nobody_waits_for_ever(self, leases: LeaseStore, monkeypatch: pytest.MonkeyPatch) -> None:
        leases.hand_over(leases.acquire("lab#1", purpose="leg 1"), kept_for="campaign night")
        later = utc_now() + timedelta(seconds=KEPT_FOR_S + 1)
        monkeypatch.setattr(lease_module, "utc_now", lambda: later)
        assert leases.acquire("lab#1", purpose="somebody else").epoch == 2

    def test_operator_can_end_the_wait(self, leases: LeaseStore) -> None:
        leases.hand_over(leases.acquire("lab#1", purpose="leg 1"), kept_for="campaign night")
        leases.clear("lab#1")
        assert leases.acquire("lab#1", purpose="somebody else").epoch == 3
