"""Following a winner's stream to its end: what its frames mean, and whether it was complete.

A finish reason, not the connection's end, makes an answer complete (PROVIDERS section 1). The two
followers differ in where the frames go: to the client's stream, or into one whole answer.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, NamedTuple, Protocol

from proxy.chat import Done, Event, Failed, Finished, Reasoning, Spent, Text, ToolCall, Usage
from proxy.errors import Kind, UpstreamFailure
from proxy.routing.silence import RATE_WINDOW_S, next_look_s, stalled
from proxy.upstream.shortcut import Shortcut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.dialects.dialect import Decoder, Frame
    from proxy.timing import Clock, Timer, Wheel

CLOSING_SECONDS = 0.9  # after the finish reason, for usage and the end mark


class Owner(Protocol):
    """Who hears how the stream ended."""

    def complete(self) -> None: ...
    def broken(self, failure: UpstreamFailure) -> None: ...
    def spoken(self) -> Sequence[Event]:
        """What the client has of the answer."""
        ...


class Patience(NamedTuple):
    """How long a stream may be silent, seconds; the tokens/s that it must keep up; what tells the
    time; and how many answers in one were asked for: it is whole when the last of them is."""

    gap_s: float
    least_per_s: float | None
    wheel: Wheel
    now: Clock
    choices: int = 1


class Follower(Shortcut):
    """One target's answer from its first token on. Used once."""

    __slots__ = (
        "_choices", "_closing", "_decoder", "_ended", "_gap_s", "_least_per_s", "_owner", "_timer",
        "_wheel", "_window_at", "_window_tokens", "done", "ended", "failure", "finish", "usage",
    )  # fmt: skip

    def __init__(self, owner: Owner, decoder: Decoder, patience: Patience) -> None:
        self._owner = owner
        self._decoder = decoder
        self._gap_s, self._least_per_s, self._wheel, self._now, self._choices = patience
        self._ended: frozenset[int] = frozenset()  # choices, where there are several
        self._timer: Timer | None = None
        self._closing = False
        self._window_at = 0.0  # when the rate was last looked at,
        self._window_tokens = 0  # and how many tokens there were then
        self.heard_s = 0.0
        self.longest_s = 0.0  # silence between two tokens
        self.finish = ""
        self.usage: Usage | None = None
        self.failure: UpstreamFailure | None = None
        self.done = False  # the wire's end mark was seen
        self.ended = False  # nothing more is sent

    def has_failed(self) -> bool:
        """Whether the provider said that it failed, or its bytes could not be understood."""
        return self.failure is not None

    # ---- for the attempt ------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """More of the provider's body."""
        self._examine(self._decode(data))

    def begun(self) -> None:
        """The held frames are out: act on what they told (a short answer is complete)."""
        self._after()

    def close(self) -> None:
        """The upstream's body is complete."""
        if not self.ended:
            self._flush()
        if self.ended:
            return
        if self.finish and not self._lacks():
            self._complete()
        else:
            self._break(Kind.RESET, "the stream ended before the answer did")

    def lost(self, kind: Kind, detail: str) -> None:
        """The upstream's connection broke."""
        if self.ended:
            return
        if self.finish and not self._lacks():
            self._complete()  # the answer was whole; only its farewell is missing
        else:
            self._break(kind, detail)

    def stop(self) -> None:
        """Nothing more is sent: complete, broken, or the client is gone."""
        self.ended = True
        timer = self._timer
        if timer is not None:
            self._timer = None  # it refers back here: the collector would have to find that
            timer.cancel()

    # ---- for the two kinds of followers ------------------------------------------------------

    @abstractmethod
    def _emit(self, frames: Sequence[Frame]) -> None:
        """Where the frames go."""

    @abstractmethod
    def _finale(self) -> None:
        """What a complete answer still needs."""

    def _flush(self) -> None:
        """What is left in the decoder when the body ends."""
        self._examine(self._decoder.close())

    # ---- inside ------------------------------------------------------------

    def _watch(self) -> None:
        self.heard_s = self._window_at = self._now()
        self._timer = self._wheel.arm(
            next_look_s(0.0, self._gap_s, self._least_per_s), self._check_gap
        )

    def _decode(self, data: bytes) -> Sequence[Frame]:
        try:
            return self._decoder.feed(data)
        except UpstreamFailure as failure:
            self.failure = failure
            return ()

    def _examine(self, frames: Sequence[Frame]) -> None:
        if not self.ended:
            self._emit(frames)
            self._after()

    def _note(self, events: Sequence[Event]) -> bool:
        """Remember the end, the counts or the failure. True when there are only counts."""
        spent = False
        other = False
        for event in events:
            if type(event) is Spent:
                self.usage = event.usage
                spent = True
                continue
            other = True
            if type(event) is Finished:
                self.finish = event.reason
                if self._choices > 1:
                    self._ended |= {event.choice}
            elif type(event) is Done:
                self.done = True
            elif type(event) is Failed:
                self.failure = UpstreamFailure(
                    Kind.ERROR_FRAME, event.message, status=event.status, code=event.code or None
                )
        if events:
            self._heard()
        return spent and not other

    def _after(self) -> None:
        if self.failure is not None:
            self._break(self.failure.kind, self.failure.detail)
        elif self.done:
            self._complete()
        elif (
            self.finish
            and not self._closing
            and not self.ended
            and (self._choices == 1 or len(self._ended) >= self._choices)
        ):
            self._closing = True
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._wheel.arm(CLOSING_SECONDS, self._complete)

    def _lacks(self) -> bool:
        """Whether one of several choices has begun and not ended."""
        if self._choices == 1 or len(self._ended) >= self._choices:
            return False
        begun = {event.choice for event in self._owner.spoken()
                 if isinstance(event, Text | Reasoning | ToolCall)}  # fmt: skip
        return not begun <= self._ended

    def _check_gap(self) -> None:
        now = self._now()
        silent = now - self.heard_s
        tokens = self._tokens()
        window = now - self._window_at
        why = stalled(silent, self._gap_s, tokens - self._window_tokens, window, self._least_per_s)
        if why is not None:
            if self.finish and not self._lacks():
                self._complete()  # fewer choices than were asked for, and no end mark
            else:
                self._break(Kind.STALL, why)
            return
        if window >= RATE_WINDOW_S:
            self._window_at, self._window_tokens = now, tokens
        wait = next_look_s(silent, self._gap_s, self._least_per_s)
        self._timer = self._wheel.arm(wait, self._check_gap)

    @abstractmethod
    def _tokens(self) -> int:
        """How many tokens came so far, more or less: one a read."""

    def _complete(self) -> None:
        if not self.ended:
            self.stop()
            self._finale()
            self._owner.complete()

    def _break(self, kind: Kind, detail: str) -> None:
        if not self.ended:
            self.stop()
            self._owner.broken(self.failure or UpstreamFailure(kind, detail))
