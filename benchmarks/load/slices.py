"""How a run went over time: stretches of half a second, joined where several processes ran."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

HEAT_PARTS = 4  # heat map rows for each power of two


@dataclass(slots=True)
class Slice:
    """A short stretch of the run. Times in seconds; nan where nothing ended in it."""

    at: float  # its end, seconds after the start
    ok: int
    errors: int
    tokens: int
    open: int
    ttft_p50: float
    ttft_p99: float
    total_p50: float
    total_p99: float
    gaps: dict[int, int]  # log2(gap) * HEAT_PARTS, rounded down -> how many


def joined(mine: Sequence[Slice], others: Sequence[Slice]) -> list[Slice]:
    """Slices of processes that ran at the same time. Counts add up; of the two times the worse
    one stays, which is never too kind."""
    found = list(mine)
    for number, other in enumerate(others):
        if number >= len(found):
            found.append(other)
            continue
        one = found[number]
        rows = {row: one.gaps.get(row, 0) + other.gaps.get(row, 0) for row in one.gaps | other.gaps}
        found[number] = Slice(
            at=max(one.at, other.at),
            ok=one.ok + other.ok,
            errors=one.errors + other.errors,
            tokens=one.tokens + other.tokens,
            open=one.open + other.open,
            ttft_p50=_worse(one.ttft_p50, other.ttft_p50),
            ttft_p99=_worse(one.ttft_p99, other.ttft_p99),
            total_p50=_worse(one.total_p50, other.total_p50),
            total_p99=_worse(one.total_p99, other.total_p99),
            gaps=rows,
        )
    return found


def _worse(a: float, b: float) -> float:
    """The greater one; nan counts for nothing."""
    return float(np.fmax(a, b))
