"""Orders inside a chain: shares kept, callers kept, and few moved when something changes."""

from __future__ import annotations

import random

import pytest

from proxy.routing.balance import cheapest, fastest, sticky, weighted
from proxy.routing.plan import Target

TARGETS = [Target("p", f"m{number}", weight) for number, weight in enumerate((1.0, 2.0, 5.0))]


def test_weights_are_shares_of_every_place() -> None:
    rand = random.Random(1).random
    orders = [weighted(TARGETS, rand) for _ in range(8000)]
    for number, share in enumerate((1 / 8, 2 / 8, 5 / 8)):
        first = sum(order[0] is TARGETS[number] for order in orders) / 8000
        assert first == pytest.approx(share, abs=0.02)
    second = sum(order[1] is TARGETS[1] for order in orders if order[0] is TARGETS[2])
    assert second / sum(order[0] is TARGETS[2] for order in orders) == pytest.approx(
        2 / 3, abs=0.03
    )


def test_callers_are_spread_by_weight_and_keep_their_order() -> None:
    callers = [f"key-{number}" for number in range(8000)]
    orders = [sticky(TARGETS, one) for one in callers]
    assert orders == [sticky(list(reversed(TARGETS)), one) for one in callers]
    share = sum(order[0] is TARGETS[2] for order in orders) / 8000
    assert share == pytest.approx(5 / 8, abs=0.02)


def test_a_target_that_goes_moves_only_its_own_callers() -> None:
    for number in range(500):
        whole = sticky(TARGETS, f"key-{number}")
        fewer = sticky(TARGETS[:2], f"key-{number}")
        assert fewer == tuple(one for one in whole if one is not TARGETS[2])


def test_a_weight_that_grows_draws_callers_only_to_it() -> None:
    heavier = [*TARGETS[:2], Target("p", "m2", 9.0)]
    for number in range(500):
        before = sticky(TARGETS, f"key-{number}")[0].name
        after = sticky(heavier, f"key-{number}")[0].name
        assert after in (before, "p/m2")


def test_of_two_the_faster_goes_first() -> None:
    costs = {"p/m0": 0.5, "p/m1": 0.2}
    order = fastest(TARGETS[:2], lambda one: costs[one.name], random.Random(1).random)
    assert [one.name for one in order] == ["p/m1", "p/m0"]


def test_of_many_the_better_of_two_at_random() -> None:
    costs = {"p/m0": 0.9, "p/m1": 0.5, "p/m2": 0.1}
    rand = random.Random(1).random
    firsts = [fastest(TARGETS, lambda one: costs[one.name], rand)[0].name for _ in range(3000)]
    assert "p/m0" not in firsts, "the slowest never wins a choice"
    assert 0.6 < firsts.count("p/m2") / 3000 < 0.73, "two of three pairs have the fastest"


def test_the_cheapest_first_and_unknown_prices_last() -> None:
    prices = {"p/m0": None, "p/m1": 0.2, "p/m2": 0.0}
    order = cheapest(TARGETS, lambda one: prices[one.name])
    assert [one.name for one in order] == ["p/m2", "p/m1", "p/m0"]
