"""First-token times as they were observed, and the deadline that follows from them.

Per target and log2 prompt-size bucket a histogram of log-spaced bins with exponential
forgetting: adding is one multiplication and one addition, a quantile walks 64 bins. A cancelled
attempt enters as a censored sample - it would have taken longer than it was given - so that a slow
provider cannot look fast by being cut off.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

BINS = 64
FIRST_S = 0.005  # the upper edge of the first bin
RATIO = 1.2  # between edges: 64 bins reach 490 s
FORGET = 0.98  # weight of the past at each observation: about the last 50 count
QUANTILE = 0.9  # up to a tenth of stalls does not move it: a deadline must not feed on itself
FACTOR = 1.7  # times that: about one and a half times the 95th percentile
LEAST_S = 0.25  # no deadline is shorter: a network hiccup is not a stall
MOST_S = 20.0
PRIOR_S = 4.0  # until a target is known: above the p95 of the large providers' chat models
ENOUGH = 8.0  # weight of observations at which they speak for themselves

_EDGES = [FIRST_S * RATIO**index for index in range(BINS)]


@dataclass(slots=True)
class Sketch:
    """One target's first-token times for prompts of one size."""

    weights: list[float] = field(default_factory=lambda: [0.0] * BINS)
    total: float = 0.0
    seen: int = 0
    cached: float | None = None  # the deadline, until the next observation

    def add(self, seconds: float, *, at_least: bool = False) -> None:
        """One time. at_least: it was cut off then, and counts as the next longer bin."""
        weights = self.weights
        if self.total > 0:
            for index in range(BINS):
                weights[index] *= FORGET
        self.total = self.total * FORGET + 1.0
        self.seen += 1
        weights[_bin(seconds * (RATIO if at_least else 1.0))] += 1.0
        self.cached = None

    def quantile(self, share: float) -> float:
        """The time that this share of requests stays under; the upper edge of its bin."""
        goal = self.total * share
        total = 0.0
        for index, weight in enumerate(self.weights):
            total += weight
            if total >= goal:
                return _EDGES[index]
        return _EDGES[-1]


def _bin(seconds: float) -> int:
    low, high = 0, BINS - 1
    while low < high:
        middle = (low + high) // 2
        if seconds <= _EDGES[middle]:
            high = middle
        else:
            low = middle + 1
    return low


class Latency:
    """What is normal, per target and prompt size."""

    __slots__ = ("_sketches",)

    def __init__(self) -> None:
        self._sketches: dict[tuple[str, int], Sketch] = {}

    def observe(self, target: str, prompt_bytes: int, seconds: float, now: float) -> None:
        """A first token came after this time."""
        del now
        self._sketch(target, prompt_bytes).add(seconds)

    def censored(self, target: str, prompt_bytes: int, seconds: float, now: float) -> None:
        """None had come when the attempt was given up after this time."""
        del now
        self._sketch(target, prompt_bytes).add(seconds, at_least=True)

    def deadline(self, target: str, prompt_bytes: int, now: float) -> float:
        """Seconds to wait for a first token before something else is tried."""
        del now
        sketch = self._sketches.get((target, prompt_bytes.bit_length()))
        if sketch is None:
            return PRIOR_S
        if sketch.cached is None:
            learned = FACTOR * sketch.quantile(QUANTILE)
            if sketch.total < ENOUGH:
                share = sketch.total / ENOUGH
                learned = share * learned + (1 - share) * PRIOR_S
            sketch.cached = min(max(learned, LEAST_S), MOST_S)
        return sketch.cached

    def snapshot(self) -> list[dict[str, Any]]:
        """For the admin API."""
        return [
            {
                "target": target,
                "prompt_bytes_below": 1 << size,
                "observations": sketch.seen,
                "p50_s": round(sketch.quantile(0.5), 4),
                "p90_s": round(sketch.quantile(QUANTILE), 4),
                "deadline_s": round(self.deadline(target, (1 << size) - 1, 0.0), 4),
            }
            for (target, size), sketch in sorted(self._sketches.items())
        ]

    def _sketch(self, target: str, prompt_bytes: int) -> Sketch:
        key = (target, prompt_bytes.bit_length())
        sketch = self._sketches.get(key)
        if sketch is None:
            sketch = self._sketches[key] = Sketch()
        return sketch
