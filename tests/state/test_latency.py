"""Deadlines learned from first-token times: accurate, forgetful, and not fooled by cutting off."""

from __future__ import annotations

import random
from itertools import pairwise
from math import exp

import pytest

from proxy.state.latency import ENOUGH, LEAST_S, LIMIT, MOST_S, WINDOW_S, Latency
from proxy.state.prior import CLOUD_S, FAST_S, OWN_S, first_token_s

P95_Z = 1.645


def learned(sigma: float, seed: int, requests: int = 50, median: float = 0.3) -> Latency:
    rand = random.Random(seed)
    latency = Latency()
    for number in range(requests):
        latency.observe("p/m", 900, median * rand.lognormvariate(0, sigma), number / 10)
    return latency


@pytest.mark.parametrize(
    ("target", "seconds"), [("p/m", CLOUD_S), ("groq/x", FAST_S), ("ollama/y", OWN_S)]
)
def test_before_anything_is_known_the_prior_holds(target: str, seconds: float) -> None:
    assert Latency().deadline(target, 500, 0.0) == seconds


def test_a_longer_prompt_and_hidden_thinking_may_take_longer() -> None:
    latency = Latency()
    short = latency.deadline("p/m", 500, 0.0)
    assert latency.deadline("p/m", 400_000, 0.0) > 2 * short
    assert latency.deadline("p/m", 500, 0.0, reasoning=True) > 5 * short
    assert first_token_s("local/m", 100_000) > first_token_s("openai/m", 100_000)


@pytest.mark.parametrize("sigma", [0.2, 0.3, 0.5, 0.7, 1.0])
def test_after_fifty_requests_a_new_stream_begins_within_twice_the_normal_p95(
    sigma: float,
) -> None:
    """For each of 200 seeds; begun means the other target's median first token, not its start."""
    median = 0.3
    p95 = median * exp(P95_Z * sigma)
    begun = [learned(sigma, seed).deadline("p/m", 900, 6.0) + median for seed in range(200)]
    assert max(begun) <= 2 * p95


@pytest.mark.parametrize("sigma", [0.3, 0.5, 0.7, 1.0])
def test_few_healthy_answers_are_later_than_the_deadline(sigma: float) -> None:
    rand = random.Random(11)
    late = 0
    for seed in range(20):
        deadline = learned(sigma, seed, 300).deadline("p/m", 900, 31.0)
        late += sum(0.3 * rand.lognormvariate(0, sigma) > deadline for _ in range(500))
    assert late / 10_000 < 0.04


@pytest.mark.parametrize("sigma", [0.2, 0.4, 0.7])
def test_later_too_a_new_stream_begins_within_twice_the_normal_p95(sigma: float) -> None:
    """Of a provider that never stalled, whose deadlines are the longest; 19 of 20 of them."""
    median = 0.3
    p95 = median * exp(P95_Z * sigma)
    begun = [learned(sigma, seed, 300).deadline("p/m", 900, 31.0) + median for seed in range(100)]
    assert sorted(begun)[94] <= 2 * p95 * (1.1 if sigma > 0.5 else 1.05)
    assert sorted(begun)[50] <= 2 * p95


def test_a_slow_provider_cannot_look_fast_by_being_cut_off() -> None:
    latency = Latency()
    for _ in range(50):
        latency.observe("p/m", 900, 0.3, 0.0)
    before = latency.deadline("p/m", 900, 0.0)
    for _ in range(50):
        latency.censored("p/m", 900, latency.deadline("p/m", 900, 0.0), 0.0)
    assert latency.deadline("p/m", 900, 0.0) > 3 * before
    latency.observe("p/m", 900, 0.3, 0.0)
    for _ in range(100):
        latency.observe("p/m", 900, 0.3, 0.0)
    assert latency.deadline("p/m", 900, 0.0) < 1.6 * before, "it answers again"


def test_stalls_do_not_feed_the_deadline_on_themselves() -> None:
    rand = random.Random(2)
    latency = Latency()
    now = 0.0
    ends = []
    for number in range(3000):
        now += 0.05
        deadline = latency.deadline("p/m", 900, now)
        if rand.random() < 0.05:
            latency.censored("p/m", 900, deadline + 0.3, now)  # the hedge won then
        else:
            latency.observe("p/m", 900, 0.3 * rand.lognormvariate(0, 0.4), now)
        if number % 300 == 299:
            ends.append(deadline)
    p95 = 0.3 * exp(P95_Z * 0.4)
    assert max(ends) < 2 * p95
    assert min(ends) > 0.9 * p95


