"""A stored stream told at a pace, as if it were being written: recorded, or tokens per second."""

from __future__ import annotations

from collections.abc import Callable

from proxy.exchange import Exchange, Sink
from proxy.timing import Clock, Timer, Wheel

UNKNOWN_PER_S = 50.0  # frames, where neither a rate was given nor one recorded
LONGEST_S = 60.0  # of a replay: a recording that took longer is told faster
_WAIT_S = 1.0  # between looks at a client that does not read
_TAIL = 3  # finish, usage, [DONE]: sent with the last words


class Paced:
    """One replay on its way; what the client's connection may ask of it."""

    __slots__ = (
        "_account",
        "_exchange",
        "_frames",
        "_now",
        "_paused",
        "_per_s",
        "_sent",
        "_sink",
        "_start_s",
        "_timer",
        "_wheel",
    )

    def __init__(
        self,
        exchange: Exchange,
        sink: Sink,
        frames: list[bytes],
        per_s: float,
        wheel: Wheel,
        now: Clock,
        account: Callable[[Exchange], None],
    ) -> None:
        """frames: of the stream, at least one. per_s: how many of them a second. account: told of
        the exchange once, however the replay ends."""
        self._exchange = exchange
        self._sink = sink
        self._frames = frames
        self._per_s = per_s
        self._wheel = wheel
        self._now = now
        self._account = account
        self._sent = 1
        self._paused = False
        self._start_s = now()
        self._timer: Timer | None = None

    def start(self, status: int, lines: bytes) -> None:
        """Open the stream with the first frame."""
        self._sink.open(status, lines, self._frames[0])
        self._go_on()

    def cancel(self) -> None:
        """The client left."""
        if self._stop():
            self._exchange.outcome = "cancelled"
            self._account(self._exchange)

    def expire(self) -> None:
        """The proxy goes down: the rest is sent at once, for it is all there."""
        self._paused = False
        if self._timer is not None:
            self._finish()

    def withdraw(self) -> bool:
        """It has begun."""
        return False

    def write_to(self, sink: Sink) -> None:
        """The rest goes there."""
        self._sink = sink

    def sent(self) -> bytes:
        """All that was told so far."""
        return b"".join(self._frames[: self._sent])

    def nudge(self) -> None:
        """Called every second; a replay is never silent for long."""

    def pause(self) -> None:
        """The client does not read."""
        self._paused = True

    def resume(self) -> None:
        """The client reads again: it gets what fell due meanwhile."""
        self._paused = False
        if self._timer is not None:
            self._timer.cancel()
            self._tick()

    def _tick(self) -> None:
        if self._paused:
            self._timer = self._wheel.arm(_WAIT_S, self._tick)
            return
        due = 1 + int((self._now() - self._start_s) * self._per_s)
        if due >= len(self._frames) - _TAIL:
            self._finish()
            return
        if due > self._sent:
            ready = self._frames[self._sent : due]
            self._sent = due
            self._sink.write(b"".join(ready))
        self._go_on()

    def _go_on(self) -> None:
        next_s = self._start_s + self._sent / self._per_s
        self._timer = self._wheel.arm(max(next_s - self._now(), 0.0), self._tick)

    def _finish(self) -> None:
        rest = b"".join(self._frames[self._sent :])
        self._stop()
        if rest:
            self._sink.write(rest)
        self._sink.end()
        self._account(self._exchange)

    def _stop(self) -> bool:
        timer, self._timer = self._timer, None
        if timer is None:
            return False
        timer.cancel()
        return True


def pace_of(frames: int, took_s: float, tokens_per_s: float | None) -> float:
    """Frames a second: as given, else as the answer came when it was made (took_s, 0 where that
    is not known)."""
    if tokens_per_s is not None:
        per_s = tokens_per_s
    elif took_s > 0:
        per_s = frames / took_s
    else:
        per_s = UNKNOWN_PER_S
    return max(per_s, frames / LONGEST_S)
