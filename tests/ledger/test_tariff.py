"""Integers per token say what the exact decimals say."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.chat import Usage
from proxy.ledger.tariff import TARIFFS_LIMIT, Tariff, Tariffs, costs, pico, usd
from proxy.models import snapshot
from proxy.prices import Price, PriceList, Rates, cost

MONEY = st.decimals(min_value=0, max_value=600, places=6)
RATES = st.builds(Rates, MONEY, MONEY, st.none() | MONEY, st.none() | MONEY)
TOKENS = st.integers(0, 3_000_000)
USAGES = st.builds(
    Usage, TOKENS, TOKENS, st.integers(-5, 4_000_000), st.integers(-5, 4_000_000), TOKENS
)
TIERS = st.lists(st.tuples(st.integers(1, 500_000), RATES), max_size=3).map(
    lambda tiers: tuple(sorted(tiers, key=lambda one: one[0]))
)


@settings(max_examples=300, deadline=None)
@given(RATES, TIERS, USAGES)
def test_it_is_exact(rates: Rates, tiers, usage: Usage) -> None:
    price = Price(rates, tiers)
    found = Tariff(PriceList((price,))).cost(usage, 1.8e9)
    assert found is not None
    assert usd(found) == cost(usage, price.rates_for(usage.prompt))


@pytest.mark.parametrize("usage", [Usage(1000, 500), Usage(300_000, 70, 1000, 500, 20)])
def test_every_known_model_costs_what_its_row_says(usage: Usage) -> None:
    at = datetime(2026, 3, 1, 15, tzinfo=UTC)
    priced = 0
    for name in snapshot().rows:
        prices = snapshot().model(name).prices
        exact = prices.cost(usage, at)
        found = Tariff(prices).cost(usage, at.timestamp())
        if exact is None:
            assert found is None
            continue
        assert found is not None
        # Three models have prices with sixteen decimals: those are rounded to a pico-USD a token.
        assert abs(usd(found) - exact) <= usage.cache_written * Decimal("1e-12")
        priced += found > 0
    assert priced > 1000


def test_the_list_in_force_changes_with_the_day_and_the_hour() -> None:
    day, night, later = (Rates(Decimal(n), Decimal(0)) for n in (4, 1, 9))
    prices = PriceList(
        (
            Price(day),
            Price(night, hours=(time(22, 30), time(6))),
            Price(later, since=date(2026, 6, 1)),
        )
    )
    tariff = Tariff(prices)
    usage = Usage(1_000_000)
    at = datetime(2026, 5, 30, tzinfo=UTC)
    while at < datetime(2026, 6, 2, tzinfo=UTC):
        found = tariff.cost(usage, at.timestamp())
        assert found is not None
        assert usd(found) == prices.cost(usage, at), at
        at += timedelta(minutes=15)
    assert tariff.cost(usage, datetime(2026, 5, 30, 12, tzinfo=UTC).timestamp()) == pico(4.0)


def test_a_model_without_prices_has_no_cost() -> None:
    assert Tariff(PriceList()).cost(Usage(10, 10), 0.0) is None


def test_clients_cannot_grow_the_table() -> None:
    asked: list[str] = []
    tariffs = Tariffs(lambda name: asked.append(name) or PriceList())
    for number in range(TARIFFS_LIMIT + 10):
        tariffs.of("p", f"m{number}")
    assert len(tariffs.known) <= TARIFFS_LIMIT
    assert asked[0] == "p/m0"
    assert tariffs.of("p", "m9999") is tariffs.of("p", "m9999")


@given(st.integers(0, 10**18))
def test_money_goes_there_and_back(amount: int) -> None:
    assert pico(usd(amount)) == amount


@st.composite
def counted(draw: st.DrawFn) -> tuple[int, float, Usage]:
    """Which tariff, when, and what was used; some counts are absurd."""
    most = draw(st.sampled_from((10, 400_000, 10**10)))
    tokens = st.integers(0, most)
    usage = Usage(draw(tokens), draw(tokens), draw(tokens), draw(tokens))
    return draw(st.integers(0, 4)), draw(st.floats(1.78e9, 1.7801e9)), usage


@given(st.lists(counted(), min_size=1, max_size=20))
def test_many_at_once_cost_what_each_does(asked: list[tuple[int, float, Usage]]) -> None:
    rates = Rates(Decimal("2.517"), Decimal("9.999"), Decimal("0.313"), Decimal("3.141"))
    tiers = ((128_000, Rates(Decimal("5.03"), Decimal("14.7"))),)
    lists = [
        PriceList(),
        PriceList((Price(rates),)),
        PriceList((Price(rates, tiers),)),
        PriceList((Price(rates), Price(tiers[0][1], hours=(time(22, 30), time(6))))),
        PriceList((Price(Rates(Decimal(0), Decimal(0))),)),
    ]
    which, when, used = zip(*asked, strict=True)
    found = costs(
        [Tariff(one) for one in lists], np.array(which),
        np.array([one[:4] for one in used]).T.copy(), np.array(when),
    )  # fmt: skip
    for at, one, usage, told in zip(when, which, used, found.tolist(), strict=True):
        exact = Tariff(lists[one]).cost(usage, at)
        assert told == (-1 if exact is None else exact)
