"""The smuggling corpus on real sockets, both lanes; and mutated heads beside aiohttp's verdict."""

from __future__ import annotations

import asyncio
import re

import pytest
from aiohttp.http_exceptions import BadHttpMessage
from aiohttp.http_parser import HttpRequestParser
from hypothesis import given
from hypothesis import strategies as st

from proxy.downstream.auth import Keyring
from proxy.downstream.front import Front
from proxy.downstream.head import Head, Heads
from proxy.errors import ClientError
from proxy.outbox import Outbox
from tests.fuzz.bytes import cut, mutated
from tests.fuzz.conftest import PROFILE
from tests.fuzz.heads import CODINGS, HEADERS, LENGTHS, corpus
from tests.loopback.house import running

CASES = dict(corpus())


async def statuses(port: int, data: bytes) -> list[int]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    raw = b""
    try:
        async with asyncio.timeout(5):
            while data := await reader.read(65536):
                raw += data
    except ConnectionError:
        pass
    except TimeoutError:
        return [200]  # left open: somebody waits for more
    writer.close()
    return [int(one) for one in re.findall(rb"HTTP/1\.1 (\d{3})", raw)]


@pytest.mark.loopback
@pytest.mark.parametrize("lane", ["fast", "aiohttp"])
async def test_nothing_is_smuggled(lane: str) -> None:
    assert len(CASES) > 130
    async with running(lane=lane, server="head_seconds = 1\nbody_seconds = 1") as house:
        wrong: dict[str, object] = {}
        gate = asyncio.Semaphore(20)

        async def one(name: str, data: bytes) -> None:
            async with gate:
                found = await statuses(house.port, data)
            if len(found) > 1 or any(status < 400 for status in found):
                wrong[name] = (found, data[:160])

        await asyncio.gather(*(one(name, data) for name, data in CASES.items()))
        seen = [record for record in house.primary.requests if b"smuggled" in repr(record).encode()]
        assert not wrong, wrong
        assert not seen, seen


# ---- heads beside aiohttp's verdict ------------------------------------------------------------

RIGHT = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer k\r\n"
    b"Content-Type: application/json\r\nContent-Length: 12\r\n\r\n"
)
TRACED = RIGHT.replace(b"Host", b"traceparent: 00-1-2-01\r\nHost")
PIECES = [*CODINGS, *(one.replace(b"%d", b"12").replace(b"%x", b"c") for one in LENGTHS), *HEADERS,
          b"\r\n", b"\n", b"\r", b"\x00", b" ", b"\t", b":", b"Expect: 100-continue\r\n",
          b"Upgrade: h2c\r\n", b"Connection: close\r\n", b"GET", b"HTTP/1.0"]  # fmt: skip


class Shop:
    """A service that all streets share, as all requests share the heads that were seen before."""

    max_body_bytes = 1 << 20
    fast_lane = True
    keys = Keyring({})

    def refused(self, error: ClientError, kind: str) -> bytes:
        return b"{}"


class Street:
    """What a Front needs of its house and its transport: remembers what happened."""

    service = Shop()
    heads = Heads()
    draining = False
    open = 0  # being answered: nothing waits for the end of a turn

    def __init__(self) -> None:
        self.outbox = Outbox(lambda call: None, self)
        self.fronts: set[Front] = set()
        self.served: list[bytes] = []
        self.written = b""
        self.handed: list[bytes] = []
        self.closed = False

    def now(self) -> float:
        return 0.0

    def refused(self, error: ClientError, kind: str = "openai") -> bytes:
        return self.service.refused(error, kind)

    def hand_over(self, transport, data: bytes) -> None:
        self.handed.append(data)

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    abort = pause_reading = resume_reading = close


class Taking(Front):
    """Takes a request for the body it found, and answers nothing."""

    def _serve(self, head: Head, body: bytes) -> None:
        self._busy = True
        if head.caller is None:
            self._know(head, self._house.service)  # the next such head is not judged again
        self._house.served.append(body)


@PROFILE
@given(mutated(RIGHT, PIECES) | mutated(TRACED, PIECES), st.data())
def test_what_the_lean_lane_takes_aiohttp_would_take_too(head: bytes, data) -> None:
    """A request is served here only where aiohttp reads one POST with the same length."""
    street = Street()
    front = Taking(street, None)
    front.connection_made(street)
    if data.draw(st.booleans()):  # a connection that has brought a request before
        front.data_received(data.draw(st.sampled_from((RIGHT, TRACED))) + b'{"model":""}')
        assert len(street.served) == 1
        street.served.clear()
        front._busy = False
    stream = head + b'{"model":""}'
    for piece in data.draw(cut(stream)):
        if not (street.closed or street.handed):
            front.data_received(piece)
    if not street.served:
        return
    assert len(street.served) == 1
    loop = asyncio.new_event_loop()
    try:
        parser = HttpRequestParser(Quiet(), loop, 2**16)
        (message, body), *_ = parser.feed_data(head)[0]
    except BadHttpMessage as error:
        pytest.fail(f"aiohttp refuses what was served: {error!r}")
    finally:
        loop.close()
    assert message.method == "POST"
    assert message.path in ("/v1/chat/completions", "/chat/completions", "/v1/completions")
    assert int(message.headers["Content-Length"]) == len(street.served[0])
    assert not message.chunked
    assert len(message.headers.getall("Content-Length")) == 1
    del body


class Quiet:
    """aiohttp's protocol, for a parser that is asked about heads only."""

    _reading_paused = False

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
