"""The caches as a client meets them: what is answered again, in which form, and what is not."""

from __future__ import annotations

import asyncio
from time import perf_counter

import orjson
import pytest

from benchmarks.mock import Scenario, expected_text
from proxy.cache.shadow import LIMIT
from proxy.cache.trust import Trust
from tests.loopback.house import ask, running
from tests.loopback.test_single_flight import asking
from tests.waiting import until

pytestmark = pytest.mark.loopback

MODEL = "alone-mock-t4-f0-i0"
QUESTIONS = ("Which city is the capital of France?", "Tell me the capital of France")


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


@pytest.mark.parametrize("lane", ["fast", "aiohttp"])
@pytest.mark.parametrize(
    ("control", "cache", "requests"),
    [
        ("no-cache", "bypass", 2),
        ("no-store", "exact", 1),
        ("no-store, no-cache", "bypass", 2),
        ("only-if-cached", "exact", 1),
        ("max-age=60", "exact", 1),
        ("max-age=0", "bypass", 2),
        ("Private", "exact", 1),
    ],
)
async def test_cache_control_is_honoured(
    lane: str, control: str, cache: str, requests: int
) -> None:
    async with running(lane=lane, cache=True) as house:
        await ask(house.port, MODEL)
        reply = await ask(house.port, MODEL, control=control)
        assert reply.headers["x-firsttoken-cache"] == cache
        assert len(house.primary.requests) == requests


async def test_what_is_not_to_be_stored_is_not_and_the_option_outranks_the_header() -> None:
    async with running(cache=True) as house:
        assert (await ask(house.port, MODEL, control="only-if-cached")).status == 504
        await ask(house.port, MODEL, control="no-store")
        again = await ask(house.port, MODEL)
        assert again.headers["x-firsttoken-cache"] == "miss"
        wish = {"cache": "only"}
        reply = await ask(house.port, MODEL, control="no-cache", firsttoken=wish)
        assert reply.headers["x-firsttoken-cache"] == "exact"
        odd = await ask(house.port, MODEL, firsttoken={"cache_control": "no-cache"})
        assert odd.status == 400


@pytest.mark.parametrize("lane", ["fast", "aiohttp"])
async def test_a_paced_replay_takes_its_time_and_is_complete(lane: str) -> None:
    model = "alone-mock-t20-f0-i0"
    kept = 'replay = "paced"\ntokens_per_second = 100'
    async with running(lane=lane, cache=True, kept=kept) as house:
        first = await ask(house.port, model)
        began = perf_counter()
        again = await ask(house.port, model)
        took_s = perf_counter() - began
        assert again.headers["x-firsttoken-cache"] == "exact"
        assert again.body == first.body
        assert again.seconds < 0.1, "its first word comes at once"
        assert took_s > 0.15, "some 20 frames, 100 a second"
        whole = await ask(house.port, model, stream=False)
        assert whole.seconds < 0.1, "a whole answer has no pace"


async def test_a_replay_goes_at_the_pace_of_the_answer() -> None:
    model = "alone-mock-t20-f0-i10"
    async with running(cache=True, kept='replay = "paced"') as house:
        await ask(house.port, model)
        (entry,) = house.app.memory.cache.exact.entries()
        assert entry.took_s > 0.15
        began = perf_counter()
        await ask(house.port, model)
        assert perf_counter() - began > 0.1


@pytest.mark.parametrize("lane", ["fast", "aiohttp"])
async def test_who_leaves_a_paced_replay_stops_it(lane: str) -> None:
    model = "alone-mock-t20-f0-i0"
    kept = 'replay = "paced"\ntokens_per_second = 10'
    async with running(lane=lane, cache=True, kept=kept, holds=True) as house:
        await ask(house.port, model)
        async with asking(house.port, model) as reader:
            await reader.readuntil(b"tok")
        assert [row.outcome for row in await house.rows(2)] == ["ok", "cancelled"]


