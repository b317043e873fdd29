"""Lanes over their deadline: the verdict as a table, and what it does to a tail of thousands."""

from __future__ import annotations

import random
from math import exp

import pytest

from proxy.routing.overdue import (
    BROWN_OUT_PATIENCE_S,
    LAST_PATIENCE_S,
    PATIENCE,
    SLICE,
    overdue,
    overdue_last,
)
from proxy.routing.race import Stalled, Verdict
from proxy.state.budget import Budget
from tests.routing.simulation import Result, Simulation, lognormal

HEDGE, SWITCH, WAIT = Verdict.HEDGE, Verdict.SWITCH, Verdict.WAIT


def purse(tokens: float) -> Budget:
    budget = Budget(0.05, start=tokens)
    budget.spent = 3
    return budget


@pytest.mark.parametrize(
    ("tokens", "waited", "hedges", "adaptive", "next_slow", "said"),
    [
        (1, 1.0, True, True, False, HEDGE),
        (0, 1.0, True, True, False, WAIT),
        (0, 1.0, True, False, False, SWITCH),
        (0, PATIENCE, True, True, False, SWITCH),
        (1, 1.3, True, True, False, HEDGE),
        (1, 1.0, False, True, False, WAIT),
        (1, 1.1, False, True, False, SWITCH),
        (1, 1.0, False, False, False, SWITCH),
        (1, 1.0, True, True, True, WAIT),
        (1, 3.9, False, True, True, WAIT),
        (1, BROWN_OUT_PATIENCE_S, True, True, True, SWITCH),
    ],
    ids=["hedge", "budget spent", "a set deadline is kept", "waited long enough",
         "earned meanwhile", "no hedging", "no hedging, waited", "no hedging, a set deadline",
         "brown-out", "brown-out without hedging",
         "even a brown-out ends"],
)  # fmt: skip
def test_verdicts(
    tokens: float, waited: float, hedges: bool, adaptive: bool, next_slow: bool, said: Verdict
) -> None:
    found = overdue(
        3, waited_s=waited, deadline_s=1.0, adaptive=adaptive, next_slow=next_slow,
        purse=purse(tokens) if hedges else None,
    )  # fmt: skip
    assert found == Stalled(3, said, SLICE)


def test_the_last_target_is_waited_for_where_the_deadline_was_only_learned() -> None:
    waits = overdue_last(1, waited_s=2.0, deadline_s=2.0, adaptive=True)
    assert waits == Stalled(1, WAIT, (LAST_PATIENCE_S - 2.0) / 2.0)
    ends = overdue_last(1, waited_s=LAST_PATIENCE_S, deadline_s=2.0, adaptive=True)
    assert ends.verdict is SWITCH
    assert overdue_last(1, waited_s=2.0, deadline_s=2.0, adaptive=False).verdict is SWITCH


def stalling(sigma: float, seed: int, share: float = 0.05) -> Result:
    rand = random.Random(seed)
    sim = Simulation([lognormal(rand, 0.12, sigma, share), lognormal(rand, 0.12, sigma)])
    sim.run(200)
    return sim.run(1000)


@pytest.mark.parametrize(("sigma", "needless"), [(0.4, 0.022), (0.7, 0.015), (1.0, 0.022)])
def test_with_stalls_the_tail_stays_within_one_and_a_half(sigma: float, needless: float) -> None:
    """5 % stall for ever. needless: extra requests beyond those that replaced a dead one."""
    results = [stalling(sigma, seed) for seed in range(10)]
    p99 = 0.12 * exp(2.326 * sigma)
    first = sorted(one for result in results for one in result.first_s)
    assert sum(result.lost for result in results) == 0
    assert first[int(0.99 * len(first))] <= 1.5 * p99
    assert sum(result.needless for result in results) / 10 <= needless
    assert max(first) < 9.5, "nobody waits for a brown-out that is none"


@pytest.mark.parametrize(("sigma", "extra"), [(0.3, 0.013), (0.5, 0.014), (0.7, 0.018)])
def test_nothing_stalls_and_little_is_spent(sigma: float, extra: float) -> None:
    """Where nothing has to be rescued from a tail, who is late has more time."""
    results = [stalling(sigma, seed, share=0.0) for seed in range(5)]
    assert sum(result.extra for result in results) / 5 <= extra


def test_a_pool_that_is_slow_as_a_whole_is_not_asked_twice_and_hedged_again_later() -> None:
    rand = random.Random(9)
    slow = [False]

    def provider(now: float) -> float:
        return (3.0 if slow[0] else 0.12) * rand.lognormvariate(0.0, 0.3)

    sim = Simulation([provider, provider])
    for _ in range(50):
        sim.latency.observe("p1/m", 900, provider(0.0), sim.now)
    sim.run(300)
    slow[0] = True
    browned = sim.run(1000)
    assert browned.extra < 0.15
    assert browned.lost == 0
    slow[0] = False
    sim.run(600)
    stalls = lognormal(rand, 0.12, 0.3, 0.05)
    sim.providers[0] = stalls
    after = sim.run(1000)
    assert after.quantile(0.98) < 1.0, "stalls are raced again"


def test_a_dead_target_is_left_at_once_and_not_waited_for() -> None:
    rand = random.Random(1)
    sim = Simulation([lognormal(rand, 0.12, 0.4), lognormal(rand, 0.12, 0.4)])
    sim.run(300)
    sim.providers[0] = lambda now: None
    result = sim.run(20)
    assert result.lost == 0
    assert max(result.began_next_s) < 1.0


@pytest.mark.parametrize("hedges", [True, False])
def test_a_burst_on_a_pool_that_turned_slow_is_not_sent_twice(hedges: bool) -> None:
    """Of the second target nothing is known yet: a few find out, the others wait for them."""
    rand = random.Random(3)
    sim = Simulation([lognormal(rand, 0.12, 0.3), lognormal(rand, 0.12, 0.3)], hedges=hedges)
    for _ in range(60):
        sim.latency.observe("p0/m", 900, 0.12 * rand.lognormvariate(0, 0.3), sim.now)
    sim.providers = [lambda now: 1.5 * rand.lognormvariate(0, 0.1)] * 2
    result = sim.run(200, per_second=10_000)
    assert result.lost == 0
    assert result.extra <= 0.1


def test_a_burst_on_a_dead_target_moves_on_as_soon_as_the_next_one_has_answered() -> None:
    rand = random.Random(4)
    sim = Simulation([lognormal(rand, 0.12, 0.3), lognormal(rand, 0.12, 0.3)])
    for _ in range(60):
        sim.latency.observe("p0/m", 900, 0.12 * rand.lognormvariate(0, 0.3), sim.now)
    sim.providers[0] = lambda now: None
    result = sim.run(200, per_second=10_000)
    assert result.lost == 0
    assert max(result.first_s) < 1.5
