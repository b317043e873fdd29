"""The race, played without sockets: tables for its rules, all short sequences for its promises."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import MEANING, Kind
from proxy.routing.race import (
    Arm,
    Cancel,
    Denied,
    Failed,
    FirstToken,
    GiveUp,
    Race,
    Stalled,
    Start,
    Verdict,
)

HEDGE, SWITCH, WAIT = Verdict.HEDGE, Verdict.SWITCH, Verdict.WAIT


def test_the_fallback_wins_when_the_primary_stalls() -> None:
    race = Race(2)
    assert race.next_step == 1
    assert race.on(Stalled(0, HEDGE)) == [Start(1, 1)]
    assert race.on(FirstToken(1)) == [Cancel(0)]
    assert race.winner == 1


def test_a_slow_primary_may_still_win() -> None:
    race = Race(2)
    race.on(Stalled(0, HEDGE))
    assert race.on(FirstToken(0)) == [Cancel(1)]
    assert list(race.on(FirstToken(1))) == []
    assert race.winner == 0


def test_switch_cancels_before_it_starts() -> None:
    race = Race(2)
    assert race.on(Stalled(0, SWITCH)) == [Cancel(0), Start(1, 1)]
    assert list(race.on(FirstToken(0))) == []


def test_in_a_brown_out_the_lane_gets_its_time_again() -> None:
    race = Race(2)
    assert race.on(Stalled(0, WAIT)) == [Arm(0)]
    assert not race.over


def test_a_failure_hands_over_at_once() -> None:
    race = Race(3)
    assert race.on(Failed(0, Kind.CONNECT)) == [Start(1, 1)]
    assert race.on(Failed(1, Kind.SERVER)) == [Start(2, 2)]


def test_a_refusal_is_final() -> None:
    race = Race(2)
    assert race.on(Failed(0, Kind.REFUSED)) == [GiveUp()]
    assert race.over


def test_a_refusal_does_not_end_a_lane_that_still_runs() -> None:
    race = Race(2)
    race.on(Stalled(0, HEDGE))
    assert list(race.on(Failed(1, Kind.REFUSED))) == [Arm(0)]
    assert list(race.on(FirstToken(0))) == []
    assert race.winner == 0


def test_with_no_target_left_the_same_one_is_tried_again_later() -> None:
    race = Race(1, retries=1)
    assert race.on(Failed(0, Kind.RATE_LIMITED, retry_in=1.5)) == [Start(1, 0, 1.5)]
    assert race.on(Failed(1, Kind.RATE_LIMITED, retry_in=1.5)) == [GiveUp()]


def test_no_retry_where_the_provider_asks_for_too_long() -> None:
    race = Race(1, retries=1)
    assert race.on(Failed(0, Kind.RATE_LIMITED)) == [GiveUp()]


def test_steps_that_would_fail_the_same_way_are_skipped() -> None:
    race = Race(3)
    assert race.on(Failed(0, Kind.CONTEXT_LENGTH, barred=frozenset({1}))) == [Start(1, 2)]


def test_when_every_lane_is_over_its_deadline_the_race_is_lost() -> None:
    race = Race(2)
    race.on(Stalled(0, HEDGE))
    assert race.on(Stalled(1, HEDGE)) == [Cancel(0), Cancel(1), GiveUp()]


def test_a_shut_door_is_passed_by_and_forced_when_nothing_else_is_left() -> None:
    race = Race(2)
    assert race.on(Denied(0)) == [Start(1, 1)]
    assert race.on(Failed(1, Kind.SERVER)) == [Start(2, 0, forced=True)]
    assert race.on(Failed(2, Kind.SERVER)) == [GiveUp()]


def test_with_every_door_shut_the_first_is_forced() -> None:
    race = Race(2)
    race.on(Denied(0))
    assert race.on(Denied(1)) == [Start(2, 0, forced=True)]
    assert race.on(Denied(2)) == [Start(3, 1, forced=True)]
    assert race.on(Denied(3)) == [GiveUp()], "not even then"


def test_a_hedge_that_wins_is_known_by_it() -> None:
    race = Race(3)
    race.on(Stalled(0, HEDGE))
    race.on(Denied(1))
    race.on(FirstToken(2))
    assert race.hedge_won
    switched = Race(2)
    switched.on(Stalled(0, SWITCH))
    switched.on(FirstToken(1))
    assert not switched.hedge_won


def test_a_lane_that_waits_gets_a_part_of_its_deadline() -> None:
    race = Race(2)
    assert race.on(Stalled(0, WAIT, 0.25)) == [Arm(0, 0.25)]
    assert race.next_step == 1


class Watched:
    """A race, and what a runner would know of it: who runs, whose timer is armed."""

    def __init__(self, steps: int, retries: int) -> None:
        self.race = Race(steps, retries)
        self.steps = steps
        self.lanes: dict[int, int] = {}  # ever started -> step
        self.running: set[int] = set()
        self.armed: set[int] = set()
        self.denied: list[int] = []
        self.forced: set[int] = set()
        self.most = 2 * (steps + retries)
        self.obey([Start(0, 0)])

    def fork(self) -> Watched:
        """A copy that goes its own way; deepcopy takes ten times as long."""
        other = copy.copy(self)
        other.race = copy.copy(self.race)
        for one, names in ((other, vars(other)), (other.race, Race.__slots__)):
            for name in names:
                value = getattr(one, name)
                if isinstance(value, set | dict | list):
                    setattr(one, name, value.copy())
        return other

    @property
    def key(self):
        race = self.race
        return tuple(repr(getattr(race, name)) for name in Race.__slots__), tuple(
            sorted(self.armed)
        )

    def report(self, report) -> None:
        alive = report.lane in self.running and not self.race.over
        commands = list(self.race.on(report))
        if not alive:
            assert commands == [], "a late word changes nothing"
            return
        self.armed.discard(report.lane)
        if isinstance(report, Failed | Denied):
            self.running.discard(report.lane)
        if isinstance(report, Denied) and report.lane not in self.forced:
            self.denied.append(self.lanes[report.lane])
        self.obey(commands)
        self.check(report, commands)

    def obey(self, commands) -> None:
        for command in commands:
            match command:
                case Start(lane=lane, step=step, forced=forced):
                    assert lane not in self.lanes, "a lane starts once"
                    assert 0 <= step < self.steps
                    if forced:
                        assert step in self.denied
                        self.denied.remove(step)
                        self.forced.add(lane)
                        assert self.armed == set(), "forced only where nothing else is awaited"
                    self.lanes[lane] = step
                    self.running.add(lane)
                    self.armed.add(lane)
                case Arm(lane=lane, share=share):
                    assert lane in self.running
                    assert share > 0
                    self.armed.add(lane)
                case Cancel(lane=lane):
                    assert lane in self.running, "only what runs is cancelled"
                    self.running.discard(lane)
                    self.armed.discard(lane)

    def check(self, report, commands) -> None:
        race = self.race
        gave_up = sum(isinstance(one, GiveUp) for one in commands)
        assert gave_up == race.lost
        if race.winner is not None:
            assert isinstance(report, FirstToken)
            assert self.running == {race.winner}, "after a win only the winner runs"
        elif race.lost:
            assert not self.running
            assert isinstance(commands[-1], GiveUp)
        else:
            assert self.running, "a race that goes on has somebody running"
            assert self.armed, "and somebody's deadline to come: it never waits for ever"
        assert len(self.lanes) <= self.most


def reports(lane: int, steps: int):
    yield FirstToken(lane)
    yield Stalled(lane, HEDGE)
    yield Stalled(lane, SWITCH)
    yield Stalled(lane, WAIT, 0.25)
    yield Failed(lane, Kind.SERVER, retry_in=0.1)
    yield Failed(lane, Kind.SERVER)
    yield Failed(lane, Kind.REFUSED)
    yield Failed(lane, Kind.CONTEXT_LENGTH, barred=frozenset(range(steps - 1)))
    yield Denied(lane)


@pytest.mark.parametrize(("steps", "retries"), [(1, 0), (1, 2), (2, 0), (2, 2), (3, 0), (3, 1)])
def test_every_state_that_any_sequence_reaches_keeps_the_promises(steps: int, retries: int) -> None:
    """Not only to a bounded length: states repeat, so the search ends with all sequences seen."""
    seen = set()
    fresh = [Watched(steps, retries)]
    while fresh:
        one = fresh.pop()
        for lane in (*one.running, max(one.lanes) + 1):
            if one.race.over:
                break
            for report in reports(lane, steps):
                if isinstance(report, Stalled) and lane in one.running and lane not in one.armed:
                    continue  # a deadline passes once for each time that it is armed
                following = one.fork()
                following.report(report)
                if following.key not in seen:
                    seen.add(following.key)
                    fresh.append(following)
    assert len(seen) > 5 * steps


@given(
    st.integers(1, 6),
    st.integers(0, 3),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 8)), max_size=40),
)
def test_long_races_keep_them_too(steps: int, retries: int, moves: list[tuple[int, int]]) -> None:
    one = Watched(steps, retries)
    for lane, number in moves:
        report = list(reports(lane, steps))[number]
        if isinstance(report, Stalled) and lane in one.running and lane not in one.armed:
            continue
        one.report(report)
    assert one.race.over or one.armed, "one that goes on has a deadline to come"


def test_every_kind_has_a_meaning() -> None:
    assert set(MEANING) == set(Kind)


def test_a_lane_comes_late_once() -> None:
    race = Race(2)
    assert [race.first_look(lane) for lane in (0, 0, 1, 0)] == [True, False, True, False]
