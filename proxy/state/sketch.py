"""A distribution of times, seen through attempts of which some were cut off.

Two histograms of log-spaced bins: times that were observed, and times at which an attempt was
given up unanswered. Older samples fade exponentially; adding is O(1) because the newest sample's
weight grows instead of all others shrinking. Reading joins the two as Kaplan and Meier do: the
weight of a cut-off attempt moves to the times observed after it, and what nobody observed any
more is the share of attempts that never answer. So a stall neither lengthens what is normal nor
vanishes, and cutting off slow answers does not make their provider look fast.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

BINS = 96
FIRST_S = 0.002  # lower edge of the first bin
WIDTH = log(1.15)  # of a bin, in log seconds: the last one begins at 1170 s
FORGET = 0.985  # weight of the past at each sample: about the last 130 count
IDLE_S = 60.0  # without a sample for longer, the past also fades with time,
HALF_LIFE_S = 1800.0  # at this rate
_GROW = 1.0 / FORGET
_PER_BIN = 1.0 / WIDTH
_FIRST = log(FIRST_S)
_DOUBT = 2.0  # samples that never answer, supposed: one late answer speaks not for all cut off
_FEW = 0.002  # share of cut-off samples that changes nothing
_LARGEST = 1e12


@dataclass(frozen=True, slots=True)
class Reading:
    """What a sketch says. weight: samples that count. Of the answered ones, log seconds: mean and
    variance, and the 95th percentile. silent: the share of attempts that never answer."""

    weight: float
    mean: float
    variance: float
    p95: float
    silent: float


class Sketch:
    """Times of one kind. due: samples until its reader should look again. streak: attempts given
    up since the last answer. limit_s: the reader's conclusion."""

    __slots__ = ("_at", "_cut", "_cut_weight", "_first", "_second", "_seen", "_seen_weight",
                 "_unit", "count", "due", "limit_s", "streak")  # fmt: skip

    def __init__(self) -> None:
        self._seen = [0.0] * BINS
        self._cut = [0.0] * BINS
        self._seen_weight = self._cut_weight = 0.0
        self._first = self._second = 0.0  # moments of log seconds since the first bin
        self._unit = 1.0
        self._at = 0.0
        self.count = 0
        self.streak = 0
        self.due = 0
        self.limit_s = 0.0

    def add(self, seconds: float, now: float) -> None:
        """An answer took this long."""
        self._unit = unit = self._unit * _GROW
        if unit > _LARGEST or now - self._at > IDLE_S:
            unit = self._fade(now)
        self._at = now
        x = log(seconds) - _FIRST if seconds > FIRST_S else 0.0
        self._seen[int(x * _PER_BIN) if x < BINS * WIDTH else BINS - 1] += unit
        self._seen_weight += unit
        unit *= x
        self._first += unit
        self._second += unit * x
        self.count += 1
        self.due -= 1
        self.streak = 0

    def cut(self, seconds: float, now: float) -> None:
        """There was no answer when the attempt was given up after this long."""
        self._unit *= _GROW
        unit = self._fade(now)
        self._at = now
        x = log(seconds) - _FIRST if seconds > FIRST_S else 0.0
        self._cut[min(int(x * _PER_BIN), BINS - 1)] += unit
        self._cut_weight += unit
        self.count += 1
        self.due = 0

    def read(self) -> Reading:
        """The distribution as it stands."""
        total = self._seen_weight + self._cut_weight
        if self._seen_weight <= 0:
            return Reading(total / self._unit, 0.0, 0.0, 0.0, 1.0)
        if self._cut_weight > _FEW * total:
            return self._joined(total)
        whole = self._seen_weight
        mean = self._first / whole
        variance = max(0.0, self._second / whole - mean * mean)
        p95 = self._from_above(0.05 * whole)
        return Reading(total / self._unit, _FIRST + mean, variance, p95, 0.0)

    def _from_above(self, share: float) -> float:
        """Log seconds that this weight of observed times exceeds; even within a bin."""
        seen = self._seen
        above = 0.0
        for index in range(BINS - 1, -1, -1):
            weight = seen[index]
            if weight > 0:
                if above + weight >= share:
                    return _FIRST + (index + 1 - (share - above) / weight) * WIDTH
                above += weight
        return _FIRST

    def _joined(self, total: float) -> Reading:
        supposed = _DOUBT * self._unit
        at_risk = total + supposed
        left = 1.0  # share of attempts that are still unanswered
        first = second = 0.0
        masses: list[tuple[int, float]] = []
        for index, (answered, cut) in enumerate(zip(self._seen, self._cut, strict=True)):
            if answered > 0:
                mass = left * answered / at_risk
                left -= mass
                masses.append((index, mass))
                first += mass * index
                second += mass * index * index
            at_risk -= answered + cut
        whole = 1.0 - left
        mean = first / whole
        spread = max(0.0, second / whole - mean * mean - 1 / 12)  # a bin's own width is no spread
        return Reading(
            total / self._unit,
            _FIRST + (mean + 0.5) * WIDTH,
            spread * WIDTH * WIDTH,
            _quantile(masses, 0.95 * whole),
            max(0.0, left - whole * supposed / total),
        )

    def _fade(self, now: float) -> float:
        """The newest sample's weight, after a silence or when the weights have grown large."""
        idle = now - self._at
        if idle > IDLE_S and self.count:
            self._unit *= 2.0 ** min(idle / HALF_LIFE_S, 30.0)
        unit = self._unit
        if unit > _LARGEST:
            self._seen = [weight / unit for weight in self._seen]
            self._cut = [weight / unit for weight in self._cut]
            self._seen_weight /= unit
            self._cut_weight /= unit
            self._first /= unit
            self._second /= unit
            self._unit = unit = 1.0
        return unit


def _quantile(masses: list[tuple[int, float]], goal: float) -> float:
    """Log seconds at which the masses reach the goal; even within a bin."""
    total = 0.0
    for index, mass in masses:
        if total + mass >= goal:
            return _FIRST + (index + (goal - total) / mass) * WIDTH
        total += mass
    return _FIRST + (masses[-1][0] + 1) * WIDTH
