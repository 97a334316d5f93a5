"""The lease: the capability to touch one lab instance.

A row in a SQLite file of the state folder.  Whoever holds it has an *epoch*, a fencing token that grows with every
change of hands; lab hosts refuse an older one, so a holder that was taken for dead cannot do harm when it wakes up.
A holder proven dead on this host is taken over at once; one on another host keeps the lease until it expires.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.clock import utc_now
from harness.errors import LeaseError
from harness.labs.holder import Holder
from harness.paths import state_dir

TTL_S: Final = 120
"""A lease that was not renewed for so long has expired (only matters for holders that cannot be proven dead)."""

RENEW_EVERY_S: Final = 30

KEPT_FOR_S: Final = 900
"""An instance is kept so long for whoever it was handed to, as long as its lab host waits for a new controller."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS lease (
  instance TEXT PRIMARY KEY, epoch INTEGER NOT NULL, host TEXT, boot_id TEXT, pid INTEGER, started INTEGER,
  expires REAL, renewed REAL, purpose TEXT, tainted TEXT
)"""


@dataclass(frozen=True, slots=True)
class Lease:
    """Proof of holding `instance`; pass it to everything that destroys."""

    instance: str
    epoch: int
    holder: Holder


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """What the store says about one instance."""

    instance: str
    epoch: int
    holder: Holder | None
    expires: float
    purpose: str
    tainted: str | None

    @property
    def is_kept(self) -> bool:
        """Does nobody hold it, but is it kept for somebody (`purpose`)?"""
        return self.holder is None and self.expires > utc_now().timestamp()


class LeaseStore:
    """Leases of this machine (file `leases.sqlite` in the state folder).

    Every method raises LeaseError when the file cannot be used.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or state_dir() / "leases.sqlite"
        with self._connect() as db:
            db.execute(_SCHEMA)

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        # No write-ahead log: the switch to it does not wait for its turn, and two first users at once would collide.
        db = sqlite3.connect(self._path, timeout=30, isolation_level=None)
        try:
            yield db
        except sqlite3.Error as error:
            raise LeaseError(
                f"the lease file '{self._path}' cannot be used: {error}",
                hint="free disk space, or when it is damaged and no run is alive, move it away",
            ) from error
        finally:
            db.close()

    def acquire(
        self, instance: str, *, purpose: str, holder: Holder | None = None, kept_for: str | None = None
    ) -> Lease:
        """Take the lease of `instance` with the next epoch; `kept_for` names for whom it may have been kept.

        Raises LeaseError, naming the holder, when somebody else holds it, or when the instance is tainted.
        """
        me = holder or Holder.me()
        now = utc_now().timestamp()
        with self._connect() as db:
            db.execute("BEGIN IMMEDIATE")
            row = self._row(db, instance)
            if row is not None and row.tainted:
                db.execute("ROLLBACK")
                raise LeaseError(
                    f"lab instance '{instance}' is tainted: {row.tainted}",
                    hint=f"bring it to order, then: hil lab release {instance}",
                )
            if row is not None and row.is_kept and row.purpose != kept_for:
                db.execute("ROLLBACK")
                raise LeaseError(
                    f"lab instance '{instance}' is kept for {row.purpose}",
                    hint=f"wait for it, name another lab with --lab, or: hil lab release {instance}",
                )
            if row is not None and row.holder is not None and not self._is_free(row, now):
                db.execute("ROLLBACK")
                raise LeaseError(
                    f"lab instance '{instance}' is held by {row.holder} for '{row.purpose}' (epoch {row.epoch})",
                    hint="wait for it, name another lab with --lab, or see: hil lab list",
                )
            epoch = (row.epoch if row else 0) + 1
            db.execute(
                "INSERT OR REPLACE INTO lease VALUES (?,?,?,?,?,?,?,?,?,NULL)",
                (instance, epoch, me.host, me.boot_id, me.pid, me.started, now + TTL_S, now, purpose),
            )
            db.execute("COMMIT")
        return Lease(instance, epoch, me)

    def acquire_any(self, instances: tuple[str, ...], *, purpose: str) -> Lease:
        """Take the first free one of `instances`.  Raises LeaseError, naming every holder, when all are held."""
        refusals: list[str] = []
        for instance in instances:
            try:
                return self.acquire(instance, purpose=purpose)
            except LeaseError as error:
                refusals.append(str(error))
        raise LeaseError(
            "no lab instance is free:\n  " + "\n  ".join(refusals),
            hint="wait, raise `instances` in the lab file, or see: hil lab list",
        )

    def renew(self, lease: Lease) -> None:
        """Extend the lease.  Raises LeaseError when it was lost: stop touching the lab."""
        now = utc_now().timestamp()
        with self._connect() as db:
            changed = db.execute(
                "UPDATE lease SET expires=?, renewed=? WHERE instance=? AND epoch=? AND pid IS NOT NULL",
                (now + TTL_S, now, lease.instance, lease.epoch),
            ).rowcount
        if not changed:
            raise LeaseError(
                f"the lease of '{lease.instance}' (epoch {lease.epoch}) was taken over", hint="see: hil lab list"
            )

    def check(self, lease: Lease) -> None:
        """Is `lease` still the newest?  Raises LeaseError when not."""
        row = self.read(lease.instance)
        if row is None or row.epoch != lease.epoch or row.holder is None:
            raise LeaseError(
                f"the lease of '{lease.instance}' (epoch {lease.epoch}) was lost", hint="see: hil lab list"
            )

    def release(self, lease: Lease, *, tainted: str | None = None) -> None:
        """Give the lease back; the epoch stays.  `tainted` keeps everybody out until `hil lab release`."""
        with self._connect() as db:
            db.execute(
                "UPDATE lease SET host=NULL, boot_id=NULL, pid=NULL, started=NULL, expires=0, tainted=? "
                "WHERE instance=? AND epoch=?",
                (tainted, lease.instance, lease.epoch),
            )

    def hand_over(self, lease: Lease, *, kept_for: str) -> None:
        """Give the lease back, but keep everybody else out for a while."""
        with self._connect() as db:
            db.execute(
                "UPDATE lease SET host=NULL, boot_id=NULL, pid=NULL, started=NULL, expires=?, purpose=? "
                "WHERE instance=? AND epoch=?",
                (utc_now().timestamp() + KEPT_FOR_S, kept_for, lease.instance, lease.epoch),
            )

    def clear(self, instance: str) -> None:
        """Take the lease away from whoever holds it, and the taint off (an operator's decision)."""
        with self._connect() as db:
            db.execute(
                "UPDATE lease SET epoch=epoch+1, host=NULL, boot_id=NULL, pid=NULL, started=NULL, expires=0, "
                "tainted=NULL WHERE instance=?",
                (instance,),
            )

    def read(self, instance: str) -> LeaseRow | None:
        """The row of `instance`, None when it was never leased."""
        with self._connect() as db:
            return self._row(db, instance)

    def rows(self) -> list[LeaseRow]:
        """All rows, by instance."""
        with self._connect() as db:
            names = [name for (name,) in db.execute("SELECT instance FROM lease ORDER BY instance")]
            return [row for name in names if (row := self._row(db, name)) is not None]

    @staticmethod
    def _row(db: sqlite3.Connection, instance: str) -> LeaseRow | None:
        found = db.execute(
            "SELECT epoch, host, boot_id, pid, started, expires, purpose, tainted FROM lease WHERE instance=?",
            (instance,),
        ).fetchone()
        if found is None:
            return None
        epoch, host, boot_id, pid, started, expires, purpose, tainted = found
        holder = Holder(host, boot_id, pid, started) if pid is not None else None
        return LeaseRow(instance, epoch, holder, expires, purpose or "", tainted)

    @staticmethod
    def _is_free(row: LeaseRow, now: float) -> bool:
        if row.holder is None or row.holder.proven_dead:
            return True
        return not row.holder.is_local and row.expires < now
