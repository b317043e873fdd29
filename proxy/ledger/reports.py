"""Questions to the ledger: who spent what on what, how fast it was, how often it failed.

Each is a plain function of a connection, for Store.ask. Sums come from the rollups by day or hour,
so that ten million rows are read in the time of a few thousand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.ledger import pack
from proxy.ledger.batch import DAY_MS, HOUR_MS
from proxy.ledger.book import Reader
from proxy.ledger.layout import LABELS
from proxy.ledger.pack import Wanted
from proxy.ledger.row import ESTIMATED, LOST, UNPRICED
from proxy.ledger.slots import percentile

# What figures may be grouped by, and the columns that name a group.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "total": (),
    "day": ("day",),
    "hour": ("hour",),
    "provider": ("provider",),
    "model": ("provider", "model"),
    "category": ("category",),
    "route": ("route",),
    "key": ("key",),
    "task_type": ("task_type",),
    "cache": ("cache",),
    "outcome": ("outcome",),
}
FILTERS = ("key", "route", "category", "provider", "model", "task_type", "cache", "outcome")
SHARES = (0.5, 0.9, 0.99)
_TIMED = frozenset(("day", "route", "provider", "model", "cache"))  # columns beside the slots
_SPLIT = 10**9  # money is added in two halves: nine million USD in pico-USD would overflow


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days, UTC, counted since 1970: from the first to before the second."""

    first: int
    until: int


@dataclass(slots=True)
class Figures:
    """What a group adds up to. Money in pico-USD; percentiles in microseconds by share."""

    name: tuple[str | int, ...]
    requests: int = 0
    errors: int = 0
    hits: int = 0
    lost: int = 0
    estimated: int = 0
    unpriced: int = 0
    attempts: int = 0
    prompt: int = 0
    completion: int = 0
    cached: int = 0
    reasoning: int = 0
    cost: int = 0
    saved: int = 0
    reference: int = 0
    total_us: int = 0
    ttft_n: int = 0
    ttft_us: int = 0
    ttft: tuple[float | None, ...] = ()
    total: tuple[float | None, ...] = ()

    @property
    def tokens(self) -> int:
        return self.prompt + self.completion

    @property
    def saved_by_routing(self) -> int:
        """What the reference model would have cost beyond what all this cost or was worth."""
        return self.reference - self.cost - self.saved


_MONEY = ("cost", "saved", "reference")
_ADDED = ("n", "attempts", "prompt", "completion", "cached", "reasoning", "total_us", "ttft_n",
          "ttft_us")  # fmt: skip
_HALVES = {name: (f"{name} / {_SPLIT}", f"{name} % {_SPLIT}") for name in _MONEY}
_COUNTED = f"""
    sum(CASE WHEN outcome <> '{LOST}' THEN n ELSE 0 END),
    sum(CASE WHEN outcome IN ('error', 'broken') THEN n ELSE 0 END),
    sum(CASE WHEN cache IN ('exact', 'semantic') AND outcome = 'ok' THEN n ELSE 0 END),
    sum(CASE WHEN outcome = '{LOST}' THEN n ELSE 0 END),
    sum(CASE WHEN (marks & {ESTIMATED}) <> 0 THEN n ELSE 0 END),
    sum(CASE WHEN (marks & {UNPRICED}) <> 0 THEN n ELSE 0 END),
    sum(attempts), sum(prompt), sum(completion), sum(cached), sum(reasoning),
    {{money}},
    sum(CASE WHEN outcome <> '{LOST}' THEN total_us ELSE 0 END), sum(ttft_n), sum(ttft_us)"""
_BY_TIME = _COUNTED.format(
    money=", ".join(f"sum({half})" for halves in _HALVES.values() for half in halves)
)
# Names are joined, and cases made out, once for each combination of labels, not for each day.
_BY_LABELS = _COUNTED.format(
    money=", ".join(f"sum({name}_high), sum({name}_low)" for name in _MONEY)
)
_EACH_LABELS = ", ".join(
    [f"sum({name}) AS {name}" for name in _ADDED]
    + [f"sum({high}) AS {name}_high, sum({low}) AS {name}_low"
       for name, (high, low) in _HALVES.items()]
)  # fmt: skip