def test_it_follows_a_provider_that_became_slower_and_faster_again() -> None:
    latency = Latency()
    seen = []
    for level in (0.2, 1.0, 0.2):
        for _ in range(300):
            latency.observe("p/m", 900, level, 0.0)
        seen.append(latency.deadline("p/m", 900, 0.0))
    assert seen[1] > 3 * seen[0]
    assert seen[2] == pytest.approx(seen[0], rel=0.3)


def test_a_client_that_leaves_at_once_says_nothing() -> None:
    latency = learned(0.4, 1)
    before = latency.deadline("p/m", 900, 6.0)
    for _ in range(30):
        latency.censored("p/m", 900, 0.01, 6.0)
    assert latency.deadline("p/m", 900, 6.0) == pytest.approx(before, rel=0.05)


def test_a_cold_bucket_borrows_from_its_neighbours() -> None:
    latency = learned(0.4, 1, 200)
    known = latency.deadline("p/m", 900, 21.0)
    near, far = latency.deadline("p/m", 1800, 21.0), latency.deadline("p/m", 60_000, 21.0)
    assert known < near < 3 * known
    assert near < far < Latency().deadline("p/m", 60_000, 0.0)


def test_a_few_samples_move_the_prior_and_more_replace_it() -> None:
    latency = Latency()
    deadlines = []
    for number in range(int(ENOUGH) * 2):
        latency.observe("p/m", 900, 0.3, number / 10)
        deadlines.append(latency.deadline("p/m", 900, number / 10))
    assert deadlines[0] > 0.6 * CLOUD_S
    assert deadlines[-1] < 0.8
    assert all(later <= 1.02 * earlier for earlier, later in pairwise(deadlines))


def test_reasoning_has_its_own_history() -> None:
    latency = Latency()
    for number in range(60):
        latency.observe("p/m", 900, 20.0, number / 10, reasoning=True)
        latency.observe("p/m", 900, 0.3, number / 10)
    assert latency.deadline("p/m", 900, 6.0) < 1.0
    assert latency.deadline("p/m", 900, 6.0, reasoning=True) > 20.0


def test_deadlines_stay_within_their_bounds() -> None:
    latency = Latency()
    for _ in range(100):
        latency.observe("fast/m", 100, 0.001, 0.0)
        latency.observe("slow/m", 100, 300.0, 0.0)
    assert latency.deadline("fast/m", 100, 0.0) == LEAST_S
    assert latency.deadline("slow/m", 100, 0.0) == MOST_S
    assert {row["target"] for row in latency.snapshot()} == {"fast/m", "slow/m"}


def test_a_target_that_is_late_all_the_time_is_slow_until_it_is_not() -> None:
    latency = Latency()
    assert not latency.slow("p/m", 0.0)
    for _ in range(4):
        assert not latency.slow("p/m", 1.0)
        latency.late("p/m", 1.0)
    assert latency.slow("p/m", 1.0)
    for _ in range(8):
        latency.observe("p/m", 900, 0.3, 1.5)
    assert not latency.slow("p/m", 1.5), "four late of twelve are chance"
    for _ in range(20):
        latency.observe("p/m", 900, 0.3, 1.5)
    assert not latency.slow("p/m", 1.5)
    for _ in range(20):
        latency.late("p/m", 1.6)
    assert latency.slow("p/m", 1.6)
    assert latency.slow("p/m", 1.6 + WINDOW_S)
    assert not latency.slow("p/m", 1.6 + 3 * WINDOW_S), "it passes without anyone's help"


def test_names_are_the_clients_and_bounded() -> None:
    latency = Latency()
    for number in range(LIMIT + 50):
        latency.observe(f"p/{number}", 900, 0.3, 0.0)
    assert len(latency.snapshot()) == LIMIT


def test_where_a_target_is_late_and_the_next_unknown_few_find_out() -> None:
    latency = Latency()
    assert not latency.uncertain("p/a", "p/b", 1.0), "nothing is late"
    for _ in range(6):
        latency.late("p/a", 1.0)
    told = [latency.uncertain("p/a", "p/b", 1.0 + step / 10) for step in range(11)]
    assert told.count(False) == 3, "at 1.0, 1.5 and 2.0"
    latency.observe("p/b", 900, 0.3, 2.1)
    assert [latency.uncertain("p/a", "p/b", 2.1) for _ in range(3)].count(False) == 0
    latency.observe("p/b", 900, 0.3, 2.1)
    latency.observe("p/b", 900, 0.3, 2.1)
    assert [latency.uncertain("p/a", "p/b", 2.1) for _ in range(5)].count(False) == 3
