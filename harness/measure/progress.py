"""Is the update still moving?

*Stuck* means: nothing that the product shows about its progress has changed for longer than the budget, while the
ways to ask it were healthy.  It differs from a deadline, which an update that still moves can miss.  The same
detector runs live in the conductor and offline in the judge.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Everything that moves when an update moves.  Two equal fingerprints mean: no progress in between."""

    phase: str
    step: tuple[str, ...] = ()
    percent: float | None = None
    run_state: str = ""
    nodes: tuple[tuple[str, str], ...] = ()


class ProgressDetector:
    """Follows fingerprints; tells how long nothing has changed, not counting the time in which nobody could look.

    `limit_ns` is the budget.  Feed it in order of time.
    """

    def __init__(self, limit_ns: int) -> None:
        self.limit_ns = limit_ns
        self.fingerprint: Fingerprint | None = None
        self.changed_ns: int | None = None
        """Lab time of the last change; None before the first look."""
        self._last_ns: int | None = None
        self._blind_ns = 0
        self.longest_ns = 0
        """Longest time without change so far."""

    def feed(self, t_ns: int, fingerprint: Fingerprint | None) -> int:
        """A look at `t_ns`; None when transport or control were not healthy, so that nothing could be seen.

        Returns the observed time since the last change in nanoseconds.
        """
        if self.changed_ns is None or (fingerprint is not None and fingerprint != self.fingerprint):
            if fingerprint is None:
                return 0
            # The change came at some time since the last look: until then the stillness is not proven.
            self.fingerprint, self.changed_ns, self._blind_ns = fingerprint, t_ns, 0
        elif fingerprint is None and self._last_ns is not None:
            self._blind_ns += t_ns - self._last_ns
        self._last_ns = t_ns
        still_ns = self.still_ns(t_ns)
        self.longest_ns = max(self.longest_ns, still_ns)
        return still_ns

    def still_ns(self, now_ns: int) -> int:
        """Observed time without change until `now_ns`."""
        return 0 if self.changed_ns is None else max(0, now_ns - self.changed_ns - self._blind_ns)

    def stuck(self, now_ns: int) -> bool:
        """Beyond the budget?"""
        return self.still_ns(now_ns) > self.limit_ns