def summary(
    connection: Reader,
    period: Period,
    by: str = "total",
    filters: Mapping[str, str] | None = None,
) -> list[Figures]:
    """The figures of each group, dearest first; days and hours in order. by: one of GROUPS."""
    wanted = filters or {}
    columns = GROUPS[by]
    table, unit = ("hours", "hour") if by == "hour" else ("days", "day")
    scale = DAY_MS // HOUR_MS if by == "hour" else 1
    head = "".join(f"{one}, " for one in columns)
    within = f"FROM {table} WHERE {unit} >= ? AND {unit} < ?"
    if unit in columns:
        counted, source = _BY_TIME, f"(SELECT * {within})"
    else:
        counted, source = _BY_LABELS, f"(SELECT labels, {_EACH_LABELS} {within} GROUP BY labels)"
    group = f"GROUP BY {', '.join(columns)} ORDER BY 1" if columns else ""
    found = connection.execute(
        f"SELECT {head}{counted} FROM {source} AS t JOIN labels ON labels.id = t.labels"
        f" WHERE true{_conditions(wanted)} {group}",
        (period.first * scale, period.until * scale, *wanted.values()),
    ).fetchall()
    if not columns and found[0][0] is None:
        return [Figures(())]
    figures = [_figures(row, len(columns)) for row in found]
    if unit not in columns:
        figures.sort(key=lambda one: (one.cost, one.requests), reverse=True)
    if _TIMED.issuperset(columns) and wanted.keys() <= _TIMED:
        _add_percentiles(connection, period, columns, wanted, figures)
    return figures


def by_tag(connection: Reader, period: Period) -> list[Figures]:
    """The figures of each tag, as far as they are kept by tag."""
    return [
        Figures((tag,), requests=n, prompt=prompt, completion=completion, cost=_whole(high, low),
                saved=_whole(saved_high, saved_low))
        for tag, n, prompt, completion, high, low, saved_high, saved_low in connection.execute(
            f"""SELECT tag, sum(n), sum(prompt), sum(completion),
                sum(cost / {_SPLIT}), sum(cost % {_SPLIT}),
                sum(saved / {_SPLIT}), sum(saved % {_SPLIT})
            FROM tag_days WHERE day >= ? AND day < ? GROUP BY tag ORDER BY sum(cost) DESC""",
            (period.first, period.until),
        )
    ]  # fmt: skip


def daily_costs(connection: Reader, period: Period) -> list[int]:
    """Pico-USD of each day, in order, days without any spend included, from the first that the
    ledger knows within the period."""
    found = dict(
        (day, _whole(high, low))
        for day, high, low in connection.execute(
            f"""SELECT day, sum(cost / {_SPLIT}), sum(cost % {_SPLIT}) FROM days
            WHERE day >= ? AND day < ? GROUP BY day""",
            (period.first, period.until),
        )
    )
    return [found.get(day, 0) for day in range(min(found), period.until)] if found else []


def spent(connection: Reader, period: Period) -> dict[str, dict[str, int]]:
    """Pico-USD in a period by key and by route: what budgets begin with after a restart."""
    found: dict[str, dict[str, int]] = {"key": {}, "route": {}}
    for column, sums in found.items():
        for name, high, low in connection.execute(
            f"""SELECT {column}, sum(cost / {_SPLIT}), sum(cost % {_SPLIT})
            FROM days JOIN labels ON labels.id = days.labels
            WHERE day >= ? AND day < ? GROUP BY 1""",
            (period.first, period.until),
        ):
            sums[name] = _whole(high, low)
    return found


ROW_NAMES = (
    "seq", "at_ms", "id", "key", "route", "category", "provider", "model", "task_type", "cache",
    "outcome", "stream", "status", "attempts", "prompt", "completion", "cached", "written",
    "reasoning", "cost", "saved", "reference", "ttft_us", "total_us", "marks", "error", "tags",
    "auth_us", "classify_us", "cache_us", "upstream_us", "trail",
)  # fmt: skip


