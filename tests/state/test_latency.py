"""Deadlines learned from first-token times: accurate, forgetful, and not fooled by cutting off."""

from __future__ import annotations

import random

import pytest

from proxy.state.budget import BURST, HedgeBudget
from proxy.state.latency import ENOUGH, LEAST_S, MOST_S, PRIOR_S, RATIO, Latency, Sketch


def test_before_anything_is_known_the_prior_holds() -> None:
    assert Latency().deadline("p/m", 500, 0.0) == PRIOR_S


@pytest.mark.parametrize("share", [0.5, 0.9, 0.95])
def test_a_quantile_is_within_one_bin_of_the_exact_one(share: float) -> None:
    rand = random.Random(3)
    sketch = Sketch()
    times = [rand.lognormvariate(-1.0, 0.3) for _ in range(4000)]
    for seconds in times:
        sketch.add(seconds)
    recent = sorted(times[-150:])  # what exponential forgetting still weighs
    exact = recent[int(len(recent) * share)]
    assert exact / RATIO**2 <= sketch.quantile(share) <= exact * RATIO**2


def test_after_fifty_requests_a_stall_is_seen_within_twice_the_normal_p95() -> None:
    rand = random.Random(5)
    latency = Latency()
    times = [rand.lognormvariate(-0.7, 0.25) for _ in range(50)]
    for seconds in times:
        latency.observe("p/m", 900, seconds, 0.0)
    p95 = sorted(times)[47]
    assert p95 < latency.deadline("p/m", 900, 0.0) <= 2 * p95


def test_a_slow_provider_cannot_look_fast_by_being_cut_off() -> None:
    latency = Latency()
    for _ in range(50):
        latency.observe("p/m", 900, 0.3, 0.0)
    before = latency.deadline("p/m", 900, 0.0)
    for _ in range(50):
        latency.censored("p/m", 900, before, 0.0)
    assert latency.deadline("p/m", 900, 0.0) > before


def test_it_follows_a_provider_that_became_slower_and_faster_again() -> None:
    latency = Latency()
    seen = []
    for level in (0.2, 1.0, 0.2):
        for _ in range(200):
            latency.observe("p/m", 900, level, 0.0)
        seen.append(latency.deadline("p/m", 900, 0.0))
    assert seen[1] > 3 * seen[0]
    assert seen[2] == pytest.approx(seen[0], rel=0.3)


def test_prompts_of_another_size_have_their_own_history() -> None:
    latency = Latency()
    for _ in range(50):
        latency.observe("p/m", 500_000, 9.0, 0.0)
    assert latency.deadline("p/m", 500, 0.0) == PRIOR_S


def test_deadlines_stay_within_their_bounds() -> None:
    latency = Latency()
    for _ in range(int(ENOUGH) * 10):
        latency.observe("fast/m", 100, 0.001, 0.0)
        latency.observe("slow/m", 100, 300.0, 0.0)
    assert latency.deadline("fast/m", 100, 0.0) == LEAST_S
    assert latency.deadline("slow/m", 100, 0.0) == MOST_S
    assert {row["target"] for row in latency.snapshot()} == {"fast/m", "slow/m"}


def test_hedges_stay_within_their_share() -> None:
    budget = HedgeBudget(0.05)
    taken = 0
    for number in range(10_000):
        budget.request(number / 100)
        taken += budget.take(number / 100)
    assert taken <= BURST + 0.05 * 10_000


def test_without_a_share_nothing_is_hedged() -> None:
    budget = HedgeBudget(0.0)
    budget.request(0.0)
    assert not budget.take(0.0)


def test_a_brown_out_is_seen_and_passes() -> None:
    budget = HedgeBudget(0.05)
    now = 0.0
    for _ in range(300):
        now += 0.02
        budget.request(now)
        budget.stalled(now)
    assert budget.brown_out(now)
    for _ in range(1500):
        now += 0.02
        budget.request(now)
    assert not budget.brown_out(now)
