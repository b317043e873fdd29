"""One try at one target: from a connection to its first token, or to why there is none."""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

from proxy.chat import Done, Failed, Finished, is_token
from proxy.dialects.sse import whole_events
from proxy.errors import Kind, UpstreamFailure
from proxy.headers import kept

if TYPE_CHECKING:
    from proxy.dialects.dialect import Dialect, Frame
    from proxy.timing import Bucket, Wheel
    from proxy.upstream.connection import Connection, Headers
    from proxy.upstream.endpoint import Endpoint
    from proxy.upstream.follow import Follower

EXAMINED_BYTES = 2048  # at a time, of one that passes: a usual read has less before its first token
HELD_LIMIT_BYTES = 4 * 1024 * 1024  # of a stream before its first token
WHOLE_LIMIT_BYTES = 64 * 1024 * 1024  # of a non-streamed answer
ERROR_LIMIT_BYTES = 64 * 1024  # of an error answer that is read for its words
NO_HEADERS: dict[str, str] = {}
LINGER_SECONDS = 1.0  # for the last chunk after the end mark, so that the connection can be kept


class Phase(Enum):
    """What the attempt makes of body bytes."""

    WAITING = "waiting"  # no connection, or no head yet
    HELD = "held"  # a stream without a token
    WHOLE = "whole"  # a non-streamed answer
    ERROR = "error"  # a status that is not 200
    RELAY = "relay"  # it won, and its tokens flow
    OVER = "over"


class Form(Enum):
    """What an answer's content type says of it."""

    PAGE = "page"
    WHOLE = "whole"
    OTHER = "other"  # a stream, where one was asked for


@lru_cache(256)
def form_of(kind: bytes) -> Form:
    """What a content type means, as it came; empty: there is none."""
    kind = kind.lower()
    if b"html" in kind:
        return Form.PAGE
    if b"json" in kind and b"stream" not in kind and b"ndjson" not in kind:
        return Form.WHOLE
    return Form.OTHER


# An Enum's member is slow to reach through its class, and these are asked for with every answer.
_WAITING, _HELD, _WHOLE, _ERROR, _RELAY, _OVER = Phase
_PAGE, _ANSWER = Form.PAGE, Form.WHOLE


class Lingerer:
    """Waits briefly for the framing's end after the answer's, so that a connection can be kept."""

    __slots__ = ("_connection", "_timer")

    def __init__(self, connection: Connection, wheel: Wheel) -> None:
        self._connection = connection
        self._timer = None if connection.complete else wheel.arm(LINGER_SECONDS, connection.abort)

    def on_head(self, status: int, kind: bytes, headers: Headers) -> None:
        """The head came long ago."""

    def on_body(self, data: bytes) -> None:
        """Nothing follows the end mark that anyone needs."""

    def on_end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def on_lost(self, kind: Kind, detail: str, *, untouched: bool) -> None:
        del kind, detail, untouched
        self.on_end()


class Contender(Protocol):
    """Who runs the race this attempt is in."""

    def overdue(self, attempt: Attempt) -> None: ...
    def first_token(self, attempt: Attempt) -> None: ...
    def answered(self, attempt: Attempt, body: bytes) -> None: ...
    def failed(self, attempt: Attempt, failure: UpstreamFailure) -> None: ...


