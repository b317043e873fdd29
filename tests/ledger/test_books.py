"""The ledger, whichever database it is in: what goes in comes out."""

from __future__ import annotations

import pytest

from proxy.chat import Usage
from proxy.ledger.book import Foreign
from proxy.ledger.kinds import VALUES_LIMIT
from proxy.ledger.store import Unavailable
from tests.ledger.books import NOON, ledger, until
from tests.ledger.conftest import Places

SUM = "SELECT sum(n), sum(cost), sum(saved), sum(prompt), sum(reference), sum(ttft_n) FROM "


def test_rows_and_their_rollups_agree(place: Places) -> None:
    with ledger(place=place()) as book:
        for number in range(500):
            book.wall = NOON + number * 600
            book.record(key=f"k{number % 3}", usage=Usage(number, 10), task_type="analysis")
            book.record(cache="exact", outcome="ok", first_token_s=None)
        rows = book.rows(
            "SELECT count(*), sum(cost), sum(saved), sum(prompt), sum(reference), count(ttft_us)"
            " FROM rows"
        )
        assert book.rows(SUM + "hours") == rows == book.rows(SUM + "days")
        assert rows[0][0] == 1000
        assert book.rows("SELECT sum(n) FROM times WHERE kind = 1") == [(1000,)]
        assert book.rows("SELECT sum(n) FROM times WHERE kind = 0") == [(500,)]


def test_the_reference_is_what_the_premium_model_would_have_cost(place: Places) -> None:
    with ledger(place=place()) as book:
        book.record(provider="groq", provider_model="llama", usage=Usage(1000, 100))
        book.record(provider_model="nobody-knows-its-price")
        (priced,), (unpriced,) = book.rows("SELECT reference FROM rows ORDER BY seq")
    assert priced == 1000 * 15_000_000 + 100 * 75_000_000
    assert unpriced == 0


def test_tags_are_counted_each(place: Places) -> None:
    with ledger(place=place()) as book:
        book.record(tags=("team-a", "beta"))
        book.record(tags=("team-a", "team-a"))
        assert book.rows("SELECT tag, n FROM tag_days ORDER BY tag") == [("beta", 1), ("team-a", 2)]


def test_it_survives_a_restart(place: Places) -> None:
    with ledger(place=place()) as book:
        book.record()
    with ledger(place=place()) as book:
        book.record()
        assert book.rows("SELECT sum(n) FROM days") == [(2,)]
        assert book.rows("SELECT count(*) FROM labels") == [(1,)]


def test_versions_migrate_and_later_ones_are_refused(place: Places) -> None:
    with ledger(place=place()) as book:
        book.record()
    step = "ALTER TABLE days ADD COLUMN region TEXT; CREATE INDEX more ON days(region)"
    book = place([step]).open()
    found = book.answer(lambda it: it.execute("SELECT n, region FROM days").fetchall(), 5)
    assert found == [(1, None)]
    book.close()
    place([step]).open().close()  # once only
    with pytest.raises(Foreign, match="later version"):
        place().open()


def test_counts_that_are_no_tokens_do_not_hold_up_the_others(place: Places) -> None:
    with ledger(place=place()) as book:
        book.record()
        book.record(usage=Usage(10**30, 5))
        book.record(usage=Usage(-4, 5))
        book.record(id="lone \ud800 surrogate")
        book.record()
        assert book.rows("SELECT sum(n) FROM days") == [(2,)]
        assert book.store.figures()["ledger_rows_dropped_total"] == 3.0


def test_clients_words_cannot_grow_the_labels(place: Places) -> None:
    with ledger(place=place()) as book:
        for number in range(VALUES_LIMIT["task_type"] + 300):
            book.record(task_type=f"invented-{number}")
        (kinds,) = book.rows("SELECT count(*) FROM labels")
        assert kinds[0] == VALUES_LIMIT["task_type"] + 1
        assert book.rows(
            "SELECT sum(n) FROM days JOIN labels ON labels.id = labels WHERE task_type = 'other'"
        ) == [(300,)]


def test_what_is_past_its_retention_is_forgotten(place: Places, monkeypatch) -> None:
    monkeypatch.setattr("proxy.ledger.sqlite.SWEEP_PACKS", 2)
    monkeypatch.setattr("proxy.ledger.postgres.SWEEP_PACKS", 2)
    monkeypatch.setattr("proxy.ledger.store.SWEEP_SECONDS", 0.0)
    with ledger(place=place(), retention_days=10) as book:
        for _ in range(7):
            for _ in range(15):
                book.record(tags=("old",))
            assert book.rows("SELECT sum(n) % 15 FROM packs") == [(0,)]
        book.wall = NOON + 11 * 86_400
        book.record()
        until(lambda: book.rows("SELECT count(*) FROM rows") == [(1,)])
        assert book.rows("SELECT sum(n) FROM days") == [(1,)]
        assert book.rows("SELECT sum(n) FROM hours") == [(1,)]
        assert book.rows("SELECT count(*) FROM tag_days") == [(0,)]


def test_a_question_that_takes_too_long_is_given_up(place: Places, monkeypatch) -> None:
    monkeypatch.setattr("proxy.ledger.store.ANSWER_SECONDS", 0.1)
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    with ledger(place=place()) as book:
        with pytest.raises(Unavailable, match="too long"):
            book.rows(endless)
        book.record()
        assert book.rows("SELECT count(*) FROM rows") == [(1,)]


def test_two_processes_share_a_ledger(place: Places) -> None:
    with ledger(place=place()) as one, ledger(place=place()) as two:
        for _ in range(50):
            one.record(key="one")
            two.record(key="two")
        one.rows("SELECT 1")
        two.rows("SELECT 1")
        assert one.rows(SUM + "days") == two.rows(SUM + "hours")
        assert one.rows("SELECT sum(n) FROM days") == [(100,)]
