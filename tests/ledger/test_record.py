from __future__ import annotations

from time import perf_counter

from proxy.chat import Usage
from proxy.errors import ClientError
from proxy.ledger import record
from proxy.ledger.record import ESTIMATED, LOST, UNPRICED, Recorder, Row
from proxy.ledger.tariff import Tariffs
from tests.ledger.books import NOON, exchange, prices


def recorder() -> Recorder:
    return Recorder(Tariffs(prices), lambda: NOON)


def test_a_row_says_what_happened() -> None:
    book = recorder()
    done = exchange(usage=Usage(1000, 200, 400, 0, 50), tags=("a", "b"), task_type="analysis")
    cost = book.record(done, 1.5)
    (row,) = map(Row._make, book.take(10))
    assert cost == row.cost == (600 * 2_500_000 + 400 * 1_250_000 + 200 * 10_000_000)
    assert (row.at_s, row.id, row.key, row.route) == (NOON, done.id, "web", "chat")
    assert (row.provider, row.model, row.task_type) == ("openai", "gpt", "analysis")
    assert (row.prompt, row.completion, row.cached, row.reasoning) == (1000, 200, 400, 50)
    assert (row.ttft_us, row.total_us, row.tags) == (250_000, 1_500_000, ("a", "b"))
    assert (row.marks, row.saved, row.error) == (0, 0, None)
    assert book.waiting == 0


def test_a_row_knows_its_stages_and_the_attempts_that_did_not_answer() -> None:
    book = recorder()
    done = exchange(auth_s=0.001, classify_s=0.002, cache_s=0.003, upstream_s=0.2)
    done.started_s = 50.0
    done.missed("groq/llama", 50.25, 51.0, "server")
    book.record(done, 1.5)
    (row,) = map(Row._make, book.take(10))
    assert (row.auth_s, row.classify_s, row.cache_s, row.upstream_s) == (0.001, 0.002, 0.003, 0.2)
    assert row.trail == (("groq/llama", 0.25, 1.0, "server"),)


def test_streamed_or_not_it_costs_the_same() -> None:
    book = recorder()
    costs = {
        book.record(exchange(stream=stream, usage=Usage(123, 45, 6)), 1.0)
        for stream in (True, False)
    }
    assert len(costs) == 1


def test_an_answer_from_the_cache_saves_what_it_would_have_cost() -> None:
    book = recorder()
    paid = book.record(exchange(), 1.0)
    for how in ("exact", "semantic"):
        assert book.record(exchange(cache=how), 0.001) == 0
    _, exact, semantic = map(Row._make, book.take(3))
    assert exact.saved == semantic.saved == paid > 0


def test_estimates_and_unknown_prices_are_marked() -> None:
    book = recorder()
    book.record(exchange(usage=Usage(10, 10, estimated=True)), 1.0)
    assert book.record(exchange(provider_model="unheard-of"), 1.0) == 0
    estimated, unpriced = map(Row._make, book.take(2))
    assert (estimated.marks, unpriced.marks) == (ESTIMATED, UNPRICED)


def test_a_failure_without_usage_is_a_row_too() -> None:
    book = recorder()
    error = ClientError(502, "gone", code="upstream_reset")
    failed = exchange(outcome="error", usage=None, first_token_s=None, error=error, provider="")
    assert book.record(failed, 0.1) == 0
    (row,) = map(Row._make, book.take(1))
    assert (row.error, row.ttft_us, row.prompt) == ("upstream_reset", None, 0)


def test_a_lost_attempt_is_an_estimate_of_its_own() -> None:
    book = recorder()
    cost = book.lost(exchange(), "anthropic/opus", Usage(1000, estimated=True), 0.4)
    (row,) = map(Row._make, book.take(1))
    assert cost == row.cost == 1000 * 15_000_000
    assert (row.outcome, row.marks, row.provider, row.attempts) == (LOST, ESTIMATED, "anthropic", 0)


def test_an_answer_has_a_price_wherever_it_came_from() -> None:
    book = recorder()
    assert book.price(exchange()) == book.price(exchange(cache="exact")) == 0.0045
    assert book.price(exchange(usage=None)) == 0.0
    assert book.price(exchange(provider_model="nobody-knows")) == 0.0
    assert book.waiting == 0


def test_memory_is_bounded(monkeypatch) -> None:
    monkeypatch.setattr(record, "HELD_ROWS", 3)
    book = recorder()
    for _ in range(5):
        book.record(exchange(), 1.0)
    book.lost(exchange(), "openai/gpt", Usage(1), 0.1)
    assert (book.waiting, book.dropped) == (3, 3)


def test_it_costs_a_microsecond_or_so() -> None:
    book = recorder()
    done = exchange(usage=Usage(1000, 200, 400))
    best = 1.0
    for _ in range(10):
        began = perf_counter()
        for _ in range(1000):
            book.record(done, 1.0)
        best = min(best, (perf_counter() - began) / 1000)
        book.take(1000)
    assert best * 1e6 < 5  # about 1.2 on one core of 2026's servers; more when others share it
