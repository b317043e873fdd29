"""Sheets into a ledger: packs of rows and every rollup, in the SQL that both databases speak."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from time import sleep
from typing import TYPE_CHECKING, Any

import numpy as np

from proxy.ledger.kinds import IS_LOST, LABELS_LIMIT, OTHER, VALUES_LIMIT, Labels
from proxy.ledger.layout import LABELS, SUMS
from proxy.ledger.pack import INSERT, packed
from proxy.ledger.sheet import AT, Column, Sheet
from proxy.ledger.slots import slots_of

if TYPE_CHECKING:
    from proxy.ledger.book import Reader

PAUSE_SECONDS = 0.0002  # between packs: enough for the loop to take the interpreter
TAGS_LIMIT = 2000  # distinct tags this process keeps apart
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
_KEY_BITS = 32  # of a key that two numbers share: labels and speeds are fewer
_MOST = 2**63 - 1
_SLOT_BITS = 9  # 64-bit microseconds have fewer than 512 slots

Values = tuple[Any, ...]
Statement = tuple[str, list[Values]]  # and the values of each of its runs


def _adding(table: str, key: tuple[str, ...], sums: tuple[str, ...]) -> str:
    """A statement that adds to a row, or makes it."""
    columns = (*key, *sums)
    return (
        f"INSERT INTO {table}({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
        f" ON CONFLICT({', '.join(key)}) DO UPDATE SET "
        + ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in sums)
    )


_SUMS = [AT[name] for name in SUMS]
_ADDED = ("n", *SUMS, "ttft_n", "ttft_us")
HOURS = _adding("hours", ("hour", "labels"), _ADDED)
DAYS = _adding("days", ("day", "labels"), _ADDED)
TIMES = _adding("times", ("speed", "kind", "slot", "day"), ("n",))
DAY_TIMES = _adding("day_times", ("day", "kind", "slot"), ("n",))
TAGS = _adding("tag_days", ("day", "tag"), ("n", "prompt", "completion", "cost", "saved"))


class Entries:
    """Turns sheets into what the tables hold; remembers the ids of the labels it has seen."""

    def __init__(self, reader: Reader, alone: Callable[[], None] | None = None) -> None:
        """alone: called before labels are made, where others may be making the same."""
        self._reader = reader
        self._alone = alone
        self._known = np.full((2, 64), -1)  # by a kind's number: its labels' id, and its speed's
        self._tags: set[str] = set()

    def forget(self) -> None:
        """What was inserted in this transaction is gone."""
        self._known[:] = -1

    def rows(self, sheets: Sequence[Sheet]) -> Iterator[Statement]:
        """What keeps the rows; at least one sheet, none of them empty. Makes the labels that are
        new."""
        for sheet in sheets:
            labels, _ = self._numbered(sheet)
            yield INSERT, [packed(sheet, labels)]
            sleep(PAUSE_SECONDS)

    def sums(self, sheets: Sequence[Sheet]) -> Iterator[Statement]:
        """What adds the same sheets up, each in an order that is the same for everybody."""
        numbers = np.concatenate([sheet.numbers for sheet in sheets], axis=1)
        is_lost = np.concatenate([sheet.flags for sheet in sheets]) & IS_LOST != 0
        labels, speeds = np.concatenate([self._numbered(sheet) for sheet in sheets], axis=1)
        at, ttft = numbers[AT["at_ms"]], numbers[AT["ttft_us"]]
        came = ttft >= 0
        sums = np.vstack((numbers[_SUMS], came, np.where(came, ttft, 0)))
        yield HOURS, _summed(at // HOUR_MS, labels, sums)
        days = at // DAY_MS
        yield DAYS, _summed(days, labels, sums)
        everyone: dict[tuple[int, int, int], int] = defaultdict(int)
        for kind, asked, micros in (
            (0, came & ~is_lost, ttft),
            (1, ~is_lost, numbers[AT["total_us"]]),
        ):
            counted = _counted(days[asked], speeds[asked], micros[asked])
            yield TIMES, [(speed, kind, slot, day, n) for day, speed, slot, n in counted]
            for day, _, slot, n in counted:
                everyone[day, kind, slot] += n
        yield DAY_TIMES, [(*key, n) for key, n in sorted(everyone.items())]
        yield TAGS, self._tags_of(sheets)

    def _numbered(self, sheet: Sheet) -> Column:
        """The ids of each row's labels, and of its speed."""
        many = len(sheet.names)
        if many > self._known.shape[1]:
            self._known = np.full((2, 2 * many), -1)
        found: Column = self._known[:, sheet.kinds]
        if found.min() < 0:
            for kind in np.unique(sheet.kinds[found[0] < 0]).tolist():
                self._known[:, kind] = self._id(sheet.names[kind])
            found = self._known[:, sheet.kinds]
        return found

    def _tags_of(self, sheets: Sequence[Sheet]) -> list[Values]:
        """What to add to each day's tags."""
        sums: dict[tuple[int, str], list[int]] = {}
        wanted = [AT[name] for name in ("at_ms", "prompt", "completion", "cost", "saved")]
        for sheet in sheets:
            for place, tags in sheet.tags.items():
                at_ms, *amounts = sheet.numbers[wanted, place].tolist()
                for tag in set(tags):
                    if tag not in self._tags and len(self._tags) >= TAGS_LIMIT:
                        tag = OTHER  # noqa: PLW2901 - a bounded name for it
                    self._tags.add(tag)
                    found = sums.setdefault((at_ms // DAY_MS, tag), [0] * 5)
                    found[:] = map(sum, zip(found, (1, *amounts), strict=True))
        return [(*name, *sums[name]) for name in sorted(sums)]

    # ---- labels ---------------------------------------------------------------------------------

    def _id(self, labels: Labels) -> tuple[int, int]:
        """The numbers of these labels and of their speed, found or made."""
        known = self._look_up(labels)
        if known is None and self._alone is not None:
            self._alone()
            known = self._look_up(labels)
        return self._make(labels) if known is None else known

    def _look_up(self, labels: Labels) -> tuple[int, int] | None:
        wanted = " AND ".join(f"{name} = ?" for name in LABELS)
        row = self._reader.execute(
            f"SELECT id, speed FROM labels WHERE {wanted}", labels
        ).fetchone()
        return None if row is None else (int(row[0]), int(row[1]))

    def _make(self, labels: Labels) -> tuple[int, int]:
        execute = self._reader.execute
        known = dict(zip(LABELS, labels, strict=True))
        (many,) = execute("SELECT count(*) FROM labels").fetchone()
        if many >= LABELS_LIMIT and known["model"] != OTHER:
            known.update(dict.fromkeys(VALUES_LIMIT, OTHER))
            return self._id(tuple(known.values()))  # type: ignore[arg-type]  # as many
        speed = tuple(known[name] for name in ("route", "provider", "model", "cache"))
        execute(
            "INSERT INTO speeds(route, provider, model, cache) VALUES (?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            speed,
        )
        (speed_id,) = execute(
            "SELECT id FROM speeds WHERE route = ? AND provider = ? AND model = ? AND cache = ?",
            speed,
        ).fetchone()
        marks = ", ".join("?" * (len(LABELS) + 1))
        (made,) = execute(
            f"INSERT INTO labels({', '.join(LABELS)}, speed) VALUES ({marks}) RETURNING id",
            (*labels, speed_id),
        ).fetchone()
        return int(made), int(speed_id)


# ---- sums ----------------------------------------------------------------------------------------


def _summed(periods: Column, labels: Column, sums: Column) -> list[Values]:
    """period, labels, rows and sums of each, in order."""
    keys = periods << _KEY_BITS | labels
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    if sums.max() > _MOST // len(keys):  # nobody's true costs; whole numbers without an end then
        sums = sums.astype(object)
    many = (np.append(starts[1:], len(keys)) - starts).tolist()
    added = np.add.reduceat(sums[:, order], starts, axis=1).T.tolist()
    return [
        (key >> _KEY_BITS, key & (1 << _KEY_BITS) - 1, n, *one)
        for key, n, one in zip(ordered[starts].tolist(), many, added, strict=True)
    ]


def _counted(days: Column, speeds: Column, micros: Column) -> list[tuple[int, int, int, int]]:
    """day, speed, slot, and how many took that long."""
    keys = (days << _KEY_BITS | speeds) << _SLOT_BITS | slots_of(micros)
    found, many = np.unique(keys, return_counts=True)
    return [
        (key >> _KEY_BITS + _SLOT_BITS, key >> _SLOT_BITS & (1 << _KEY_BITS) - 1,
         key & (1 << _SLOT_BITS) - 1, n)
        for key, n in zip(found.tolist(), many.tolist(), strict=True)
    ]  # fmt: skip
