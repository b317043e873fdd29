"""Two endpoints measured in turns, and how sure the difference is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp, isfinite, log
from random import Random

from benchmarks.load.tally import Tally

RESAMPLES = 2000
FIGURES = (
    ("requests/s", "rate", ""),
    ("tokens/s", "token_rate", ""),
    ("ttft p50", "ttft", "p50"),
    ("ttft p99", "ttft", "p99"),
    ("gap p50", "gap", "p50"),
    ("gap p99", "gap", "p99"),
    ("total p50", "total", "p50"),
    ("total p99", "total", "p99"),
)


@dataclass(frozen=True, slots=True)
class Ratio:
    """B over A for one figure, over all rounds; low and high hold it with 95 % confidence."""

    name: str
    a: float  # mean of the rounds, seconds or a rate
    b: float
    ratio: float
    low: float
    high: float
    time: bool  # a and b are seconds

    @property
    def sure(self) -> bool:
        """Whether the interval excludes that both are the same."""
        return self.low > 1.0 or self.high < 1.0


def order(rounds: int) -> list[str]:
    """Who runs when: AB BA AB ..., so that a drift of the machine hits both alike."""
    return [side for n in range(rounds) for side in ("AB" if n % 2 == 0 else "BA")]


def ratios(a: Sequence[Tally], b: Sequence[Tally], seed: int = 0) -> list[Ratio]:
    """The figures that both sides have, paired round by round."""
    found = []
    for name, field, quantile in FIGURES:
        pairs = [
            (_figure(x, field, quantile), _figure(y, field, quantile))
            for x, y in zip(a, b, strict=True)
        ]
        pairs = [(x, y) for x, y in pairs if x > 0 and y > 0 and isfinite(x) and isfinite(y)]
        if not pairs:
            continue
        logs = [log(y / x) for x, y in pairs]
        low, high = bootstrap(logs, seed)
        found.append(
            Ratio(
                name=name,
                a=sum(x for x, _ in pairs) / len(pairs),
                b=sum(y for _, y in pairs) / len(pairs),
                ratio=exp(sum(logs) / len(logs)),
                low=exp(low),
                high=exp(high),
                time=bool(quantile),
            )
        )
    return found


def bootstrap(values: Sequence[float], seed: int = 0) -> tuple[float, float]:
    """The 95 % interval of the mean, by resampling the rounds (Efron's percentile method)."""
    random = Random(seed)
    count = len(values)
    means = sorted(sum(random.choices(values, k=count)) / count for _ in range(RESAMPLES))
    return means[int(0.025 * RESAMPLES)], means[int(0.975 * RESAMPLES) - 1]


def _figure(tally: Tally, field: str, quantile: str) -> float:
    if not quantile:
        return float(getattr(tally, field))
    return float(getattr(tally, field).quantile(float(quantile[1:]) / 100))


def merged(tallies: Sequence[Tally]) -> Tally:
    """All rounds of one side as one run; its seconds are the sum."""
    whole = Tally()
    seconds = 0.0
    slices = []
    for one in tallies:
        whole.merge(one)
        slices += [replace(piece, at=piece.at + seconds) for piece in one.slices]
        seconds += one.seconds
    whole.slices = slices
    whole.seconds = seconds
    whole.processes = tallies[0].processes if tallies else 1
    return whole
