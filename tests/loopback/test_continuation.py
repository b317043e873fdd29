"""An answer that breaks off is finished by the next target, in the same stream."""

from __future__ import annotations

import orjson
import pytest

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
