"""Promises about a run, such as `ttft_p99<300ms,error_rate<1%`, and whether it kept them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from benchmarks.load.tally import Tally

_TERM = re.compile(
    r"\s*([a-z_0-9]+?)(?:_(p[\d.]+|mean|max|min))?\s*(<=|>=|<|>)\s*([\d.]+)\s*([a-z%/]*)\s*"
)
# the names of other tools for the same times
_NAMES = {
    "ttft": "ttft",
    "time_to_first_token": "ttft",
    "gap": "gap",
    "itl": "gap",
    "inter_token_latency": "gap",
    "tpot": "tpot",
    "total": "total",
    "e2el": "total",
    "latency": "total",
    "request_latency": "total",
    "ttfb": "ttfb",
}
_RATES = (
    "error_rate", "rate", "request_rate", "goodput", "tokens_per_s", "output_token_throughput",
)  # fmt: skip
_UNITS = {"": 1e-3, "ms": 1e-3, "s": 1.0, "us": 1e-6}


@dataclass(frozen=True, slots=True)
class Slo:
    """One promise. limit is in seconds, a share, or a rate, as its figure is."""

    text: str
    figure: str
    part: str  # p99, mean, ...; empty for rates
    below: bool
    limit: float

    def value(self, tally: Tally) -> float:
        if self.figure == "error_rate":
            return tally.error_share
        if self.figure == "goodput":
            return tally.goodput
        if self.figure in _RATES:
            return tally.token_rate if "token" in self.figure else tally.rate
        histogram = getattr(tally, self.figure)
        histogram.flush()
        if self.part == "mean":
            return float(histogram.mean)
        if self.part == "min":
            return float(histogram.lowest)
        return tally.bound(self.figure, 1.0 if self.part == "max" else float(self.part[1:]) / 100)

    def holds(self, tally: Tally) -> bool:
        """False, too, when there is nothing to judge."""
        value = self.value(tally)
        return value <= self.limit if self.below else value >= self.limit

    def verdict(self, tally: Tally) -> str:
        value, unit = self.value(tally), ""
        if self.figure == "error_rate":
            value, unit = value * 100, "%"
        elif self.figure not in _RATES:
            value, unit = value * 1e3, " ms"
        said = f"{value:.4g}{unit}"
        if value == float("inf"):
            said = f"{tally.failed} failed and {tally.unfinished} unfinished had none"
        return f"{'ok  ' if self.holds(tally) else 'MISS'} {self.text}: {said}"


def parse(text: str) -> list[Slo]:
    """Promises separated by commas. Raises ValueError naming the one that is not understood."""
    return [_one(part) for part in text.split(",") if part.strip()]


def bounds(texts: list[str]) -> tuple[tuple[str, float], ...]:
    """What each request must keep, as vLLM's benchmark writes it: `ttft:300 tpot:50`, in ms.
    Raises ValueError naming the one that is not understood."""
    found = []
    for text in texts:
        name, _, value = text.partition(":")
        known = _NAMES.get(name.strip().lower())
        try:
            limit = float(value.removesuffix("ms")) / 1e3
        except ValueError:
            known = None
            limit = 0.0
        if known not in ("ttft", "tpot", "total") or not limit >= 0:
            raise ValueError(f"cannot read {text!r}; try ttft:300 tpot:50 e2el:5000, milliseconds")
        found.append((known, limit))
    return tuple(found)


def _one(text: str) -> Slo:
    match = _TERM.fullmatch(text.lower())
    if match is None:
        raise ValueError(f"cannot read {text.strip()!r}; try ttft_p99<300ms or error_rate<1%")
    name, part, sign, number, unit = match.groups()
    below = sign.startswith("<")
    if name in _RATES:
        if part or unit not in ("", "%", "/s"):
            raise ValueError(f"cannot read {text.strip()!r}: {name} is a plain number")
        limit = _number(number, text) / (100 if unit == "%" else 1)
        return Slo(text.strip(), name, "", below, limit)
    if name not in _NAMES or unit not in _UNITS:
        known = ", ".join([*_NAMES, *_RATES])
        raise ValueError(f"cannot read {text.strip()!r}; figures are {known}, units ms, s, us")
    if part and part[1:].strip("0123456789.") == "" and not 0 < _number(part[1:], text) <= 100:
        raise ValueError(f"cannot read {text.strip()!r}: a percentile is 0 to 100, such as p99.9")
    limit = _number(number, text) * _UNITS[unit]
    return Slo(text.strip(), _NAMES[name], part or "p99", below, limit)


def _number(text: str, whole: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"cannot read {whole.strip()!r}: {text} is no number") from None
