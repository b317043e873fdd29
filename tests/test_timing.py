"""Deadlines under a clock that the test turns."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy.timing import GRAIN_S, Wheel


class Turned:
    """A clock and a loop timer in one: time passes when told."""

    def __init__(self) -> None:
        self.now = 100.0
        self.armed: list[Call] = []

    def __call__(self) -> float:
        return self.now

    def call_at(self, when, callback):
        call = Call(when, callback, self.armed)
        self.armed.append(call)
        return call

    def advance(self, seconds: float) -> None:
        end = self.now + seconds
        while due := sorted((c for c in self.armed if c.when <= end), key=lambda c: c.when):
            call = due[0]
            self.armed.remove(call)
            self.now = max(self.now, call.when)
            call.callback()
        self.now = end


class Call:
    def __init__(self, when, callback, armed) -> None:
        self.when, self.callback, self._armed = when, callback, armed

    def cancel(self) -> None:
        if self in self._armed:
            self._armed.remove(self)


def test_a_deadline_fires_within_a_grain_and_never_early() -> None:
    clock = Turned()
    wheel = Wheel(clock, clock.call_at)
    fired: list[float] = []
    wheel.arm(0.3, lambda: fired.append(clock.now))
    clock.advance(0.2999)
    assert fired == []
    clock.advance(0.01)
    assert len(fired) == 1
    assert 100.3 <= fired[0] <= 100.3 + 2 * GRAIN_S


def test_a_cancelled_timer_leaves_nothing_behind() -> None:
    clock = Turned()
    wheel = Wheel(clock, clock.call_at)
    fired: list[int] = []
    for number in range(1000):
        wheel.arm(30, lambda n=number: fired.append(n)).cancel()
    wheel.arm(1, lambda: fired.append(-1))
    clock.advance(60)
    assert fired == [-1]
    assert clock.armed == []


def test_one_loop_timer_serves_them_all() -> None:
    clock = Turned()
    wheel = Wheel(clock, clock.call_at)
    for number in range(100):
        wheel.arm(1 + number / 10, lambda: None)
    assert len(clock.armed) == 1
    wheel.arm(0.01, lambda: None)
    assert len(clock.armed) == 1


def test_a_timer_may_cancel_another_of_its_own_bucket_and_arm_new_ones() -> None:
    clock = Turned()
    wheel = Wheel(clock, clock.call_at)
    fired: list[str] = []
    second = None

    def first() -> None:
        fired.append("first")
        second.cancel()
        wheel.arm(0.5, lambda: fired.append("later"))

    wheel.arm(1, first)
    second = wheel.arm(1, lambda: fired.append("second"))
    clock.advance(2)
    assert fired == ["first", "later"]


def test_a_failing_callback_does_not_stop_the_wheel() -> None:
    clock = Turned()
    wheel = Wheel(clock, clock.call_at)
    fired: list[str] = []

    def fail() -> None:
        raise ZeroDivisionError

    wheel.arm(1, fail)
    wheel.arm(2, lambda: fired.append("ok"))
    try:
        clock.advance(1.5)
    except ZeroDivisionError:
        fired.append("raised")
    clock.advance(3)
    assert fired == ["raised", "ok"]


@given(st.lists(st.tuples(st.floats(0.001, 5), st.booleans()), max_size=40))
def test_whatever_is_not_cancelled_fires_once_in_order(plan) -> None:
    clock = Turned()
    wheel = Wheel(clock, clock.call_at)
    fired: list[int] = []
    timers = [wheel.arm(s, lambda n=n: fired.append(n)) for n, (s, _) in enumerate(plan)]
    for timer, (_, cancelled) in zip(timers, plan, strict=True):
        if cancelled:
            timer.cancel()
    clock.advance(6)
    kept = [n for n, (_, cancelled) in enumerate(plan) if not cancelled]
    assert sorted(fired) == kept
    grains = [int((100.0 + plan[n][0]) / GRAIN_S) for n in fired]
    assert grains == sorted(grains)
