from __future__ import annotations

import pytest

from proxy.chat import Usage
from proxy.errors import ClientError
from proxy.ledger import record
from proxy.ledger.row import ESTIMATED, LOST, UNPRICED
from proxy.ledger.tally import Tally
from tests.ledger.books import NOON, exchange, recorder, rows, sheets


def test_a_row_says_what_happened() -> None:
    book = recorder()
    done = exchange(usage=Usage(1000, 200, 400, 0, 50), tags=("a", "b"), task_type="analysis")
    book.record(done, 1.5)
    assert book.waiting == 1
    (row,) = rows(book)
    paid = 600 * 2_500_000 + 400 * 1_250_000 + 200 * 10_000_000
    assert book.cost(done) == row.cost == paid
    assert (row.at_ms, row.id, row.key, row.route) == (
        NOON * 1000, done.id, "web", "chat",
    )  # fmt: skip
    assert (row.provider, row.model, row.task_type) == ("openai", "gpt", "analysis")
    counted = ("prompt", "completion", "cached", "reasoning")
    assert [getattr(row, name) for name in counted] == [1000, 200, 400, 50]
    assert (row.ttft_us, row.total_us, row.tags) == (250_000, 1_500_000, ("a", "b"))
    assert (row.marks, row.saved, row.error) == (0, 0, None)
    assert (book.waiting, book.held) == (0, 0)


def test_a_row_knows_its_stages_and_the_attempts_that_did_not_answer() -> None:
    book = recorder()
    done = exchange(auth_s=0.001, classify_s=0.002, cache_s=0.003, upstream_s=0.2)
    done.started_s = 50.0
    done.missed("groq/llama", 50.25, 51.0, "server")
    book.record(done, 1.5)
    (row,) = rows(book)
    stages = [getattr(row, f"{name}_us") for name in ("auth", "classify", "cache", "upstream")]
    assert stages == [1000, 2000, 3000, 200_000]
    assert row.trail == '[["groq/llama",250000,1000000,"server"]]'


def test_streamed_or_not_it_costs_the_same() -> None:
    book = recorder()
    for stream in (True, False):
        book.record(exchange(stream=stream, usage=Usage(123, 45, 6)), 1.0)
    one, other = rows(book)
    assert one.cost == other.cost > 0


def test_an_answer_from_the_cache_saves_what_it_would_have_cost() -> None:
    book = recorder()
    book.record(exchange(), 1.0)
    for how in ("exact", "semantic"):
        book.record(exchange(cache=how), 0.001)
        assert book.cost(exchange(cache=how)) == 0
    paid, exact, semantic = rows(book)
    assert exact.saved == semantic.saved == paid.cost > 0
    assert exact.cost == semantic.cost == paid.saved == 0


def test_estimates_and_unknown_prices_are_marked() -> None:
    book = recorder()
    book.record(exchange(usage=Usage(10, 10, estimated=True)), 1.0)
    book.record(exchange(provider_model="unheard-of"), 1.0)
    estimated, unpriced = rows(book)
    assert (estimated.marks, unpriced.marks) == (ESTIMATED, UNPRICED)
    assert unpriced.cost == 0


def test_a_failure_without_usage_is_a_row_too() -> None:
    book = recorder()
    error = ClientError(502, "gone", code="upstream_reset")
    failed = exchange(outcome="error", usage=None, first_token_s=None, error=error, provider="")
    book.record(failed, 0.1)
    assert book.cost(failed) == 0
    (row,) = rows(book)
    assert (row.error, row.ttft_us, row.prompt) == ("upstream_reset", -1, 0)
    assert row.marks == 0


def test_a_lost_attempt_is_an_estimate_of_its_own() -> None:
    book = recorder()
    cost = book.lost(exchange(), "anthropic/opus", Usage(1000, estimated=True), 0.4)
    (row,) = rows(book)
    assert cost == row.cost == 1000 * 15_000_000
    assert (row.outcome, row.marks, row.provider) == (LOST, ESTIMATED, "anthropic")
    assert (row.attempts, row.reference) == (0, 0)


def test_an_answer_has_a_price_wherever_it_came_from() -> None:
    book = recorder()
    assert book.price(exchange()) == book.price(exchange(cache="exact")) == 0.0045
    assert book.price(exchange(usage=None)) == 0.0
    assert book.price(exchange(provider_model="nobody-knows")) == 0.0
    assert book.waiting == 0


def test_what_waits_for_the_writer_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "HELD_ROWS", 3)
    monkeypatch.setattr(record, "SHEET_ROWS", 2)
    tally = Tally()
    book = recorder(tally=tally)
    for _ in range(5):
        book.record(exchange(), 1.0)
    book.settle()
    book.record(exchange(), 1.0)
    book.lost(exchange(), "openai/gpt", Usage(1), 0.1)
    assert sum(one.requests for one in tally.series.values()) == 6, "the metrics miss nothing"
    assert (book.waiting, book.held, book.dropped) == (0, 3, 4)
    assert [len(one) for one in sheets(book)] == [2, 1]
    assert book.held == 0


@pytest.mark.parametrize("is_kept", [True, False])
def test_the_loop_helps_itself_where_no_thread_does(
    is_kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "LATE_ROWS", 60)
    monkeypatch.setattr(record, "SHEET_ROWS", 20)
    tally = Tally()
    book = record.Recorder(lambda: NOON, tally, is_kept=is_kept)
    for _ in range(1000):
        book.record(exchange(), 1.0)
        assert book.waiting <= (60 if is_kept else 20)
    assert sum(one.requests for one in tally.series.values()) == 1000
    assert book.held == (1000 if is_kept else 0)
