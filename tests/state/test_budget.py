"""Extra requests stay within their share, from the first request on."""

from __future__ import annotations

import pytest

from proxy.state.budget import HEDGE_BURST, Budget, Budgets


@pytest.mark.parametrize("requests", [1, 19, 20, 100, 1000, 10_000])
def test_hedges_stay_within_their_share_in_runs_of_any_length(requests: int) -> None:
    budget = Budget(0.05)
    taken = 0
    for _ in range(requests):
        budget.requests += 1
        taken += budget.take()
    assert taken <= max(1, 0.05 * requests + 1e-6), "one is lent"
    assert taken >= int(0.05 * requests) - 1


def test_a_lull_saves_up_a_few() -> None:
    budget = Budget(0.05)
    for _ in range(10_000):
        budget.requests += 1
    assert sum(budget.take() for _ in range(100)) == HEDGE_BURST


def test_without_a_share_nothing_is_hedged() -> None:
    budget = Budget(0.0)
    for _ in range(100):
        budget.requests += 1
    assert not budget.take()


def test_a_hedge_that_wins_costs_nothing() -> None:
    budget = Budget(0.05)
    for _ in range(20):
        budget.requests += 1
    for _ in range(5):
        assert budget.take()
        budget.give_back()
    assert budget.take()
    assert not budget.take()
    assert budget.spent == 1


def test_the_first_one_is_lent_and_earned_afterwards() -> None:
    budget = Budget(0.05)
    budget.requests += 1
    assert budget.take()
    for _ in range(38):
        budget.requests += 1
        assert not budget.take()
    budget.requests += 1
    budget.requests += 1
    assert budget.take()


def test_a_route_may_have_a_budget_of_its_own() -> None:
    budgets = Budgets(0.05)
    assert budgets.of("chat", None) is budgets.hedges
    own = budgets.of("fast", 0.5)
    assert own is not budgets.hedges
    assert budgets.of("fast", 0.2) is own, "a reload keeps what was earned"
    assert own.share == 0.2


def test_retries_are_there_from_the_start_and_then_earned() -> None:
    retries = Budgets(0.05).retries
    taken = 0
    while retries.take():
        taken += 1
    for _ in range(100):
        retries.requests += 1
        taken += retries.take()
    assert 30 <= taken <= 41
