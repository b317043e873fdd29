"""A proxy without sockets: what it reads and writes is handed over by calls.

The proxy is whole, from its client's bytes to the last of the answer's; only the kernel is
missing, so that a difference of a microsecond can be seen.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from proxy import config
from proxy.app import App
from proxy.downstream.front import Front
from proxy.state.gaps import Gaps
from proxy.state.latency import Latency

if TYPE_CHECKING:
    from collections.abc import Callable

HEALTHY = """
first_token_ms = 600000
between_tokens_ms = 600000
on_stall = "switch"
on_break = "error"
hedge_budget = 0.0
targets = ["primary/*"]
"""
ROUTES = {
    "everything": 'targets = ["primary/*", "backup/*"]',  # all else by default
    "fixed deadlines, one target": HEALTHY,
    "the same, nothing remembered": HEALTHY,
}
FORGETFUL = "the same, nothing remembered"
_CONFIG = """
[server]
port = 0
log = "off"
[local]
enabled = false
[cache]
enabled = false
[embeddings]
enabled = false
[ledger]
enabled = false
[[provider]]
name = "primary"
dialect = "openai"
base_url = "http://127.0.0.1:1/v1"
[[provider]]
name = "backup"
dialect = "openai"
base_url = "http://127.0.0.1:2/v1"
[[route]]
name = "*"
{route}
"""
_ASKED = (
    b'{"model":"m","messages":[{"role":"system","content":"You answer briefly."},{"role":"user",'
    b'"content":"What is the history of the city of Paris and its bridges?"}]%b}'
)
_HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
_CHUNK = (
    b'{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1750000000,"model":"m",'
    b'"choices":[{"index":0,"delta":%b,"finish_reason":%b}]}'
)
_USAGE = (
    b'{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1750000000,"model":"m",'
    b'"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":16,"total_tokens":28}}'
)
_WHOLE = (
    b'{"id":"chatcmpl-1","object":"chat.completion","created":1750000000,"model":"m","choices":'
    b'[{"index":0,"message":{"role":"assistant","content":"It is a long one."},"finish_reason":'
    b'"stop"}],"usage":{"prompt_tokens":12,"completion_tokens":6,"total_tokens":18}}'
)
TOKENS = 16


class Wire(asyncio.Transport):
    """A connection whose other end is this program."""

    def __init__(self, asked: Callable[[Wire], None] | None = None) -> None:
        super().__init__()
        self.protocol: Any = None
        self.written = 0
        self._asked = asked

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += len(data)
        if self._asked is not None:
            self._asked(self)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Who reads from now on: a stream's bytes go to whoever relays them."""
        self.protocol = protocol

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        """Nothing holds it."""

    abort = pause_reading = resume_reading = close


class Loop(asyncio.SelectorEventLoop):
    """An event loop whose connections lead to `asked`: the wires on which a request waits."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Wire] = []

    async def create_connection(self, protocol_factory: Any, *_: Any, **__: Any) -> Any:
        """A wire, connected."""
        wire = Wire(self.asked.append)
        wire.protocol = protocol_factory()
        wire.protocol.connection_made(wire)
        return wire, wire.protocol


class NoTimes(Latency):
    """First-token times that are not kept: what the route says is all there is."""

    def observe(self, *_: object, **__: object) -> None:
        """Nobody will ask."""

    def deadline(self, *_: object, **__: object) -> float:
        """No answer is late."""
        return 600.0


class NoGaps(Gaps):
    """Silences that are not kept."""

    def observe(self, *_: object, **__: object) -> None:
        """Nobody will ask."""


class Subject:
    """One proxy, its client, and the provider that always answers."""

    def __init__(self, name: str, loop: Loop, *, stream: bool) -> None:
        self.name = name
        self._loop = loop
        body = _ASKED % (b',"stream":true' if stream else b"")
        self._request = _HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        self._answer = _streamed() if stream else [_answered()]
        self._client = Wire()

    async def open(self) -> None:
        """Ready, with a warm connection."""
        self._app = App(config.parse(_CONFIG.format(route=ROUTES[self.name]), self.name, {}), {})
        if self.name == FORGETFUL:
            self._app.memory.latency, self._app.memory.gaps = NoTimes(), NoGaps()
        await self._app.open()
        self._front = Front(self._app.house, self._loop)
        self._front.connection_made(self._client)
        self._front.data_received(self._request)
        while not self._loop.asked:  # noqa: ASYNC110 - turns of the loop, until it has dialled
            await asyncio.sleep(0)
        self._reply()
        self.ask(1)

    async def close(self) -> None:
        self._front.connection_lost(None)
        await self._app.close()

    def ask(self, requests: int) -> None:
        """So many, one after the other; each is answered before this returns."""
        for _ in range(requests):
            self._front.data_received(self._request)
            self._reply()

    @property
    def answered_bytes(self) -> int:
        """All that its client has."""
        return self._client.written

    def _reply(self) -> None:
        wire, before = self._loop.asked.pop(), self._client.written
        for piece in self._answer:
            wire.protocol.data_received(piece)
        assert self._client.written > before, "an answer did not arrive"


def _answered() -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % len(_WHOLE) + _WHOLE


def _streamed() -> list[bytes]:
    """The head, the role, the tokens, the reason and the end, each by itself, as they come."""
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    deltas = [(b'{"role":"assistant","content":""}', b"null")]
    deltas += [(b'{"content":" word%d"}' % place, b"null") for place in range(TOKENS)]
    deltas += [(b"{}", b'"stop"')]
    events = [b"data: %b\n\n" % (_CHUNK % one) for one in deltas]
    events += [b"data: %b\n\n" % _USAGE, b"data: [DONE]\n\n"]
    pieces = [b"%x\r\n%b\r\n" % (len(event), event) for event in events]
    return [head, *pieces, b"0\r\n\r\n"]
