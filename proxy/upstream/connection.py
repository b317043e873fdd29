"""One HTTP/1.1 connection to an upstream: bytes out, a validated answer in.

llhttp (httptools) checks the framing; what reaches the listener is body bytes only, however
the upstream framed them: by length, by chunks (with extensions or trailers), or by closing.
Its callbacks are C functions (list.append, dict.setdefault), so a token costs no Python frame
here besides data_received.
"""

from __future__ import annotations

import asyncio
import zlib
from abc import abstractmethod
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, Protocol

import httptools

from proxy.errors import Kind
from proxy.upstream.backlog import Backlog, Held
from proxy.upstream.inflate import Inflater

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.outbox import Outbox

HEAD_LIMIT_BYTES = 64 * 1024  # of one answer's head; providers send 1 to 4 kB

Headers = dict[bytes, bytes]  # names as they came; the first of a repeated header


class Layout(NamedTuple):
    """What an answer's headers are, by their names alone: the same for thousands of answers. kind,
    encoding: how those two are spelled in it, empty where they are missing. sized: whether its
    framing says where it ends."""

    kind: bytes
    encoding: bytes
    sized: bool


@lru_cache(256)
def layout_of(names: tuple[bytes, ...]) -> Layout:
    """The layout of headers with these names, as they are spelled."""
    found = {name.lower(): name for name in reversed(names)}
    return Layout(
        found.get(b"content-type", b""),
        found.get(b"content-encoding", b""),
        b"content-length" in found or b"transfer-encoding" in found,
    )


class Listener(Protocol):
    """Who hears an answer: head once, body often, then exactly one of end or lost."""

    def on_head(self, status: int, kind: bytes, headers: Headers) -> None:
        """kind: the content type as it came. headers: all of them, for the time of this call."""
        ...

    def on_body(self, data: bytes) -> None: ...
    def on_end(self) -> None: ...
    def on_lost(self, kind: Kind, detail: str, *, untouched: bool) -> None:
        """The answer cannot come. untouched: no byte of it arrived, on a reused connection."""
        ...


class Taker(Protocol):
    """Who takes a body's bytes, once its listener has seen enough of it."""

    def feed(self, data: bytes) -> None: ...


class Reader(asyncio.Protocol):
    """A taker that reads the transport itself, and gives what has to be parsed to the connection's
    data_received."""

    __slots__ = ()

    @abstractmethod
    def read_from(self, connection: Connection) -> None:
        """This connection's bytes come here first from now on."""


_SILENT = httptools.HttpResponseParser(object())  # in the place of one that is not needed any more


