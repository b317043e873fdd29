"""The verified mode: semantic hits are given only where their error rate is known to be low.

After the idea of per-entry learned thresholds (vCache, arXiv 2502.03771): whether a stored answer
fits is learnt by asking upstream anyway and comparing. A band of similarity is opened when the
upper end of the Wilson interval of its wrong answers is under the limit, and closed again when it
is not. An entry that was wrong once asks for more similarity than it had then. Of the hits that
are given, a share is still checked, so that what was learnt does not go stale.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

from proxy.cache.entry import Entry

log = logging.getLogger(__name__)

BANDS = (0.0, 0.8, 0.9, 0.95)  # few: each must earn its trust on its own
_Z = 1.96  # 97.5 % on one side, not 95: the interval is looked at again and again
_MEMORY = 2000.0  # checks a band remembers; older ones fade
_SHADOW = 0.02  # share of given hits that are checked


def wilson(errors: float, checks: float, z: float = _Z) -> tuple[float, float]:
    """The Wilson score interval of a rate (E. B. Wilson, 1927); (0, 1) without a check."""
    if checks <= 0:
        return 0.0, 1.0
    rate, square = errors / checks, z * z
    middle = rate + square / (2 * checks)
    spread = z * sqrt(rate * (1 - rate) / checks + square / (4 * checks * checks))
    scale = 1 + square / checks
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


@dataclass(slots=True)
class _Band:
    checks: float = 0.0
    errors: float = 0.0
    open: bool = False

    def learn(self, wrong: bool) -> None:
        if self.checks >= _MEMORY:
            self.checks *= 0.5
            self.errors *= 0.5
        self.checks += 1.0
        self.errors += wrong


class Trust:
    """What was learnt about how often a semantic hit is wrong, by similarity."""

    def __init__(self, max_error_rate: float, chance: Callable[[], float]) -> None:
        """max_error_rate: of given hits, 0 to 1. chance: random numbers, 0 to 1."""
        self.max_error_rate = max_error_rate
        self._chance = chance
        self._bands = [_Band() for _ in BANDS]
        self._demands: dict[bytes, float] = {}  # entries that were wrong: similarity asked since

    def gives(self, entry: Entry, similarity: float) -> bool:
        """Whether this hit may be given; otherwise ask upstream and learn from the answer."""
        if self._demands and similarity < self._demands.get(entry.exact, 0.0):
            return False
        return self._band(similarity).open

    def samples(self) -> bool:
        """Whether the hit just given is one to check."""
        return self._chance() < _SHADOW

    def learn(self, entry: Entry, similarity: float, agreed: bool) -> None:
        """A stored answer was compared with a fresh one."""
        if not agreed:
            demand = similarity + (1.0 - similarity) * 0.5
            self._demands[entry.exact] = max(demand, self._demands.get(entry.exact, 0.0))
        band = self._band(similarity)
        band.learn(not agreed)
        opens = wilson(band.errors, band.checks)[1] <= self.max_error_rate
        if opens != band.open:
            band.open = opens
            log.info(
                "semantic cache %s above similarity %.3f: %.0f wrong of %.0f checked",
                "opened" if opens else "closed",
                BANDS[self._bands.index(band)],
                band.errors,
                band.checks,
            )

    def forget(self, entry: Entry) -> None:
        """The entry is gone."""
        self._demands.pop(entry.exact, None)

    def estimate(self) -> dict[str, float]:
        """The wrong-hit rate of what is given now, with its interval, and how much is open."""
        opened = [band for band in self._bands if band.open]
        errors = sum(band.errors for band in opened)
        checks = sum(band.checks for band in opened)
        low, high = wilson(errors, checks)
        return {
            "wrong_hits": errors / checks if checks else 0.0,
            "wrong_hits_low": low if checks else 0.0,
            "wrong_hits_high": high if checks else 0.0,
            "checks": sum(band.checks for band in self._bands),
            "open_bands": float(len(opened)),
        }

    def _band(self, similarity: float) -> _Band:
        place = len(BANDS) - 1
        while place and similarity < BANDS[place]:
            place -= 1
        return self._bands[place]