class Attempt:
    """A listener of one connection. Used once."""

    __slots__ = (
        "_bucket", "_endpoint", "_held_bytes", "_kept", "_parts", "_request", "_retried", "_runner",
        "_status", "_streams", "connection", "deadline_s", "decoder", "dialect", "frames", "lane",
        "passes", "phase", "relay", "started_s", "step", "tail", "ticket", "waiting",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913, PLR0917 - every part of one try; by place, which is faster
        self,
        runner: Contender,
        lane: int,
        step: int,
        endpoint: Endpoint,
        request: bytes,
        dialect: Dialect,
        streams: bool,
        passes: bool,
    ) -> None:
        self._runner = runner
        self.lane = lane
        self.step = step
        self._endpoint = endpoint
        self._request = request
        self.dialect = dialect
        self.decoder = dialect.decoder() if streams else None
        self._streams = streams
        self.passes = passes
        self.started_s = perf_counter()
        self.phase = _WAITING
        self.connection: Connection | None = None
        self.waiting = False
        self.ticket = 0  # the breaker's
        self.deadline_s = 0.0
        self.frames: list[Frame] = []
        self.tail = b""
        self.relay: Follower | None = None
        self._bucket: Bucket | None = None  # of the wheel, while the deadline is watched
        self._held_bytes = 0
        self._parts: list[bytes] = []
        self._retried = False
        self._status = 0
        self._kept = NO_HEADERS

    # ---- the deadline --------------------------------------------------------------------

    def arm(self, wheel: Wheel, seconds: float) -> None:
        """Give it so much time until the runner is told."""
        self._bucket = wheel.hold(seconds, self)

    def due(self) -> None:
        """The wheel's word."""
        self._bucket = None
        self._runner.overdue(self)

    def _disarm(self) -> None:
        bucket = self._bucket
        if bucket is not None:
            self._bucket = None
            bucket.pop(self, None)

    # ---- connection ------------------------------------------------------------

    def start(self) -> None:
        """Send the request on a warm connection, or dial."""
        connection = self._endpoint.pool.take()
        if connection is not None:
            self.connection = connection
            connection.send(self._request, self)
        else:
            self.waiting = True
            self._endpoint.pool.dial(self)

    def connected(self, connection: Connection) -> None:
        self.waiting = False
        self.connection = connection
        if self._endpoint.complete is not None:
            self._request = self._endpoint.complete(self._request)
        connection.send(self._request, self)

    def refused(self, failure: UpstreamFailure) -> None:
        self.waiting = False
        self._fail(failure)

    def cancel(self) -> None:
        """Stop at once; the provider sees its connection close."""
        self.waiting = False
        self.phase = _OVER
        self._disarm()
        if self.relay is not None:
            self.relay.stop()
        connection, self.connection = self.connection, None
        if connection is not None and connection.listener is self:
            connection.abort()

    def finished(self) -> None:
        """A whole answer was read; its connection is back in the pool already."""
        self.phase = _OVER
        self._disarm()

    def release(self, wheel: Wheel) -> None:
        """The answer is complete: leave the connection to its pool."""
        self.phase = _OVER
        self._disarm()
        connection, self.connection = self.connection, None
        if connection is not None and connection.listener is self:
            connection.take_back(Lingerer(connection, wheel))
            connection.resume()  # the framing's end is still to be read

    def pause(self) -> None:
        """The client is slower than the provider: stop reading."""
        if self.connection is not None:
            self.connection.pause()

    def resume(self) -> None:
        """The client reads again."""
        if self.connection is not None:
            self.connection.resume()

    # ---- what the connection says ------------------------------------------------------------

    def on_head(self, status: int, kind: bytes, headers: Headers) -> None:
        form = form_of(kind)
        if status != 200:
            self._status = status
            self._kept = kept({name.lower(): value for name, value in headers.items()})
            if 300 <= status < 400:
                self._fail(UpstreamFailure(Kind.PROTOCOL, "the provider redirects"))
                return
            self.phase = _ERROR
        elif form is _PAGE:
            self._fail(UpstreamFailure(Kind.PROTOCOL, "the answer is a web page"))
        elif not self._streams or form is _ANSWER:
            self.phase = _WHOLE
        else:
            self.phase = _HELD

    def on_body(self, data: bytes) -> None:
        phase = self.phase
        if phase is _WHOLE:
            self._parts.append(data)
            self._held_bytes += len(data)
            if self._held_bytes > WHOLE_LIMIT_BYTES:
                self._fail(UpstreamFailure(Kind.PROTOCOL, "the answer is too large"))
        elif phase is _RELAY:
            self.relay.feed(data)  # type: ignore[union-attr]  # set before the phase is
        elif phase is _HELD:
            self._hold(data)
        elif phase is _ERROR:
            self._held_bytes += len(data)
            if self._held_bytes <= ERROR_LIMIT_BYTES:
                self._parts.append(data)

    def on_end(self) -> None:
        phase = self.phase
        self.connection = None
        if phase is _WHOLE:
            parts = self._parts
            self._runner.answered(self, parts[0] if len(parts) == 1 else b"".join(parts))
        elif phase is _RELAY:
            self.relay.close()  # type: ignore[union-attr]  # set before the phase is
        elif phase is _HELD:
            self._held_to_the_end()
        elif phase is _ERROR:
            self._fail(self._read_error())
        else:
            self._fail(UpstreamFailure(Kind.EMPTY, "the answer is empty"))

    def on_lost(self, kind: Kind, detail: str, *, untouched: bool) -> None:
        self.connection = None
        if self.phase is _RELAY:
            self.relay.lost(kind, detail)  # type: ignore[union-attr]  # set before the phase is
        elif untouched and not self._retried and kind is Kind.RESET:
            self._retried = True  # a kept connection died as it was reused: nothing was answered
            self.waiting = True
            self._endpoint.pool.dial(self)
        elif self.phase is _ERROR:
            self._fail(self._read_error())
        else:
            self._fail(UpstreamFailure(kind, detail))

    # ---- before the first token ------------------------------------------------------------

    def _hold(self, data: bytes) -> None:
        self._held_bytes += len(data)
        if self._held_bytes > HELD_LIMIT_BYTES:
            self._fail(UpstreamFailure(Kind.PROTOCOL, "too much came before the first token"))
            return
        if not self.passes:
            self._examine(data)
            return
        data = self.tail + data
        begin, end = 0, whole_events(data)
        if not end:
            self.tail = data
        while begin < end and self.phase is _HELD:
            cut = end if end - begin <= EXAMINED_BYTES else _first_events(data, begin, end)
            self.tail = data[cut:]  # with the first token in sight, the rest is the relay's
            self._examine(data[begin:cut])
            begin = cut

    def _examine(self, data: bytes) -> None:
        try:
            frames = self.decoder.feed(data)  # type: ignore[union-attr]  # streams have one
        except UpstreamFailure as failure:
            self._fail(failure)
            return
        self._judge(frames)

    def _judge(self, frames: list[Frame]) -> None:
        self.frames.extend(frames)
        for frame in frames:
            for event in frame.events:
                if is_token(event):
                    self._win()
                    return
                if isinstance(event, Failed):
                    self._fail(_in_band(event))
                    return
                if isinstance(event, Finished) and event.reason in ("content_filter", "length"):
                    self._win()  # final words without a token: a refusal, or no room to speak
                    return
                if isinstance(event, Done):
                    self._fail(UpstreamFailure(Kind.EMPTY, "the answer is empty"))
                    return

    def _win(self) -> None:
        self.phase = _RELAY
        self._request = b""
        self._disarm()
        self._runner.first_token(self)
        if self.connection is not None and self.relay is not None:
            self.connection.hand_on(self.relay)

    def _held_to_the_end(self) -> None:
        rest = self.tail + b"\n\n" if self.tail else b""
        self.tail = b""
        decoder = self.decoder
        assert decoder is not None
        try:
            frames = decoder.feed(rest) if rest else []
            frames = [*frames, *decoder.close()]
        except UpstreamFailure as failure:
            self._fail(failure)
            return
        self._judge(frames)
        if self.phase is _HELD:
            self._fail(UpstreamFailure(Kind.EMPTY, "the answer is empty"))
        elif self.phase is _RELAY and self.relay is not None:
            self.relay.close()

    def _read_error(self) -> UpstreamFailure:
        reading = self.dialect.read_error(self._status, b"".join(self._parts))
        words = reading.message
        if self._endpoint.secret:
            words = words.replace(self._endpoint.secret, "[key]")
        return UpstreamFailure(
            reading.kind,
            words,
            status=self._status,
            code=reading.code or None,
            headers=self._kept,
        )

    def _fail(self, failure: UpstreamFailure) -> None:
        if self.phase is _OVER:
            return
        self.phase = _OVER
        self._disarm()
        connection, self.connection = self.connection, None
        if connection is not None and connection.listener is self:
            connection.abort()
        self._runner.failed(self, failure)


def _first_events(data: bytes, begin: int, end: int) -> int:
    """Where the events end that EXAMINED_BYTES from here on reach into."""
    found = data.find(b"\n\n", begin + EXAMINED_BYTES, end)
    return found + 2 if found >= 0 else end


def _in_band(event: Failed) -> UpstreamFailure:
    return UpstreamFailure(
        Kind.ERROR_FRAME, event.message, status=event.status, code=event.code or None
    )