class Connection(asyncio.Protocol):
    """Serves one request at a time; the pool keeps it between requests."""

    __slots__ = (
        "_awaited", "_backlog", "_held", "_inflate", "_names", "_outbox", "_parser", "_parts",
        "_paused",
        "_release", "_seen", "head_done", "idle_since", "keep", "listener", "on_body", "on_header",
        "on_message_complete", "reused", "sized", "status", "taker", "transport",
    )  # fmt: skip

    def __init__(
        self,
        release: Callable[[Connection, bool], None],
        backlog: Backlog | None = None,
        outbox: Outbox | None = None,
    ) -> None:
        self._release = release  # (connection, may be reused)
        self._backlog = backlog
        self._outbox = outbox
        self._held: Held | None = None  # what came for this request waits there
        self.transport: asyncio.Transport | None = None
        self.listener: Listener | None = None
        self._parts: list[bytes] = []
        self._names: Headers = {}
        self.on_body = self._parts.append
        self.on_header = self._names.setdefault
        self._awaited: list[bool] = []  # something in it: the answer's end is still to come
        self.on_message_complete = self._awaited.clear
        self.taker: Taker | None = None  # of body bytes, in the listener's place
        self._parser = httptools.HttpResponseParser(self)
        self._inflate: Inflater | None = None
        self.head_done = False
        self.sized = True
        self.reused = False
        self.keep = False
        self.status = 0
        self._seen = 0
        self.idle_since = 0.0
        self._paused = False

    # ---- asyncio ------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # a stream protocol gets a Transport

    def data_received(self, data: bytes) -> None:
        taker = self.taker
        if taker is not None:  # a token: nothing but its bytes
            try:
                self._parser.feed_data(data)
            except (httptools.HttpParserError, httptools.HttpParserUpgrade):
                self._broken(data)
                return
            parts = self._parts
            if len(parts) != 1 or not self._awaited:
                self._deliver()
            else:
                taker.feed(parts.pop())
            return
        listener = self.listener
        if listener is None:
            self.abort()  # bytes nobody asked for: this connection cannot be trusted
            return
        opened = self.head_done
        if not opened:
            self._seen += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._broken(data)
            return
        if not opened and not (self.head_done and self._open(listener)):
            if not self.head_done and self._seen > HEAD_LIMIT_BYTES:
                self._lose(Kind.PROTOCOL, "the answer's head is too large")
            return
        self._deliver()

    def eof_received(self) -> None:
        return None  # close; connection_lost follows

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self._parser = _SILENT  # it refers back here: the collector would have to find that
        listener = self.listener
        if listener is None:
            self._release(self, False)
        elif self.head_done and not self.sized and exc is None:
            self._awaited.clear()
            self._deliver()
        else:
            self._lose(Kind.RESET, "the connection ended before the answer did")

    def pause_writing(self) -> None:
        """A request body is bounded; nothing to hold back."""

    def resume_writing(self) -> None:
        """See pause_writing."""

    @property
    def complete(self) -> bool:
        """Whether the answer's framing has ended."""
        return self.head_done and not self._awaited

    # ---- llhttp ------------------------------------------------------------

    def on_headers_complete(self) -> None:
        if self.head_done:
            raise ValueError("a second answer to one request")
        status = self._parser.get_status_code()
        if status < 200:
            if status == 101:
                raise ValueError("an upgrade nobody asked for")
            self._names.clear()  # 100, 102, 103: the real head follows
            return
        self.status = status
        self.keep = self._parser.should_keep_alive()
        self.head_done = True
        self._awaited.append(True)

    # ---- one request ------------------------------------------------------------

    def hand_on(self, taker: Taker) -> None:
        """Give body bytes straight to this one from now on, as they came; to a reader all bytes."""
        if self._inflate is None and self.listener is not None:
            self.taker = taker
            if isinstance(taker, Reader) and self.transport is not None:
                taker.read_from(self)
                if self._held is None:
                    self.transport.set_protocol(taker)
                else:
                    self._held.reader = taker

    def take_back(self, listener: Listener | None) -> None:
        """Body bytes go to the listener again, and this connection reads them."""
        self.listener = listener
        held = self._held
        if held is not None:
            self.taker = None
            held.reader = self
            if listener is None:
                self._held = None
                if self.transport is not None:
                    self.transport.set_protocol(self)
        elif self.taker is not None:
            self.taker = None
            if self.transport is not None:
                self.transport.set_protocol(self)

    def send(self, request: bytes, listener: Listener) -> None:
        """Write a whole request, now or soon; its answer goes to the listener."""
        assert self.transport is not None
        self.listener = listener
        if self._backlog is not None and self._backlog.is_used:
            self._held = Held(self._backlog, self, self.transport)
            self.transport.set_protocol(self._held)
        if self._outbox is None:
            self.transport.write(request)
        else:
            self._outbox.post(self.transport, request)

    def _open(self, listener: Listener) -> bool:
        """Tell the head. False when nobody listens to the body."""
        names = self._names
        kind, encoding, self.sized = layout_of(tuple(names))  # by place: a name costs a call
        if encoding and not self._unpack(names[encoding]):
            return False
        status, self.status = self.status, 0
        listener.on_head(status, names[kind] if kind else b"", names)
        names.clear()
        return self.listener is listener

    def _unpack(self, encoding: bytes) -> bool:
        encoding = encoding.strip().lower()
        if encoding in (b"gzip", b"x-gzip", b"deflate"):
            self._inflate = Inflater(encoding)
        elif encoding not in (b"identity", b""):
            self._lose(Kind.PROTOCOL, "the answer has an encoding that was not asked for")
            return False
        return True

    def _deliver(self) -> None:
        listener = self.listener
        parts = self._parts
        if parts and listener is not None:
            data = parts[0] if len(parts) == 1 else b"".join(parts)
            parts.clear()
            if self._inflate is not None:
                self._deliver_inflated(data, listener)
            elif self.taker is not None:
                self.taker.feed(data)
            else:
                listener.on_body(data)
        if not self._awaited:
            listener = self.listener
            if listener is not None:
                self._finish(listener)

    def _deliver_inflated(self, data: bytes, listener: Listener) -> None:
        inflate = self._inflate
        assert inflate is not None
        try:
            for piece in inflate.feed(data):
                if self.listener is not listener:
                    return
                listener.on_body(piece)
        except zlib.error:
            self._lose(Kind.PROTOCOL, "the answer's compression is broken")

    def pause(self) -> None:
        """Read no more until resume: whoever listens cannot keep up."""
        if self.transport is not None and not self._paused:
            self._paused = True
            if self._held is not None:
                self._held.is_paused = True
            self.transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        if self.transport is not None and self._paused:
            self._paused = False
            if self._held is not None:
                self._held.is_paused = False
            self.transport.resume_reading()

    def _finish(self, listener: Listener) -> None:
        if self._paused:
            self.resume()  # the next request must not find a deaf connection
        self.take_back(None)
        self.head_done = False
        self._seen = 0
        self._names.clear()
        self._inflate = None
        self.reused = True
        self._release(self, self.keep and self.sized)
        listener.on_end()

    # ---- ends ------------------------------------------------------------

    def abort(self) -> None:
        """Close at once, so that the provider stops generating. The listener hears nothing."""
        self.take_back(None)
        transport = self.transport
        if transport is not None:
            self.transport = None
            transport.abort()

    def _broken(self, data: bytes) -> None:
        # What came before the bad bytes was whole: a token in the same read must not be lost.
        listener = self.listener
        self.keep = False
        if self.head_done and self.status == 0 and self._parts:
            self._deliver()
        if self.listener is listener:
            detail = "the answer is not valid HTTP"
            if not self.head_done and not data.startswith(b"HTTP/"):
                detail = "the answer is not HTTP"
            self._lose(Kind.PROTOCOL, detail)

    def _lose(self, kind: Kind, detail: str) -> None:
        listener = self.listener
        untouched = self.reused and self._seen == 0
        self.abort()
        self._release(self, False)
        if listener is not None:
            listener.on_lost(kind, detail, untouched=untouched)
