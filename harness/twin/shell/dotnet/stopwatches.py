"""``[Diagnostics.Stopwatch]``: it measures lab time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from harness.twin.shell.dotnet.registry import constructor, method, prop, static, static_prop
from harness.twin.shell.objects import NOTHING, Int64
from harness.twin.shell.session import current
from harness.twin.shell.typesystem import register_value_type

STOPWATCH: Final = "System.Diagnostics.Stopwatch"


class Stopwatch:
    """A clock that can be stopped."""

    __slots__ = ("since", "total")

    def __init__(self) -> None:
        self.since: datetime | None = None
        self.total = timedelta(0)

    @property
    def elapsed(self) -> timedelta:
        """What it shows."""
        return self.total + (current().host.now() - self.since if self.since is not None else timedelta(0))

    def start(self) -> object:
        """Go on."""
        if self.since is None:
            self.since = current().host.now()
        return NOTHING

    def stop(self) -> object:
        """Stop."""
        self.total, self.since = self.elapsed, None
        return NOTHING

    def reset(self) -> object:
        """Stop, and begin at nothing."""
        self.total, self.since = timedelta(0), None
        return NOTHING

    def restart(self) -> object:
        """Begin at nothing, and go on."""
        self.reset()
        return self.start()


def start_new() -> Stopwatch:
    """``[Stopwatch]::StartNew()``."""
    made = Stopwatch()
    made.start()
    return made


register_value_type(Stopwatch, STOPWATCH)
constructor(STOPWATCH, "")(Stopwatch)
static(STOPWATCH, "StartNew")(start_new)
static(STOPWATCH, "GetTimestamp")(lambda: Int64(current().host.now().timestamp() * 10_000_000))
static_prop(STOPWATCH, "Frequency", lambda: Int64(10_000_000))
static_prop(STOPWATCH, "IsHighResolution", lambda: True)
prop(Stopwatch, "IsRunning", lambda this: this.since is not None)
prop(Stopwatch, "Elapsed", lambda this: this.elapsed)
prop(Stopwatch, "ElapsedMilliseconds", lambda this: Int64(this.elapsed // timedelta(milliseconds=1)))
prop(Stopwatch, "ElapsedTicks", lambda this: Int64(this.elapsed // timedelta(microseconds=1) * 10))
method(Stopwatch, "Start")(lambda this: this.start())
method(Stopwatch, "Stop")(lambda this: this.stop())
method(Stopwatch, "Reset")(lambda this: this.reset())
method(Stopwatch, "Restart")(lambda this: this.restart())
