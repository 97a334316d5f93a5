"""The heartbeat sink: what it tells of gaps, restarts, reordering and clocks, and what it does not take."""

from __future__ import annotations

import pytest

from harness.errors import ConfigError
from harness.journal import Redactor
from harness.probes.heartbeat import ROOM, HeartbeatSink
from harness.probes.heartbeat_clocks import TRANSIT_NS, WINDOW_NS
from harness.probes.heartbeat_order import ROLLBACK_AFTER_NS
from harness.probes.heartbeat_wire import HeartbeatKey
from harness.values import Answer, SampleRun, Signal
from tests.unit.probes.heartbeat_worlds import MS, SETTLED_NS, Wire, World, no_offset

PERIOD = 20 * MS
VM = "vm001"
S = 1000 * MS


def world(**settings: object) -> World:
    return World({VM: PERIOD}, **settings)  # type: ignore[arg-type]


def told(runs: list[SampleRun]) -> list[tuple[int, int, str, int, int, int]]:
    """First instant in ms, count, answer, boot and the two numbers."""
    return [
        (run.first_ns // MS, run.count, run.answer.value, run.boot_id, run.heartbeat_first, run.heartbeat_last)
        for run in runs
    ]


def test_a_steady_guest_is_one_stretch_over_all_calls() -> None:
    made = world()
    for number in range(100):
        made.send(VM, (1 + number) * PERIOD, number)
    first, second = made.runs(50 * PERIOD), made.runs(100 * PERIOD)
    assert told(first) == [(20, 1, "ok", 1, 0, 0), (40, 48, "ok", 1, 1, 48), (1000, 1, "ok", 1, 49, 49)]
    assert told(second) == [(1020, 49, "ok", 1, 50, 98), (2000, 1, "ok", 1, 99, 99)]
    assert {(run.signal, run.interval_ns, run.error_ns, run.vm) for run in first + second} == {
        (Signal.HEARTBEAT, PERIOD, 0, VM)
    }


def test_two_missing_heartbeats_are_no_outage() -> None:
    made = world()
    for number in (0, 1, 4, 5):
        made.send(VM, (1 + number) * PERIOD, number)
    runs = made.runs(6 * PERIOD)
    assert {run.answer for run in runs} == {Answer.OK}
    assert sum(run.count for run in runs) == 4
    assert made.sink.health.missing == 2


@pytest.mark.parametrize(
    ("after", "boot", "number"),
    [(4, 1, 2), (4, 1, 502), (1, 2, 0)],
    ids=["frozen", "isolated", "restarted"],
)
def test_a_gap_has_exact_edges_and_the_numbers_that_tell_why(after: int, boot: int, number: int) -> None:
    """Ten seconds: 499 heartbeats are lost, and the guest says afterwards what it did meanwhile."""
    made = world()
    made.send(VM, 1000 * MS, 0)
    made.send(VM, 1020 * MS, 1)
    back_ns = 11 * S + 23 * MS
    clock_ns = 5 * MS if boot == 2 else 1020 * MS + after
    made.send(VM, back_ns, number, boot=boot, clock_ns=clock_ns)
    made.send(VM, back_ns + PERIOD, number + 1, boot=boot, clock_ns=clock_ns + PERIOD)
    assert told(made.runs(back_ns + PERIOD)) == [
        (1000, 1, "ok", 1, 0, 0),
        (1020, 1, "ok", 1, 1, 1),
        (1040, 1, "lost", 1, 1, 1),
        (1060, 497, "lost", 1, 1, 1),
        (11000, 1, "lost", 1, 1, 1),
        (11023, 1, "ok", boot, number, number),
        (11043, 1, "ok", boot, number + 1, number + 1),
    ]


def test_an_outage_is_told_while_it_lasts_and_never_twice() -> None:
    made = world()
    made.send(VM, 100 * MS, 0)
    assert told(made.runs(150 * MS)) == [(100, 1, "ok", 1, 0, 0)]
    assert told(made.runs(200 * MS)) == [(120, 1, "lost", 1, 0, 0), (140, 3, "lost", 1, 0, 0)]
    assert told(made.runs(300 * MS)) == [(200, 5, "lost", 1, 0, 0)]
    made.send(VM, 395 * MS, 1)
    assert told(made.runs(400 * MS)) == [
        (300, 4, "lost", 1, 0, 0),
        (380, 1, "lost", 1, 0, 0),
        (395, 1, "ok", 1, 1, 1),
    ]


def test_a_heartbeat_that_is_half_a_period_late_is_itself() -> None:
    made = world()
    made.send(VM, 100 * MS, 0)
    made.send(VM, 189 * MS, 4)  # due at 180
    assert [run.first_ns // MS for run in made.runs(189 * MS) if run.answer is Answer.LOST] == [120, 140, 160]


@pytest.mark.parametrize(("periods", "lost"), [(3, 5), (4, 0)])
def test_the_silence_that_is_an_outage_can_be_chosen(periods: int, lost: int) -> None:
    made = world(silence_periods=periods)
    made.send(VM, 100 * MS, 0)
    made.send(VM, 180 * MS - 15 * MS, 3)
    made.send(VM, 240 * MS, 7)
    assert sum(run.count for run in made.runs(240 * MS) if run.answer is Answer.LOST) == lost


def test_a_guest_that_never_spoke_is_named_and_not_lost() -> None:
    made = World({"vm001": PERIOD, "vm002": PERIOD})
    made.send("vm002", 100 * MS, 0)
    assert {run.vm for run in made.runs(10 * S)} == {"vm002"}
    assert made.sink.health.unheard == ("vm001",)


def test_uneven_heartbeats_are_no_further_off_than_the_silence() -> None:
    """Slow for a while, then quick: one evenly spaced run would put samples where none were."""
    made, at_ns, true = world(), 0, []
    for number in range(200):
        at_ns += 50 * MS if number < 100 else MS
        true.append(at_ns)
        made.send(VM, at_ns, number)
    runs = made.runs(at_ns)
    given = [run.first_ns + place * run.interval_ns for run in runs for place in range(run.count)]
    assert len(given) == len(true)
    assert max(abs(one - other) for one, other in zip(given, true, strict=True)) <= 3 * PERIOD
    assert len(runs) < 30


def test_a_restart_within_the_silence_begins_a_stretch() -> None:
    made = world()
    for number in range(3):
        made.send(VM, (1 + number) * PERIOD, 7 + number)
    made.send(VM, 4 * PERIOD, 0, boot=2, clock_ns=MS)
    made.send(VM, 5 * PERIOD, 1, boot=2, clock_ns=MS + PERIOD)
    runs = told(made.runs(5 * PERIOD))
    assert [(row[1], row[3], row[4]) for row in runs] == [(1, 1, 7), (1, 1, 8), (1, 1, 9), (1, 2, 0), (1, 2, 1)]
    assert made.sink.health.reboots == 1


def test_twice_and_overtaken_are_counted_and_tell_nothing_new() -> None:
    made = world()
    for at_ms, number in ((100, 0), (120, 1), (121, 1), (160, 3), (161, 2), (162, 2), (180, 4)):
        made.send(VM, at_ms * MS, number, clock_ns=(number + 1) * PERIOD)
    runs = made.runs(180 * MS)
    health = made.sink.health
    assert sum(run.count for run in runs) == 4
    assert (health.duplicates, health.overtaken, health.missing, health.fresh) == (2, 1, 0, 4)


def test_an_overtaken_heartbeat_does_not_end_an_outage() -> None:
    made = world()
    made.send(VM, 100 * MS, 1, clock_ns=100 * MS)
    made.send(VM, 400 * MS, 0, clock_ns=80 * MS)
    assert [run.answer for run in made.runs(600 * MS)] == [Answer.OK, Answer.LOST, Answer.LOST]


def test_a_straggler_of_an_earlier_boot_is_no_restart() -> None:
    made = world()
    made.send(VM, 100 * MS, 900, boot=1)
    made.send(VM, 5 * S, 0, boot=2, clock_ns=MS)
    made.send(VM, 5 * S + MS, 901, boot=1, clock_ns=120 * MS)
    made.send(VM, 5 * S + PERIOD, 1, boot=2, clock_ns=MS + PERIOD)
    runs = made.runs(5 * S + PERIOD)
    assert [run.boot_id for run in runs if run.answer is Answer.OK] == [1, 2, 2]
    assert (made.sink.health.stragglers, made.sink.health.reboots) == (1, 1)


def test_an_earlier_boot_that_keeps_speaking_is_believed() -> None:
    """A guest set back to a checkpoint of before its restart must not be called dead for ever."""
    made = world()
    made.send(VM, 100 * MS, 900, boot=1)
    made.send(VM, 5 * S, 0, boot=2, clock_ns=MS)
    for number in range(1, 20):
        made.send(VM, 6 * S + number * PERIOD, 900 + number, boot=1, clock_ns=100 * MS + number * PERIOD)
    runs = made.runs(6 * S + 19 * PERIOD)
    assert runs[-1].boot_id == 1
    assert runs[-1].answer is Answer.OK
    assert made.sink.health.stragglers == 2


def test_a_new_agent_process_goes_on_counting_by_the_guests_clock() -> None:
    """The guest ran while its agent was started again: its numbers say so, although the agent begins at 0."""
    made = world()
    made.send(VM, 100 * MS, 5000, clock_ns=70 * S)
    made.send(VM, 100 * MS + S, 0, clock_ns=71 * S)
    made.send(VM, 100 * MS + S + PERIOD, 1, clock_ns=71 * S + PERIOD)
    runs = [run for run in made.runs(2 * S) if run.answer is Answer.OK]
    assert [run.heartbeat_first for run in runs] == [5000, 5050, 5051]
    assert made.sink.health.agent_restarts == 1


@pytest.mark.parametrize("number", [1, 7])
def test_what_an_earlier_agent_process_sent_is_old(number: int) -> None:
    """Its number may be higher than that of the new process; the guest's clock says which is newer."""
    made = world()
    made.send(VM, 100 * MS, 0, clock_ns=100 * MS)
    made.send(VM, 5 * S, 0, clock_ns=5 * S)
    runs = made.runs(5 * S)
    made.send(VM, 5 * S + 5 * MS, number, clock_ns=200 * MS)
    runs += made.runs(5 * S + 10 * MS)
    made.send(VM, 5 * S + PERIOD, 1, clock_ns=5 * S + PERIOD)
    heard = [run for run in [*runs, *made.runs(5 * S + PERIOD)] if run.answer is Answer.OK]
    assert [run.heartbeat_first for run in heard] == [0, 245, 246]
    assert (made.sink.health.fresh, made.sink.health.missing, made.sink.health.duplicates) == (3, 0, 1)


def test_a_guest_set_back_goes_on_without_a_hole() -> None:
    made = world()
    for number in range(100):
        made.send(VM, (1 + number) * PERIOD, number, clock_ns=(1 + number) * PERIOD)
    back_ns = 100 * PERIOD + ROLLBACK_AFTER_NS
    for number in range(40, 60):
        made.send(VM, back_ns + (number - 39) * PERIOD, number, clock_ns=(1 + number) * PERIOD)
    runs = made.runs(back_ns + 20 * PERIOD)
    assert made.sink.health.rollbacks == 1
    assert runs[-1].answer is Answer.OK
    assert runs[-1].heartbeat_last == 99 + 19


def test_numbers_beyond_32_bits_go_on() -> None:
    made = world()
    for step in range(6):
        made.send(VM, (1 + step) * PERIOD, 2**32 - 3 + step)
    runs = made.runs(6 * PERIOD)
    assert runs[-1].heartbeat_last == 2**32 + 2
    assert made.sink.health.missing == 0


def test_what_is_no_heartbeat_of_ours_is_counted_and_dropped() -> None:
    made = world()
    made.wire.put(1 * MS, b"")
    made.wire.put(2 * MS, b"\0" * 48)
    made.send("another", 3 * MS, 0)
    made.send(VM, 4 * MS, 0)
    made.wire.put(5 * MS, b"HLHB\x02" + b"\1" * 43)
    made.wire.put(6 * MS, b"HLHB\x01" + b"\1" * (ROOM + 20))
    assert told(made.runs(10 * MS)) == [(4, 1, "ok", 1, 0, 0)]
    health = made.sink.health
    assert (health.received, health.malformed, health.unknown_guest, health.fresh) == (6, 4, 1, 1)


def test_with_a_key_only_signed_heartbeats_count() -> None:
    key, other = HeartbeatKey.make(), HeartbeatKey.make()
    made = world(key=key)
    made.send(VM, 10 * MS, 0)
    made.send(VM, 20 * MS, 1, key=other)
    made.send(VM, 30 * MS, 2)
    unsigned = world()
    unsigned.send(VM, 40 * MS, 3)
    made.wire.put(*unsigned.wire._waiting[0])
    assert sum(run.count for run in made.runs(50 * MS)) == 2
    health = made.sink.health
    assert (health.fresh, health.wrong_tag, health.malformed) == (2, 1, 1)


def test_the_key_is_masked_and_shown_nowhere() -> None:
    key, redactor = HeartbeatKey.make(), Redactor()
    HeartbeatSink({VM: PERIOD}, Wire(), key=key, redactor=redactor)
    assert redactor.text(f"key={key.text}") == "key=***"
    assert key.text not in repr(key)


def test_what_the_kernel_drops_makes_the_sink_blind_for_that_span() -> None:
    made = world()
    made.send(VM, 10 * MS, 0)
    made.sink.step(20 * MS)
    made.wire.dropped = 7
    made.sink.step(50 * MS)
    made.sink.step(60 * MS)
    assert (made.sink.health.dropped, made.sink.health.blind) == (7, ((20 * MS, 50 * MS),))


def test_what_is_still_in_the_socket_is_not_called_silence() -> None:
    """A flood keeps the sink from draining: it knows no more than it read."""
    made = world()
    made.send(VM, 100 * MS, 0)
    made.wire.drained = False
    made.sink.step(2 * S)
    assert told(made.sink.runs(2 * S)) == [(100, 1, "ok", 1, 0, 0)]


def test_clock_offsets_are_those_of_the_quickest_heartbeat() -> None:
    made = world()
    for number in range(1200):
        sent_ns = number * PERIOD
        slow_ns = 3 * MS if number % 3 else MS // 10
        made.send(VM, sent_ns + slow_ns, number, clock_ns=sent_ns, wall_ns=sent_ns + 7 * S)
    for moment in range(30):
        made.runs(moment * S)
    first, second = made.sink.clock_offsets()
    assert (first.vm, first.offset_ns, second.offset_ns) == (VM, 7 * S - MS // 10, 7 * S - MS // 10)
    assert TRANSIT_NS + MS < first.error_ns < TRANSIT_NS + 3 * MS
    assert second.at_ns - first.at_ns >= WINDOW_NS


def test_a_step_of_a_guests_clock_is_a_record_of_its_own_and_no_gap() -> None:
    made = world()
    for number in range(100):
        step_ns = -90 * S if number >= 50 else 0
        made.send(VM, (1 + number) * PERIOD, number, wall_ns=(1 + number) * PERIOD + step_ns)
    assert {run.answer for run in made.runs(100 * PERIOD)} == {Answer.OK}
    before, after = made.sink.clock_offsets(close=True)
    assert (before.offset_ns, after.offset_ns) == (0, -90 * S)
    assert after.at_ns == 51 * PERIOD
    assert made.sink.clock_offsets(close=True) == []


def test_names_that_cannot_be_told_apart_are_refused() -> None:
    with pytest.raises(ConfigError, match="told apart"):
        HeartbeatSink({"VM1": PERIOD, "vm1": PERIOD}, Wire(), wall_offset_ns=no_offset)
    with pytest.raises(ConfigError, match="told apart"):
        HeartbeatSink({}, Wire())
    with pytest.raises(ValueError, match="positive"):
        HeartbeatSink({"vm1": 0}, Wire())


def test_closing_gives_the_port_back() -> None:
    made = world()
    made.send(VM, 10 * MS, 0)
    made.sink.step(10 * MS + SETTLED_NS)
    made.sink.close()
    assert made.wire.closed
    assert len(made.sink.runs(10 * MS)) == 1
