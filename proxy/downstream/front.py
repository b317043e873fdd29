"""The lean lane: a client's connection, from accept to the last byte of each answer.

A hot request (a POST to a completion path, one Content-Length, nothing odd) is parsed, served
and answered here, in plain calls from data_received. Anything else is handed to aiohttp on the
same connection, by way of the guard. llhttp judges every head; the client's header bytes are
never forwarded.
"""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from time import perf_counter
from typing import TYPE_CHECKING

import httptools

from proxy import headers
from proxy.downstream.admit import admit
from proxy.downstream.head import HEAD_LIMIT_BYTES, Head
from proxy.downstream.household import too_large
from proxy.errors import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.downstream.household import Answering, House, Service
    from proxy.exchange import Caller, Share

log = logging.getLogger("firsttoken")

PIPELINE_LIMIT_BYTES = 64 * 1024  # read ahead while a request is being answered

_NO_HEAD = Head({}, "", hot=False, keep=False)
_LINES = {
    status.value: b"HTTP/1.1 %d %b\r\n" % (status.value, status.phrase.encode())
    for status in HTTPStatus
}
_CLOSE = b"Connection: close\r\n"


def complete(status: int, lines: bytes, body: bytes, close: bytes = b"") -> bytes:
    """A complete answer on the wire. lines: its headers; close: the one that ends a connection."""
    line = _LINES.get(status) or b"HTTP/1.1 %d Error\r\n" % status
    return b"%b%b%bContent-Length: %d\r\n\r\n%b" % (line, lines, close, len(body), body)


