"""Rows into the ledger's file: the rows themselves and every rollup, in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from time import sleep
from typing import Any

from proxy.ledger.layout import LABELS, SUMS
from proxy.ledger.record import LOST, UNPRICED, Row, RowTuple
from proxy.ledger.slots import slot_of
from proxy.ledger.tariff import Tokens

OTHER = "other"
LABELS_LIMIT = 50_000  # combinations, ever; far more than any configuration makes
# Values of a column that clients' words can reach. More of them are all called "other".
VALUES_LIMIT = {"route": 2000, "category": 200, "model": 2000, "task_type": 200}
TAGS_LIMIT = 2000  # distinct tags this process keeps apart
SLICE_ROWS = 100  # prepared at a stretch, about half a millisecond; then the loop may run
PAUSE_SECONDS = 0.0002  # enough for another thread to take the interpreter
EASY_ROWS = 2500  # in a larger batch there is no time for pauses: rows pile up
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
_MOST_TOKENS = 10**10  # of one answer
_MOST_PICO = 10**16  # ten thousand USD for one answer

Reference = Callable[[Tokens, float], int | None]  # tokens, Unix seconds -> pico-USD

_INSERT = f"""INSERT INTO rows(at_ms, labels, id, stream, status, attempts, prompt, completion,
    cached, written, reasoning, cost, saved, reference, ttft_us, total_us, ttft_slot, total_slot,
    error, tags) VALUES ({", ".join("?" * 20)})"""


def _rollup(name: str, unit: str, unit_ms: int) -> str:
    added = (*SUMS, "ttft_n", "ttft_us")
    return f"""INSERT INTO {name}({unit}, labels, n, {", ".join(added)})
        SELECT at_ms / {unit_ms}, labels, count(*), {", ".join(f"sum({one})" for one in SUMS)},
            count(ttft_us), coalesce(sum(ttft_us), 0)
        FROM rows WHERE seq > ? GROUP BY 1, 2
        ON CONFLICT({unit}, labels) DO UPDATE SET n = n + excluded.n,
            {", ".join(f"{one} = {one} + excluded.{one}" for one in added)}"""


def _times(kind: int, column: str) -> str:
    return f"""INSERT INTO times(day, speed, kind, slot, n)
        SELECT at_ms / {DAY_MS}, labels.speed, {kind}, {column}, count(*)
        FROM rows JOIN labels ON labels.id = rows.labels
        WHERE seq > ? AND {column} IS NOT NULL AND labels.outcome <> '{LOST}'
        GROUP BY 1, 2, 4
        ON CONFLICT(speed, kind, slot, day) DO UPDATE SET n = n + excluded.n"""


_ROLLUPS = (
    _rollup("hours", "hour", HOUR_MS),
    _rollup("days", "day", DAY_MS),
    _times(0, "ttft_slot"),
    _times(1, "total_slot"),
)
_TAG = """INSERT INTO tag_days(day, tag, n, prompt, completion, cost, saved)
    VALUES (?, ?, 1, ?, ?, ?, ?) ON CONFLICT(day, tag) DO UPDATE SET n = n + 1,
    prompt = prompt + excluded.prompt, completion = completion + excluded.completion,
    cost = cost + excluded.cost, saved = saved + excluded.saved"""


class Batches:
    """Writes rows through one connection; remembers the ids of the labels it has seen."""

    def __init__(self, connection: sqlite3.Connection, reference: Reference | None) -> None:
        """reference: what the same tokens cost at the model that savings are measured against."""
        self._connection = connection
        self.reference = reference
        self._ids: dict[tuple[Any, ...], int] = {}
        self._values: dict[str, set[str]] = {name: set() for name in VALUES_LIMIT}
        self._tags: set[str] = set()
        self.refused = 0  # rows that SQLite cannot hold

    def write(self, rows: Sequence[RowTuple]) -> None:
        """All of them, or none: raises sqlite3.Error, and nothing has happened.

        A row that SQLite cannot hold must not hold up everyone else's: it is left out, counted.
        """
        try:
            self._write(rows)
        except (OverflowError, ValueError, sqlite3.IntegrityError, sqlite3.DataError):
            if len(rows) == 1:
                self.refused += 1
                return
            half = len(rows) // 2
            self.write(rows[:half])
            self.write(rows[half:])

    def _write(self, rows: Sequence[RowTuple]) -> None:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            (last,) = connection.execute("SELECT coalesce(max(seq), 0) FROM rows").fetchone()
            sane = [row for row in map(Row._make, rows) if _is_sane(row)]
            for start in range(0, len(sane), SLICE_ROWS):
                slice_ = [self._values_of(row) for row in sane[start : start + SLICE_ROWS]]
                connection.executemany(_INSERT, slice_)
                if len(rows) <= EASY_ROWS:
                    sleep(PAUSE_SECONDS)
            for statement in _ROLLUPS:
                connection.execute(statement, (last,))
            tags = list(self._tags_of(sane))
            if tags:
                connection.executemany(_TAG, tags)
            connection.execute("COMMIT")
        except BaseException:
            self._ids.clear()  # what was inserted in this transaction is gone
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        self.refused += len(rows) - len(sane)

    def _values_of(self, row: Row) -> tuple[Any, ...]:
        labels = (row.key, row.route, row.category, row.provider, row.model, row.task_type,
                  row.cache, row.outcome, row.marks)  # fmt: skip
        spent = row.cost + row.saved
        reference = spent
        if row.outcome == LOST:
            reference = 0
        elif self.reference is not None and not row.marks & UNPRICED and row.prompt:
            there = self.reference(row, row.at_s)
            reference = spent if there is None else there
        ttft_us, total_us = row.ttft_us, row.total_us
        return (
            int(row.at_s * 1000), self._ids.get(labels) or self._id(labels), row.id, row.stream,
            row.status, row.attempts, row.prompt, row.completion, row.cached, row.written,
            row.reasoning, row.cost, row.saved, reference, ttft_us, total_us,
            None if ttft_us is None else slot_of(ttft_us), slot_of(total_us), row.error,
            "\n".join(row.tags) or None,
        )  # fmt: skip

    def _id(self, labels: tuple[Any, ...]) -> int:
        """The number of these labels, found or made."""
        bounded = dict(zip(LABELS, labels, strict=True))
        for name, most in VALUES_LIMIT.items():
            seen = self._values[name]
            value = bounded[name]
            if value not in seen:
                if len(seen) >= most:
                    bounded[name] = OTHER
                else:
                    seen.add(value)
        found = self._found(tuple(bounded.values()))
        if len(self._ids) < LABELS_LIMIT:
            self._ids[labels] = found
        return found

    def _found(self, labels: tuple[Any, ...]) -> int:
        connection = self._connection
        wanted = " AND ".join(f"{name} = ?" for name in LABELS)
        row = connection.execute(f"SELECT id FROM labels WHERE {wanted}", labels).fetchone()
        if row is not None:
            return int(row[0])
        known = dict(zip(LABELS, labels, strict=True))
        (many,) = connection.execute("SELECT count(*) FROM labels").fetchone()
        if many >= LABELS_LIMIT and known["model"] != OTHER:
            known.update(dict.fromkeys(VALUES_LIMIT, OTHER))
            return self._found(tuple(known.values()))
        speed = tuple(known[name] for name in ("route", "provider", "model", "cache"))
        connection.execute(
            "INSERT OR IGNORE INTO speeds(route, provider, model, cache) VALUES (?, ?, ?, ?)", speed
        )
        made = connection.execute(
            f"INSERT INTO labels({', '.join(LABELS)}, speed) SELECT {', '.join('?' * 9)}, id"
            " FROM speeds WHERE route = ? AND provider = ? AND model = ? AND cache = ?",
            (*labels, *speed),
        )
        return int(made.lastrowid or 0)

    def _tags_of(self, rows: Sequence[Row]) -> Iterable[tuple[Any, ...]]:
        for row in rows:
            for tag in set(row.tags):
                if tag not in self._tags and len(self._tags) >= TAGS_LIMIT:
                    tag = OTHER  # noqa: PLW2901 - a bounded name for it
                self._tags.add(tag)
                day = int(row.at_s * 1000) // DAY_MS
                yield day, tag, row.prompt, row.completion, row.cost, row.saved


def _is_sane(row: Row) -> bool:
    """Whether a provider's counts can be tokens: sums of others would overflow SQLite's."""
    return (
        0 <= row.prompt <= _MOST_TOKENS
        and 0 <= row.completion <= _MOST_TOKENS
        and 0 <= row.cached <= _MOST_TOKENS
        and 0 <= row.written <= _MOST_TOKENS
        and 0 <= row.reasoning <= _MOST_TOKENS
        and row.cost + row.saved <= _MOST_PICO
    )
