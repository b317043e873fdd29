"""Rows as they lie in the database: a few hundred to a pack, column by column, as JSON.

One INSERT then holds what would be hundreds; what all rows of a pack share is written once. The
view `rows` of layout.py shows them one by one to whoever asks in SQL.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson

from proxy.ledger.layout import BEFORE, PACK_SEQS, PACKED, PACKED_TEXTS
from proxy.ledger.sheet import AT, NUMBERS, Column, Sheet

if TYPE_CHECKING:
    from proxy.ledger.book import Reader

INSERT = "INSERT INTO packs(at_ms, until_ms, n, prefix, kinds, data) VALUES (?, ?, ?, ?, ?, ?)"
_AS_JSON = orjson.OPT_SERIALIZE_NUMPY
_FIRST_HEADS, _MOST_HEADS = 16, 1024  # read at once
_NAMES: Final = ("id", *PACKED_TEXTS, *PACKED)  # of a pack's columns
_NONE = -1  # of a column of times

assert PACKED[1:] == NUMBERS

Packed = tuple[int, int, int, str, str, str]  # the values of INSERT
Head = tuple[int, int, str, str]  # a pack's id, at_ms, prefix and kinds


def packed(sheet: Sheet, labels: Column) -> Packed:
    """At least one row. labels: each row's id of the table of that name."""
    at = sheet.numbers[AT["at_ms"]]
    first = int(at.min())
    prefix = _prefix(sheet.ids)
    skip = len(prefix)
    columns = np.vstack((labels, at - first, sheet.numbers[1:]))
    shared = (columns == columns[:, :1]).all(axis=1).tolist()
    kinds = labels[:1] if shared[0] else np.unique(labels)
    data: list[Any] = [
        [one[skip:] for one in sheet.ids],
        {str(place): error for place, error in sheet.errors.items()},
        {str(place): "\n".join(tags) for place, tags in sheet.tags.items()},
        {str(place): trail for place, trail in sheet.trails.items()},
        *(int(column[0]) if same else column for column, same in zip(columns, shared, strict=True)),
    ]
    told = [orjson.dumps(one, option=_AS_JSON).decode() for one in (kinds, data)]
    return first, int(at.max()), len(sheet), prefix, told[0], told[1]


def _prefix(ids: Sequence[str]) -> str:
    """What all of them begin with."""
    low, high = min(ids), max(ids)
    for place, letter in enumerate(low):
        if high[place : place + 1] != letter:
            return low[:place]
    return low


# ---- reading -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows: seq below before; milliseconds from the first to before the second; of this id;
    of these labels. None: any."""

    before: int | None = None
    within_ms: tuple[int, int] | None = None
    id: str | None = None
    labels: Collection[int] | None = None


def rows(reader: Reader, most: int, wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Rows newest first: seq, and the columns of a pack by their names."""
    if most <= 0 or (wanted.labels is not None and not wanted.labels):
        return
    for head in _heads(reader, wanted):
        if wanted.labels is not None and set(orjson.loads(head[3])).isdisjoint(wanted.labels):
            continue
        found = reader.execute("SELECT data FROM packs WHERE id = ?", head[:1]).fetchone()
        for row in _rows(head, orjson.loads(found[0]), wanted) if found is not None else ():
            yield row
            most -= 1
            if not most:
                return


def _heads(reader: Reader, wanted: Wanted) -> Iterator[Head]:
    """Packs that may hold such rows, newest first; little is read of each."""
    conditions, values = "", list[Any]()
    if wanted.within_ms is not None:
        first, until = wanted.within_ms
        conditions += " AND at_ms < ? AND until_ms >= ?"
        values += [until, first]
    if wanted.id is not None:
        conditions += " AND prefix = substr(CAST(? AS TEXT), 1, length(prefix))"
        values.append(wanted.id)
    below = 2**62 if wanted.before is None else (wanted.before - 1) // PACK_SEQS + 1
    many = _FIRST_HEADS
    while True:
        heads = reader.execute(
            f"SELECT id, at_ms, prefix, kinds FROM packs WHERE id < ?{conditions}"
            " ORDER BY id DESC LIMIT ?",
            (below, *values, many),
        ).fetchall()
        yield from heads
        if len(heads) < many:
            return
        below = heads[-1][0]
        many = min(2 * many, _MOST_HEADS)


def _rows(head: Head, columns: list[Any], wanted: Wanted) -> Iterator[dict[str, Any]]:
    pack, from_ms, prefix, _ = head
    first, until = wanted.within_ms or (0, 2**62)
    for place in reversed(range(len(columns[0]))):
        row: dict[str, Any] = {"seq": pack * PACK_SEQS + place}
        for name, column in zip(_NAMES, columns, strict=True):
            value = column
            if isinstance(column, list):
                value = column[place]
            elif isinstance(column, dict):
                value = column.get(str(place))
            row[name] = None if value == _NONE and name.endswith("_us") else value
        row["id"] = prefix + row["id"]
        row["at_ms"] += from_ms
        if (
            (wanted.before is None or row["seq"] < wanted.before)
            and first <= row["at_ms"] < until
            and wanted.id in (None, row["id"])
            and (wanted.labels is None or row["labels"] in wanted.labels)
        ):
            yield row


# ---- rows of earlier versions --------------------------------------------------------------------

_CONVERTED = 500  # rows to a pack


def convert(reader: Reader) -> None:
    """Pack what an earlier version wrote row by row; two microseconds a row."""
    last = -1
    names = ("seq", "id", "labels", *PACKED_TEXTS, *NUMBERS)
    while found := reader.execute(
        f"SELECT {', '.join(names)} FROM {BEFORE} WHERE seq > ? ORDER BY seq LIMIT ?",
        (last, _CONVERTED),
    ).fetchall():
        seqs, ids, labels, errors, tags, trails, *numbers = zip(*found, strict=True)
        last = seqs[-1]
        columns = [[_NONE if one is None else one for one in column] for column in numbers]
        empty = np.empty((0, len(ids)))
        sheet = Sheet(
            (), ids, np.array(labels), np.array(labels), np.array(columns), empty,
            {place: one for place, one in enumerate(errors) if one},
            {place: tuple(one.split("\n")) for place, one in enumerate(tags) if one},
            {place: one for place, one in enumerate(trails) if one},
        )  # fmt: skip
        reader.execute(INSERT, packed(sheet, sheet.kinds))
    reader.execute(f"DROP TABLE {BEFORE}")
