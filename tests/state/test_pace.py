"""The pace of beginnings: as fast as others end, while there is no time to spare."""

from __future__ import annotations

from proxy.exchange import Share
from proxy.state.admission import LEAST, LOOK_SECONDS, START_S, Admission
from proxy.state.pace import BURST, FASTER, LEAST_PER_S, MOST_BURST, Pace


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def live(pace: Pace, clock: Clock, seconds: float, per_s: float, use: float, **more) -> None:
    """Looks of a time in which so many end, and so much of a CPU is used."""
    end = clock.now + seconds
    cpu = clock.now * 10  # any number that only grows
    while clock.now < end:
        clock.now += LOOK_SECONDS
        cpu += LOOK_SECONDS * use
        pace.ended += round(per_s * LOOK_SECONDS)
        pace.sample(clock.now, cpu, **more)


def test_without_overload_there_is_no_pace() -> None:
    clock = Clock()
    pace = Pace(clock)
    live(pace, clock, 2.0, 1000, 1.0, overloaded=False)
    assert pace.per_s == 0.0
    assert 950 < pace.ended_per_s < 1050


def test_a_loop_without_time_to_spare_begins_as_fast_as_it_ends() -> None:
    clock = Clock()
    pace = Pace(clock)
    live(pace, clock, 3.0, 1000, 1.0, overloaded=True)
    assert 900 < pace.per_s < 1000 * FASTER * 1.05
    begun = 0
    for _ in range(1000):  # a second of turns, each with more who want to begin
        clock.now += 0.001
        begun += sum(pace.is_due(100.0) for _ in range(20))
    assert 0.9 * pace.per_s < begun < 1.1 * pace.per_s


def test_after_a_long_turn_no_more_than_a_part_begins_at_once() -> None:
    clock = Clock()
    pace = Pace(clock)
    live(pace, clock, 3.0, 1000, 1.0, overloaded=True)
    clock.now += 0.2
    assert sum(pace.is_due(60.0) for _ in range(500)) == 60 // BURST
    clock.now += 0.2
    assert sum(pace.is_due(6000.0) for _ in range(500)) == MOST_BURST


def test_a_pace_never_stays_below_what_there_is_time_for() -> None:
    clock = Clock()
    pace = Pace(clock)
    live(pace, clock, 1.0, 0, 1.0, overloaded=True)
    assert pace.per_s == LEAST_PER_S, "nothing ended for a while"
    live(pace, clock, 1.0, 10, 0.3, overloaded=True)
    assert pace.per_s > 1000, "found within a second"


def test_a_key_with_less_than_its_share_does_not_wait() -> None:
    clock = Clock()
    gate = Admission(most=1000, target_s=0.1, pace=Pace(clock))
    gate.limit = 60.0
    assert gate.pace is not None
    gate.pace.per_s = LEAST_PER_S
    greedy, modest = Share(), Share()
    clock.now = 10.0
    entered = [gate.enter(greedy) is None for _ in range(30)]
    assert entered.count(True) == 60 // BURST
    assert [gate.enter(modest) is None for _ in range(5)] == [True] * 5


def test_a_turn_with_work_for_as_long_as_may_stand_is_overload_at_once() -> None:
    gate = Admission(most=1000, target_s=0.1)
    share = Share()
    gate.sample(0.0, 0.0)
    gate.sample(0.0, START_S)
    for _ in range(LEAST):
        gate.enter(share)
    for look in range(1, 3):
        gate.sample(0.3, START_S + look * LOOK_SECONDS, 0.3)
    assert not gate.overloaded, "so few do not make a crowd"
    for _ in range(200):
        gate.enter(share)
    gate.sample(0.3, START_S + 3 * LOOK_SECONDS, 0.0)
    assert not gate.overloaded, "late without work: somebody else has the CPU"
    gate.sample(0.3, START_S + 4 * LOOK_SECONDS, 0.12)
    assert gate.overloaded
    assert gate.enter(share) is not None


def test_what_waited_for_the_process_to_start_is_no_overload() -> None:
    gate = Admission(most=1000, target_s=0.1)
    share = Share()
    for _ in range(500):
        gate.enter(share)
    now = 100.0
    while now < 100.0 + START_S - LOOK_SECONDS:
        gate.sample(0.3, now, 0.3)
        now += LOOK_SECONDS
    assert not gate.overloaded
    while now < 100.0 + START_S + 1.0:
        gate.sample(0.3, now, 0.3)
        now += LOOK_SECONDS
    assert gate.overloaded


def test_a_limit_that_keeps_nobody_out_does_not_grow() -> None:
    gate = Admission(most=1000, target_s=0.1)
    share = Share()
    for _ in range(100):
        gate.enter(share)
    gate.limit = 200.0
    gate.refused = 5  # by the pace
    now = 0.0
    while now < 1.0:
        now += LOOK_SECONDS
        gate.refused += 1
        gate.sample(0.0, now)
    assert gate.limit == 200.0
    while now < 2.0:  # and nobody is refused any more
        now += LOOK_SECONDS
        gate.sample(0.0, now)
    assert gate.limit > 200.0
