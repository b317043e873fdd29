"""The breaker's door, under a clock that the test turns."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from proxy.errors import Kind
from proxy.state.breaker import PROBE_SECONDS, Breakers


def test_three_failures_in_a_row_close_it_for_five_minutes() -> None:
    doors = Breakers()
    for now in (1.0, 2.0):
        doors.failed("p/m", Kind.SERVER, now)
        assert not doors.blocked("p/m", now)
    doors.failed("p/m", Kind.SERVER, 3.0)
    assert doors.blocked("p/m", 3.0)
    assert doors.blocked("p/m", 302.9)
    assert not doors.blocked("p/m", 303.1)
    assert doors.snapshot(10.0)["p/m"]["state"] == "OPEN"
    assert doors.snapshot(303.1)["p/m"]["state"] == "HALF_OPEN"


def test_a_success_in_between_starts_the_count_again() -> None:
    doors = Breakers()
    for kind in (Kind.SERVER, Kind.RESET):
        doors.failed("p/m", kind, 1.0)
    doors.succeeded("p/m", 1.5)
    for now in (2.0, 3.0):
        doors.failed("p/m", Kind.STALL, now)
    assert not doors.blocked("p/m", 3.0)


def test_one_probe_at_a_time_and_its_success_opens_the_door() -> None:
    doors = Breakers(failures=1, open_seconds=10)
    doors.failed("p/m", Kind.CONNECT, 0.0)
    assert not doors.blocked("p/m", 10.5)
    doors.starts("p/m", 10.5)
    assert doors.blocked("p/m", 10.6), "the probe is out"
    doors.succeeded("p/m", 11.0)
    assert not doors.blocked("p/m", 11.0)
    assert doors.snapshot(11.0)["p/m"]["state"] == "CLOSED"


def test_a_failed_probe_closes_it_again_and_an_abandoned_one_frees_the_place() -> None:
    doors = Breakers(failures=1, open_seconds=10)
    doors.failed("p/m", Kind.CONNECT, 0.0)
    doors.starts("p/m", 10.5)
    doors.abandoned("p/m", 10.6)
    assert not doors.blocked("p/m", 10.7)
    doors.starts("p/m", 10.7)
    doors.failed("p/m", Kind.STALL, 11.0)
    assert doors.blocked("p/m", 20.9)
    assert not doors.blocked("p/m", 21.1)


def test_a_probe_that_never_reports_is_forgotten() -> None:
    doors = Breakers(failures=1, open_seconds=10)
    doors.failed("p/m", Kind.CONNECT, 0.0)
    doors.starts("p/m", 11.0)
    assert doors.blocked("p/m", 11.0 + PROBE_SECONDS - 1)
    assert not doors.blocked("p/m", 11.0 + PROBE_SECONDS + 1)


def test_a_refused_key_closes_it_at_once() -> None:
    doors = Breakers()
    doors.failed("p/m", Kind.KEY_REFUSED, 0.0)
    assert doors.blocked("p/m", 1.0)


def test_a_rate_limit_closes_it_only_for_as_long_as_the_provider_asks() -> None:
    doors = Breakers()
    for _ in range(5):
        doors.failed("p/m", Kind.RATE_LIMITED, 0.0)
    assert not doors.blocked("p/m", 0.0)
    doors.failed("p/m", Kind.RATE_LIMITED, 0.0, retry_after=7.0)
    assert doors.blocked("p/m", 6.9)
    assert not doors.blocked("p/m", 7.1)


def test_a_reset_by_hand() -> None:
    doors = Breakers(failures=1)
    for target in ("a/m", "b/m"):
        doors.failed(target, Kind.SERVER, 0.0)
    doors.reset("a/m")
    assert not doors.blocked("a/m", 0.0)
    assert doors.blocked("b/m", 0.0)
    doors.reset()
    assert not doors.blocked("b/m", 0.0)


class DoorMachine(RuleBasedStateMachine):
    """Whatever happens, a door never stays shut longer than its time, and never lets two probe."""

    def __init__(self) -> None:
        super().__init__()
        self.doors = Breakers(failures=3, open_seconds=30)
        self.now = 0.0
        self.probing = False
        self.last_failure = 0.0

    @rule(seconds=st.floats(0, 100))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(kind=st.sampled_from([Kind.SERVER, Kind.STALL, Kind.RATE_LIMITED, Kind.KEY_REFUSED]))
    def fail(self, kind: Kind) -> None:
        self.doors.failed("t", kind, self.now)
        self.last_failure = self.now

    @rule()
    def try_once(self) -> None:
        if not self.doors.blocked("t", self.now):
            self.doors.starts("t", self.now)
            state = self.doors.snapshot(self.now).get("t", {}).get("state", "CLOSED")
            assert state == "CLOSED" or self.doors.blocked("t", self.now)

    @rule()
    def succeed(self) -> None:
        self.doors.succeeded("t", self.now)
        assert not self.doors.blocked("t", self.now)

    @invariant()
    def never_shut_for_ever(self) -> None:
        assert not self.doors.blocked("t", self.now + 30 + PROBE_SECONDS + 1)


TestDoor = DoorMachine.TestCase
TestDoor.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
