"""Rows in packs: each comes back as it was, alone or by the view, whatever is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from proxy.chat import Usage
from proxy.ledger import pack, reports
from proxy.ledger.layout import PACK_SEQS, STEPS
from proxy.ledger.pack import Wanted
from proxy.ledger.record import LATE_ROWS, SHEET_ROWS
from proxy.ledger.reports import Period
from proxy.ledger.sqlite import open_ledger
from tests.ledger.books import NOON, Ledger, exchange, ledger
from tests.ledger.conftest import Places

DAY = int(NOON // 86_400)
PERIOD = Period(DAY, DAY + 1)
ID = reports.ROW_NAMES.index("id")
VIEW = (
    "seq", "id", "error", "tags", "trail", "labels", "at_ms", "stream", "status", "attempts",
    "prompt", "completion", "cached", "written", "reasoning", "cost", "saved", "reference",
    "ttft_us", "total_us", "auth_us", "classify_us", "cache_us", "upstream_us",
)  # fmt: skip


def fill(book: Ledger, packs: int = 4, rows: int = 30) -> None:
    """Packs of rows that differ in everything, an hour between two packs."""
    for number in range(packs * rows):
        book.wall = NOON + number // rows * 3600 + number % rows
        done = exchange(
            id=f"req_{number:05d}", key=f"k{number % 3}", usage=Usage(number, 7, number // 2),
            first_token_s=None if number % 5 == 0 else number / 100, status=200 + number % 2,
            tags=("red", f"t{number}") if number % 7 == 0 else (), cache_s=number / 64,
            provider_model="gpt" if number < rows else "llama",
        )  # fmt: skip
        if number % 11 == 0:
            done.missed("groq/llama", 0.0, number / 10, "timeout")
        book.recorder.record(done, 1.5 + number)
        if number % rows == rows - 1:
            book.rows("SELECT 1")


def test_the_view_shows_what_the_reader_reads(place: Places) -> None:
    with ledger(place=place()) as book:
        fill(book)
        seen = book.rows(f"SELECT {', '.join(VIEW)} FROM rows ORDER BY seq DESC")
        read = book.ask(lambda it: list(pack.rows(it, 1000, Wanted())))
        assert book.rows("SELECT count(*), sum(n) FROM packs") == [(4, 120)]
    assert [tuple(row[name] for name in VIEW) for row in read] == seen
    assert len(seen) == 120
    first, last = read[-1], read[1]
    assert (first["id"], first["ttft_us"], first["tags"]) == ("req_00000", None, "red\nt0")
    assert first["trail"] == '[["groq/llama",0,0,"timeout"]]'
    assert (last["id"], last["ttft_us"], last["prompt"]) == ("req_00118", 1_180_000, 118)
    assert (last["cache_us"], last["total_us"], last["tags"]) == (1_843_750, 119_500_000, None)


def test_pages_go_on_within_a_pack_and_beyond_it() -> None:
    with ledger() as book:
        fill(book)
        found: list[str] = []
        before = None
        while page := book.ask(lambda it, at=before: reports.rows(it, 13, before=at)):
            found += [row[ID] for row in page]
            before = page[-1][0]
    assert found == [f"req_{number:05d}" for number in reversed(range(120))]


def test_a_row_is_found_by_its_id_and_its_labels() -> None:
    with ledger() as book:
        fill(book)
        ask = lambda **wanted: [  # noqa: E731 - a shorthand
            row[ID] for row in book.ask(lambda it: reports.rows(it, 200, filters=wanted))
        ]
        assert ask(id="req_00077") == ["req_00077"]
        assert ask(id="req_00077", key="k1") == []
        assert ask(id="req_0007") == ask(id="") == ask(key="nobody") == []
        assert ask(key="k2") == [f"req_{one:05d}" for one in range(119, 0, -3)]
        assert ask(model="gpt", key="k0") == [f"req_{one:05d}" for one in range(27, -1, -3)]
        day = [row[ID] for row in book.ask(lambda it: reports.rows(it, 200, period=PERIOD))]
        assert len(day) == 120
        assert book.ask(lambda it: reports.rows(it, 200, period=Period(DAY - 9, DAY))) == []


def test_only_packs_that_may_hold_a_row_are_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    unpack = pack._rows

    def watched(head: pack.Head, *more: Any) -> Iterator[dict[str, Any]]:
        looked.append(head[0])
        return unpack(head, *more)

    monkeypatch.setattr(pack, "_rows", watched)
    with ledger() as book:
        fill(book)
        book.ask(lambda it: reports.rows(it, 5))
        assert looked == [4]
        book.ask(lambda it: reports.rows(it, 5, filters={"model": "gpt"}))
        assert looked == [4, 1]
        book.ask(lambda it: reports.rows(it, 5, before=2 * PACK_SEQS))
        assert looked == [4, 1, 1]


def test_rows_of_earlier_versions_are_packed_when_it_is_opened(tmp_path: Path) -> None:
    """In Postgres by the same code, and a question may not write there."""
    file = tmp_path / "ledger.db"
    with closing(open_ledger(str(file), STEPS[:3])) as old:
        late = (None, "a\nb", None, None, None, None, None), ("reset", None, 1, 2, 3, 4, "[]")
        old.executemany(
            f"INSERT INTO rows VALUES ({', '.join('?' * 26)})",
            (
                (number, int(NOON) * 1000, 1, "old", 0, 200, 1, 9, 8, 1, 0, 0, 7, 0, 7,
                 None if number % 2 else number, 2, 1, 2, *late[number % 2 == 0])
                for number in range(1203)
            ),
        )  # fmt: skip
        old.execute("INSERT INTO speeds VALUES (1, 'r', 'p', 'm', 'miss')")
        old.execute(
            "INSERT INTO labels VALUES (1, 'k', 'r', 'c', 'p', 'm', '', 'miss', 'ok', 0, 1)"
        )
    with ledger(file) as book:
        book.record()
        found = book.ask(lambda it: reports.rows(it, 5000))
        assert book.rows("SELECT n FROM packs ORDER BY id") == [(500,), (500,), (203,), (1,)]
    rows = [dict(zip(reports.ROW_NAMES, row, strict=True)) for row in reversed(found)]
    assert len(rows) == 1204
    even, odd = rows[1000:1002]
    assert (even["id"], even["ttft_us"], even["error"]) == ("old", 1000, "reset")
    assert (even["upstream_us"], even["trail"], even["tags"]) == (4, "[]", None)
    assert (odd["ttft_us"], odd["tags"], odd["auth_us"], odd["trail"]) == (None, "a\nb", None, None)
    assert (odd["key"], odd["at_ms"], odd["cost"], odd["cached"]) == ("k", NOON * 1000, 7, 1)


def test_without_a_file_the_oldest_packs_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.ledger.sqlite.ROWS_IN_MEMORY", 100)
    with ledger() as book:
        for _ in range(30):
            for _ in range(10):
                book.record()
            book.rows("SELECT 1")
        (held,) = book.rows("SELECT sum(n) FROM packs")
        assert 100 <= held[0] <= 140
        assert book.rows("SELECT sum(n) FROM days") == [(300,)]


def test_a_burst_is_written_in_small_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = {"store": 0, "batch": 0}
    book = Ledger()
    for module in pauses:

        def pause(_: float, module: str = module) -> None:
            pauses[module] += 1
            book.record()  # traffic does not stop: the batch must end all the same

        monkeypatch.setattr(f"proxy.ledger.{module}.sleep", pause)
    sheets = LATE_ROWS // SHEET_ROWS - 1  # beyond, the loop would help itself
    for _ in range(sheets * SHEET_ROWS):
        book.record()
    book.store._flush()
    assert pauses == {"store": sheets + 1, "batch": sheets + 1}
    assert book.store.written + book.recorder.waiting == sheets * (SHEET_ROWS + 2) + 2
    assert book.recorder.held == 0
    book.store._shut()
