from __future__ import annotations

import random

import pytest

from proxy.ledger.forecast import forecast

TODAY = 20_600
WEEK = (10, 11, 12, 11, 9, 2, 1)  # Monday to Sunday


def weekday(day: int) -> int:
    return (day + 3) % 7


def history(days: int, trend: float = 0.0, noise: float = 0.0, seed: int = 1) -> list[float]:
    rand = random.Random(seed)
    return [
        max(0.0, WEEK[weekday(day)] + trend * (day - TODAY) + rand.gauss(0, noise))
        for day in range(TODAY - days, TODAY)
    ]


@pytest.mark.parametrize("past", [[], [5.0], [5.0, 6.0], [0.0] * 40])
def test_little_data_says_nothing(past: list[float]) -> None:
    found = forecast(past, TODAY, 30)
    assert (found.method, found.days) == ("none", ())


def test_a_few_days_give_a_mean_and_a_wide_interval() -> None:
    found = forecast([8.0, 10.0, 12.0], TODAY, 5)
    assert found.method == "mean"
    assert [day.expected for day in found.days] == [10.0] * 5
    assert found.days[0].high - found.days[0].expected > 3
    assert found.days[0].day == TODAY


def test_the_weekly_pattern_and_the_trend_are_found() -> None:
    found = forecast(history(56, trend=0.015), TODAY, 14)
    assert found.method == "trend_and_week"
    assert found.trend_per_day == pytest.approx(0.015, rel=0.15)
    for day in found.days:
        due = WEEK[weekday(day.day)] + 0.015 * (day.day - TODAY)
        assert day.expected == pytest.approx(due, abs=0.6)
        assert day.low <= day.expected <= day.high


def test_the_interval_holds_what_it_promises() -> None:
    inside = asked = 0
    for seed in range(60):
        series = history(70, trend=0.03, noise=1.5, seed=seed)
        # The last fortnight is what comes: the history ends before it.
        found = forecast(series[:56], TODAY - 14, 14)
        for day, true in zip(found.days, series[56:], strict=True):
            asked += 1
            inside += day.low <= true <= day.high
    assert 0.74 < inside / asked < 0.9


def test_money_is_never_negative() -> None:
    falling = [max(0.0, 40.0 - day) for day in range(40)]
    found = forecast(falling, TODAY, 30)
    assert all(day.low >= 0 and day.expected >= 0 for day in found.days)
