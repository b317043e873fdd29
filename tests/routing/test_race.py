"""The race, played without sockets: tables for its rules, all short sequences for its promises."""

from __future__ import annotations

import itertools

import pytest

from proxy.errors import MEANING, Kind
from proxy.routing.race import (
    Arm,
    Cancel,
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
    assert list(race.begin()) == [Start(0, 0)]
    assert race.on(Stalled(0, HEDGE)) == [Start(1, 1)]
    assert race.on(FirstToken(1)) == [Cancel(0)]
    assert race.winner == 1


def test_a_slow_primary_may_still_win() -> None:
    race = Race(2)
    race.begin()
    race.on(Stalled(0, HEDGE))
    assert race.on(FirstToken(0)) == [Cancel(1)]
    assert list(race.on(FirstToken(1))) == []
    assert race.winner == 0


def test_switch_cancels_before_it_starts() -> None:
    race = Race(2)
    race.begin()
    assert race.on(Stalled(0, SWITCH)) == [Cancel(0), Start(1, 1)]
    assert list(race.on(FirstToken(0))) == []


def test_in_a_brown_out_the_lane_gets_its_time_again() -> None:
    race = Race(2)
    race.begin()
    assert race.on(Stalled(0, WAIT)) == [Arm(0)]
    assert not race.over


def test_a_failure_hands_over_at_once() -> None:
    race = Race(3)
    race.begin()
    assert race.on(Failed(0, Kind.CONNECT)) == [Start(1, 1)]
    assert race.on(Failed(1, Kind.SERVER)) == [Start(2, 2)]


def test_a_refusal_is_final() -> None:
    race = Race(2)
    race.begin()
    assert race.on(Failed(0, Kind.REFUSED)) == [GiveUp()]
    assert race.over


def test_a_refusal_does_not_end_a_lane_that_still_runs() -> None:
    race = Race(2)
    race.begin()
    race.on(Stalled(0, HEDGE))
    assert list(race.on(Failed(1, Kind.REFUSED))) == [Arm(0)]
    assert list(race.on(FirstToken(0))) == []
    assert race.winner == 0


def test_with_no_target_left_the_same_one_is_tried_again_later() -> None:
    race = Race(1, retries=1)
    race.begin()
    assert race.on(Failed(0, Kind.RATE_LIMITED, retry_in=1.5)) == [Start(1, 0, 1.5)]
    assert race.on(Failed(1, Kind.RATE_LIMITED, retry_in=1.5)) == [GiveUp()]


def test_no_retry_where_the_provider_asks_for_too_long() -> None:
    race = Race(1, retries=1)
    race.begin()
    assert race.on(Failed(0, Kind.RATE_LIMITED)) == [GiveUp()]


def test_steps_that_would_fail_the_same_way_are_skipped() -> None:
    race = Race(3)
    race.begin()
    assert race.on(Failed(0, Kind.CONTEXT_LENGTH, barred=frozenset({1}))) == [Start(1, 2)]


def test_when_every_lane_is_over_its_deadline_the_race_is_lost() -> None:
    race = Race(2)
    race.begin()
    race.on(Stalled(0, HEDGE))
    assert race.on(Stalled(1, HEDGE)) == [Cancel(0), Cancel(1), GiveUp()]


REPORTS = [
    FirstToken,
    lambda lane: Stalled(lane, HEDGE),
    lambda lane: Stalled(lane, SWITCH),
    lambda lane: Failed(lane, Kind.SERVER, retry_in=0.1),
    lambda lane: Failed(lane, Kind.REFUSED),
]


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("retries", [0, 1])
def test_every_sequence_of_five_reports_keeps_the_promises(steps: int, retries: int) -> None:
    lanes = steps + retries
    alphabet = [make(lane) for make in REPORTS for lane in range(lanes)]
    played = 0
    for sequence in itertools.product(alphabet, repeat=3 if lanes > 3 else 4):
        race = Race(steps, retries)
        running: set[int] = set()
        started: list[int] = []
        gave_up = 0
        for command in race.begin():
            running.add(command.lane)
            started.append(command.step)
        for report in sequence:
            alive = report.lane in running and not race.over
            commands = list(race.on(report))
            if not alive:
                assert commands == []
                continue
            if isinstance(report, Failed):
                running.discard(report.lane)
            for command in commands:
                match command:
                    case Start(lane=lane, step=step):
                        assert lane not in running, "a lane starts once"
                        assert step < steps
                        running.add(lane)
                        started.append(step)
                    case Cancel(lane=lane):
                        assert lane in running, "only what runs is cancelled"
                        running.discard(lane)
                    case GiveUp():
                        gave_up += 1
            if race.winner is not None:
                assert running == {race.winner}, "after a win only the winner runs"
            elif race.lost:
                assert not running
                assert gave_up == 1
            else:
                assert running, "a race that goes on has somebody running"
        assert len(started) <= steps + retries
        assert len(set(started[:steps])) == len(started[:steps]), "steps are tried once each first"
        played += 1
    assert played == len(alphabet) ** (3 if lanes > 3 else 4)


def test_every_kind_has_a_meaning() -> None:
    assert set(MEANING) == set(Kind)
