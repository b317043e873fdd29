"""Told as a stream or as a whole, an answer costs the same, to the last pico-USD."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.chat import Answer, Choice, Spent, Usage
from proxy.dialects.assemble import assemble, events_of
from proxy.dialects.registry import dialect
from proxy.ledger.tariff import Tariff
from proxy.prices import Price, PriceList, Rates

WIRE = Path(__file__).resolve().parents[2] / ".." / "shared" / "wire"
CLIENTS = ("openai", "anthropic", "responses")
# A tier, a cached and a written price, none of which divides evenly.
TARIFF = Tariff(
    PriceList(
        (
            Price(
                Rates(Decimal("2.517"), Decimal("9.999"), Decimal("0.313"), Decimal("3.141")),
                ((128_000, Rates(Decimal("5.03"), Decimal("14.7"))),),
            ),
        )
    )
)
AT_S = 1_780_000_000.0


def told(name: str, usage: Usage) -> tuple[Usage, Usage]:
    """The usage that is read from an answer told whole, and from the same told as a stream."""
    one = dialect(name)
    answer = Answer("id", "m", 1, (Choice("four words of text", finish="stop"),), usage)
    whole = one.read_answer(orjson.loads(one.write_answer(answer))).usage
    encoder = one.encoder(id="id", model="m", created=1, include_usage=True)
    text = encoder.encode(events_of(answer)) + encoder.end()
    streamed = [
        event.usage
        for frame in one.decoder().feed(text)
        for event in frame.events
        if isinstance(event, Spent)
    ]
    assert whole is not None
    return whole, streamed[-1]


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    prompt = draw(st.integers(0, 400_000))
    cached = draw(st.integers(0, prompt))
    completion = draw(st.integers(1, 100_000))
    return Usage(
        prompt, completion, cached,
        draw(st.integers(0, prompt - cached)), draw(st.integers(0, completion)),
    )  # fmt: skip


@pytest.mark.parametrize("name", CLIENTS)
@given(usage=usages())
@settings(max_examples=60, deadline=None)
def test_any_usage_costs_the_same_streamed_or_not(name: str, usage: Usage) -> None:
    whole, streamed = told(name, usage)
    assert whole == streamed
    cost = TARIFF.cost(whole, AT_S)
    assert cost == TARIFF.cost(streamed, AT_S)
    assert cost is not None
    assert cost > 0


@cache
def recorded() -> list[tuple[str, Usage]]:
    """What providers really counted, from streams and whole answers."""
    found = []
    for path in sorted(WIRE.glob("*/*-200-*.json")):
        one = orjson.loads(path.read_bytes())
        body = one.get("response_body")
        if one["kind"] not in ("chat", "messages", "responses") or not body:
            continue
        name = {"messages": "anthropic", "responses": "responses"}.get(one["kind"], "openai")
        if one["provider"] in ("cohere", "ollama", "gemini", "bedrock", "vertex"):
            continue
        usage = _usage(name, body if isinstance(body, str) else orjson.dumps(body).decode())
        if usage is not None:
            found.append((path.name, usage))
    return found


def _usage(name: str, body: str) -> Usage | None:
    one = dialect(name)
    try:
        if body.lstrip().startswith("{"):
            return one.read_answer(orjson.loads(body)).usage
        frames = one.decoder().feed(body.encode())
    except Exception:  # noqa: BLE001 - what is no answer of this format is not looked at
        return None
    return assemble(event for frame in frames for event in frame.events).usage


@pytest.mark.skipif(not WIRE.exists(), reason="no recorded traffic beside the checkout")
def test_recorded_usage_costs_the_same_streamed_or_not() -> None:
    assert len(recorded()) > 50
    for where, usage in recorded():
        for name in CLIENTS:
            whole, streamed = told(name, usage)
            assert whole == streamed, (where, name)
            assert TARIFF.cost(whole, AT_S) == TARIFF.cost(streamed, AT_S)
            if usage.cached <= usage.prompt:  # some providers count otherwise
                assert (whole.prompt, whole.completion) == (usage.prompt, usage.completion)
