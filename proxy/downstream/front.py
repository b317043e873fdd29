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
from typing import TYPE_CHECKING, Protocol

import httptools

from proxy import headers
from proxy.downstream.admit import HOT, admit
from proxy.errors import ClientError
from proxy.exchange import Exchange, Share, Sink
from proxy.state.admission import Admission

if TYPE_CHECKING:
    from proxy.downstream.auth import Keyring
    from proxy.timing import Clock

log = logging.getLogger("firsttoken")

HEAD_LIMIT_BYTES = 32 * 1024
PIPELINE_LIMIT_BYTES = 64 * 1024  # read ahead while a request is being answered

_ONCE = frozenset(
    {b"authorization", b"x-api-key", b"content-length", b"host", b"transfer-encoding"}
)
_NO_HEAD: dict[bytes, bytes] = {}
_REASON = {status.value: status.phrase.encode() for status in HTTPStatus}
_UNUSUAL = frozenset({b"expect", b"upgrade", b"transfer-encoding", b"content-encoding"})
_HOST = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]")


class Answering(Protocol):
    """A request on its way: what the client's side may still ask of it."""

    def cancel(self) -> None: ...
    def expire(self) -> None: ...
    def nudge(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...


class Service(Protocol):
    """What the front needs of the house; one per configuration, swapped on reload."""

    keys: Keyring
    max_body_bytes: int
    fast_lane: bool

    def serve(self, exchange: Exchange, sink: Sink) -> Answering | None: ...
    def refused(self, error: ClientError, kind: str) -> bytes:
        """The body of an error that came before there was an exchange."""
        ...


class House(Protocol):
    """Owns all fronts: the service in force, the clock, and who takes over odd connections."""

    service: Service
    now: Clock
    fronts: set[Front]
    draining: bool
    admission: Admission

    def hand_over(self, transport: asyncio.Transport, data: bytes) -> None: ...


class Front(asyncio.Protocol):
    """One client connection; serves one request at a time, in order."""

    __slots__ = (
        "_answering",
        "_buffer",
        "_busy",
        "_chunks",
        "_dialect",
        "_head",
        "_house",
        "_keep",
        "_loop",
        "_missing",
        "_names",
        "_odd",
        "_seen_host",
        "_share",
        "_started_s",
        "_transport",
        "_urls",
        "on_header",
        "on_url",
        "since",
    )  # fmt: skip

    def __init__(self, house: House, loop: asyncio.AbstractEventLoop) -> None:
        self._house = house
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._buffer = b""  # a partial head, or what was read ahead
        self._chunks: list[bytes] = []  # a partial body
        self._missing = 0  # bytes of it still to come
        self._head = _NO_HEAD  # names in lower case
        # llhttp's callbacks are C functions: a header costs no Python frame.
        self._names: dict[bytes, bytes] = {}
        self._urls: list[bytes] = []
        self.on_header = self._names.setdefault
        self.on_url = self._urls.append
        self._odd = False
        self._seen_host = b""  # the last one found valid
        self._keep = True
        self._dialect = ""
        self._busy = False
        self._share: Share | None = None  # of the caller whose request is being answered
        self._started_s = 0.0
        self._answering: Answering | None = None
        self.since = house.now()  # when the present wait began

    # ---- asyncio ------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a stream protocol gets a Transport
        self._house.fronts.add(self)

    def data_received(self, data: bytes) -> None:
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
            if not self._started_s:
                self._started_s = perf_counter()
                self.since = self._house.now()
            self._buffer = data
            if b"\n\n" in data:
                self._refuse(
                    ClientError(400, "The request is not valid HTTP.", code="invalid_http")
                )
            elif len(data) > HEAD_LIMIT_BYTES:
                self._refuse(ClientError(431, "The request's head is too large."))
            return
        self._started_s = perf_counter()
        if end > HEAD_LIMIT_BYTES:
            self._refuse(ClientError(431, "The request's head is too large."))
            return
        end += 4
        names = self._names
        names.clear()
        self._urls.clear()
        parser = httptools.HttpRequestParser(self)
        odd = False
        try:
            parser.feed_data(data[:end])
        except httptools.HttpParserUpgrade:
            odd = True
        except httptools.HttpParserError:
            self._refuse(ClientError(400, "The request is not valid HTTP.", code="invalid_http"))
            return
        head = self._head = {name.lower(): value for name, value in names.items()}
        if len(head) != data.count(b"\r\n", 0, end) - 2:  # the request line, and the empty one
            odd = odd or _repeats(data[:end])
        self._odd = odd
        # Not llhttp's own verdict: it forgets the head once a request without a body is complete.
        connection = head.get(b"connection")
        self._keep = (
            connection is None or b"close" not in connection.lower()
        ) and not self._house.draining
        self._dialect = HOT.get(self._urls[0], "") if len(self._urls) == 1 else ""
        hot = (
            self._dialect != ""
            and not odd
            and b"content-length" in head
            and _UNUSUAL.isdisjoint(head)
            and parser.get_method() == b"POST"
            and parser.get_http_version() == "1.1"
        )
        self._route(data, end, hot=hot)

    def _route(self, data: bytes, end: int, *, hot: bool) -> None:
        service = self._house.service
        host = self._head.get(b"host")
        if host != self._seen_host or not host:
            if not host or not _HOST.issuperset(host):
                self._refuse(ClientError(400, "The Host header is missing or not valid."))
                return
            self._seen_host = host
        if self._odd and b"upgrade" not in self._head:
            self._refuse(ClientError(400, "A header that may occur once was repeated."))
            return
        if not hot or not service.fast_lane:
            self._hand_over(data)
            return
        try:
            length = int(self._head[b"content-length"])
        except ValueError:
            self._refuse(ClientError(400, "The Content-Length is not valid."))
            return
        if length > service.max_body_bytes:
            self._refuse(too_large(service.max_body_bytes))
            return
        have = len(data) - end
        if have == length:
            self._serve(data[end:])
        elif have < length:
            self._chunks = [data[end:]]
            self._missing = length - have
            self.since = self._house.now()
        else:
            self._buffer = data[end + length :]
            self._serve(data[end : end + length])

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
        self._serve(b"".join(chunks))

    def _serve(self, body: bytes) -> None:
        self._busy = True
        service = self._house.service
        started = self._started_s
        self._started_s = 0.0
        head, self._head = self._head, _NO_HEAD  # an open stream keeps no header lines
        self._names.clear()
        try:
            exchange = admit(self._dialect, head, body, service.keys, started)
            gate, share = self._house.admission, exchange.caller.share
            wait_s = gate.enter(share)
            if wait_s is not None:
                self._say(gate.refusal(wait_s))
                return
            self._share = share
            answering = service.serve(exchange, self)
        except ClientError as error:
            self._say(error)
            return
        except Exception:
            log.exception("a request could not be served")
            self._say(ClientError(500, "Internal error.", "server_error", "internal_error"))
            return
        if self._busy:
            self._answering = answering

    # ---- the sink ------------------------------------------------------------

    def open(self, status: int, headers: bytes, first: bytes) -> None:
        """Head and first bytes of a stream, at least one, in one write."""
        transport = self._transport
        if transport is not None:
            close = b"" if self._keep else b"Connection: close\r\n"
            transport.write(
                b"HTTP/1.1 %d %b\r\n%bTransfer-Encoding: chunked\r\n%b\r\n%x\r\n%b\r\n"
                % (status, _REASON[status], headers, close, len(first), first)
            )

    def write(self, data: bytes) -> None:
        """One chunk, of at least one byte."""
        transport = self._transport
        if transport is not None:
            transport.write(b"%x\r\n%b\r\n" % (len(data), data))

    def end(self) -> None:
        """The last chunk; the next request may come."""
        if self._transport is not None:
            self._transport.write(b"0\r\n\r\n")
        self._next()

    def whole(self, status: int, headers: bytes, body: bytes) -> None:
        """A complete answer."""
        transport = self._transport
        if transport is not None:
            transport.write(
                b"HTTP/1.1 %d %b\r\n%bContent-Length: %d\r\n%b\r\n%b"
                % (
                    status,
                    _REASON.get(status, b"Error"),
                    headers,
                    len(body),
                    b"" if self._keep else b"Connection: close\r\n",
                    body,
                )
            )
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
        self._say(error)

    def _say(self, error: ClientError) -> None:
        head = headers.JSON + headers.lines(error.headers)
        self.whole(error.status, head, self._house.service.refused(error, self._dialect))


def _repeats(head: bytes) -> bool:
    """Whether a valid head says something twice that may be said once."""
    names = [line.partition(b":")[0].lower() for line in head.split(b"\r\n")[1:]]
    return any(names.count(name) > 1 for name in _ONCE)


def too_large(limit: int) -> ClientError:
    """The refusal of a body over the limit, before it is read."""
    return ClientError(
        413, f"The body is larger than the limit of {limit} bytes.", code="body_too_large"
    )
