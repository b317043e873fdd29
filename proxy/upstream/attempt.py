"""One try at one target: from a connection to its first token, or to why there is none."""

from __future__ import annotations

from enum import Enum
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

from proxy.chat import Done, Failed, Finished, is_token
from proxy.dialects.sse import whole_events
from proxy.errors import Kind, UpstreamFailure
from proxy.headers import kept

if TYPE_CHECKING:
    from proxy.dialects.dialect import Dialect, Frame
    from proxy.timing import Timer, Wheel
    from proxy.upstream.connection import Connection, Headers
    from proxy.upstream.endpoint import Endpoint
    from proxy.upstream.follow import Follower

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


class Lingerer:
    """Waits briefly for the framing's end after the answer's, so that a connection can be kept."""

    __slots__ = ("_connection", "_timer")

    def __init__(self, connection: Connection, wheel: Wheel) -> None:
        self._connection = connection
        self._timer = None if connection.complete else wheel.arm(LINGER_SECONDS, connection.abort)

    def on_head(self, status: int, headers: Headers) -> None:
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
        "_endpoint",
        "_held_bytes",
        "_kept",
        "_parts",
        "_request",
        "_retried",
        "_runner",
        "_status",
        "_streams",
        "connection",
        "deadline_s",
        "decoder",
        "dialect",
        "frames",
        "lane",
        "passes",
        "phase",
        "relay",
        "started_s",
        "step",
        "tail",
        "ticket",
        "timer",
        "waiting",
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
        self.phase = Phase.WAITING
        self.connection: Connection | None = None
        self.waiting = False
        self.ticket = 0  # the breaker's
        self.deadline_s = 0.0
        self.frames: list[Frame] = []
        self.tail = b""
        self.relay: Follower | None = None
        self.timer: Timer | None = None
        self._held_bytes = 0
        self._parts: list[bytes] = []
        self._retried = False
        self._status = 0
        self._kept = NO_HEADERS

    def overdue(self) -> None:
        """The timer's word."""
        self.timer = None
        self._runner.overdue(self)

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
        connection.send(self._request, self)

    def refused(self, failure: UpstreamFailure) -> None:
        self.waiting = False
        self._fail(failure)

    def cancel(self) -> None:
        """Stop at once; the provider sees its connection close."""
        self.waiting = False
        self.phase = Phase.OVER
        self._disarm()
        if self.relay is not None:
            self.relay.stop()
        connection, self.connection = self.connection, None
        if connection is not None and connection.listener is self:
            connection.abort()

    def finished(self) -> None:
        """A whole answer was read; its connection is back in the pool already."""
        self.phase = Phase.OVER
        timer = self.timer
        if timer is not None:
            self.timer = None
            timer.cancel()

    def release(self, wheel: Wheel) -> None:
        """The answer is complete: leave the connection to its pool."""
        self.phase = Phase.OVER
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

    def on_head(self, status: int, headers: Headers) -> None:
        self._status = status
        if status != 200:
            self._kept = kept(headers)
            if 300 <= status < 400:
                self._fail(UpstreamFailure(Kind.PROTOCOL, "the provider redirects"))
                return
            self.phase = Phase.ERROR
            return
        kind = headers.get(b"content-type", b"").lower()
        if b"html" in kind:
            self._fail(UpstreamFailure(Kind.PROTOCOL, "the answer is a web page"))
        elif not self._streams or (
            b"json" in kind and b"stream" not in kind and b"ndjson" not in kind
        ):
            self.phase = Phase.WHOLE
        else:
            self.phase = Phase.HELD

    def on_body(self, data: bytes) -> None:
        phase = self.phase
        if phase is Phase.RELAY:
            self.relay.feed(data)  # type: ignore[union-attr]  # set before the phase is
        elif phase is Phase.HELD:
            self._hold(data)
        elif phase is not Phase.OVER:
            self._held_bytes += len(data)
            if phase is Phase.ERROR:
                if self._held_bytes <= ERROR_LIMIT_BYTES:
                    self._parts.append(data)
            elif self._held_bytes > WHOLE_LIMIT_BYTES:
                self._fail(UpstreamFailure(Kind.PROTOCOL, "the answer is too large"))
            else:
                self._parts.append(data)

    def on_end(self) -> None:
        phase = self.phase
        self.connection = None
        if phase is Phase.RELAY:
            self.relay.close()  # type: ignore[union-attr]  # set before the phase is
        elif phase is Phase.HELD:
            self._held_to_the_end()
        elif phase is Phase.ERROR:
            self._fail(self._read_error())
        elif phase is Phase.WHOLE:
            parts = self._parts
            self._runner.answered(self, parts[0] if len(parts) == 1 else b"".join(parts))
        else:
            self._fail(UpstreamFailure(Kind.EMPTY, "the answer is empty"))

    def on_lost(self, kind: Kind, detail: str, *, untouched: bool) -> None:
        self.connection = None
        if self.phase is Phase.RELAY:
            self.relay.lost(kind, detail)  # type: ignore[union-attr]  # set before the phase is
        elif untouched and not self._retried and kind is Kind.RESET:
            self._retried = True  # a kept connection died as it was reused: nothing was answered
            self.waiting = True
            self._endpoint.pool.dial(self)
        elif self.phase is Phase.ERROR:
            self._fail(self._read_error())
        else:
            self._fail(UpstreamFailure(kind, detail))

    # ---- before the first token ------------------------------------------------------------

    def _hold(self, data: bytes) -> None:
        self._held_bytes += len(data)
        if self._held_bytes > HELD_LIMIT_BYTES:
            self._fail(UpstreamFailure(Kind.PROTOCOL, "too much came before the first token"))
            return
        if self.passes:
            data = self.tail + data
            cut = whole_events(data)
            self.tail = data[cut:]
            data = data[:cut]
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
        self.phase = Phase.RELAY
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
        if self.phase is Phase.HELD:
            self._fail(UpstreamFailure(Kind.EMPTY, "the answer is empty"))
        elif self.phase is Phase.RELAY and self.relay is not None:
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
        if self.phase is Phase.OVER:
            return
        self.phase = Phase.OVER
        self._disarm()
        connection, self.connection = self.connection, None
        if connection is not None and connection.listener is self:
            connection.abort()
        self._runner.failed(self, failure)

    def _disarm(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


def _in_band(event: Failed) -> UpstreamFailure:
    return UpstreamFailure(
        Kind.ERROR_FRAME, event.message, status=event.status, code=event.code or None
    )