def trusting(cache) -> Trust:
    """Let the verified mode trust every similarity, and check each of its hits."""
    trust = Trust(0.2, lambda: 0.0)
    entry = next(iter(cache.exact.entries()))
    for similarity in (0.7, 0.85, 0.92, 0.99):
        for _ in range(30):
            trust.learn(entry, similarity, agreed=True)
    cache.verified.trust = trust
    return trust


@pytest.mark.parametrize("lane", ["fast", "aiohttp"])
@pytest.mark.parametrize("word", ["tok", "other"], ids=["the same answer", "another answer"])
async def test_the_verified_mode_asks_again_behind_the_client_and_learns(
    lane: str, word: str
) -> None:
    async with running(lane=lane, cache=True, kept="max_error_rate = 0.2", holds=True) as house:
        house.primary.script(
            "mock-t4-f0-i0", Scenario(tokens=4), Scenario(tokens=4, word=word), Scenario(tokens=4)
        )
        await ask(house.port, MODEL, text=QUESTIONS[0])
        trust = trusting(house.app.memory.cache)
        before = trust.estimate()
        reply = await ask(house.port, MODEL, text=QUESTIONS[1])
        assert reply.headers["x-firsttoken-cache"] == "semantic"
        assert reply.text == expected_text("mock-t4-f0-i0")
        assert await until(lambda: trust.estimate()["checks"] == before["checks"] + 1)
        assert (trust.estimate()["wrong_hits"] > 0) == (word == "other")
        rows = await house.rows(3)  # what the check cost is written down too
        assert [row.cache for row in rows] == ["miss", "semantic", "bypass"]
        again = await ask(house.port, MODEL, text=QUESTIONS[1])
        assert again.headers["x-firsttoken-cache"] == ("semantic" if word == "tok" else "miss")
        assert await until(lambda: trust.estimate()["checks"] == before["checks"] + 2)


async def test_only_a_few_hits_are_checked_at_a_time_and_no_client_waits() -> None:
    model = "alone-mock-t20-f30-i5"
    async with running(cache=True, kept="max_error_rate = 0.2") as house:
        await ask(house.port, model, text=QUESTIONS[0])
        trusting(house.app.memory.cache)
        replies = await asyncio.gather(
            *(ask(house.port, model, text=QUESTIONS[1]) for _ in range(10))
        )
        assert {reply.headers["x-firsttoken-cache"] for reply in replies} == {"semantic"}
        assert await until(lambda: len(house.primary.requests) == 1 + LIMIT)
        assert await until(lambda: not house.primary.open_requests)
        await asyncio.sleep(0.05)
        assert len(house.primary.requests) == 1 + LIMIT
        await ask(house.port, model, text=QUESTIONS[1])
        assert await until(lambda: len(house.primary.requests) == 2 + LIMIT), "and others later"
        assert await until(lambda: not house.primary.open_requests)


async def test_an_entry_knows_what_it_cost() -> None:
    prices = '[[model]]\nname = "primary/mock-t4-f0-i0"\noutput_usd_per_mtok = 1000000.0'
    async with running(cache=True, kept=prices) as house:
        await ask(house.port, MODEL)
        (entry,) = house.app.memory.cache.exact.entries()
        assert entry.cost_usd == pytest.approx(4.0)
        await ask(house.port, MODEL)
        assert house.app.memory.cache.stats()["saved_usd"] == pytest.approx(4.0)


async def test_what_is_wished_beside_the_body_is_part_of_the_question() -> None:
    async with running(cache=True) as house:
        await ask(house.port, MODEL, text="What is a functor?")
        for wish in ({"budget_tier": "economy"}, {"category": "code"}, {"use_case": "code"}):
            first = await ask(house.port, MODEL, text="What is a functor?", firsttoken=wish)
            again = await ask(house.port, MODEL, text="What is a functor?", firsttoken=wish)
            assert first.headers["x-firsttoken-cache"] == "miss"
            assert again.headers["x-firsttoken-cache"] == "exact"
        timed = {"first_token_ms": 250}  # how long to wait is not what to say
        found = await ask(house.port, MODEL, text="What is a functor?", firsttoken=timed)
        assert found.headers["x-firsttoken-cache"] == "exact"
