"""Whatever a network does to datagrams, and however often the sink is asked: the same samples come out as from a
simple evaluation of one datagram after another."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.probes.heartbeat_order import ROLLBACK_AFTER_NS
from harness.values import Answer, SampleRun
from tests.examples import examples
from tests.unit.probes.heartbeat_worlds import MS, SETTLED_NS, Arrival, World, assert_tells, expected

PERIOD = 10 * MS


@st.composite
def lives(draw: st.DrawFn) -> list[Arrival]:
    """What arrives from one guest that freezes, loses its network, restarts its agent and itself."""
    arrivals: list[Arrival] = []
    at_ns = draw(st.integers(0, 5 * PERIOD))
    clock = draw(st.integers(1, 10**12))
    boot, process, number = 1, 0, draw(st.sampled_from([0, 0, 2**32 - 3, 2**40]))
    steps = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 40), st.integers(-4, 4)), max_size=40)
    for kind, size, jitter in draw(steps):
        passed = PERIOD + jitter * MS
        if kind == "frozen":
            at_ns += size * PERIOD + jitter * MS * (size > 0)
        elif kind == "isolated":
            at_ns, clock, number = at_ns + size * PERIOD, clock + size * PERIOD, number + size
        elif kind == "agent":
            at_ns, clock, process, number = at_ns + size * PERIOD, clock + size * PERIOD, process + 1, 0
        elif kind == "reboot":
            # No restart is quicker than what the network holds back.
            at_ns, clock, boot, process, number = at_ns + (size + 25) * PERIOD, 1, boot + 1, 0, 0
        at_ns, clock = at_ns + passed, clock + passed
        one = Arrival(at_ns, boot, number, clock, (boot, process, number))
        number += 1
        if kind == "late":  # overtaken by what the guest sends in the meantime
            one = Arrival(at_ns + min(size, 20) * PERIOD + MS // 2, boot, one.number, clock, one.order)
        if kind != "lost":
            arrivals.append(one)
        if kind == "twice":
            later_ns = one.at_ns + size * MS + 1
            arrivals.append(Arrival(later_ns, boot, one.number, clock, one.order))
    arrivals.sort(key=lambda one: one.at_ns)
    distinct: list[Arrival] = []
    for one in arrivals:
        if not distinct or one.at_ns > distinct[-1].at_ns:
            distinct.append(one)
    return distinct


KINDS = ("sent", "sent", "sent", "sent", "lost", "twice", "late", "frozen", "isolated", "agent", "reboot")


def test_no_story_is_mistaken_for_a_guest_set_back() -> None:
    """What the network delays here, it delays for less time than makes a sink think of a checkpoint."""
    assert 20 * PERIOD + MS < ROLLBACK_AFTER_NS


@settings(max_examples=examples(250), deadline=None)
@given(
    st.lists(lives(), min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(1, 60), st.integers(0, 12), st.booleans()), max_size=25),
    st.integers(1, 4),
)
def test_runs_tell_what_a_simple_evaluation_tells(
    guests: list[list[Arrival]], asks: list[tuple[int, int, bool]], silence_periods: int
) -> None:
    names = [f"vm{number:03}" for number in range(len(guests))]
    world = World(dict.fromkeys(names, PERIOD), silence_periods=silence_periods)
    every = [(one.at_ns, name, one) for name, arrivals in zip(names, guests, strict=True) for one in arrivals]
    for at_ns, name, one in sorted(every, key=lambda item: item[:2]):
        world.send(name, at_ns, one.number, boot=one.boot, clock_ns=one.clock_ns)
    end_ns = max([at_ns for at_ns, _, _ in every], default=0) + 10 * PERIOD + MS
    told: list[SampleRun] = []
    now_ns = until_ns = 0
    for passed, behind, ask in asks:
        now_ns += passed * PERIOD // 3
        if now_ns >= end_ns:
            break
        world.sink.step(now_ns)
        if ask:
            until_ns = max(until_ns, now_ns - SETTLED_NS - behind * PERIOD // 3)
            told += world.sink.runs(until_ns)
    # Lost samples up to half a period before what is known: the end of the story lies on an instant that is settled.
    world.sink.step(end_ns + SETTLED_NS + 10 * PERIOD)
    told += world.sink.runs(end_ns)
    for name, arrivals in zip(names, guests, strict=True):
        samples = expected(arrivals, PERIOD, silence_periods, end_ns + 10 * PERIOD)
        samples = [one for one in samples if one.at_ns <= end_ns]
        assert_tells([run for run in told if run.vm == name], samples, PERIOD, silence_periods)


@settings(max_examples=examples(100), deadline=None)
@given(lives())
def test_datagrams_are_all_accounted_for(arrivals: list[Arrival]) -> None:
    world = World({"vm001": PERIOD})
    for one in arrivals:
        world.send("vm001", one.at_ns, one.number, boot=one.boot, clock_ns=one.clock_ns)
    end_ns = (arrivals[-1].at_ns if arrivals else 0) + MS
    runs = world.runs(end_ns)
    health = world.sink.health
    assert health.fresh == sum(run.count for run in runs if run.answer is Answer.OK)
    assert health.received == len(arrivals)
    assert health.received == health.fresh + health.duplicates + health.overtaken + health.stragglers
    assert (health.malformed, health.unknown_guest, health.rollbacks, health.dropped) == (0, 0, 0, 0)
