"""The caches as a client meets them: what is answered again, in which form, and what is not."""

from __future__ import annotations

import orjson
import pytest

from benchmarks.mock import expected_text
from tests.loopback.house import ask, running

pytestmark = pytest.mark.loopback

MODEL = "alone-mock-t4-f0-i0"


@pytest.mark.parametrize("lane", ["fast", "aiohttp"])
async def test_the_same_question_is_answered_once_by_the_provider(lane: str) -> None:
    async with running(lane=lane, cache=True) as house:
        first = await ask(house.port, MODEL, text="What is a monad?")
        again = await ask(house.port, MODEL, text="What is a monad?")
        assert first.headers["x-firsttoken-cache"] == "miss"
        assert again.headers["x-firsttoken-cache"] == "exact"
        assert again.headers["x-firsttoken-attempts"] == "0"
        assert again.text == first.text == expected_text("mock-t4-f0-i0")
        assert len(again.events) == len(first.events), "the same chunks"
        assert len(house.primary.requests) == 1


async def test_either_form_serves_the_other() -> None:
    async with running(cache=True) as house:
        await ask(house.port, MODEL, text="streamed first")
        whole = await ask(house.port, MODEL, text="streamed first", stream=False)
        message = orjson.loads(whole.body)["choices"][0]["message"]
        assert whole.headers["x-firsttoken-cache"] == "exact"
        assert message["content"] == expected_text("mock-t4-f0-i0")
        asked = await ask(house.port, MODEL, text="whole first", stream=False)
        streamed = await ask(house.port, MODEL, text="whole first")
        assert streamed.headers["x-firsttoken-cache"] == "exact"
        assert streamed.text == orjson.loads(asked.body)["choices"][0]["message"]["content"]
        assert streamed.body.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize(
    ("question", "hit"),
    [
        ("Tell me the capital of France", True),
        ("Which city is the capital of Spain?", False),
        ("Which city is not the capital of France?", False),
        ("Quelle ville est la capitale de la France ?", False),
    ],
)
async def test_a_paraphrase_hits_and_another_question_does_not(question: str, hit: bool) -> None:
    async with running(cache=True) as house:
        await ask(house.port, MODEL, text="Which city is the capital of France?")
        reply = await ask(house.port, MODEL, text=question)
        assert reply.headers["x-firsttoken-cache"] == ("semantic" if hit else "miss")
        assert len(house.primary.requests) == (1 if hit else 2)


async def test_another_number_is_another_question() -> None:
    async with running(cache=True) as house:
        await ask(house.port, MODEL, text="Convert 5 miles to km")
        reply = await ask(house.port, MODEL, text="Convert 8 miles to km")
        assert reply.headers["x-firsttoken-cache"] == "miss"


@pytest.mark.parametrize(
    ("wish", "cache", "requests"), [("bypass", "bypass", 2), ("refresh", "bypass", 2)]
)
async def test_a_request_may_refuse_stored_answers(wish: str, cache: str, requests: int) -> None:
    async with running(cache=True) as house:
        await ask(house.port, MODEL)
        reply = await ask(house.port, MODEL, firsttoken={"cache": wish})
        assert reply.headers["x-firsttoken-cache"] == cache
        assert len(house.primary.requests) == requests


async def test_only_a_stored_answer_will_do() -> None:
    async with running(cache=True) as house:
        reply = await ask(house.port, MODEL, firsttoken={"cache": "only"})
        assert (reply.status, reply.error["code"]) == (504, "cache_miss")
        await ask(house.port, MODEL)
        assert (await ask(house.port, MODEL, firsttoken={"cache": "only"})).status == 200
        assert len(house.primary.requests) == 1


@pytest.mark.parametrize("fault", ["fault-reset-mid", "fault-500", "mock-t4-f0-i0"])
async def test_only_complete_answers_of_cacheable_requests_are_kept(fault: str) -> None:
    async with running(cache=True, route='on_break = "error"') as house:
        more = {"temperature": 1.9} if fault.startswith("mock") else {}
        for _ in range(2):
            reply = await ask(house.port, f"alone-{fault}", **more)
            assert reply.headers["x-firsttoken-cache"] != "exact"
