"""Money, exactly: tiers, dates, hours, cached tokens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.chat import Usage
from proxy.prices import PriceList, Rates, cost, parse

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PLAIN = {"in": "2.50", "out": "10", "cached": "1.25", "written": "3"}


@pytest.mark.parametrize(
    ("usage", "usd"),
    [
        (Usage(), "0"),
        (Usage(prompt=1), "0.0000025"),
        (Usage(prompt=1000, completion=500), "0.0075"),
        (Usage(prompt=1000, completion=500, reasoning=400), "0.0075"),  # part of the completion
        (Usage(prompt=1000, cached=400), "0.002"),
        (Usage(prompt=1000, cached=400, cache_written=100), "0.00205"),
        (Usage(prompt=100, cached=900), "0.000125"),  # more cached than there was
        (Usage(prompt=100, cached=60, cache_written=60), "0.000195"),
        (Usage(prompt=100, cached=-5), "0.00025"),
    ],
)
def test_what_tokens_cost(usage: Usage, usd: str) -> None:
    assert parse([PLAIN], "here").cost(usage, NOW) == Decimal(usd)


def test_no_price_is_not_free() -> None:
    assert PriceList().cost(Usage(prompt=1), NOW) is None
    assert parse([{"cached": "1"}], "here").cost(Usage(prompt=1), NOW) is None


def test_cached_tokens_without_a_price_of_their_own_are_plain() -> None:
    rates = Rates(Decimal(2), Decimal(8))
    assert cost(Usage(prompt=10, cached=5, cache_written=5), rates) == Decimal("0.00002")


def test_a_long_prompt_pays_its_tier_for_every_token() -> None:
    prices = parse(
        [{**PLAIN, "tiers": [[1000, {"in": "5", "out": "15"}], [2000, {"in": "9"}]]}], ""
    )
    for tokens, rate in ((1000, "2.5"), (1001, "5"), (2000, "5"), (2001, "9")):
        usd = prices.cost(Usage(prompt=tokens), NOW)
        assert usd == tokens * Decimal(rate) / 1_000_000
    assert prices.cost(Usage(prompt=2001, completion=1), NOW) == (
        (2001 * Decimal(9) + 10) / 1_000_000  # what a tier does not name stays
    )


def test_a_new_price_holds_from_its_day() -> None:
    prices = parse([{"in": "1", "out": "1"}, {"in": "2", "out": "2", "from": "2026-12-01"}], "")
    one = Usage(prompt=1_000_000)
    assert prices.cost(one, NOW) == 1
    assert prices.cost(one, datetime(2026, 12, 1, tzinfo=UTC)) == 2
    tokyo = timezone(timedelta(hours=9))
    assert prices.cost(one, datetime(2026, 12, 1, 8, tzinfo=tokyo)) == 1  # still November in UTC
    assert prices.cost(one, datetime(2026, 12, 1)) == 2  # noqa: DTZ001 - a naive one is UTC


@pytest.mark.parametrize(
    ("span", "inside", "outside"),
    [(["00:30", "16:30"], (0, 30), (16, 30)), (["22:00", "06:00"], (5, 59), (6, 0))],
)
def test_hours_of_the_day(
    span: list[str], inside: tuple[int, int], outside: tuple[int, int]
) -> None:
    prices = parse([{"in": "1", "out": "1"}, {"in": "3", "out": "3", "hours": span}], "")
    one = Usage(prompt=1_000_000)
    for (hour, minute), usd in ((inside, 3), (outside, 1)):
        assert prices.cost(one, NOW.replace(hour=hour, minute=minute)) == usd


TOKENS = st.integers(0, 10_000_000)


@given(TOKENS, TOKENS, TOKENS, TOKENS)
def test_parts_add_up_exactly(prompt: int, cached: int, written: int, completion: int) -> None:
    prices = parse([PLAIN], "")
    whole = prices.cost(Usage(prompt, completion, cached, written), NOW)
    assert whole is not None
    answer = prices.cost(Usage(0, completion), NOW)
    question = prices.cost(Usage(prompt, 0, cached, written), NOW)
    assert answer is not None
    assert question is not None
    assert whole == answer + question
    assert 0 <= question <= prompt * Decimal(3) / 1_000_000
