"""The last minutes in figures, for live views: kept by whoever makes sheets, read by anyone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from proxy.ledger.kinds import IS_ERROR, IS_HIT, IS_LOST
from proxy.ledger.sheet import AT, Column, Sheet
from proxy.ledger.slots import percentile, slots_of

SECONDS = 60  # percentiles are of the last minute
PAST_SECONDS = 180  # that a live view begins with
RATE_SECONDS = 10  # rates are means over so many full seconds
SHARES = (0.5, 0.9, 0.99)


@dataclass(slots=True)
class Second:
    """What ended within one second."""

    requests: int = 0
    errors: int = 0
    hits: int = 0
    tokens: int = 0
    cost: int = 0
    saved: int = 0
    ttft: Counter[int] = field(default_factory=Counter)


class Recent:
    """add is for one thread at a time; figures for any: it reads seconds that are over."""

    def __init__(self) -> None:
        self._seconds: dict[int, Second] = {}
        self.cost = self.saved = 0  # pico-USD, since the process began

    def add(self, sheet: Sheet) -> None:
        """Count these rows, at least one; forget what is older than the last minutes."""
        ended = sheet.numbers[AT["at_ms"]] // 1000
        newest = 0
        for at in np.unique(ended).tolist():
            one = self._seconds.get(at)
            if one is None:
                one = self._seconds[at] = Second()
                newest = at
            here = ended == at
            self._count(one, sheet.numbers[:, here], sheet.flags[here])
        if newest:
            for old in [at for at in self._seconds if at < newest - PAST_SECONDS - SECONDS]:
                del self._seconds[old]

    def _count(self, one: Second, numbers: Column, flags: Column) -> None:
        cost = int(numbers[AT["cost"]].sum())
        saved = int(numbers[AT["saved"]].sum())
        self.cost += cost
        self.saved += saved
        one.cost += cost
        one.saved += saved
        is_asked = flags & IS_LOST == 0  # a race's loser is money, and no request
        one.requests += int(is_asked.sum())
        one.errors += int((flags & IS_ERROR != 0).sum())
        one.hits += int((flags & IS_HIT != 0).sum(where=is_asked))
        tokens = numbers[AT["prompt"]] + numbers[AT["completion"]]
        one.tokens += int(tokens.sum(where=is_asked))
        ttft = numbers[AT["ttft_us"]]
        slots, many = np.unique(slots_of(ttft[is_asked & (ttft >= 0)]), return_counts=True)
        for slot, n in zip(slots.tolist(), many.tolist(), strict=True):
            one.ttft[slot] += n

    def figures(self, wall: float) -> dict[str, Any]:
        """Rates per second, and percentiles of the minute in milliseconds. Money in pico-USD."""
        now = int(wall) - 1  # the last second may not be in yet: the thread looks now and then
        return _figures(self._seconds.copy(), now, SECONDS)

    def past(self, wall: float) -> list[dict[str, Any]]:
        """The same for each of the last PAST_SECONDS, oldest first, `time` with each. Percentiles
        are of the seconds that the rates are of: some milliseconds of work in all."""
        now = int(wall) - 1
        seconds = self._seconds.copy()
        return [
            {"time": at + 1, **_figures(seconds, at, RATE_SECONDS)}
            for at in range(now - PAST_SECONDS + 1, now + 1)
        ]


def _figures(seconds: Mapping[int, Second], now: int, timed_seconds: int) -> dict[str, Any]:
    """What was within the seconds before now; first-token times within so many of them."""
    lately = [seconds[at] for at in range(now - RATE_SECONDS, now) if at in seconds]
    ttft: Counter[int] = Counter()
    for at in range(now - timed_seconds, now):
        one = seconds.get(at)
        if one is not None:
            ttft.update(dict(one.ttft))  # a copy in one step: the thread may be adding
    requests = sum(one.requests for one in lately)
    hits = sum(one.hits for one in lately)
    found = {share: percentile(ttft.items(), share) for share in SHARES}
    return {
        "requests_per_s": requests / RATE_SECONDS,
        "errors_per_s": sum(one.errors for one in lately) / RATE_SECONDS,
        "tokens_per_s": sum(one.tokens for one in lately) / RATE_SECONDS,
        "hit_rate": round(hits / requests, 4) if requests else None,
        "cost_per_s": sum(one.cost for one in lately) // RATE_SECONDS,
        "saved_per_s": sum(one.saved for one in lately) // RATE_SECONDS,
        "ttft_ms": {
            f"p{share * 100:g}": None if micros is None else round(micros / 1000, 3)
            for share, micros in found.items()
        },
    }
