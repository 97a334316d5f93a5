"""An instance for a command that is no run: leased, hosted, at its baseline, and given back with nothing left."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from harness.clock import NS_PER_S, monotonic_ns
from harness.errors import HarnessError, LabError, LeaseError
from harness.labs.cleaning import clean_instance
from harness.labs.control import LabHostGoneError
from harness.labs.hosting import LastLine, attach, end_host, start_host
from harness.labs.lease import RENEW_EVERY_S, LeaseStore
from harness.labs.models import LabFile
from harness.labs.nested.leftovers import Leftover
from harness.labs.port import BaselineSpec
from harness.labs.remote import RemoteLab

_LOOK_EVERY_S: Final = 0.2


class HostedInstance:
    """A leased and hosted instance at its baseline; `start_s` and `baseline_s` are the wall seconds that it took."""

    def __init__(
        self,
        lab: LabFile,
        instances: tuple[str, ...],
        seed: int,
        *,
        purpose: str,
        say: Callable[[str], None] = lambda _text: None,
    ) -> None:
        """Lease, host, baseline; `say` is told the last line of the lab host's log whenever it is another.

        Raises LeaseError when no instance is free, LabError when it does not come up.  Then, and when it is
        interrupted, nothing is left.
        """
        self.leases = LeaseStore()
        self.file = lab
        self.lease = self.leases.acquire_any(instances, purpose=purpose)
        try:
            with meanwhile(lambda: self.leases.renew(self.lease), RENEW_EVERY_S):
                began_ns = monotonic_ns()
                folder = start_host(self.lease.instance, lab.model_dump(mode="json", by_alias=True), say)
                self.lab: RemoteLab = attach(self.lease)
                up_ns = monotonic_ns()
                with meanwhile(LastLine(folder, say).look, _LOOK_EVERY_S):
                    reached = self.lab.baseline(BaselineSpec(lab.versions.model_dump(), seed), self.lease)
                self.start_s, self.baseline_s = (up_ns - began_ns) / NS_PER_S, (monotonic_ns() - up_ns) / NS_PER_S
        except BaseException:
            self._give_back()
            raise
        self.versions = reached.versions
        if not reached.ready:
            self.release()
            raise LabError(
                f"the baseline of '{self.lease.instance}' cannot be reached: {reached.reason}",
                hint=f"check versions.solution in the lab file: hil lab show {lab.lab}",
            )

    def release(self) -> list[Leftover]:
        """End the lab host and give the lease back; harmless when either is gone.

        Returns what the lab host had left, which was removed: nothing when it ended as it should.
        """
        with suppress(LabHostGoneError, LeaseError):
            self.lab.release(self.lease)
        return self._give_back()

    def _give_back(self) -> list[Leftover]:
        row = self.leases.read(self.lease.instance)
        if row is None or row.epoch != self.lease.epoch:  # the instance is somebody else's by now
            return []
        try:
            end_host(self.lease.instance)
            return clean_instance(self.lease.instance)
        finally:
            self.leases.release(self.lease)


@contextmanager
def meanwhile(act: Callable[[], None], every_s: float) -> Iterator[None]:
    """Call `act` every so many wall seconds, in a thread, while the block runs, and once after it.

    An error of the harness ends that quietly: it comes up where the block itself meets it.
    """
    ended = threading.Event()

    def turn() -> None:
        with suppress(HarnessError):
            while not ended.wait(every_s):
                act()
            act()

    thread = threading.Thread(target=turn, name="meanwhile", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
