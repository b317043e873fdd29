"""Rows as columns: what the ledger's thread makes of a few hundred rows, once.

Everything after it (live figures, sums, what is stored) is arithmetic on whole columns, a tenth of
what the same costs row by row. Rows that no database can hold are left out here, and counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from proxy.ledger.kinds import IS_LOST, Kinds, Labels, storable
from proxy.ledger.record import UNPRICED, Row, RowTuple

if TYPE_CHECKING:
    from proxy.exchange import Miss

# The rows of Sheet.numbers. ttft_us is -1 where no token came; money in pico-USD.
NUMBERS: Final = ("at_ms", "stream", "status", "attempts", "prompt", "completion", "cached",
                  "written", "reasoning", "cost", "saved", "reference", "ttft_us", "total_us",
                  "auth_us", "classify_us", "cache_us", "upstream_us")  # fmt: skip
AT = {name: place for place, name in enumerate(NUMBERS)}
MOST_TOKENS = 10**10  # of one answer
MOST_PICO = 10**16  # ten thousand USD for one answer

Column = NDArray[np.int64]
# What the same tokens cost at another model: prompt, completion, cached, written, Unix seconds of
# each -> pico-USD, below zero where nobody knows.
Reference = Callable[[Column, Column, Column, Column, NDArray[np.float64]], Column]

assert Row._fields[10:20] == ("stream", "status", "attempts", *NUMBERS[4:11])


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows in the order they were recorded. names: all labels by number, still growing; kinds: each
    row's number; errors, tags, trails (JSON): by place, of those rows that have any."""

    names: Sequence[Labels]
    ids: Sequence[str]
    kinds: Column
    flags: Column
    numbers: Column  # of NUMBERS by rows
    errors: dict[int, str]
    tags: dict[int, tuple[str, ...]]
    trails: dict[int, str]

    def __len__(self) -> int:
        return len(self.ids)


def sheet(rows: Sequence[RowTuple], kinds: Kinds, reference: Reference | None) -> Sheet:
    """At least one row. It may come back with fewer, or with none."""
    try:
        made = _sheet(rows, kinds, reference)
    except OverflowError:  # a count beyond 64 bits
        made = None
    if made is None:
        rows = [row for row in rows if _is_sane(row, kinds)]
        made = _sheet(rows, kinds, reference) if rows else None
    return _EMPTY if made is None else made


def _sheet(rows: Sequence[RowTuple], kinds: Kinds, reference: Reference | None) -> Sheet | None:
    """None where a row must be left out. Raises OverflowError for the same reason."""
    columns = list(zip(*rows, strict=True))
    (at_s, ids, key, route, category, provider, model, task_type, cache, outcome, *counts,
     first_s, total_s, marks, errors, tags, auth_s, classify_s, cache_s, upstream_s,
     trails) = columns  # fmt: skip
    numbers = np.empty((len(NUMBERS), len(rows)), np.int64)
    for place, column in enumerate(counts, 1):
        numbers[place] = column
    many = kinds.numbers(
        zip(key, route, category, provider, model, task_type, cache, outcome, marks, strict=True)
    )
    if not _are_sane(numbers) or not "".join(ids).isascii():
        return None
    at = np.array(at_s)
    numbers[0] = at * 1000
    timed = (total_s, auth_s, classify_s, cache_s, upstream_s)
    for place, seconds in enumerate(timed, AT["total_us"]):
        numbers[place] = np.array(seconds, np.float64) * 1e6
    first = np.array(first_s, np.float64)  # None becomes not-a-number
    numbers[AT["ttft_us"]] = np.where(np.isnan(first), -1, first * 1e6)
    flags = kinds.flags[many]
    numbers[AT["reference"]] = _referred(numbers, flags, np.array(marks), at, reference)
    return Sheet(
        kinds.labels, ids, many, flags, numbers,
        {place: storable(error) for place, error in _some(errors)},
        {place: tuple(map(storable, some)) for place, some in _some(tags)},
        {place: _trail(trail) for place, trail in _some(trails)},
    )  # fmt: skip


_EMPTY = Sheet((), (), *(np.empty(0, np.int64),) * 2, np.empty((len(NUMBERS), 0), np.int64),
               {}, {}, {})  # fmt: skip


def _some(column: Sequence[Any]) -> list[tuple[int, Any]]:
    return [(place, one) for place, one in enumerate(column) if one] if any(column) else []


def _referred(
    numbers: Column, flags: Column, marks: Column, at_s: NDArray[np.float64],
    reference: Reference | None,
) -> Column:  # fmt: skip
    """What each row would have cost at the reference model; where that is unknown, what it did."""
    own: Column = np.where(flags & IS_LOST, 0, numbers[AT["cost"]] + numbers[AT["saved"]])
    if reference is None:
        return own
    prompt, completion, cached, written = numbers[AT["prompt"] : AT["reasoning"]]
    there = np.minimum(reference(prompt, completion, cached, written, at_s), MOST_PICO)
    asked = (flags & IS_LOST == 0) & (marks & UNPRICED == 0) & (prompt > 0) & (there >= 0)
    return np.where(asked, there, own)


def _are_sane(numbers: Column) -> bool:
    """Whether all counts can be tokens: the sums of others would overflow the database's."""
    tokens, money = numbers[AT["prompt"] : AT["cost"]], numbers[AT["cost"] : AT["reference"]]
    return bool(tokens.min() >= 0 and tokens.max() <= MOST_TOKENS and money.max() <= MOST_PICO)


def _is_sane(row: RowTuple, kinds: Kinds) -> bool:
    try:
        return _sheet([row], kinds, None) is not None
    except OverflowError:
        return False


def _trail(trail: Sequence[Miss]) -> str:
    """JSON: target, microseconds from and to since the request came, why."""
    told = [(target, int(start * 1e6), int(end * 1e6), why) for target, start, end, why in trail]
    return orjson.dumps(told).decode()
