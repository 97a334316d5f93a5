"""The script of a responder: who is away when, and what is noted of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ConfigError
from harness.testing.outages.behaviour import NO_OUTAGE, Behaviour
from harness.testing.outages.script import AWAY, FOREVER_NS, Guest, Kind, Outage, Setup, node_wide
from harness.testing.outages.truth import Ledger, Silence, Truth

GUESTS = tuple(Guest(f"vm{at}", f"10.77.1.{at + 1}") for at in range(4))


def behaviour(*outages: Outage) -> Behaviour:
    return Behaviour(Setup(GUESTS, outages))


@st.composite
def scripts(draw: st.DrawFn) -> list[Outage]:
    outages = []
    for guest in GUESTS:
        at_ns = 0
        for _ in range(draw(st.integers(0, 4))):
            at_ns += draw(st.integers(0, 50))
            outages.append(Outage(guest.vm, draw(st.sampled_from(sorted(Kind))), at_ns, draw(st.integers(1, 50))))
            at_ns = outages[-1].end_ns
            if at_ns == FOREVER_NS:
                break
    return draw(st.permutations(outages))


@given(scripts(), st.lists(st.tuples(st.integers(0, 3), st.integers(-5, 400)), min_size=1, max_size=30))
def test_an_outage_lasts_from_its_start_to_just_before_its_end(
    outages: list[Outage], asked: list[tuple[int, int]]
) -> None:
    played = behaviour(*outages)
    guests, at_ns = (np.array(column) for column in zip(*asked, strict=True))
    found = played.current(guests, at_ns)
    for (guest, at), index in zip(asked, found, strict=True):
        there = [one for one in outages if one.vm == f"vm{guest}" and one.start_ns <= at < one.end_ns]
        assert ([] if index == NO_OUTAGE else [played.outages[index]]) == there
        assert played.kind_at(guest, at) == (there[0].kind if there else None)


@pytest.mark.parametrize("kind", sorted(Kind))
def test_who_is_silent_to_whom(kind: Kind) -> None:
    played = behaviour(Outage("vm0", kind, 10, 10))
    current = played.current(np.array([0, 1]), np.array([15, 15]))
    assert played.silent(current, ping=False).tolist() == [kind in AWAY, False]
    assert played.silent(current, ping=True).tolist() == [kind in AWAY or kind is Kind.FILTERED, False]
    assert played.late(current).tolist() == [kind is Kind.BROWN, False]


def test_what_is_down_stays_down() -> None:
    played = behaviour(Outage("vm0", Kind.DOWN, 10, 1))
    assert played.kind_at(0, FOREVER_NS - 1) is Kind.DOWN


def test_a_script_names_its_guests_and_does_not_overlap() -> None:
    with pytest.raises(ConfigError, match="vm9, which is none of the 4"):
        behaviour(Outage("vm9", Kind.DOWN, 0, 1))
    with pytest.raises(ConfigError, match="before the last one ended"):
        behaviour(Outage("vm1", Kind.FROZEN, 0, 10), Outage("vm1", Kind.BROWN, 9, 10))
    with pytest.raises(ConfigError, match="before the last one ended"):
        behaviour(Outage("vm1", Kind.FROZEN, 5, 0))


def test_a_setup_survives_its_json_form() -> None:
    setup = Setup(GUESTS, node_wide(["vm0", "vm2"], Kind.ISOLATED, 5, 7), ("10.77.255.1", 4000), http_port=80)
    assert Setup.from_plain(setup.plain()) == setup


@given(
    scripts(), st.lists(st.tuples(st.integers(0, 399), st.integers(0, 3)), min_size=1, max_size=60), st.integers(1, 9)
)
def test_the_truth_names_the_packets_next_to_each_edge(
    outages: list[Outage], packets: list[tuple[int, int]], batch: int
) -> None:
    """Whatever the batches: each one is judged by itself, so answered packets of the same batch are not asked for."""
    played = behaviour(*outages)
    ledger = Ledger("ping", played, len(GUESTS))
    packets.sort()
    answered: dict[int, list[int]] = {at: [] for at in range(4)}
    met: dict[int, list[int]] = {}
    for first in range(0, len(packets), batch):
        at_ns, guests = (np.array(column) for column in zip(*packets[first : first + batch], strict=True))
        current = played.current(guests, at_ns)
        ledger.take(guests, at_ns, current >= 0)
        for guest, at, index in zip(guests.tolist(), at_ns.tolist(), current.tolist(), strict=True):
            (met.setdefault(index, []) if index >= 0 else answered[guest]).append(at)
    begin_ns = 10**15
    silences = {(one.vm, one.start_ns): one for one in ledger.silences(begin_ns, begin_ns + FOREVER_NS)}
    assert len(silences) == len(outages)
    for index, outage in enumerate(played.outages):
        seen = silences[outage.vm, begin_ns + outage.start_ns]
        inside = met.get(index, [])
        assert seen.met == len(inside)
        assert seen.first_met_ns == (begin_ns + min(inside) if inside else None)
        assert seen.last_met_ns == (begin_ns + max(inside) if inside else None)
        later = [one.start_ns for one in played.outages if one.vm == outage.vm and one.start_ns > outage.start_ns]
        after = [at for at in answered[int(outage.vm[2:])] if outage.end_ns <= at < min(later, default=FOREVER_NS)]
        assert seen.first_answered_ns == (begin_ns + min(after) if after else None)
        if seen.last_answered_ns is not None:
            assert seen.last_answered_ns < seen.start_ns


def test_the_truth_survives_its_json_form() -> None:
    silence = Silence("vm0", Kind.BROWN, "ping", 1, 2, None, 1, 1, None, 1)
    truth = Truth(1, (silence,), ((3, 4),), {"ping": 5})
    assert Truth.from_plain(truth.plain() | {"stalls": [[3, 4]]}) == truth
    assert truth.of("datagram") == ()
