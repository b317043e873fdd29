"""Rows as columns: what the ledger's thread makes of a few hundred rows, once.

Everything after it (live figures, sums, what is stored) is arithmetic on whole columns, a tenth of
what the same costs row by row. Rows that no database can hold are left out here, and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from proxy.chat import Usage
from proxy.ledger.kinds import IS_HIT, IS_LOST, MARKS, Kinds, Labels, storable
from proxy.ledger.row import ESTIMATED, UNPRICED, Row, RowTuple
from proxy.ledger.tariff import Tariff, Tariffs, costs

if TYPE_CHECKING:
    from proxy.exchange import Miss

# The rows of Sheet.numbers. ttft_us is -1 where no token came; money in pico-USD.
NUMBERS: Final = ("at_ms", "stream", "status", "attempts", "prompt", "completion", "cached",
                  "written", "reasoning", "cost", "saved", "reference", "ttft_us", "total_us",
                  "auth_us", "classify_us", "cache_us", "upstream_us")  # fmt: skip
AT = {name: place for place, name in enumerate(NUMBERS)}
SECONDS: Final = ("first", "total", "auth", "classify", "cache", "upstream")  # of Sheet.seconds
MOST_TOKENS = 10**10  # of one answer
MOST_PICO = 10**16  # ten thousand USD for one answer

Column = NDArray[np.int64]

_TOKENS = slice(AT["prompt"], AT["cost"])
_PRICED = slice(AT["prompt"], AT["reasoning"])
_MONEY = slice(AT["cost"], AT["reference"])
_MICROS = slice(AT["ttft_us"], None)
_NOTHING = Usage()


@dataclass(frozen=True, slots=True)
class Pricing:
    """What a sheet's tokens cost, and would cost at the model that savings are measured against."""

    tariffs: Tariffs
    reference: Tariff | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows in the order they were recorded. names: all labels by number, still growing; kinds: each
    row's number; errors, tags, trails (JSON): by place, of those rows that have any."""

    names: Sequence[Labels]
    ids: Sequence[str]
    kinds: Column
    flags: Column
    numbers: Column  # of NUMBERS by rows
    seconds: NDArray[np.float64]  # of SECONDS by rows; first is not a number where no token came
    errors: dict[int, str]
    tags: dict[int, tuple[str, ...]]
    trails: dict[int, str]

    def __len__(self) -> int:
        return len(self.ids)


def sheet(
    rows: Sequence[RowTuple], kinds: Kinds, pricing: Pricing
) -> tuple[Sheet | None, list[RowTuple]]:
    """A sheet of at least one row, None where that is left of none; and the rows that no database
    can hold."""
    made = _tried(rows, kinds, pricing)
    if made is not None:
        return made, []
    kept, refused = list[RowTuple](), list[RowTuple]()
    for row in rows:
        (kept if _tried([row], kinds, pricing) is not None else refused).append(row)
    return (_sheet(kept, kinds, pricing) if kept else None), refused


def without_usage(rows: Sequence[RowTuple], kinds: Kinds, pricing: Pricing) -> Sheet:
    """A sheet of rows that no database can hold, without what is wrong with them."""
    bare = [tuple(Row._make(row)._replace(id="", usage=None)) for row in rows]
    made = _sheet(bare, kinds, pricing)  # type: ignore[arg-type]  # a NamedTuple's fields
    assert made is not None
    return made


def _tried(rows: Sequence[RowTuple], kinds: Kinds, pricing: Pricing) -> Sheet | None:
    try:
        return _sheet(rows, kinds, pricing)
    except OverflowError:  # a count beyond 64 bits
        return None


def _sheet(rows: Sequence[RowTuple], kinds: Kinds, pricing: Pricing) -> Sheet | None:
    """None where a row must be left out. Raises OverflowError for the same reason."""
    (at_s, ids, key, route, category, provider, model, task_type, cache, outcome, stream, status,
     attempts, usages, first_s, total_s, errors, tags, auth_s, classify_s, cache_s, upstream_s,
     trails) = zip(*rows, strict=True)  # fmt: skip
    prompt, completion, cached, written, reasoning, estimated = zip(
        *[usage or _NOTHING for usage in usages], strict=True
    )
    numbers = np.empty((len(NUMBERS), len(rows)), np.int64)
    counts = (stream, status, attempts, prompt, completion, cached, written, reasoning)
    for place, column in enumerate(counts, 1):
        numbers[place] = column
    seconds = np.array((first_s, total_s, auth_s, classify_s, cache_s, upstream_s), np.float64)
    tokens = numbers[_TOKENS]
    if tokens.min() < 0 or tokens.max() > MOST_TOKENS or not "".join(ids).isascii():
        return None
    at = np.array(at_s)
    numbers[AT["at_ms"]] = at * 1000
    numbers[_MICROS] = np.where(np.isnan(seconds), -1, seconds * 1e6)
    named = zip(key, route, category, provider, model, task_type, cache, outcome, strict=True)
    number = kinds.numbers(named)
    flags = kinds.flags[number]
    is_used = np.array([bool(name) for name in provider]) & np.array(
        [usage is not None for usage in usages]
    )
    pairs = list(zip(provider, model, strict=True))
    marks = _price(numbers, flags, is_used, pairs, at, pricing)
    marks |= np.where(is_used, np.array(estimated, np.int64) * ESTIMATED, 0)
    if numbers[_MONEY].max() > MOST_PICO:
        return None
    return Sheet(
        kinds.labels, ids, number * MARKS | marks, flags, numbers, seconds,
        {place: storable(error) for place, error in _some(errors)},
        {place: tuple(map(storable, some)) for place, some in _some(tags)},
        {place: _trail(trail) for place, trail in _some(trails)},
    )  # fmt: skip


def _some(column: Sequence[Any]) -> list[tuple[int, Any]]:
    return [(place, one) for place, one in enumerate(column) if one] if any(column) else []


def _price(
    numbers: Column, flags: Column, is_used: NDArray[np.bool_],
    pairs: Sequence[tuple[str, str]], at_s: NDArray[np.float64], pricing: Pricing,
) -> Column:  # fmt: skip
    """Fill in the money, given everything else; the marks of what has no price. pairs: provider
    and model of each."""
    used = numbers[_PRICED]
    places = {pair: place for place, pair in enumerate(dict.fromkeys(pairs))}
    which = np.array([places[pair] for pair in pairs])
    price = costs([pricing.tariffs.of(*pair) for pair in places], which, used, at_s)
    is_known = is_used & (price >= 0)
    price = np.where(is_known, price, 0)
    is_lost = flags & IS_LOST != 0
    is_free = (flags & IS_HIT != 0) & ~is_lost
    numbers[AT["cost"]] = np.where(is_free, 0, price)
    numbers[AT["saved"]] = np.where(is_free, price, 0)
    marks: Column = np.where(is_used & ~is_known, UNPRICED, 0)
    there = np.full(len(which), -1)
    if pricing.reference is not None:
        there = np.minimum(costs([pricing.reference], np.zeros_like(which), used, at_s), MOST_PICO)
    is_there = (marks == 0) & (used[0] > 0) & (there >= 0)
    numbers[AT["reference"]] = np.where(is_lost, 0, np.where(is_there, there, price))
    return marks


def _trail(trail: Sequence[Miss]) -> str:
    """JSON: target, microseconds from and to since the request came, why."""
    told = [(target, int(start * 1e6), int(end * 1e6), why) for target, start, end, why in trail]
    return orjson.dumps(told).decode()
