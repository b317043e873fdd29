"""Stands between a handed-over connection and aiohttp, for what aiohttp does not watch.

aiohttp has no deadline for a request's head or body, and its page for a malformed head repeats
that head, Authorization included. The guard lets llhttp read along: bytes that are not strict
HTTP never reach aiohttp, and a request that dawdles is ended. Only asyncio's public protocol
methods are used.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httptools

from proxy import headers
from proxy.errors import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.timing import Clock

HEAD_LIMIT_BYTES = 32 * 1024


class Guard(asyncio.Protocol):
    """A filter in front of one aiohttp request handler. refused renders an error's body."""

    __slots__ = (
        "_discard", "_handler", "_head", "_head_bytes", "_in_body", "_in_head", "_limit", "_now",
        "_parser", "_raw", "_refused", "_transport", "_wrong", "since",
    )  # fmt: skip

    def __init__(
        self,
        handler: asyncio.Protocol,
        now: Clock,
        refused: Callable[[ClientError], bytes],
        discard: Callable[[Guard], None],
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
        self._raw = False  # upgraded: not HTTP any more
        self._head_bytes = 0
        self.since = now()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a stream protocol gets a Transport
        self._handler.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self._transport is None:
            return
        if not self._raw:
            if self._in_head:
                self._head_bytes += len(data)
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade:
                self._raw = True
                self._in_head = self._in_body = False
            except httptools.HttpParserError:
                self._refuse(
                    ClientError(400, "The request is not valid HTTP.", code="invalid_http")
                )
                return
            if self._wrong is not None:
                self._refuse(self._wrong)
                return
            if self._in_head and self._head_bytes > HEAD_LIMIT_BYTES:
                self._refuse(ClientError(431, "The request's head is too large."))
                return
        self._handler.data_received(data)

    def eof_received(self) -> bool | None:
        return self._handler.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._discard(self)
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
        if name in (b"expect", b"transfer-encoding", b"content-length"):
            self._head[name] = value.strip().lower()

    def on_headers_complete(self) -> None:
        self._wrong = self._wrong or self._judge()
        self._in_head = False
        self._in_body = True
        self.since = self._now()

    def on_message_complete(self) -> None:
        self._in_body = False

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
        transport, self._transport = self._transport, None
        if transport is None:
            return
        body = self._refused(error)
        transport.write(
            b"HTTP/1.1 %d Error\r\n%bContent-Length: %d\r\nConnection: close\r\n\r\n%b"
            % (error.status, headers.JSON, len(body), body)
        )
        transport.close()