def rows(
    connection: Reader,
    most: int,
    *,
    before: int | None = None,
    period: Period | None = None,
    filters: Mapping[str, str] | None = None,
) -> list[tuple[Any, ...]]:
    """Rows as ROW_NAMES, newest first; before: a seq, for the next page. filters: of FILTERS, and
    id."""
    labelled = dict(filters or {})
    wanted = Wanted(
        before,
        None if period is None else (period.first * DAY_MS, period.until * DAY_MS),
        labelled.pop("id", None),
        _labels(connection, _conditions(labelled), *labelled.values()) if labelled else None,
    )
    found = list(pack.rows(connection, most, wanted))
    ids = {row["labels"] for row in found}
    names = _labels(connection, f" AND id IN ({', '.join('?' * len(ids))})", *ids) if ids else {}
    for row in found:
        row.update(names[row["labels"]])
    return [tuple(row[name] for name in ROW_NAMES) for row in found]


def _labels(connection: Reader, conditions: str, *values: str | int) -> dict[int, dict[str, Any]]:
    """Labels by their id."""
    return {
        number: dict(zip(LABELS, values, strict=True))
        for number, *values in connection.execute(
            f"SELECT id, {', '.join(LABELS)} FROM labels WHERE true{conditions}", values
        )
    }


# ---- inside --------------------------------------------------------------------------------------


def _conditions(filters: Mapping[str, str]) -> str:
    """What to add to a WHERE; its values are the filters' own, in order."""
    for name in filters:
        if name not in FILTERS:
            raise ValueError(f"no filter {name!r}")
    return "".join(f" AND {name} = ?" for name in filters)


def _whole(high: int, low: int) -> int:
    return high * _SPLIT + low


def _figures(row: Sequence[Any], named: int) -> Figures:
    name = tuple(row[:named])
    requests, errors, hits, lost, estimated, unpriced, attempts, *rest = row[named:]
    prompt, completion, cached, reasoning, *money, total_us, ttft_n, ttft_us = rest
    cost, saved, reference = (_whole(money[at], money[at + 1]) for at in (0, 2, 4))
    return Figures(
        name, requests, errors, hits, lost, estimated, unpriced, attempts, prompt, completion,
        cached, reasoning, cost, saved, reference, total_us, ttft_n, ttft_us,
    )  # fmt: skip


def _add_percentiles(
    connection: Reader,
    period: Period,
    columns: Sequence[str],
    filters: Mapping[str, str],
    figures: Sequence[Figures],
) -> None:
    name = "".join(f"{one}, " for one in columns)
    # In the order of the table's key, so that nothing is sorted before the names are joined.
    source = "SELECT speed, kind, slot, sum(n) AS n FROM times WHERE day >= ? AND day < ?"
    source += " GROUP BY speed, kind, slot"
    joined = " JOIN speeds ON speeds.id = t.speed"
    if "day" in columns:
        source = "SELECT speed, kind, slot, n, day FROM times WHERE day >= ? AND day < ?"
        if not filters:
            source = "SELECT kind, slot, n, day FROM day_times WHERE day >= ? AND day < ?"
            joined = ""
    slots: dict[tuple[Any, ...], tuple[list[Any], list[Any]]] = {}
    for *group, kind, slot, n in connection.execute(
        f"SELECT {name}kind, slot, sum(n) FROM ({source}) AS t{joined}"
        f" WHERE true{_conditions(filters)} GROUP BY {name}kind, slot",
        (period.first, period.until, *filters.values()),
    ):
        slots.setdefault(tuple(group), ([], []))[kind].append((slot, n))
    for one in figures:
        first, whole = slots.get(one.name, ([], []))
        one.ttft = tuple(percentile(first, share) for share in SHARES)
        one.total = tuple(percentile(whole, share) for share in SHARES)
