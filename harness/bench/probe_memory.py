"""What the sampler's memory comes to in a night, from the beginning of one."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from harness.bench.figures import Figure
from harness.bench.probe_cost import Say
from harness.bench.prober import Assignment, probe
from harness.testing.outages.beds import LinkedNamespaces

GUESTS: Final = 5000
SECONDS: Final = 150
STEADY_FROM_S: Final = 60
"""By then answers are judged, windows cut and written as they will be all night: late answers are waited for 5 s, a
window has 10 s, and the greatest of several windows has made its room."""
MOST_STOPS: Final = 2
"""[INF] A stop ends what goes on for every guest: a window with ten of them has four times the runs of one with none,
and the memory for it stays with the process.  That is no growth that goes on all night."""
NIGHT_S: Final = 4 * 3600
_MB: Final = 1_000_000 / 1024
"""In KiB."""


def memory_figure(figure: Figure, bed: LinkedNamespaces, say: Say) -> Figure:
    """Resident memory after four hours, extrapolated from the first minutes."""
    say(f"memory: {GUESTS} guests, 10 pings a second each, for {SECONDS} s")
    with tempfile.TemporaryDirectory() as name:
        account = probe(bed, Assignment(bed.guests(GUESTS), SECONDS, samples=str(Path(name) / "samples.jsonl")))
    if (stops := len(account.stalls)) > MOST_STOPS:
        return replace(
            figure,
            remark=f"the machine is too busy: {stops} stops of the sampler, each of which makes windows larger, so that"
            f" the slope says nothing; {curve(account.memory)}",
        )
    return replace(figure, value=extrapolated_mb(account.memory), remark=curve(account.memory))


def growth(memory: Sequence[tuple[float, int]]) -> float:
    """KiB a second in steady state: the median of the slopes between any two values (Theil and Sen).

    Memory is got in steps of a megabyte or so.  One step, which says nothing about a night, moves the median little;
    what grows all the time moves it wholly.  Raises ValueError for fewer than two values.
    """
    steady = [one for one in memory if one[0] >= STEADY_FROM_S]
    if len(steady) < 2:
        raise ValueError(f"{len(steady)} values of memory after {STEADY_FROM_S} s; a line needs two")
    at_s, kib = np.array(steady, dtype=float).T
    one, other = np.triu_indices(at_s.size, 1)
    return float(np.median((kib[other] - kib[one]) / (at_s[other] - at_s[one])))


def extrapolated_mb(memory: Sequence[tuple[float, int]]) -> float:
    """Memory at the end of a night in MB, if it goes on to grow as seen; memory that shrinks is taken as constant."""
    last_s, last_kib = memory[-1]
    return (last_kib + max(0.0, growth(memory)) * (NIGHT_S - last_s)) / _MB


def curve(memory: Sequence[tuple[float, int]]) -> str:
    """The curve in words: every tenth second or so, and the slope."""
    shown, next_s = [], 0.0
    for at_s, kib in memory:
        if at_s >= next_s:
            shown.append(f"{at_s:.0f} s {kib / _MB:.1f}")
            next_s += 10
    return f"MB after {', '.join(shown)}; {growth(memory) * 60 / _MB:+.3f} MB a minute from {STEADY_FROM_S} s on"
