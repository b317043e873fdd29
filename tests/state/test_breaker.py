"""The breaker's door, under a clock that the test turns."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from proxy.errors import Kind
from proxy.state.breaker import (
    BYSTANDER,
    LIMIT,
    OPEN_SECONDS,
    PROBE_FIRST_S,
    PROBE_MOST_S,
    PROBE_SECONDS,
    RULES,
    Breakers,
    State,
)

T = "p/m"


def shut(kind: Kind = Kind.SERVER, now: float = 0.0, **options) -> Breakers:
    doors = Breakers(**options)
    for _ in range(3):
        doors.failed(T, kind, now, ticket=doors.enter(T, now))
    assert doors.blocked(T, now)
    return doors


def state(doors: Breakers, now: float) -> str:
    return doors.snapshot(now)[T]["state"]


def test_three_failures_in_a_row_shut_it() -> None:
    doors = Breakers()
    for now in (1.0, 2.0):
        doors.failed(T, Kind.SERVER, now, ticket=doors.enter(T, now))
        assert not doors.blocked(T, now)
    doors.failed(T, Kind.SERVER, 3.0, ticket=doors.enter(T, 3.0))
    assert doors.blocked(T, 3.0)
    assert state(doors, 4.0) == "OPEN"
    assert state(doors, 3.0 + OPEN_SECONDS) == "HALF_OPEN"
    assert doors.opened == 1


def test_a_success_in_between_starts_the_count_again() -> None:
    doors = Breakers()
    for kind in (Kind.SERVER, Kind.RESET):
        doors.failed(T, kind, 1.0, ticket=0)
    doors.succeeded(T, 1.5, 0)
    for now in (2.0, 3.0):
        doors.failed(T, Kind.STALL, now, ticket=0)
    assert not doors.blocked(T, 3.0)


def test_while_it_is_down_probes_come_singly_and_more_rarely() -> None:
    """And never so rarely that a recovered provider waits for half a minute."""
    doors = shut()
    now, probes = 0.0, []
    while now < 400:
        now += 0.5
        ticket = doors.enter(T, now)
        if ticket is not None:
            assert doors.enter(T, now) is None, "one at a time"
            assert state(doors, now) == "HALF_OPEN"
            probes.append(now)
            doors.failed(T, Kind.SERVER, now + 0.1, ticket=ticket)
    gaps = [later - earlier for earlier, later in zip([0.0, *probes], probes, strict=False)]
    assert gaps[0] == PROBE_FIRST_S
    assert max(gaps) <= PROBE_MOST_S + 0.6
    assert len(probes) < 400 / PROBE_MOST_S + 4


def test_a_probes_answer_opens_it() -> None:
    doors = shut()
    ticket = doors.enter(T, PROBE_FIRST_S)
    assert doors.blocked(T, PROBE_FIRST_S), "the probe is out"
    doors.succeeded(T, 6.0, ticket)
    assert not doors.blocked(T, 6.0)
    assert state(doors, 6.0) == "CLOSED"
    doors.failed(T, Kind.SERVER, 6.1, ticket=doors.enter(T, 6.1))
    assert not doors.blocked(T, 6.1), "the count begins again"


@pytest.mark.parametrize("kind", [Kind.SERVER, Kind.STALL, Kind.CONNECT, Kind.RATE_LIMITED])
def test_late_failures_of_attempts_from_before_move_nothing(kind: Kind) -> None:
    doors = Breakers()
    early = [doors.enter(T, 0.0) for _ in range(20)]
    for ticket in early[:3]:
        doors.failed(T, Kind.SERVER, 1.0, ticket=ticket)
    before = doors.snapshot(1.0)[T]["nextAttemptTime"]
    for number, ticket in enumerate(early[3:]):
        doors.failed(T, kind, 1.0 + number / 10, ticket=ticket, retry_after=0.5)
    assert doors.snapshot(1.0)[T]["nextAttemptTime"] == before
    probe = doors.enter(T, 1.0 + PROBE_FIRST_S)
    doors.succeeded(T, 7.0, probe)
    for _ in range(3):
        doors.failed(T, Kind.SERVER, 7.1, ticket=early[4])
    assert not doors.blocked(T, 7.1), "old news does not shut it again"


def test_a_late_rate_limit_may_only_delay_the_probe() -> None:
    doors = Breakers()
    early = [doors.enter(T, 0.0) for _ in range(5)]
    doors.failed(T, Kind.RATE_LIMITED, 0.0, ticket=early[0], retry_after=10.0)
    doors.failed(T, Kind.RATE_LIMITED, 0.1, ticket=early[1], retry_after=1.0)
    assert doors.blocked(T, 9.9)
    doors.failed(T, Kind.RATE_LIMITED, 0.2, ticket=early[2], retry_after=20.0)
    assert doors.blocked(T, 20.1)
    assert not doors.blocked(T, 20.3)


def test_a_late_answer_is_reason_to_probe_at_once() -> None:
    doors = Breakers()
    early = [doors.enter(T, 0.0) for _ in range(4)]
    for ticket in early[:3]:
        doors.failed(T, Kind.STALL, 1.0, ticket=ticket)
    doors.succeeded(T, 1.5, early[3])
    assert not doors.blocked(T, 1.5)
    assert doors.enter(T, 1.5)
    assert doors.blocked(T, 1.6), "but it is a probe, and the only one"


def test_a_probe_that_was_never_sent_frees_its_place() -> None:
    doors = shut()
    ticket = doors.enter(T, 6.0)
    doors.abandoned(T, 6.0, ticket)
    again = doors.enter(T, 6.0)
    assert again is not None
    doors.abandoned(T, 6.1, ticket)
    assert doors.blocked(T, 6.1), "an old ticket frees nobody else's place"
    doors.abandoned(T, 6.1, 0)
    assert doors.blocked(T, 6.1)


def test_a_probe_that_never_reports_is_forgotten() -> None:
    doors = shut()
    doors.enter(T, 6.0)
    assert doors.blocked(T, 5.9 + PROBE_SECONDS)
    assert not doors.blocked(T, 6.1 + PROBE_SECONDS)


def test_with_nothing_else_left_everybody_may_try_and_an_answer_opens_it() -> None:
    doors = shut()
    assert doors.enter(T, 1.0) is None
    first = doors.enter(T, 1.0, forced=True)
    second = doors.enter(T, 1.0, forced=True)
    assert first is not None
    assert second == BYSTANDER
    before = doors.snapshot(1.0)[T]["nextAttemptTime"]
    doors.failed(T, Kind.SERVER, 1.1, ticket=second)
    assert doors.snapshot(1.0)[T]["nextAttemptTime"] == before
    doors.succeeded(T, 1.2, second)
    assert not doors.blocked(T, 1.2)


@pytest.mark.parametrize("kind", [Kind.KEY_REFUSED, Kind.MODEL_UNKNOWN])
def test_what_somebody_has_to_mend_shuts_it_at_once(kind: Kind) -> None:
    doors = Breakers()
    tickets = [doors.enter(T, 0.0) for _ in range(5)]
    for ticket in tickets:
        doors.failed(T, kind, 0.0, ticket=ticket)
    assert doors.blocked(T, 59.0)
    probe = doors.enter(T, 61.0)
    doors.failed(T, kind, 61.0, ticket=probe)
    assert doors.blocked(T, 100.0)
    assert doors.opened == 1


def test_a_rate_limit_shuts_it_only_for_as_long_as_the_provider_asks() -> None:
    doors = Breakers()
    doors.failed(T, Kind.RATE_LIMITED, 0.0, retry_after=7.0, ticket=0)
    assert doors.blocked(T, 6.9)
    assert not doors.blocked(T, 7.1)


def test_rate_limits_without_a_hint_count_and_shut_it_briefly() -> None:
    doors = Breakers()
    for _ in range(2):
        doors.failed(T, Kind.RATE_LIMITED, 0.0, ticket=0)
    assert not doors.blocked(T, 0.0)
    doors.failed(T, Kind.RATE_LIMITED, 0.0, ticket=0)
    assert doors.blocked(T, 1.9)
    assert not doors.blocked(T, 2.1)


@pytest.mark.parametrize("kind", [Kind.OVERLOADED, Kind.RATE_LIMITED, Kind.SERVER])
def test_a_retry_after_of_nothing_does_not_talk_the_breaker_away(kind: Kind) -> None:
    doors = Breakers()
    for _ in range(3):
        doors.failed(T, kind, 0.0, retry_after=0.0, ticket=0)
    assert doors.blocked(T, 0.5)


def test_a_longer_retry_after_delays_the_probe() -> None:
    doors = Breakers()
    for _ in range(3):
        doors.failed(T, Kind.OVERLOADED, 0.0, retry_after=90.0, ticket=0)
    assert doors.blocked(T, 89.0)
    assert not doors.blocked(T, 91.0)


@pytest.mark.parametrize("kind", [kind for kind, one in RULES.items() if one.alive])
def test_a_refusal_proves_that_the_target_answers(kind: Kind) -> None:
    doors = shut()
    doors.failed(T, kind, 6.0, ticket=doors.enter(T, 6.0))
    assert not doors.blocked(T, 6.0)


def test_every_kind_has_a_rule() -> None:
    assert set(RULES) == set(Kind)


def test_a_reset_by_hand() -> None:
    doors = Breakers(failures=1)
    for target in ("a/m", "b/m"):
        doors.failed(target, Kind.SERVER, 0.0, ticket=0)
    doors.reset("a/m")
    assert not doors.blocked("a/m", 0.0)
    assert doors.blocked("b/m", 0.0)
    doors.reset()
    assert not doors.blocked("b/m", 0.0)


def test_a_short_configured_time_is_kept() -> None:
    doors = shut(open_seconds=1.0)
    assert doors.blocked(T, 0.9)
    assert not doors.blocked(T, 1.1)


def test_doors_are_bounded() -> None:
    doors = Breakers()
    for number in range(LIMIT + 10):
        doors.failed(f"p/{number}", Kind.MODEL_UNKNOWN, 0.0, ticket=0)
    assert len(doors.snapshot(0.0)) == LIMIT


class DoorMachine(RuleBasedStateMachine):
    """Attempts begin, end and are given up in any order; the door keeps its promises."""

    def __init__(self) -> None:
        super().__init__()
        self.doors = Breakers(failures=3, open_seconds=30)
        self.now = 0.0
        self.out: list[int] = []
        self.probes: dict[int, float] = {}

    @property
    def shut(self) -> bool:
        row = self.doors.snapshot(self.now).get("t")
        return row is not None and row["state"] != State.CLOSED.value

    @rule(seconds=st.floats(0, 40))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(forced=st.booleans())
    def begin(self, forced: bool) -> None:
        was_shut, was_blocked = self.shut, self.doors.blocked("t", self.now)
        ticket = self.doors.enter("t", self.now, forced=forced)
        if not forced:
            assert (ticket is None) == was_blocked, "the plan and the door agree"
        if ticket is None:
            return
        if was_shut and ticket != BYSTANDER:
            self.probes = {
                one: since
                for one, since in self.probes.items()
                if one in self.out and self.now - since < PROBE_SECONDS
            }
            assert not self.probes, "one probe at a time"
            self.probes[ticket] = self.now
            assert self.doors.blocked("t", self.now)
        self.out.append(ticket)

    @rule(data=st.data(), kind=st.sampled_from(list(Kind)), wait=st.none() | st.floats(0, 50))
    def fail(self, data: st.DataObject, kind: Kind, wait: float | None) -> None:
        if self.out:
            ticket = self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))
            self.doors.failed("t", kind, self.now, ticket=ticket, retry_after=wait)
            self.probes.pop(ticket, None)

    @rule(data=st.data())
    def succeed(self, data: st.DataObject) -> None:
        if self.out:
            ticket = self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))
            was_probe = ticket in self.probes
            self.doors.succeeded("t", self.now, ticket)
            if was_probe and self.now - self.probes.pop(ticket) < PROBE_SECONDS:
                assert not self.shut

    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        if self.out:
            ticket = self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))
            was_probe = self.probes.pop(ticket, None)
            self.doors.abandoned("t", self.now, ticket)
            if was_probe is not None and self.shut and self.now - was_probe < PROBE_SECONDS:
                assert self.doors.enter("t", self.now, forced=True) != BYSTANDER
                self.doors.reset("t")
                self.out.clear()
                self.probes.clear()

    @invariant()
    def never_shut_for_ever(self) -> None:
        assert not self.doors.blocked("t", self.now + 60 + PROBE_SECONDS + 1)


TestDoor = DoorMachine.TestCase
TestDoor.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)


def test_a_door_shut_by_hand_lets_no_probe_through_until_its_time_is_over_or_it_is_reset() -> None:
    breakers = Breakers(open_seconds=300.0)
    breakers.open("a/m", 0.0)
    breakers.open("a/m", 0.0)
    assert (breakers.shut, breakers.opened) == (1, 0)
    assert breakers.blocked("a/m", 299.0)
    assert breakers.snapshot(1.0)["a/m"]["lastFailure"] == "by_hand"
    assert not breakers.blocked("a/m", 300.0)
    breakers.reset("a/m")
    assert breakers.shut == 0
    assert not breakers.blocked("a/m", 0.0)
