"""Distributions of times, recorded in bulk, merged between processes, exact to under one percent.

The buckets are those of an HDR histogram: each power of two is cut into 128 equal parts. Own
code, because recording must cost nanoseconds (values wait in a list and numpy sorts them into
buckets), and because the packages for it are bindings without a wheel here or pure Python.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

PARTS = 128  # of each power of two: a bucket is at most 1/128 of its value wide
_LOW = -32  # 2**-32 s: a quarter of a nanosecond; what is less counts as this
_HIGH = 20  # 2**20 s: twelve days
BUCKETS = (_HIGH - _LOW) * PARTS
FLUSH = 65_536  # values that wait before they are counted
QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}


class Histogram:
    """Counts of positive values, seconds by convention; zero and less count as the least."""

    __slots__ = ("counts", "highest", "lowest", "pending", "total", "values_sum")

    def __init__(self) -> None:
        self.counts: NDArray[np.int64] = np.zeros(BUCKETS, dtype=np.int64)
        self.pending: list[float] = []  # append here on a hot path; flush() in time
        self.total = 0
        self.values_sum = 0.0
        self.lowest = float("inf")
        self.highest = 0.0

    def add(self, value: float) -> None:
        self.pending.append(value)
        if len(self.pending) >= FLUSH:
            self.flush()

    def extend(self, values: Iterable[float]) -> None:
        self.pending.extend(values)
        self.flush()

    def flush(self) -> None:
        """Counts what waits in pending."""
        if not self.pending:
            return
        values = np.asarray(self.pending, dtype=np.float64)
        self.pending.clear()
        self.total += len(values)
        self.values_sum += float(values.sum())
        self.lowest = min(self.lowest, float(values.min()))
        self.highest = max(self.highest, float(values.max()))
        self.counts += np.bincount(bucket_of(values), minlength=BUCKETS)

    def merge(self, other: Histogram) -> None:
        other.flush()
        self.flush()
        self.counts += other.counts
        self.total += other.total
        self.values_sum += other.values_sum
        self.lowest = min(self.lowest, other.lowest)
        self.highest = max(self.highest, other.highest)

    def quantile(self, q: float) -> float:
        """The value that a share q is at most; nan without values."""
        self.flush()
        if not self.total:
            return float("nan")
        rank = max(1, int(np.ceil(q * self.total)))
        index = int(np.searchsorted(np.cumsum(self.counts), rank))
        return float(min(max(middle_of(index), self.lowest), self.highest))

    @property
    def mean(self) -> float:
        self.flush()
        return self.values_sum / self.total if self.total else float("nan")

    def summary(self, scale: float = 1e3) -> dict[str, float] | None:
        """count, mean, min, the quantiles and max; times `scale` (milliseconds). None if empty."""
        self.flush()
        if not self.total:
            return None
        numbers = {"mean": self.mean, "min": self.lowest}
        numbers |= {name: self.quantile(q) for name, q in QUANTILES.items()}
        numbers["max"] = self.highest
        return {"count": self.total} | {k: round(v * scale, 4) for k, v in numbers.items()}

    def curve(self) -> list[tuple[float, float]]:
        """The distribution: (value, share of values at most that), filled buckets only."""
        self.flush()
        filled = np.flatnonzero(self.counts)
        shares = np.cumsum(self.counts[filled]) / max(1, self.total)
        return [(middle_of(int(i)), float(s)) for i, s in zip(filled, shares, strict=True)]

    def dump(self) -> dict[str, object]:
        """A JSON value that load() reads back."""
        self.flush()
        filled = np.flatnonzero(self.counts)
        return {
            "buckets": filled.tolist(),
            "counts": self.counts[filled].tolist(),
            "sum": self.values_sum,
            "min": self.lowest if self.total else 0.0,
            "max": self.highest,
        }

    @classmethod
    def load(cls, data: Mapping[str, object]) -> Histogram:
        """What dump() wrote. Raises ValueError, KeyError or IndexError for anything else."""
        one = cls()
        buckets = np.asarray(data["buckets"], dtype=np.int64)
        one.counts[buckets] = np.asarray(data["counts"], dtype=np.int64)
        one.total = int(one.counts.sum())
        one.values_sum = float(str(data["sum"]))
        one.highest = float(str(data["max"]))
        if one.total:
            one.lowest = float(str(data["min"]))
        return one


def bucket_of(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """The bucket of each value."""
    mantissa, exponent = np.frexp(np.maximum(values, 2.0**_LOW))
    part = ((mantissa - 0.5) * (2 * PARTS)).astype(np.int64)
    index = (exponent.astype(np.int64) - 1 - _LOW) * PARTS + part
    clipped: NDArray[np.int64] = np.clip(index, 0, BUCKETS - 1)
    return clipped


def middle_of(bucket: int) -> float:
    power, part = divmod(bucket, PARTS)
    return float(np.ldexp(1.0 + (part + 0.5) / PARTS, power + _LOW))
