from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.chat import Usage
from proxy.exchange import Exchange
from proxy.ledger.tally import SERIES_LIMIT, STAGE_BOUNDS, TOKEN_BOUNDS, TTFT_BOUNDS, Tally
from tests.ledger.books import exchange, recorder

SECONDS = st.sampled_from((0.0, 2e-6, 5e-6, 0.0004, 0.02, 0.25, 0.3, 2.0, 60.0))


@st.composite
def exchanges(draw: st.DrawFn) -> tuple[Exchange, float]:
    """One that is over, and how long it took."""
    tokens = st.integers(0, 3000)
    usage = draw(st.none() | st.tuples(tokens, tokens, tokens).map(lambda one: Usage(*one)))
    first = draw(st.none() | SECONDS)
    made = exchange(
        usage=usage, first_token_s=first, stream=draw(st.booleans()),
        attempts=draw(st.integers(0, 3)), auth_s=draw(SECONDS), classify_s=draw(SECONDS),
        cache_s=draw(SECONDS), route=draw(st.sampled_from(("chat", "unheard-of"))),
        provider_model=draw(st.sampled_from(("gpt", "unheard-of"))),
        category=draw(st.sampled_from(("", "code", "unheard-of"))),
        cache=draw(st.sampled_from(("miss", "exact"))),
        outcome=draw(st.sampled_from(("ok", "error"))),
    )  # fmt: skip
    return made, (first or 0.0) + draw(SECONDS)


def buckets(values: list[float], bounds: tuple[float, ...]) -> list[int]:
    """How many are at most each bound, and above the one before."""
    edges = (-1.0, *bounds, float("inf"))
    return [sum(low < one <= high for one in values) for low, high in pairwise(edges)]


@given(st.lists(exchanges(), max_size=40), st.integers(1, 7))
@settings(max_examples=60, deadline=None)
def test_what_is_counted_in_columns_is_what_happened(
    done: list[tuple[Exchange, float]], together: int
) -> None:
    tally = Tally(["chat"], ["gpt"], ["code"])
    book = recorder(tally=tally)
    for number, (one, total_s) in enumerate(done):
        book.record(one, total_s)
        if number % together == 0:
            book.settle()
    for labels, series in tally.series.items():
        ours = [
            (one, total_s)
            for one, total_s in done
            if labels == (
                one.route if one.route == "chat" else "other", one.provider,
                one.provider_model if one.provider_model == "gpt" else "other",
                one.category if one.category in ("", "code") else "other", one.cache, one.outcome,
            )
        ]  # fmt: skip
        used = [one.usage or Usage() for one, _ in ours]
        assert series.requests == len(ours) > 0
        assert series.attempts == sum(one.attempts for one, _ in ours)
        assert list(series.tokens) == [
            sum(one.prompt for one in used), sum(one.completion for one in used),
            sum(one.cached for one in used),
        ]  # fmt: skip
        first = [one.first_token_s for one, _ in ours if one.first_token_s is not None]
        assert series.ttft.counts == buckets(first, TTFT_BOUNDS)
        assert abs(series.ttft.total - sum(first)) < 1e-6
        paced = [
            (total_s - one.first_token_s) / (usage.completion - 1)
            for (one, total_s), usage in zip(ours, used, strict=True)
            if one.stream and one.first_token_s is not None and usage.completion > 1
        ]
        assert series.per_token.counts == buckets(paced, TOKEN_BOUNDS)
    assert sum(one.requests for one in tally.series.values()) == len(done)
    auth = [one.auth_s for one, _ in done]
    assert tally.stages["auth"].counts == buckets(auth, STAGE_BOUNDS)
    ran = [one.cache_s for one, _ in done if one.cache_s]
    assert tally.stages["cache"].counts == buckets(ran, STAGE_BOUNDS)


def test_a_reload_brings_other_names() -> None:
    tally = Tally([], ["gpt"])
    book = recorder(tally=tally)
    book.record(exchange(), 1.0)
    assert [labels[0] for labels in tally.series] == ["other"]
    tally.configure(["chat"], ["gpt"])
    book.record(exchange(), 1.0)
    assert [labels[0] for labels in tally.series] == ["other", "chat"]


def test_a_lost_attempt_is_no_exchange() -> None:
    tally = Tally(["chat"], ["gpt"])
    book = recorder(tally=tally)
    book.lost(exchange(), "anthropic/opus", Usage(10, estimated=True), 0.5)
    assert not tally.series
    book.record(exchange(), 1.0)
    book.lost(exchange(), "anthropic/opus", Usage(10, estimated=True), 0.5)
    assert [one.requests for one in tally.series.values()] == [1]


def test_counts_that_no_database_holds_are_requests_all_the_same() -> None:
    tally = Tally(["chat"], ["gpt"])
    book = recorder(tally=tally)
    for usage in (Usage(10**30), Usage(-4), Usage(5)):
        book.record(exchange(usage=usage), 1.0)
    (series,) = tally.series.values()
    assert (series.requests, series.tokens[0]) == (3, 5)
    assert (book.held, book.dropped) == (1, 2)


def test_series_are_bounded() -> None:
    tally = Tally(["chat"], ["gpt"])
    book = recorder(tally=tally)
    for number in range(SERIES_LIMIT + 50):
        book.record(exchange(provider=f"p{number}"), 1.0)
    found = tally.series
    assert len(found) == SERIES_LIMIT + 1
    assert found["other", "other", "other", "other", "bypass", "ok"].requests == 50
