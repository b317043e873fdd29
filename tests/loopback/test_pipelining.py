"""Requests sent ahead through aiohttp are answered in order, and a bad one last."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from tests.loopback.conftest import _answers
from tests.loopback.house import running

pytestmark = pytest.mark.loopback


def request(text: str, model: str = "alone-mock-t2-f60-i0", *, chunked: bool = False) -> bytes:
    body = orjson.dumps({"model": model, "messages": [{"role": "user", "content": text}]})
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
    if chunked:
        return head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    return head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


HEALTH = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
BAD = {
    "garbage": (b"\x16\x03\x01\r\n\r\n", 400),
    "bad header": (b"GET /health HTTP/1.1\r\nHost: x\r\nA b: 1\r\n\r\n", 400),
    "bad version": (b"GET /health HTTP/0.9\r\nHost: x\r\n\r\n", 400),
    "two lengths": (
        b"POST /v1/completions HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400,
    ),
    "expectation": (b"GET /health HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n", 417),
    "bad chunk": (
        b"POST /v1/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400,
    ),
}  # fmt: skip


async def send(port: int, data: bytes, size: int) -> list:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for at in range(0, len(data), size):
            writer.write(data[at : at + size])
            if size < 1000:
                await asyncio.sleep(0)
        async with asyncio.timeout(5):
            return _answers(await reader.read())
    finally:
        writer.close()


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("size", [1 << 20, 16])
async def test_a_malformed_request_is_refused_after_the_good_ones(bad: str, size: int) -> None:
    raw, status = BAD[bad]
    good = request("one") + HEALTH + request("two", chunked=True)
    async with running(lane="aiohttp") as house:
        answers = await send(house.port, good + raw, size)
        assert [one.status for one in answers] == [200, 200, 200, status]
        assert all(one.complete for one in answers)
        assert answers[0].json["choices"][0]["message"]["content"]
        assert answers[1].json == {"status": "ok"}
        assert len(house.primary.requests) == 2


@pytest.mark.parametrize("bad", BAD)
async def test_a_malformed_first_request_is_refused_at_once(bad: str) -> None:
    raw, status = BAD[bad]
    async with running(lane="aiohttp") as house:
        (answer,) = await send(house.port, raw + HEALTH, 1 << 20)
        assert answer.status == status
        assert house.primary.requests == []


async def test_a_head_that_does_not_arrive_does_not_cut_an_answer() -> None:
    async with running(lane="aiohttp", server="head_seconds = 0.3") as house:
        ahead = request("one", "alone-mock-t2-f1800-i0")
        answers = await send(house.port, ahead + b"GET /health HT", 1 << 20)
        assert [one.status for one in answers] == [200, 408]


async def test_nothing_is_answered_after_the_last_request() -> None:
    last = HEALTH.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    async with running(lane="aiohttp") as house:
        (answer,) = await send(house.port, last + b"\x00\x01", 1 << 20)
        assert answer.status == 200


@pytest.mark.parametrize("lane", ["fast", "aiohttp"])
@pytest.mark.parametrize("size", [1 << 20, 7])
async def test_many_requests_ahead_of_all_kinds(lane: str, size: int) -> None:
    ahead = [request("a"), HEALTH, b"\r\n" + request("b", chunked=True), HEALTH, request("c")]
    last = HEALTH.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    async with running(lane=lane) as house:
        answers = await send(house.port, b"".join([*ahead, last]), size)
        assert [one.status for one in answers] == [200] * 6


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/messages/nothing", 404),
        ("/v1/messages/batches", 404),
        ("/v1/messages", 405),
    ],
)
async def test_errors_below_messages_are_anthropic_s(path: str, status: int) -> None:
    async with running() as house:
        last = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        (answer,) = await send(house.port, last.encode(), 1 << 20)
        assert answer.status == status
        assert answer.json["type"] == "error"
        assert answer.json["error"]["type"]
        assert answer.json["error"]["message"]
