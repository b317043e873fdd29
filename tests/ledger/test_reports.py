from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from proxy.chat import Usage
from proxy.ledger import reports
from proxy.ledger.reports import Period
from proxy.ledger.sqlite import open_ledger
from tests.ledger.books import NOON, exchange, ledger

DAY = int(NOON // 86_400)
WHOLE = Period(DAY - 100, DAY + 100)


def test_figures_by_everything() -> None:
    with ledger() as book:
        paid = book.record(usage=Usage(1000, 200), key="a", tags=("red",))
        book.record(cache="exact", usage=Usage(1000, 200), key="b", category="qa")
        cheap = book.record(provider="groq", provider_model="llama", tags=("red", "blue"))
        book.record(outcome="error", usage=None, provider="", provider_model="", key="b")
        lost = book.recorder.lost  # a race's loser is money, and no request
        burnt = lost(exchange(), "anthropic/opus", Usage(10, estimated=True), 0.5)

        def ask(by: str, filters=None):
            found = book.ask(lambda it: reports.summary(it, WHOLE, by, filters))
            return {one.name: one for one in found}

        (total,) = ask("total").values()
        assert (total.requests, total.errors, total.hits, total.lost) == (4, 1, 1, 1)
        assert total.cost == paid + cheap + burnt
        assert total.saved == paid
        reference = 3 * (1000 * 15_000_000 + 200 * 75_000_000)
        assert total.reference == reference
        assert total.saved_by_routing == reference - total.cost - total.saved
        assert total.estimated == 1
        assert ask("provider")[("groq",)].cost == cheap
        assert ask("model")[("groq", "llama")].requests == 1
        assert ask("key")[("b",)].errors == 1
        assert ask("category")[("qa",)].hits == 1
        assert ask("total", {"key": "b"})[()].requests == 2
        assert sum(one.cost for one in ask("outcome").values()) == total.cost
        tags = {one.name[0]: one for one in book.ask(lambda it: reports.by_tag(it, WHOLE))}
        assert tags["red"].cost == paid + cheap
        assert tags["blue"].requests == 1


def test_days_and_hours_are_in_order() -> None:
    with ledger() as book:
        for hours in (50, 3, 27, 26):
            book.wall = NOON + hours * 3600
            book.record()
        days = book.ask(lambda it: reports.summary(it, WHOLE, "day"))
        assert [(one.name[0] - DAY, one.requests) for one in days] == [(0, 1), (1, 2), (2, 1)]
        hours = book.ask(lambda it: reports.summary(it, Period(DAY + 1, DAY + 2), "hour"))
        assert [one.requests for one in hours] == [1, 1]
        costs = book.ask(lambda it: reports.daily_costs(it, Period(DAY - 5, DAY + 4)))
        assert [bool(cost) for cost in costs] == [True, True, True, False]


def test_percentiles_of_both_times() -> None:
    with ledger() as book:
        for number in range(1, 101):
            book.record(total_s=number / 10, first_token_s=number / 100)
        (total,) = book.ask(lambda it: reports.summary(it, WHOLE))
    assert total.ttft == pytest.approx((500_000, 900_000, 990_000), rel=0.07)
    assert total.total == pytest.approx((5e6, 9e6, 9.9e6), rel=0.07)


def test_an_empty_ledger_has_no_figures() -> None:
    with ledger() as book:
        (total,) = book.ask(lambda it: reports.summary(it, WHOLE))
        assert (total.requests, total.cost) == (0, 0)
        assert book.ask(lambda it: reports.summary(it, WHOLE, "model")) == []
        assert book.ask(lambda it: reports.daily_costs(it, WHOLE)) == []
        assert book.ask(lambda it: reports.rows(it, 5)) == []


def test_rows_come_in_pages_newest_first() -> None:
    with ledger() as book:
        for number in range(7):
            book.record(key="a" if number % 2 else "b", id=f"r{number}")
        first = book.ask(lambda it: reports.rows(it, 4))
        rest = book.ask(lambda it: reports.rows(it, 4, before=first[-1][0]))
        ids = [row[reports.ROW_NAMES.index("id")] for row in (*first, *rest)]
        assert ids == [f"r{number}" for number in reversed(range(7))]
        assert len(book.ask(lambda it: reports.rows(it, 9, filters={"key": "a"}))) == 3
        assert book.ask(lambda it: reports.rows(it, 9, period=Period(0, 5))) == []
        with pytest.raises(ValueError, match="no filter"):
            book.ask(lambda it: reports.summary(it, WHOLE, "day", {"rowid; DROP": "x"}))


def test_large_sums_of_money_do_not_overflow() -> None:
    with ledger() as book:
        for number in range(4):
            book.record(usage=Usage(10**9, 10**8), key=f"k{number}")
        (total,) = book.ask(lambda it: reports.summary(it, WHOLE))
        spent = book.ask(lambda it: reports.spent(it, WHOLE))
    assert total.cost == 4 * (10**9 * 2_500_000 + 10**8 * 10_000_000)
    assert sum(spent["key"].values()) == total.cost == spent["route"]["chat"]


@pytest.mark.slow
def test_ten_million_rows_are_summed_up_by_their_rollups(tmp_path: Path) -> None:
    """The rollups of ten million rows: 400 days of 60 combinations of labels."""
    file = str(tmp_path / "big.db")
    connection = open_ledger(file)
    connection.execute("BEGIN")
    for number in range(60):
        speed = number % 12
        connection.execute(
            "INSERT OR IGNORE INTO speeds VALUES (?, 'r', ?, ?, 'miss')",
            (speed, f"p{speed % 4}", f"m{speed}"),
        )
        connection.execute(
            "INSERT INTO labels VALUES (?, ?, 'r', ?, ?, ?, '', 'miss', 'ok', 0, ?)",
            (number, f"k{number % 5}", f"c{number}", f"p{speed % 4}", f"m{speed}", speed),
        )
    connection.executemany(
        "INSERT INTO days VALUES (?, ?, 417, 417, 1000, 1000, 0, 0, 0, 12345678901, 5, 999, 9,"
        " 417, 9)",
        ((DAY - day, label) for day in range(400) for label in range(60)),
    )
    connection.executemany(
        "INSERT INTO times VALUES (?, ?, ?, ?, 52)",
        (
            (DAY - day, speed, kind, 100 + slot)
            for day in range(400)
            for speed in range(12)
            for kind in (0, 1)
            for slot in range(40)
        ),
    )
    connection.execute(
        "INSERT INTO day_times SELECT day, kind, slot, sum(n) FROM times GROUP BY 1, 2, 3"
    )
    connection.execute("COMMIT")
    asked = Watched(connection)
    for by in ("total", "day", "model", "key"):
        found = reports.summary(asked, Period(DAY - 400, DAY + 1), by)
        assert sum(one.requests for one in found) == 417 * 60 * 400 == 10_008_000
        assert all(one.ttft for one in found) == (by != "key")
    connection.close()
    assert asked.tables.isdisjoint({"rows", "hours"})
    assert "day_times" in asked.tables


class Watched:
    """A reader that notes which tables are looked into."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.tables: set[str] = set()

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> sqlite3.Cursor:
        for row in self._connection.execute(f"EXPLAIN QUERY PLAN {sql}", values):
            self.tables |= set(row[3].split()[1:2])
        return self._connection.execute(sql, values)