class Front(asyncio.Protocol):
    """One client connection; serves one request at a time, in order."""

    __slots__ = (
        "_answering",
        "_buffer",
        "_busy",
        "_chunks",
        "_head",
        "_house",
        "_keep",
        "_last",
        "_loop",
        "_missing",
        "_posted",
        "_share",
        "_started_s",
        "_transport",
        "since",
    )  # fmt: skip

    def __init__(self, house: House, loop: asyncio.AbstractEventLoop) -> None:
        self._house = house
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._buffer = b""  # a partial head, or what was read ahead
        self._chunks: list[bytes] = []  # a partial body
        self._missing = 0  # bytes of it still to come
        self._head = _NO_HEAD  # of the request whose body is still to come
        self._last = _NO_HEAD  # the one that is likely to come again
        self._keep = True
        self._busy = False
        self._share: Share | None = None  # of the caller whose request is being answered
        self._started_s = 0.0
        self._posted = 0  # the outbox' turn, when an answer was last left there
        self._answering: Answering | None = None
        self.since = house.now()  # when the present wait began

    # ---- asyncio ------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a stream protocol gets a Transport
        self._house.fronts.add(self)

    def data_received(self, data: bytes) -> None:
        outbox = self._house.outbox
        if self._posted == outbox.turn:
            outbox.flush()  # whatever comes of this may be written at once: not before that answer
        if self._busy:
            self._buffer += data
            if len(self._buffer) > PIPELINE_LIMIT_BYTES and self._transport is not None:
                self._transport.pause_reading()
            return
        if self._missing:
            self._collect(data)
            return
        if self._buffer:
            data = self._buffer + data
            self._buffer = b""
        self._read_head(data)

    def eof_received(self) -> None:
        return None  # a client that ends its side has left: connection_lost follows

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._transport = None
        self._house.fronts.discard(self)
        answering, self._answering = self._answering, None
        if answering is not None:
            answering.cancel()
        self._leave()

    def pause_writing(self) -> None:
        if self._answering is not None:
            self._answering.pause()

    def resume_writing(self) -> None:
        if self._answering is not None:
            self._answering.resume()

    # ---- a request ------------------------------------------------------------

    def _read_head(self, data: bytes) -> None:
        end = data.find(b"\r\n\r\n")
        if end < 0:
            self._wait_for_head(data)
            return
        self._started_s = perf_counter()
        service = self._house.service
        head = self._last
        length = head.again(data, end) if head.service is service else -1
        if length == len(data) - end - 4 <= service.max_body_bytes:
            self._serve(head, data[end + 4 :])
        elif length < 0:
            self._look_up(data, end, service)
        else:
            self._take_body(head, data, end + 4, length, service)

    def _wait_for_head(self, data: bytes) -> None:
        if not self._started_s:
            self._started_s = perf_counter()
            self.since = self._house.now()
        self._buffer = data
        if b"\n\n" in data:
            self._refuse(ClientError(400, "The request is not valid HTTP.", code="invalid_http"))
        elif len(data) > HEAD_LIMIT_BYTES:
            self._refuse(ClientError(431, "The request's head is too large."))

    def _look_up(self, data: bytes, end: int, service: Service) -> None:
        """A head that this connection has not brought before."""
        if end > HEAD_LIMIT_BYTES:
            self._refuse(ClientError(431, "The request's head is too large."))
            return
        found = self._house.heads.find(data, end, service)
        if found is None:
            self._judge(data, end + 4, service)
        else:
            self._last, length = found
            self._take_body(self._last, data, end + 4, length, service)

    def _judge(self, data: bytes, end: int, service: Service) -> None:
        """A head that nobody has brought before."""
        try:
            head = self._house.heads.read(data, end)
        except httptools.HttpParserError:
            self._refuse(ClientError(400, "The request is not valid HTTP.", code="invalid_http"))
            return
        self._head = head
        if not head.host_is_valid:
            self._refuse(ClientError(400, "The Host header is missing or not valid."))
            return
        if head.repeats:
            self._refuse(ClientError(400, "A header that may occur once was repeated."))
            return
        if not head.hot or not service.fast_lane:
            self._hand_over(data)
            return
        try:
            length = int(head.names[b"content-length"])
        except ValueError:
            self._refuse(ClientError(400, "The Content-Length is not valid."))
            return
        self._take_body(head, data, end, length, service)

    def _take_body(self, head: Head, data: bytes, end: int, length: int, service: Service) -> None:
        self._head = head
        have = len(data) - end
        if length > service.max_body_bytes:
            self._refuse(too_large(service.max_body_bytes))
        elif have == length:
            self._serve(head, data[end:])
        elif have < length:
            self._chunks = [data[end:]]
            self._missing = length - have
            self.since = self._house.now()
        else:
            self._buffer = data[end + length :]
            self._serve(head, data[end : end + length])

    def _collect(self, data: bytes) -> None:
        missing = self._missing - len(data)
        if missing > 0:
            self._missing = missing
            self._chunks.append(data)
            return
        self._missing = 0
        if missing:
            self._buffer = data[missing:]
            data = data[:missing]
        chunks, self._chunks = self._chunks, []
        chunks.append(data)
        self._serve(self._head, b"".join(chunks))

    def _serve(self, head: Head, body: bytes) -> None:
        self._busy = True
        house = self._house
        service = house.service
        started, self._started_s = self._started_s, 0.0
        self._head = _NO_HEAD
        self._keep = head.keep and not house.draining
        try:
            caller = head.caller or self._know(head, service)
            gate, share = house.admission, caller.share
            wait_s = gate.enter(share)
            if wait_s is not None:  # before the body is looked at: refusing must cost nothing
                self._turn_away(*house.no_room(wait_s, head.dialect))
                return
            self._share = share
            exchange = admit(head.dialect, caller, head.names, body, started)
            answering = service.serve(exchange, self)
        except ClientError as error:
            self._say(error, head.dialect)
            return
        except Exception:
            log.exception("a request could not be served")
            self._say(
                ClientError(500, "Internal error.", "server_error", "internal_error"), head.dialect
            )
            return
        if self._busy:
            self._answering = answering

    def _turn_away(self, lines: bytes, body: bytes, ready: bytes) -> None:
        """There is no room. ready: all of the answer, where the connection is kept."""
        transport = self._transport
        if not self._keep or self._buffer or transport is None:
            self.whole(503, lines, body)
            return
        self._busy = False
        self.since = self._house.now()
        transport.write(ready)

    def _know(self, head: Head, service: Service) -> Caller:
        """Look at a head's key, and remember both. Raises ClientError 401."""
        names = head.names
        caller = service.keys.caller(names.get(b"authorization"), names.get(b"x-api-key"))
        self._house.heads.remember(head, caller, service)
        self._last = head
        return caller

    # ---- the sink ------------------------------------------------------------

    def open(self, status: int, headers: bytes, first: bytes) -> None:
        """Head and first bytes of a stream, at least one, in one write."""
        transport = self._transport
        if transport is not None:
            transport.write(
                b"%b%b%bTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n"
                % (_LINES[status], headers, b"" if self._keep else _CLOSE, len(first), first)
            )

    def write(self, data: bytes) -> None:
        """One chunk, of at least one byte."""
        transport = self._transport
        if transport is not None:
            transport.write(b"%x\r\n%b\r\n" % (len(data), data))

    @property
    def wire(self) -> Callable[[bytes], None] | None:
        """Takes whole chunks that are framed already, for as long as the connection lives."""
        return None if self._transport is None else self._transport.write

    def end(self, last: bytes = b"") -> None:
        """The last chunk, in one write with the end; the next request may come."""
        if self._transport is not None:
            end = b"%x\r\n%b\r\n0\r\n\r\n" % (len(last), last) if last else b"0\r\n\r\n"
            self._transport.write(end)
        self._next()

    def whole(self, status: int, headers: bytes, body: bytes) -> None:
        """A complete answer."""
        transport = self._transport
        if transport is None:
            pass
        elif self._keep and not self._house.draining:
            answer = complete(status, headers, body)
            self._posted = self._house.outbox.post(transport, answer)
        else:
            transport.write(complete(status, headers, body, b"" if self._keep else _CLOSE))
        self._next()

    def abort(self) -> None:
        """Cut the connection: the answer cannot be completed."""
        self._busy = False
        self._answering = None
        self._leave()
        if self._transport is not None:
            self._transport.abort()

    def _leave(self) -> None:
        share, self._share = self._share, None
        if share is not None:
            self._house.admission.leave(share)

    def _next(self) -> None:
        self._busy = False
        self._answering = None
        share = self._share
        if share is not None:
            self._share = None
            self._house.admission.leave(share)
        self.since = self._house.now()
        transport = self._transport
        if transport is None:
            return
        if not self._keep or self._house.draining:
            transport.close()
        elif self._buffer:
            self._loop.call_soon(self._read_ahead)  # not a call: thousands may be pipelined

    def _read_ahead(self) -> None:
        if self._transport is not None and not self._busy:
            self._transport.resume_reading()
            data, self._buffer = self._buffer, b""
            if data:
                self._read_head(data)

    # ---- other ends ------------------------------------------------------------

    def expire(self, head_s: float, body_s: float, idle_s: float) -> None:
        """Called now and then: end what waits too long for the client's next bytes."""
        if self._busy:
            if self._answering is not None:
                self._answering.nudge()
            return
        waited = self._house.now() - self.since
        if self._missing:
            if waited > body_s:
                self._refuse(ClientError(408, "The request's body did not arrive in time."))
        elif self._buffer:
            if waited > head_s:
                self._refuse(ClientError(408, "The request's head did not arrive in time."))
        elif waited > idle_s and self._transport is not None:
            self._transport.close()

    def drain(self) -> bool:
        """The proxy goes down. True while a request is still being answered."""
        self._keep = False
        if not self._busy and self._transport is not None:
            self._transport.close()
        return self._busy

    def cut(self) -> None:
        """Waited long enough: end the request with an error, visibly."""
        if self._answering is not None:
            self._answering.expire()
        elif self._transport is not None:
            self._transport.close()

    def _hand_over(self, data: bytes) -> None:
        transport = self._transport
        if transport is not None:
            self._house.fronts.discard(self)
            self._house.hand_over(transport, data)

    def _refuse(self, error: ClientError) -> None:
        """Answer a request that cannot be trusted, and close."""
        self._keep = False
        self._buffer = b""
        self._missing = 0
        self._chunks = []
        self._busy = True
        head, self._head = self._head, _NO_HEAD
        self._say(error, head.dialect)

    def _say(self, error: ClientError, dialect: str) -> None:
        head = headers.JSON + headers.lines(error.headers)
        self.whole(error.status, head, self._house.refused(error, dialect))
