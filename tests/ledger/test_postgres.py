"""The ledger in a real Postgres: the same figures as in SQLite, from several nodes, whatever
happens to the server."""

from __future__ import annotations

import logging
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from proxy.chat import Usage
from proxy.ledger import reports
from proxy.ledger.postgres import Server
from proxy.ledger.reports import GROUPS, Period
from proxy.ledger.store import Unavailable
from tests.admin.house import ENVIRON, house
from tests.ledger.books import NOON, Ledger, exchange, ledger, recorder, sheets, until
from tests.ledger.conftest import POSTGRES

if TYPE_CHECKING:
    from tests.ledger.cluster import Cluster

pytestmark = [*POSTGRES, pytest.mark.usefixtures("cluster")]

DAY = int(NOON // 86_400)
WHOLE = Period(DAY - 100, DAY + 100)
TAGS = reports.ROW_NAMES.index("tags")


def server(cluster: Cluster, database: str, **settings: Any) -> Server:
    return Server(cluster.url(database), lambda: NOON, **settings)


def fill(book: Ledger) -> None:
    for number in range(300):
        book.wall = NOON + number * 1800
        book.record(
            key=f"k{number % 3}", usage=Usage(number, 10, cached=number // 2), tags=("red", "blue"),
            provider_model="gpt" if number % 2 else "unknown", first_token_s=number / 100,
        )  # fmt: skip
        book.record(cache="exact", category="qa", first_token_s=None)
    book.record(outcome="error", usage=None, provider="", provider_model="", tags=("a\0b",))
    book.recorder.lost(exchange(), "anthropic/opus", Usage(10, estimated=True), 0.5)
    book.record(usage=Usage(10**30, 5))  # cannot be: left out


def test_every_report_is_the_same_as_sqlites(cluster: Cluster, database: str) -> None:
    with ledger() as lite, ledger(place=server(cluster, database)) as book:
        fill(lite)
        fill(book)
        for by in GROUPS:
            ask = lambda it, by=by: reports.summary(it, WHOLE, by)  # noqa: E731
            found = sorted(map(repr, book.ask(ask)))
            assert found == sorted(map(repr, lite.ask(ask))), by
        for question in (
            lambda it: reports.summary(it, WHOLE, "day", {"key": "k1", "cache": "miss"}),
            lambda it: reports.summary(it, WHOLE, "model", {"provider": "openai"}),
            lambda it: reports.daily_costs(it, WHOLE),
            lambda it: reports.spent(it, WHOLE),
            lambda it: [(row[1], *row[3:TAGS], *row[TAGS + 1 :]) for row in reports.rows(it, 50)],
            lambda it: [row[3:] for row in reports.rows(it, 9, filters={"key": "k2"})],
        ):
            assert book.ask(question) == lite.ask(question)
        tags = {one.name[0]: one for one in book.ask(lambda it: reports.by_tag(it, WHOLE))}
        assert tags["red"].requests == 300
        assert "ab" in tags  # Postgres holds no NUL
        assert book.store.figures()["ledger_rows_dropped_total"] == 1.0
        first = book.ask(lambda it: reports.rows(it, 4))
        assert book.ask(lambda it: reports.rows(it, 1, before=first[-1][0]))[0][0] < first[-1][0]


def test_several_nodes_add_up_to_one(cluster: Cluster, database: str) -> None:
    books = [Ledger(place=server(cluster, database)) for _ in range(3)]
    for book in books:
        book.store.start()

    def work(number: int) -> None:
        for turn in range(400):
            books[number].record(key=f"k{turn % 40}", task_type=f"t{turn % 7}", tags=("all",))
            if turn % 100 == 0:
                time.sleep(0.05)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    for book in books:
        book.rows("SELECT 1")
    for table in ("rows", "days"):
        counted = "count(*)" if table == "rows" else "sum(n)"
        assert books[0].rows(f"SELECT {counted} FROM {table}") == [(1200,)]
    assert books[1].rows("SELECT sum(n) FROM tag_days") == [(1200,)]
    # A label is one, whoever made it.
    assert books[2].rows("SELECT count(*) FROM labels") == [(280,)]
    assert [book.store.failing for book in books] == ["", "", ""]
    for book in books:
        book.store.close()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_rows_wait_while_the_server_is_gone(
    database: str, cluster: Cluster, how: signal.Signals, caplog, monkeypatch
) -> None:
    monkeypatch.setattr("proxy.ledger.store.RETRY_SECONDS", 0.1)
    with ledger(place=server(cluster, database)) as book, caplog.at_level(logging.INFO):
        book.record()
        until(lambda: book.store.written == 1)
        cluster.stop(how)
        try:
            for _ in range(50):
                book.record()
            until(lambda: book.store.failures >= 2)
            with pytest.raises(Unavailable):
                book.rows("SELECT 1")
            assert book.store.figures()["ledger_waiting_rows"] == 50.0
        finally:
            cluster.start()
        until(lambda: book.store.written == 51)
        assert book.rows("SELECT count(*), sum(cost) FROM rows") == book.rows(
            "SELECT sum(n), sum(cost) FROM days"
        )
        assert book.rows("SELECT count(*) FROM rows") == [(51,)]
    lines = [one.getMessage() for one in caplog.records]
    assert len([one for one in lines if "serving goes on" in one]) == 1
    assert "tester" not in caplog.text


def test_what_waits_is_bounded(monkeypatch) -> None:
    monkeypatch.setattr("proxy.ledger.record.HELD_ROWS", 100)
    monkeypatch.setattr("proxy.ledger.record.LATE_ROWS", 100)
    monkeypatch.setattr("proxy.ledger.record.SHEET_ROWS", 50)
    nowhere = Server("postgresql://tester@127.0.0.1:1/none", lambda: NOON)
    with ledger(place=nowhere) as book:
        book.record()
        until(lambda: bool(book.store.failing))
        for _ in range(500):
            book.record()
        figures = book.store.figures()
        assert figures["ledger_waiting_rows"] <= 200
        assert figures["ledger_rows_dropped_total"] >= 300
        assert figures["ledger_up"] == 0.0


@pytest.mark.parametrize("is_in", [True, False])
def test_a_batch_whose_commit_nobody_answered_is_written_once(
    cluster: Cluster, database: str, is_in: bool
) -> None:
    place = server(cluster, database)
    rows = recorder()
    batch = []
    for _ in range(5):
        rows.record(exchange(), 1.5)
        batch += sheets(rows)
    book = place.open()
    if is_in:
        assert book.write(batch) == 5
    else:
        place.batch += 1
    place.doubtful = 5  # as after a COMMIT that was cut off
    book.close()
    rows.record(exchange(), 1.5)
    more = [*batch, *sheets(rows)]
    again = place.open()
    done = again.write(more)
    assert done == (5 if is_in else 6)
    while more := more[done:]:
        done = again.write(more)
    again.close()
    assert cluster.execute(database, "SELECT count(*) FROM firsttoken.rows") == [(6,)]


def test_a_question_may_not_write(cluster: Cluster, database: str) -> None:
    with ledger(place=server(cluster, database)) as book:
        with pytest.raises(Unavailable, match="read-only"):
            book.rows("DELETE FROM packs")
        book.record()
        assert book.rows("SELECT count(*) FROM rows") == [(1,)]


async def test_a_proxy_accounts_in_postgres(cluster: Cluster, database: str) -> None:
    environ = {**ENVIRON, "PG": cluster.url(database)}
    async with house(environ, ledger='[ledger]\nurl = "env:PG"') as it:
        await it.ask("hello")
        usage = await it.get("/api/usage", by="model")
        assert usage["total"]["requests"] == 1
        assert usage["groups"][0]["name"] == "primary/mock-t4-f0-i0"
        assert (await it.get("/api/requests"))["requests"][0]["cost_usd"] > 0
        assert (await it.get("/api/forecast"))["method"] == "none"
        _, csv = await it.call("GET", "/api/usage/export", params={"format": "csv"})
        assert csv.startswith("time,")
