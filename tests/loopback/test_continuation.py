"""An answer that breaks off is finished by the next target, in the same stream."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pytest

from benchmarks.mock import expected_text
from benchmarks.mock.scenario import parse
from benchmarks.mock.turn import Act, Step, Turn, chunk
from proxy.upstream.continuation import INSTRUCTION
from tests.loopback.house import ask, running

pytestmark = pytest.mark.loopback

BREAKS = ["reset-mid", "close-mid", "bad-chunk-mid", "end-mid-stream", "error-frame-mid",
          "stall-mid-stream"]  # fmt: skip
ROUTE = "between_tokens_ms = 300"


def chunks(reply):
    return [orjson.loads(one[6:]) for one in reply.events if one.startswith(b"data: {")]


@pytest.mark.parametrize("lane", ["fast", "aiohttp"])
@pytest.mark.parametrize("fault", BREAKS)
async def test_the_next_target_goes_on_in_the_same_stream(fault: str, lane: str) -> None:
    async with running(lane=lane, route=ROUTE) as house:
        reply = await ask(house.port, f"chat-fault-{fault}", stream_options={"include_usage": True})
        assert reply.error is None
        assert reply.body.count(b"[DONE]") == 1
        assert reply.text.startswith(" tok0001")
        assert reply.text.endswith(" alt0004")
        seen = chunks(reply)
        for field in ("id", "created", "model"):
            assert len({chunk[field] for chunk in seen}) == 1, f"the first {field} stays"
        ends = [c["finish_reason"] for chunk in seen for c in chunk["choices"]]
        assert [one for one in ends if one] == ["stop"]
        roles = [c["delta"].get("role") for chunk in seen for c in chunk["choices"]]
        assert roles.count("assistant") == 1
        assert seen[-1]["usage"]["total_tokens"] > 0
        (request,) = house.backup.requests
        turns = orjson.loads(request.body)["messages"]
        assert turns[-1] == {"role": "user", "content": INSTRUCTION}
        assert reply.text.startswith(turns[-2]["content"])


async def test_a_target_that_starts_over_is_joined_without_repeating() -> None:
    async with running(route=ROUTE) as house:
        house.backup.word = "tok"
        reply = await ask(house.port, "chat-mock-t60-f0-i0-x40")
        words = reply.text.split()
        assert words == sorted(set(words)), "every word once, in order"
        assert b"[DONE]" in reply.body


@pytest.mark.parametrize(
    "more",
    [
        {"response_format": {"type": "json_object"}},
        {"logprobs": True},
        {"n": 2},
    ],
)
async def test_what_cannot_be_joined_ends_with_an_error(more) -> None:
    async with running(route=ROUTE) as house:
        reply = await ask(house.port, "chat-fault-reset-mid", **more)
        assert reply.error is not None
        assert b"[DONE]" not in reply.body
        assert house.backup.requests == []


async def test_when_nobody_can_go_on_the_stream_ends_with_an_error() -> None:
    async with running(route=ROUTE) as house:
        house.backup.script("mock-t4-f0-i0", house.backup.default.__class__(status=500))
        reply = await ask(house.port, "chat-fault-reset-mid")
        assert reply.text.startswith(" tok0001")
        assert reply.error is not None
        assert b"[DONE]" not in reply.body


async def test_a_whole_answer_gathered_from_a_broken_stream_starts_over() -> None:
    async with running(route=f"{ROUTE}\nstream_upstream = true") as house:
        reply = await ask(house.port, "chat-fault-reset-mid", stream=False)
        assert reply.status == 200
        text = orjson.loads(reply.body)["choices"][0]["message"]["content"]
        assert text == " alt0001 alt0002 alt0003 alt0004"


SAME = "mock-t4-f0-i0"
STILL = {"seed": 7, "temperature": 0}


@pytest.mark.parametrize("form", [{}, {"response_format": {"type": "json_object"}}])
async def test_the_same_answer_once_more_is_joined_where_it_proves_to_be_the_same(form) -> None:
    async with running(route=ROUTE) as house:
        house.primary.script(SAME, parse(f"{SAME}-x2", ()))
        house.backup.word = "tok"
        reply = await ask(
            house.port, f"chat-{SAME}", stream_options={"include_usage": True}, **STILL, **form
        )
        assert reply.error is None
        assert reply.text == expected_text(SAME)
        (request,) = house.backup.requests
        assert len(orjson.loads(request.body)["messages"]) == 1, "asked as the first was"
        usage = chunks(reply)[-1]["usage"]
        assert usage["prompt_tokens"] > 12, "both attempts were paid for"
        assert usage["completion_tokens"] > 4


async def test_an_answer_that_is_not_the_same_is_left_for_a_continuation() -> None:
    async with running(route=ROUTE) as house:
        house.primary.script(SAME, parse(f"{SAME}-x2", ()))
        reply = await ask(house.port, f"chat-{SAME}", **STILL)
        assert reply.error is None
        assert reply.text == " tok0001 tok0002 alt0001 alt0002 alt0003 alt0004"
        first, second = (orjson.loads(one.body)["messages"] for one in house.backup.requests)
        assert len(first) == 1
        assert second[-1]["content"] == INSTRUCTION
        assert (
            not house.app.memory.breakers.snapshot(0.0)
            .get(f"backup/{SAME}", {})
            .get("failureCount")
        ), "nobody failed"


async def test_a_form_without_another_target_is_proven_at_the_same_one() -> None:
    form = {"response_format": {"type": "json_object"}}
    async with running(route=ROUTE) as house:
        house.primary.script(SAME, parse(f"{SAME}-x2", ()), parse(SAME, ()))
        reply = await ask(house.port, f"alone-{SAME}", **STILL, **form)
        assert (reply.error, reply.text) == (None, expected_text(SAME))


async def test_a_form_that_comes_out_otherwise_ends_with_an_error() -> None:
    form = {"response_format": {"type": "json_object"}}
    async with running(route=ROUTE) as house:
        house.primary.script(SAME, parse(f"{SAME}-x2", ()))
        reply = await ask(house.port, f"chat-{SAME}", **STILL, **form)
        assert reply.text == " tok0001 tok0002"
        assert reply.error is not None
        assert b"[DONE]" not in reply.body


async def test_a_continuation_that_breaks_is_continued() -> None:
    async with running(route=ROUTE) as house:
        house.primary.script(SAME, parse(f"{SAME}-x2", ()), parse(SAME, ()))
        house.backup.script(SAME, parse(f"{SAME}-x1", ()))
        reply = await ask(house.port, f"chat-{SAME}")
        assert reply.error is None
        assert reply.text.startswith(" tok0001 tok0002 alt0001")
        assert reply.text.endswith(" tok0003 tok0004")
        assert reply.body.count(b"[DONE]") == 1


async def test_a_prompt_is_continued_by_a_longer_prompt() -> None:
    async with running(route=ROUTE) as house:
        house.primary.script(SAME, parse(f"{SAME}-x2", ()))
        reply = await ask(house.port, f"chat-{SAME}", path="/v1/completions", prompt="Tell me")
        assert reply.body.count(b"[DONE]") == 1
        (request,) = house.backup.requests
        assert orjson.loads(request.body)["prompt"] == "Tell me tok0001 tok0002"


def breaks_while_thinking(turn: Turn) -> Iterator[Step]:
    """A model that shows what it thinks, and is cut off before its first word."""
    yield turn.head()
    delta = (
        b'{"index":0,"delta":{"role":"assistant","reasoning_content":"hm"},"finish_reason":null}'
    )
    yield chunk(b'data: {"id":"c1","created":7,"model":"m","choices":[%b]}\n\n' % delta)
    yield 0.02
    yield Act.RESET


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
async def test_a_model_that_broke_off_while_thinking_is_replaced_in_the_same_stream(path) -> None:
    async with running(route=ROUTE) as house:
        house.primary.script(SAME, breaks_while_thinking)
        form = {"response_format": {"type": "json_object"}} if "chat" in path else {}
        reply = await ask(house.port, f"chat-{SAME}", path=path, max_tokens=50, **form)
        assert reply.error is None
        assert b'"hm"' in reply.body
        assert [reply.body.count(b" alt%04d" % number) for number in range(1, 5)] == [1] * 4
        assert reply.body.count(b"[DONE]" if "chat" in path else b"message_stop\n") == 1
        (request,) = house.backup.requests
        assert len(orjson.loads(request.body)["messages"]) == 1
