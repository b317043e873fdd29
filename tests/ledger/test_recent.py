from __future__ import annotations

from tests.ledger.books import NOON, exchange, recorder


def test_rates_and_percentiles_of_the_seconds_that_are_over() -> None:
    wall = [NOON]
    book = recorder(lambda: wall[0])
    recent = book.recent
    for number in range(100):
        wall[0] = NOON + number / 10
        book.record(exchange(cache="exact" if number % 4 == 0 else "miss"), 1.0)
        book.record(exchange(outcome="error", first_token_s=None), 1.0)
    book.settle()
    now = recent.figures(NOON + 11)
    assert (now["requests_per_s"], now["errors_per_s"], now["hit_rate"]) == (20.0, 10.0, 0.125)
    assert now["tokens_per_s"] == 20 * 1200
    assert 230 < now["ttft_ms"]["p50"] < 270
    assert now["cost_per_s"] > 0
    later = recent.figures(NOON + 40)
    assert (later["requests_per_s"], later["hit_rate"]) == (0.0, None)
    assert later["ttft_ms"]["p99"] is not None  # percentiles are of the minute


def test_a_view_begins_with_what_was() -> None:
    wall = [NOON]
    book = recorder(lambda: wall[0])
    recent = book.recent
    for number in range(60):
        wall[0] = NOON + number
        for _ in range(number):
            book.record(exchange(), 1.0)
    book.settle()
    past = recent.past(NOON + 61)
    assert [one["time"] for one in past] == list(range(int(NOON) - 118, int(NOON) + 62))
    assert past[-1] == {"time": NOON + 61, **recent.figures(NOON + 61)}
    rates = [one["requests_per_s"] for one in past]
    assert rates[:110] == [0.0] * 110
    assert rates == sorted(rates)


def test_what_is_older_than_the_past_is_forgotten() -> None:
    wall = [NOON]
    book = recorder(lambda: wall[0])
    recent = book.recent
    for number in range(400):
        wall[0] = NOON + number
        book.record(exchange(), 1.0)
        book.settle()
    assert len(recent._seconds) <= 242
