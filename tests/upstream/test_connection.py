"""The lean upstream connection on real sockets, against every framing the scripted upstream has."""

from __future__ import annotations

import asyncio

import pytest

from benchmarks.mock import ScriptedUpstream, expected_text
from proxy.errors import Kind, UpstreamFailure
from proxy.timing import Wheel
from proxy.upstream.pool import Origin, Pool

pytestmark = pytest.mark.loopback


class Heard:
    """A listener and a pool's waiter that remembers; done when the answer ended either way."""

    def __init__(self, request: bytes) -> None:
        self.request = request
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.body = b""
        self.end: str | Kind = ""
        self.untouched = False
        self.waiting = True
        self.connection = None
        self.done = asyncio.get_running_loop().create_future()

    def connected(self, connection) -> None:
        self.waiting = False
        self.connection = connection
        connection.send(self.request, self)

    def refused(self, failure: UpstreamFailure) -> None:
        self.end = failure.kind
        self.done.set_result(None)

    def on_head(self, status, kind, headers) -> None:
        self.status = status
        self.headers = {name.lower(): value for name, value in headers.items()}

    def on_body(self, data) -> None:
        self.body += data

    def on_end(self) -> None:
        self.end = "end"
        self.done.set_result(None)

    def on_lost(self, kind, detail, *, untouched) -> None:
        self.end, self.untouched = kind, untouched
        self.done.set_result(None)


def pool_to(port: int, **origin) -> Pool:
    loop = asyncio.get_running_loop()
    return Pool(
        Origin("127.0.0.1", port, **origin),
        Wheel(loop.time, loop.call_at),
        loop.time,
        loop.create_task,
    )


def request_for(model: str, *, stream: bool = True) -> bytes:
    flag = b"true" if stream else b"false"
    body = b'{"model":"%b","stream":%b,"messages":[{"role":"user","content":"hi"}]}' % (
        model.encode(),
        flag,
    )
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    return b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)


async def ask(pool: Pool, model: str, *, stream: bool = True) -> Heard:
    heard = Heard(request_for(model, stream=stream))
    connection = pool.take()
    if connection is None:
        pool.dial(heard)
    else:
        heard.connected(connection)
    async with asyncio.timeout(5):
        await heard.done
    return heard


@pytest.mark.parametrize(
    "model",
    [
        "mock-t5-f0-i0",
        "fault-byte-at-a-time",
        "fault-one-write",
        "fault-100-continue",
        "fault-103",
        "fault-http10-close",
        "fault-close-delimited",
        "fault-chunk-extensions",
        "fault-trailers",
        "fault-gzip",
        "fault-deflate",
    ],
)
async def test_every_framing_gives_the_same_body(model: str) -> None:
    async with ScriptedUpstream() as upstream:
        heard = await ask(pool_to(upstream.port), model)
    assert heard.end == "end"
    assert heard.status == 200
    for word in expected_text(model).split():
        assert word.encode() in heard.body


@pytest.mark.parametrize(
    "model",
    [
        "fault-garbage",
        "fault-huge-header",
        "fault-header-flood",
        "fault-cl-and-te",
        "fault-two-cl",
        "fault-bad-chunk-mid",
    ],
)
async def test_what_is_not_valid_http_is_a_protocol_failure(model: str) -> None:
    async with ScriptedUpstream() as upstream:
        heard = await ask(pool_to(upstream.port), model)
    assert heard.end is Kind.PROTOCOL


@pytest.mark.parametrize(
    "model", ["fault-reset-before-headers", "fault-close-before-headers", "fault-close-mid"]
)
async def test_an_early_end_is_a_reset(model: str) -> None:
    async with ScriptedUpstream() as upstream:
        heard = await ask(pool_to(upstream.port), model)
    assert heard.end is Kind.RESET
    assert not heard.untouched


async def test_what_came_before_a_broken_chunk_is_not_lost() -> None:
    async with ScriptedUpstream() as upstream:
        heard = await ask(pool_to(upstream.port), "fault-bad-chunk-mid")
    assert b"data: " in heard.body


async def test_a_connection_is_kept_and_used_again() -> None:
    async with ScriptedUpstream() as upstream:
        pool = pool_to(upstream.port)
        for _ in range(5):
            heard = await ask(pool, "mock-t2-f0-i0")
            assert heard.end == "end"
        assert upstream.totals.connections == 1
        assert pool.idle == 1
        pool.close()
        assert pool.idle == 0


async def test_a_kept_connection_that_dies_says_that_nothing_was_answered() -> None:
    async with ScriptedUpstream() as upstream:
        pool = pool_to(upstream.port)
        await ask(pool, "mock-t2-f0-i0")
        heard = await ask(pool, "fault-reset-before-headers")
    assert heard.end is Kind.RESET
    assert heard.untouched


async def test_a_refused_connection_is_a_failure_in_words() -> None:
    async with ScriptedUpstream() as upstream:
        port = upstream.port
    heard = await ask(pool_to(port), "mock")
    assert heard.end is Kind.CONNECT


async def test_a_silent_tls_handshake_ends_at_the_connect_limit() -> None:
    async with ScriptedUpstream() as upstream:
        heard = await ask(pool_to(upstream.port, tls=True, connect_seconds=0.2), "mock")
    assert heard.end is Kind.CONNECT


async def test_an_abort_closes_the_upstream_at_once() -> None:
    async with ScriptedUpstream() as upstream:
        pool = pool_to(upstream.port)
        heard = Heard(request_for("mock-t1000-f0-i20"))
        pool.dial(heard)
        while not heard.body:
            await asyncio.sleep(0.005)
        heard.connection.abort()
        async with asyncio.timeout(1):
            while upstream.totals.open_requests:
                await asyncio.sleep(0.005)
        assert upstream.totals.left_by_client == 1
        assert pool.idle == 0
