"""Single samples of one guest and signal to run-length coded ones.

The ledger takes the edges of an outage from the samples around it, so the first and the last sample of each stretch of
equal answers keep their exact instants as runs of one; those between stand for themselves by their number.
"""

from __future__ import annotations

from dataclasses import replace

from harness.values import NO_BOOT, NO_HEARTBEAT, Answer, SampleRun, Signal


class RunBuilder:
    """Takes samples in order of time and gives runs.

    A guest's answers are a stretch while answer and boot id stay, samples follow each other without a hole (`most_ns`
    apart, half an interval more than one by default), and their interval stays.
    """

    def __init__(
        self, vm: str, signal: Signal, interval_ns: int, *, prober: str = "", most_ns: int | None = None
    ) -> None:
        self._vm = vm
        self._signal = signal
        self._interval_ns = interval_ns
        self._prober = prober
        self._most_ns = interval_ns + interval_ns // 2 if most_ns is None else most_ns
        self._open: list[SampleRun] = []
        """The stretch that may go on: first sample, those between as one run, last sample."""
        self._done: list[SampleRun] = []

    def take(
        self,
        t_ns: int,
        answer: Answer,
        error_ns: int = 0,
        *,
        boot_id: int = NO_BOOT,
        heartbeat: int = NO_HEARTBEAT,
        interval_ns: int | None = None,
    ) -> None:
        """One sample; `interval_ns` is the time for which it stands, that of the schedule by default."""
        sample = SampleRun(
            self._vm,
            t_ns,
            self._interval_ns if interval_ns is None else interval_ns,
            1,
            answer,
            boot_id,
            heartbeat,
            heartbeat,
            self._signal,
            error_ns,
            self._prober,
        )
        if self._open and not self._goes_on(self._open[-1], sample):
            self._close()
        self._extend(sample)

    def flush(self) -> list[SampleRun]:
        """All runs so far; the next sample begins a new stretch."""
        self._close()
        done, self._done = self._done, []
        return done

    def _goes_on(self, last: SampleRun, sample: SampleRun) -> bool:
        return (last.answer, last.boot_id, last.interval_ns) == (
            sample.answer,
            sample.boot_id,
            sample.interval_ns,
        ) and sample.first_ns - last.first_ns <= max(self._most_ns, last.interval_ns * 3 // 2)

    def _extend(self, sample: SampleRun) -> None:
        if len(self._open) < 3:
            self._open.append(sample)
            return
        first, between, last = self._open
        self._open = [first, _joined(between, last), sample]

    def _close(self) -> None:
        self._done += self._open
        self._open = []


def _joined(run: SampleRun, sample: SampleRun) -> SampleRun:
    """Both ends stay where they were: the interval becomes the mean one, so that no sample lies beyond what follows."""
    return replace(
        run,
        count=run.count + 1,
        interval_ns=max(1, (sample.first_ns - run.first_ns) // run.count),
        heartbeat_last=sample.heartbeat_last,
        error_ns=max(run.error_ns, sample.error_ns),
    )
