"""What an outside sampler would get from one guest, as a list of transitions.

Nothing is computed per second: a guest changes its signal a few times per update, and everything between two changes
is arithmetic (see ``harness.twin.sampling``).
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

from harness.twin.model.states import Signal

_RUNNING = (Signal.Answering, Signal.Isolated)


@dataclass(frozen=True, slots=True)
class Transition:
    """The signal from ``t_ns`` (inclusive) on.

    ``running_ns`` is the guest's own clock at that instant: time since this boot began to answer, without the time in
    which the guest was frozen or off.  Heartbeat numbers advance with that clock only.
    """

    t_ns: int
    signal: Signal
    boot_id: int
    running_ns: int

    def running_at(self, t_ns: int) -> int:
        """The guest's own clock at *t_ns*, which must not lie beyond the next transition."""
        return self.running_ns + (t_ns - self.t_ns if self.signal in _RUNNING else 0)


@dataclass(slots=True)
class Reachability:
    """Timeline of one guest; starts answering at lab time 0 unless told otherwise."""

    transitions: list[Transition] = field(default_factory=lambda: [Transition(0, Signal.Answering, 1, 0)])

    @property
    def signal(self) -> Signal:
        """The signal now."""
        return self.transitions[-1].signal

    @property
    def boot_id(self) -> int:
        """The boot the present signal belongs to."""
        return self.transitions[-1].boot_id

    def record(self, t_ns: int, signal: Signal, boot_id: int) -> bool:
        """Append a change at *t_ns*; return False if nothing changes.

        Raises ValueError if *t_ns* lies before the last transition: time does not run backwards.
        """
        last = self.transitions[-1]
        if t_ns < last.t_ns:
            raise ValueError(f"transition at {t_ns} ns lies before the last one at {last.t_ns} ns")
        if (last.signal, last.boot_id) == (signal, boot_id):
            return False
        running = last.running_at(t_ns) if boot_id == last.boot_id else 0
        if t_ns == last.t_ns and len(self.transitions) > 1:
            self.transitions.pop()
        elif t_ns == last.t_ns:
            self.transitions.clear()
        self.transitions.append(Transition(t_ns, signal, boot_id, running))
        return True

    def at(self, t_ns: int) -> Transition:
        """The transition in force at *t_ns*."""
        return self.transitions[max(0, bisect_right(self.transitions, t_ns, key=lambda item: item.t_ns) - 1)]
