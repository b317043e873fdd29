"""What the coming days will probably cost: a line through the past, with a weekly pattern.

As little is claimed as the data bears out: below three full days nothing, below two weeks a plain
mean, and always an interval rather than a figure alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

LEAST_DAYS = 3  # of history, before anything is said
WEEKLY_DAYS = 14  # before a weekday can be told from chance
HISTORY_DAYS = 84  # older spend says little about the next month
CONFIDENCE = 0.8  # of the interval
_Z = 1.2816  # the normal distribution's 90th percentile: 80 % lie within
_RIDGE = 0.5  # weekdays are pulled towards none, as if half a day of each had been average
_LEAST_SPREAD = 0.05  # of the mean: even a steady past does not promise a steady future
_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday; Monday is 0

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Day:
    """One day to come, counted since 1970; money in the unit of the history."""

    day: int
    expected: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """method: trend_and_week, mean, or none. days: from today on."""

    method: str
    history_days: int
    days: tuple[Day, ...]
    trend_per_day: float = 0.0


def forecast(history: Sequence[float], today: int, horizon: int) -> Forecast:
    """history: the spend of each full day up to yesterday, oldest first. today: its number."""
    past = list(history[-HISTORY_DAYS:])
    if len(past) < LEAST_DAYS or not any(past):
        return Forecast("none", len(past), ())
    values = np.asarray(past, dtype=np.float64)
    ahead = np.arange(horizon)
    if len(past) < WEEKLY_DAYS:
        mean = float(values.mean())
        spread = max(float(values.std(ddof=1)), _LEAST_SPREAD * mean)
        width = _Z * spread * sqrt(1 + 1 / len(past)) * _student(len(past) - 1)
        days = [_day(today + int(step), mean, width) for step in ahead]
        return Forecast("mean", len(past), tuple(days))
    return _fitted(values, today, ahead)


def _fitted(values: Matrix, today: int, ahead: NDArray[np.int64]) -> Forecast:
    number = len(values)
    seen = np.arange(number) - number
    design = _design(seen, today)
    penalty = np.diag([0.0, 0.0] + [_RIDGE] * 7)
    gram = design.T @ design + penalty
    inverse = np.linalg.inv(gram)
    weights = inverse @ design.T @ values
    residuals = values - design @ weights
    free = number - 8
    spread = max(float(np.sqrt((residuals**2).sum() / free)), _LEAST_SPREAD * float(values.mean()))
    wanted = _design(ahead, today)
    expected = wanted @ weights
    leverage = np.einsum("ij,jk,ik->i", wanted, inverse, wanted)
    widths = _Z * _student(free) * spread * np.sqrt(1 + leverage)
    days = tuple(
        _day(today + int(step), float(mean), float(width))
        for step, mean, width in zip(ahead, expected, widths, strict=True)
    )
    return Forecast("trend_and_week", number, days, float(weights[1]))


def _design(steps: NDArray[np.int64], today: int) -> Matrix:
    """One row a day: a constant, the day's distance from today, and its weekday."""
    weekdays = (steps + today + _EPOCH_WEEKDAY) % 7
    return np.column_stack([np.ones(len(steps)), steps, np.eye(7)[weekdays]])


def _student(freedom: int) -> float:
    """How much wider than the normal distribution's the interval is with few days: the first
    terms of Cornish and Fisher's expansion of Student's t."""
    z2 = _Z * _Z
    return 1 + (z2 + 1) / (4 * freedom) + (5 * z2 * z2 + 16 * z2 + 3) / (96 * freedom * freedom)


def _day(day: int, expected: float, width: float) -> Day:
    mean = max(expected, 0.0)
    return Day(day, mean, max(expected - width, 0.0), max(expected + width, 0.0))
