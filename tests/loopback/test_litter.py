"""What a request leaves behind, however it ends: nothing that only the collector could find.

The collector stops everything while it looks, for milliseconds where many streams are open; and
what waits for it is memory that the process never gives back.
"""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable

import orjson
import pytest

from tests.loopback.house import Running, ask, running

pytestmark = pytest.mark.loopback

TIMES = 5
SAID = [{"role": "user", "content": "What is 3?"}]
FAULTS = (
    "500", "503-empty", "429", "reset-before-headers", "close-after-headers", "empty-stream",
    "200-html", "error-frame-first", "garbage", "reset-mid", "close-mid", "bad-chunk-mid",
    "end-mid-stream", "error-frame-mid", "huge-header", "401-echo-key", "400-context",
)  # fmt: skip


async def post(port: int, path: str, body: object, *, leave: str = "") -> None:
    """One request on a connection of its own. leave: "at once", or "midway"."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    data = orjson.dumps(body)
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(data)}"
    writer.write(head.encode() + b"\r\n\r\n" + data)
    if leave == "midway":
        await reader.read(2000)
    elif leave:
        await asyncio.sleep(0.05)
    else:
        await reader.read()
    writer.close()


def asked(path: str, leave: str = "", **body: object) -> Callable[[Running, int], Awaitable[None]]:
    def one(house: Running, number: int) -> Awaitable[None]:
        texts = {name: value.replace("3", str(number)) if isinstance(value, str) and name == "input"
                 else value for name, value in body.items()}  # fmt: skip
        return post(house.port, path, texts, leave=leave)

    return one


def broken(fault: str) -> Callable[[Running, int], Awaitable[object]]:
    return lambda house, number: ask(house.port, f"alone-fault-{fault}", text=f"What is {number}?")


def usual(*, stream: bool) -> Callable[[Running, int], Awaitable[object]]:
    def one(house: Running, number: int) -> Awaitable[object]:
        model = "chat-mock-t4-f0-i0" if number else "chat-mock-e500"  # one by the backup
        return ask(house.port, model, stream=stream, text=f"What is {number}?")

    return one


CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"
WAYS = {
    "stream": usual(stream=True),
    "whole": usual(stream=False),
    "translated stream": asked(
        MESSAGES, model="chat-mock-t6-f0-i2", max_tokens=50, stream=True, messages=SAID
    ),
    "translated": asked(MESSAGES, model="chat-mock-t6-f0-i0", max_tokens=50, messages=SAID),
    "responses": asked(RESPONSES, model="chat-mock-t6-f0-i2", stream=True, input="What is 3?"),
    "hedged": asked(CHAT, model="chat-mock-s0", stream=True, messages=SAID),
    "no object": lambda house, _: post(house.port, CHAT, [1]),
    "no such model": asked(CHAT, model="nothing", messages=SAID),
    "passed on": asked("/v1/images/generations", model="chat-mock-t6", prompt="x"),
    "refused beside": asked("/v1/embeddings", input="x"),
    "left midway": asked(CHAT, "midway", model="alone-mock-t400-f0-i5", stream=True, messages=SAID),
    "left at once": asked(
        CHAT, "at once", model="alone-mock-t4-f3000-i5", stream=True, messages=SAID
    ),
    **{f"fault {fault}": broken(fault) for fault in FAULTS},
}


async def litter(house: Running, ways: Iterable[str]) -> Counter[str]:
    """Our own objects among the garbage of some such requests, all at once, by type."""
    await asyncio.gather(*(WAYS[way](house, 99) for way in ways))  # what is made once and kept
    await asyncio.sleep(0.05)
    gc.collect()
    gc.disable()
    try:
        await asyncio.gather(*(WAYS[way](house, number) for way in ways for number in range(TIMES)))
        await asyncio.sleep(0.1)
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        return Counter(
            type(one).__name__ for one in gc.garbage if type(one).__module__.startswith("proxy.")
        )
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


@pytest.mark.parametrize("cache", [True, False])
@pytest.mark.parametrize("lane", ["fast", "aiohttp"])
async def test_requests_leave_no_cycles(lane: str, cache: bool) -> None:
    async with running(cache=cache, lane=lane, deadline=2000) as house:
        found = await litter(house, WAYS)
        each = {way: await litter(house, [way]) for way in WAYS} if found else {}
        assert found == Counter(), {way: left for way, left in each.items() if left}
