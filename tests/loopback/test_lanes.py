"""Two lanes, one behaviour: what the lean lane answers, the aiohttp application answers too.

The complete application is the oracle: for every request both are asked, and status, body and
headers must agree, but for what is each exchange's own (ids, times).
"""

from __future__ import annotations

import asyncio
import re

import orjson
import pytest

from tests.loopback.house import parse, running

pytestmark = pytest.mark.loopback

OWN = {"x-request-id", "server-timing", "date", "server", "connection", "keep-alive"}


def chat(model="alone-mock-t4-f0-i0", **more):
    return {"model": model, "messages": [{"role": "user", "content": "hi"}], **more}


CASES = {
    "stream": chat(stream=True),
    "whole": chat(),
    "usage asked": chat(stream=True, stream_options={"include_usage": True}),
    "fallback": chat("chat-fault-500", stream=True),
    "fallback whole": chat("chat-fault-500"),
    "mid-stream break": chat("alone-fault-reset-mid", stream=True),
    "error frame": chat("alone-fault-error-frame-first", stream=True),
    "rate limited": chat("alone-fault-429-7"),
    "no model": {"messages": [{"role": "user", "content": "hi"}]},
    "unknown model": chat("nothing-like-it"),
    "no messages": {"model": "alone-mock"},
    "empty messages": {"model": "alone-mock", "messages": []},
    "wrong role": {"model": "alone-mock", "messages": [{"role": "king", "content": "hi"}]},
    "wrong type": chat(temperature="hot"),
    "wrong option": chat(firsttoken={"cache": "maybe"}),
    "unknown option": chat(firsttoken={"colour": "blue"}),
    "tags": chat(firsttoken={"tags": ["a", "b"], "category": "code"}),
    "not an object": [1, 2],
    "unicode": {"model": "alone-mock-t4-f0-i0",
                "messages": [{"role": "user", "content": "déjà vu 🙂"}]},
}  # fmt: skip

RAW = {
    "bad json": b'{"model": "alone-mock"',
    "bad utf-8": b'{"model": "\xff\xfe"}',
    "not a number": b'{"model": "alone-mock", "temperature": NaN}',
    "deep": b'{"model": "alone-mock", "messages": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    "empty": b"",
}


async def send(port: int, body: bytes, path: bytes = b"/v1/chat/completions", extra: bytes = b""):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n%b"
        b"Content-Length: %d\r\nConnection: close\r\n\r\n%b" % (path, extra, len(body), body)
    )
    try:
        async with asyncio.timeout(10):
            return parse(await reader.read())
    finally:
        writer.close()


def comparable(reply):
    headers = {name: value for name, value in reply.headers.items() if name not in OWN}
    body = re.sub(rb"req_[0-9a-f]+", b"req_", reply.body)
    return reply.status, headers, body, reply.cut


@pytest.fixture
async def lanes():
    async with running(lane="fast") as fast, running(lane="aiohttp") as slow:
        yield fast, slow


@pytest.mark.parametrize("name", [*CASES, *RAW])
async def test_both_lanes_answer_alike(name: str, lanes) -> None:
    body = RAW[name] if name in RAW else orjson.dumps(CASES[name])
    answers = [comparable(await send(house.port, body)) for house in lanes]
    assert answers[0] == answers[1]
    assert answers[0][0] in (200, 400, 404, 429, 502)


@pytest.mark.parametrize("path", [b"/chat/completions", b"/v1/completions"])
async def test_other_paths_answer_alike(path: bytes, lanes) -> None:
    body = orjson.dumps({**chat(stream=True), "prompt": "once"})
    fast, slow = [comparable(await send(house.port, body, path)) for house in lanes]
    assert fast == slow
    assert fast[0] == 200


async def test_option_headers_are_read_alike(lanes) -> None:
    extra = b"x-firsttoken-category: creative\r\nx-firsttoken-first-token-ms: 900\r\n"
    body = orjson.dumps(chat())
    fast, slow = [comparable(await send(house.port, body, extra=extra)) for house in lanes]
    assert fast == slow
    assert fast[1]["x-firsttoken-category"] == "creative"


async def test_what_upstream_sees_is_the_same(lanes) -> None:
    seen = []
    for house in lanes:
        await send(house.port, orjson.dumps(chat(stream=True, user="u", firsttoken={})))
        request = house.primary.requests[-1]
        headers = {k: v for k, v in request.headers.items() if k not in ("host", "content-length")}
        seen.append((request.path, headers, orjson.loads(request.body)))
    assert seen[0] == seen[1]
    assert "firsttoken" not in seen[0][2]
    assert seen[0][1]["authorization"] == "Bearer sk-primary-secret"


async def test_pass_through_is_byte_for_byte(lanes) -> None:
    """Where the client asked for usage itself nothing of the provider's stream is touched."""
    body = orjson.dumps(chat(stream=True, stream_options={"include_usage": True}))
    for house in lanes:
        reply = await send(house.port, body)
        reader, writer = await asyncio.open_connection("127.0.0.1", house.primary.port)
        direct = orjson.dumps(
            {**orjson.loads(body), "model": "mock-t4-f0-i0"}
        )  # what the proxy sends
        writer.write(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (len(direct), direct)
        )
        expected = parse(await reader.read())
        writer.close()
        strip = re.compile(rb'"id":"[^"]*"')
        assert strip.sub(b"", reply.body) == strip.sub(b"", expected.body)
