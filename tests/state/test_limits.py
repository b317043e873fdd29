"""Quotas of providers: never exceeded in any minute, and nothing is lost of them."""

from __future__ import annotations

import random

import pytest

from proxy.state.limits import BUSY_S, Limits, Quota


def limited(**quota) -> Limits:
    limits = Limits()
    limits.configure({"p": Quota(**quota)})
    return limits


def test_without_a_quota_everybody_may() -> None:
    limits = Limits()
    assert all(limits.admit("p", 10**6, 0.0) for _ in range(1000))
    assert limits.wait_s("p", 10**9, 0.0) == 0.0
    assert not limits.limits("p")


def test_so_many_at_once() -> None:
    limits = limited(concurrent=2)
    assert limits.admit("p", 0, 0.0)
    assert limits.admit("p", 0, 0.0)
    assert not limits.admit("p", 0, 0.0)
    assert limits.wait_s("p", 0, 0.0) == BUSY_S
    assert limits.in_flight("p") == 2
    limits.release("p")
    assert limits.admit("p", 0, 0.0)


@pytest.mark.parametrize("per_minute", [1, 2, 10, 60, 600])
@pytest.mark.parametrize("seed", [1, 2])
def test_no_minute_sees_more_than_the_limit(per_minute: int, seed: int) -> None:
    limits = limited(requests_per_minute=per_minute)
    rand = random.Random(seed)
    now, gone = 0.0, []
    while now < 400:
        now += rand.expovariate(per_minute / 20)
        if limits.admit("p", 0, now):
            gone.append(now)
    worst = max(sum(one <= other < one + 59.99 for other in gone) for one in gone)
    assert worst == per_minute, "never more, and all of it"
    assert len(gone) >= 0.7 * per_minute * 400 / 60


def test_a_minutes_allowance_may_be_used_at_once() -> None:
    limits = limited(requests_per_minute=5)
    assert [limits.admit("p", 0, 7.0 + step) for step in range(6)] == [True] * 5 + [False]
    assert limits.wait_s("p", 0, 20.0) == pytest.approx(47.0)
    assert limits.admit("p", 0, 67.0)
    assert not limits.admit("p", 0, 67.0)


def test_tokens_by_the_minute_and_what_an_answer_adds() -> None:
    limits = limited(tokens_per_minute=6000)
    assert limits.admit("p", 600, 0.0)
    assert limits.admit("p", 5000, 1.0)
    assert not limits.admit("p", 500, 1.0)
    assert limits.wait_s("p", 500, 1.0) == pytest.approx(59.0)
    limits.charge("p", 900, 2.0)
    assert limits.wait_s("p", 500, 2.0) == pytest.approx(59.0), "the six hundred are not enough"
    assert limits.wait_s("p", 90, 2.0) == pytest.approx(58.0)


def test_a_request_larger_than_the_allowance_goes_when_nothing_else_does() -> None:
    limits = limited(tokens_per_minute=1000)
    assert limits.admit("p", 50_000, 0.0)
    assert not limits.admit("p", 1, 59.9)
    assert limits.admit("p", 1, 60.0)


def test_a_reload_keeps_the_use_of_what_stays() -> None:
    limits = limited(concurrent=1, requests_per_minute=10)
    assert limits.admit("p", 0, 0.0)
    limits.configure({"p": Quota(concurrent=1, requests_per_minute=10), "q": Quota()})
    assert not limits.admit("p", 0, 0.0)
    limits.configure({"p": Quota(concurrent=2)})
    assert limits.in_flight("p") == 1
    assert limits.admit("p", 0, 0.0)
    assert not limits.admit("p", 0, 0.0)
    limits.configure({})
    limits.release("p")
    assert limits.admit("p", 0, 0.0)


def test_what_is_only_counted_is_not_limited() -> None:
    limits = limited()
    assert all(limits.admit("p", 10**6, 0.0) for _ in range(50))
    assert limits.in_flight("p") == 50


def test_processes_divide_what_may_be_asked_at_once() -> None:
    limits = Limits()
    limits.divide(3)
    limits.configure({"p": Quota(10), "q": Quota(2), "r": Quota(None, 5)})
    assert [limits.admit("p", 0, 0.0) for _ in range(4)] == [True] * 3 + [False]
    limits.divide(2)  # one of them went
    assert [limits.admit("p", 0, 0.0) for _ in range(3)] == [True] * 2 + [False]
    limits.divide(5)  # others came: what is under way ends by itself
    assert not limits.admit("p", 0, 0.0)
    for _ in range(4):
        limits.release("p")
    assert limits.admit("p", 0, 0.0)
    assert [limits.admit("q", 0, 0.0) for _ in range(2)] == [True, False], "one each, at least"
    assert all(limits.admit("r", 0, 0.0) for _ in range(5)), "a minute is divided elsewhere"
