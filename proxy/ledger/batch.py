"""Rows into a ledger: the rows and every rollup, in the SQL that both databases speak."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import orjson

from proxy.ledger.book import Reader
from proxy.ledger.layout import LABELS, SUMS
from proxy.ledger.record import LOST, UNPRICED, Row, RowTuple
from proxy.ledger.slots import slot_of
from proxy.ledger.tariff import Tokens

if TYPE_CHECKING:
    from proxy.exchange import Miss

OTHER = "other"
LABELS_LIMIT = 50_000  # combinations, ever; far more than any configuration makes
# Values of a column that clients' words can reach. More of them are all called "other".
VALUES_LIMIT = {"route": 2000, "category": 200, "model": 2000, "task_type": 200}
TAGS_LIMIT = 2000  # distinct tags this process keeps apart
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
_MOST_TOKENS = 10**10  # of one answer
_MOST_PICO = 10**16  # ten thousand USD for one answer

_TAGS: Final = 24  # their place in a row's tuple
assert Row._fields[_TAGS] == "tags"
assert Row._fields[13:20] == (
    "prompt",
    "completion",
    "cached",
    "written",
    "reasoning",
    "cost",
    "saved",
)

Reference = Callable[[Tokens, float], int | None]  # tokens, Unix seconds -> pico-USD

COLUMNS = ("at_ms", "labels", "id", "stream", "status", "attempts", "prompt", "completion",
           "cached", "written", "reasoning", "cost", "saved", "reference", "ttft_us", "total_us",
           "ttft_slot", "total_slot", "error", "tags", "auth_us", "classify_us", "cache_us",
           "upstream_us", "trail")  # fmt: skip
TEXTS = ("id", "error", "tags", "trail")  # columns that are no numbers

TAG = """INSERT INTO tag_days(day, tag, n, prompt, completion, cost, saved)
    VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT(day, tag) DO UPDATE SET n = tag_days.n + excluded.n,
    prompt = tag_days.prompt + excluded.prompt,
    completion = tag_days.completion + excluded.completion,
    cost = tag_days.cost + excluded.cost, saved = tag_days.saved + excluded.saved"""


def rollups(table: str, fresh: str) -> tuple[str, ...]:
    """The statements that add rows up. table: where the rows are; fresh: which of them to add."""
    return (
        _rollup("hours", "hour", HOUR_MS, table, fresh),
        _rollup("days", "day", DAY_MS, table, fresh),
        _times(0, "ttft_slot", table, fresh),
        _times(1, "total_slot", table, fresh),
        _day_times(0, "ttft_slot", table, fresh),
        _day_times(1, "total_slot", table, fresh),
    )


def _rollup(name: str, unit: str, unit_ms: int, table: str, fresh: str) -> str:
    added = (*SUMS, "ttft_n", "ttft_us")
    return f"""INSERT INTO {name}({unit}, labels, n, {", ".join(added)})
        SELECT at_ms / {unit_ms}, labels, count(*), {", ".join(f"sum({one})" for one in SUMS)},
            count(ttft_us), coalesce(sum(ttft_us), 0)
        FROM {table} WHERE {fresh} GROUP BY 1, 2
        ON CONFLICT({unit}, labels) DO UPDATE SET n = {name}.n + excluded.n,
            {", ".join(f"{one} = {name}.{one} + excluded.{one}" for one in added)}"""


def _times(kind: int, column: str, table: str, fresh: str) -> str:
    return f"""INSERT INTO times(day, speed, kind, slot, n)
        SELECT at_ms / {DAY_MS}, labels.speed, {kind}, {column}, count(*)
        FROM {table} JOIN labels ON labels.id = {table}.labels
        WHERE {fresh} AND {column} IS NOT NULL AND labels.outcome <> '{LOST}'
        GROUP BY 1, 2, 4
        ON CONFLICT(speed, kind, slot, day) DO UPDATE SET n = times.n + excluded.n"""


def _day_times(kind: int, column: str, table: str, fresh: str) -> str:
    return f"""INSERT INTO day_times(day, kind, slot, n)
        SELECT at_ms / {DAY_MS}, {kind}, {column}, count(*)
        FROM {table} JOIN labels ON labels.id = {table}.labels
        WHERE {fresh} AND {column} IS NOT NULL AND labels.outcome <> '{LOST}'
        GROUP BY 1, 3
        ON CONFLICT(day, kind, slot) DO UPDATE SET n = day_times.n + excluded.n"""


class Entries:
    """Turns rows into what the tables hold; remembers the ids of the labels it has seen."""

    def __init__(self, reader: Reader, alone: Callable[[], None] | None = None) -> None:
        """alone: called before labels are made, where others may be making the same."""
        self._reader = reader
        self._alone = alone
        self.reference: Reference | None = None
        self._ids: dict[tuple[Any, ...], int] = {}
        self._values: dict[str, set[str]] = {name: set() for name in VALUES_LIMIT}
        self._tags: set[str] = set()

    def forget(self) -> None:
        """What was inserted in this transaction is gone."""
        self._ids.clear()

    def values_of(self, row: RowTuple) -> tuple[Any, ...]:
        """A row's COLUMNS. Taken apart at once: a field by its name costs five times as much."""
        (
            at_s,
            name,
            key,
            route,
            category,
            provider,
            model,
            task_type,
            cache,
            outcome,
            stream,
            status,
            attempts,
            prompt,
            completion,
            cached,
            written,
            reasoning,
            cost,
            saved,
            first_s,
            total_s,
            marks,
            error,
            tags,
            auth_s,
            classify_s,
            cache_s,
            upstream_s,
            trail,
        ) = row
        labels = (key, route, category, provider, model, task_type, cache, outcome, marks)
        reference = cost + saved
        if outcome == LOST:
            reference = 0
        elif self.reference is not None and not marks & UNPRICED and prompt:
            there = self.reference(Row._make(row), at_s)
            reference = reference if there is None else there
        total_us = int(total_s * 1e6)
        ttft_us = None if first_s is None else int(first_s * 1e6)
        return (
            int(at_s * 1000), self._ids.get(labels) or self._id(labels), name, int(stream), status,
            attempts, prompt, completion, cached, written, reasoning, cost, saved, reference,
            ttft_us, total_us, None if ttft_us is None else slot_of(ttft_us), slot_of(total_us),
            error, "\n".join(tags) if tags else None, int(auth_s * 1e6), int(classify_s * 1e6),
            int(cache_s * 1e6), int(upstream_s * 1e6), _trail(trail) if trail else None,
        )  # fmt: skip

    def tags_of(self, rows: Sequence[RowTuple]) -> list[tuple[Any, ...]]:
        """What to add to each day's tags: the values of TAG, in one order for everybody."""
        sums: dict[tuple[int, str], list[int]] = {}
        for row in [Row._make(one) for one in rows if one[_TAGS]]:
            for tag in set(row.tags):
                if tag not in self._tags and len(self._tags) >= TAGS_LIMIT:
                    tag = OTHER  # noqa: PLW2901 - a bounded name for it
                self._tags.add(tag)
                found = sums.setdefault((int(row.at_s * 1000) // DAY_MS, tag), [0] * 5)
                amounts = (1, row.prompt, row.completion, row.cost, row.saved)
                for at, amount in enumerate(amounts):
                    found[at] += amount
        return [(*name, *sums[name]) for name in sorted(sums)]

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
        known = self._look_up(labels)
        if known is None and self._alone is not None:
            self._alone()
            known = self._look_up(labels)
        return self._make(labels) if known is None else known

    def _look_up(self, labels: tuple[Any, ...]) -> int | None:
        wanted = " AND ".join(f"{name} = ?" for name in LABELS)
        row = self._reader.execute(f"SELECT id FROM labels WHERE {wanted}", labels).fetchone()
        return None if row is None else int(row[0])

    def _make(self, labels: tuple[Any, ...]) -> int:
        execute = self._reader.execute
        known = dict(zip(LABELS, labels, strict=True))
        (many,) = execute("SELECT count(*) FROM labels").fetchone()
        if many >= LABELS_LIMIT and known["model"] != OTHER:
            known.update(dict.fromkeys(VALUES_LIMIT, OTHER))
            return self._found(tuple(known.values()))
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
        return int(made)


def sane(rows: Iterable[RowTuple]) -> list[RowTuple]:
    """Those whose counts can be tokens: the sums of others would overflow the database's."""
    return [row for row in rows if _is_sane(row)]


def _trail(trail: Sequence[Miss]) -> str:
    """JSON: target, microseconds from and to since the request came, why."""
    told = [(target, int(start * 1e6), int(end * 1e6), why) for target, start, end, why in trail]
    return orjson.dumps(told).decode()


def _is_sane(row: RowTuple) -> bool:
    prompt, completion, cached, written, reasoning, cost, saved = row[13:20]
    most = _MOST_TOKENS
    return (
        0 <= prompt <= most
        and 0 <= completion <= most
        and 0 <= cached <= most
        and 0 <= written <= most
        and 0 <= reasoning <= most
        and cost + saved <= _MOST_PICO
    )
