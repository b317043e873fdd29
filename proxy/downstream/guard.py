"""Stands between a handed-over connection and aiohttp, for what aiohttp does not watch.

aiohttp has no deadline for a request's head or body, and its page for a malformed head repeats
that head, Authorization included. The guard lets llhttp read along: bytes that are not strict
HTTP never reach aiohttp, and a request that dawdles is ended. Only asyncio's public protocol
methods are used.

Requests sent ahead are answered in order, refusals too: bytes are cut where one request ends, so
that the good ones before a bad one reach aiohttp, and the refusal waits until they are answered.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httptools

from proxy import headers
from proxy.errors import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.downstream.household import Answering
    from proxy.timing import Clock

HEAD_LIMIT_BYTES = 32 * 1024
_BLANK = b"\r\n\r\n"
_FRAMING = (b"transfer-encoding", b"content-length")
_LOOKED_AT = frozenset((b"expect", b"upgrade", *_FRAMING))

_SILENT = httptools.HttpRequestParser(object())  # in the place of one that is not needed any more


class Guard(asyncio.Protocol):
    """A filter in front of one aiohttp request handler. refused renders an error's body."""

    __slots__ = (
        "_answered", "_complete", "_discard", "_edge", "_handler", "_head", "_head_bytes",
        "_in_body", "_in_head", "_last", "_left", "_limit", "_now", "_parser", "_raw", "_refusal",
        "_refused", "_transport", "_wrong", "answering", "since",
    )  # fmt: skip

    def __init__(
        self,
        handler: asyncio.Protocol,
        now: Clock,
        refused: Callable[[ClientError], bytes],
        discard: Callable[[asyncio.Protocol], None],
        limit: int,
    ) -> None:
        self._handler = handler
        self._now = now
        self._refused = refused
        self._discard = discard
        self._limit = limit  # bytes of a body
        self._head: dict[bytes, bytes] = {}
        self._wrong: ClientError | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._in_head = False
        self._in_body = False
        self._left: int | None = None  # of a body whose length is known
        self._edge = b""  # the end of the last bytes: a head's end may be cut in two
        self._last = False  # the client said that it sends no other request
        self._raw = False  # upgraded: not HTTP any more
        self._head_bytes = 0
        self._complete = 0  # requests that came whole
        self._answered = 0
        self._refusal: ClientError | None = None  # waits for the answers before it
        self.answering: Answering | None = None  # what the handler is giving now
        self.since = now()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a stream protocol gets a Transport
        self._handler.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        at = 0
        while at < len(data) and self._transport is not None and self._refusal is None:
            if self._raw:
                self._handler.data_received(data[at:])
                return
            if self._last and not (self._in_head or self._in_body):
                return  # nobody answers what comes after the last request
            end = self._cut(data, at)
            piece = data if end - at == len(data) else data[at:end]
            if self._may_pass(piece):
                self._handler.data_received(piece)
            at = end
        self._edge = (self._edge + data[-3:])[-3:]

    def _cut(self, data: bytes, at: int) -> int:
        """Up to where bytes are looked at together: no request ends before it."""
        if self._in_body and self._left is not None:
            return min(len(data), at + self._left) if self._left else len(data)
        if at == 0 and self._edge:
            found = (self._edge + data[:3]).find(_BLANK)
            if found >= 0:
                return found + len(_BLANK) - len(self._edge)
        found = data.find(_BLANK, max(0, at - 3))
        return len(data) if found < 0 else found + len(_BLANK)

    def _may_pass(self, piece: bytes) -> bool:
        began = self._in_head
        try:
            self._parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            if self._head.get(b"upgrade") == b"websocket":
                self._raw = True
                self._in_head = self._in_body = False
            elif self._wrong is None:
                self._stay()
        except httptools.HttpParserError:
            self._refuse(ClientError(400, "The request is not valid HTTP.", code="invalid_http"))
            return False
        if self._wrong is not None:
            self._refuse(self._wrong)
            return False
        if self._in_head:
            self._head_bytes = (self._head_bytes if began else 0) + len(piece)
            if self._head_bytes > HEAD_LIMIT_BYTES:
                self._refuse(ClientError(431, "The request's head is too large."))
                return False
        return True

    def _stay(self) -> None:
        """No other upgrade is made: what follows a head that asks for one is its body, of which
        the parser would know nothing."""
        parser, head = self._parser, self._head
        kept = {name: head[name] for name in _FRAMING if name in head}
        if not parser.should_keep_alive():
            kept[b"connection"] = b"close"
        lines = b"".join(b"%b: %b\r\n" % line for line in kept.items())
        version = parser.get_http_version().encode()
        self._complete -= 1  # told too early
        self._parser = httptools.HttpRequestParser(self)
        self._parser.feed_data(b"POST / HTTP/%b\r\n%b\r\n" % (version, lines))

    def answered(self) -> None:
        """The next request in order has its whole answer."""
        self._answered += 1
        if self._refusal is not None and self._answered >= self._complete:
            self._end_with(self._refusal)

    def eof_received(self) -> bool | None:
        return self._handler.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._parser = _SILENT  # it refers back here: the collector would have to find that
        # Here, not where aiohttp's task hears of it: that is a turn of the loop later.
        answering, self.answering = self.answering, None
        if answering is not None:
            answering.cancel()
        self._discard(self._handler)
        self._handler.connection_lost(exc)

    def pause_writing(self) -> None:
        self._handler.pause_writing()

    def resume_writing(self) -> None:
        self._handler.resume_writing()

    # ---- llhttp ------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._in_head = True
        self._head.clear()
        self._head_bytes = 0
        self.since = self._now()

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name in _LOOKED_AT:
            self._head[name] = value.strip().lower()

    def on_headers_complete(self) -> None:
        self._wrong = self._wrong or self._judge()
        self._in_head = False
        self._in_body = True
        length = self._head.get(b"content-length")
        self._left = int(length) if length is not None and length.isdigit() else None
        self.since = self._now()

    def on_body(self, data: bytes) -> None:
        if self._left is not None:
            self._left -= len(data)

    def on_message_complete(self) -> None:
        self._in_body = False
        self._left = None
        if self._wrong is None:
            self._complete += 1
            self._last = not self._parser.should_keep_alive()

    def _judge(self) -> ClientError | None:
        """What aiohttp would let pass, or answer in its own words."""
        if self._parser.get_http_version() not in ("1.0", "1.1"):
            return ClientError(400, "Only HTTP/1.1 is spoken here.", code="http_version")
        if self._head.get(b"transfer-encoding", b"chunked") != b"chunked":
            return ClientError(400, "The only transfer coding is chunked.", code="transfer_coding")
        expect = self._head.get(b"expect")
        if expect is not None and expect != b"100-continue":
            return ClientError(417, "The expectation cannot be met.", code="expectation")
        length = self._head.get(b"content-length", b"0")
        if expect is not None and length.isdigit() and int(length) > self._limit:
            return ClientError(413, "The body is larger than the limit.", code="body_too_large")
        return None

    # ---- deadlines ------------------------------------------------------------

    def expire(self, head_s: float, body_s: float) -> None:
        """Called now and then: end a head or a body that does not arrive."""
        waited = self._now() - self.since
        if self._in_head and waited > head_s:
            self._refuse(ClientError(408, "The request's head did not arrive in time."))
        elif self._in_body and waited > body_s:
            self._refuse(ClientError(408, "The request's body did not arrive in time."))

    def _refuse(self, error: ClientError) -> None:
        """End the connection with this error, once everything before it is answered."""
        if self._refusal is not None or self._transport is None:
            return
        if self._answered >= self._complete:
            self._end_with(error)
        else:
            self._refusal = error

    def _end_with(self, error: ClientError) -> None:
        transport, self._transport = self._transport, None
        if transport is None or transport.is_closing():
            return
        body = self._refused(error)
        transport.write(
            b"HTTP/1.1 %d Error\r\n%bContent-Length: %d\r\nConnection: close\r\n\r\n%b"
            % (error.status, headers.JSON, len(body), body)
        )
        transport.close()
