"""What providers sent while there is overload: read already, and waiting for its turn.

A read of many tokens takes a millisecond of work, and a turn of the loop may find fifty of them.
A client who only needs to hear that there is no room must not wait for all that; nor may so little
be let in that there never is much to do, for then there is nothing to do at times. So a turn does
a stint of this work, and looks at the clients again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.timing import Clock

STINT_S = 0.001  # of this work in one turn: a refusal waits for no more
HELD_LIMIT_BYTES = 64 * 1024  # of one connection; what is beyond stays with the kernel


class Backlog:
    """Reads of all connections, in the order in which they came.

    soon: calls back in the loop's next turn. clock: seconds, those of now and not of the turn.
    """

    __slots__ = ("_clock", "_done_s", "_soon", "_waiting", "is_used")

    def __init__(self, soon: Callable[[Callable[[], None]], object], clock: Clock) -> None:
        self._soon = soon
        self._clock = clock
        self._waiting: deque[tuple[float, Held]] = deque()  # each since so much was done
        self._done_s = 0.0
        self.is_used = False  # by requests that are sent from now on

    def add(self, held: Held) -> None:
        """What this one holds is to be given out in its turn."""
        if not self._waiting:
            self._soon(self._work)
        self._waiting.append((self._done_s, held))

    def wait_s(self) -> float:
        """How much work was done while the oldest waited."""
        return self._done_s - self._waiting[0][0] if self._waiting else 0.0

    def _work(self) -> None:
        waiting, clock = self._waiting, self._clock
        began = now = clock()
        while waiting and now - began < STINT_S:
            waiting.popleft()[1].give()
            now = clock()
        # What took much longer was no work of ours: somebody else had the CPU.
        self._done_s += min(now - began, 2 * STINT_S)
        if waiting:
            self._soon(self._work)


class Held(asyncio.Protocol):
    """Reads one connection in its reader's place, and gives it what came when it is its turn."""

    __slots__ = ("_backlog", "_parts", "_size", "_transport", "is_paused", "reader")

    def __init__(
        self, backlog: Backlog, reader: asyncio.Protocol, transport: asyncio.Transport
    ) -> None:
        self._backlog = backlog
        self._transport = transport
        self.reader = reader
        self._parts: list[bytes] = []
        self._size = 0
        self.is_paused = False  # by others, for whom it is not to be resumed

    def data_received(self, data: bytes) -> None:
        if not self._parts:
            self._backlog.add(self)
        self._parts.append(data)
        self._size += len(data)
        if self._size >= HELD_LIMIT_BYTES:
            self._transport.pause_reading()

    def give(self) -> None:
        """Its turn has come."""
        parts, self._parts = self._parts, []
        size, self._size = self._size, 0
        if size >= HELD_LIMIT_BYTES and not (self.is_paused or self._transport.is_closing()):
            self._transport.resume_reading()
        if parts:
            self.reader.data_received(parts[0] if len(parts) == 1 else b"".join(parts))

    def eof_received(self) -> None:
        return None  # close; connection_lost follows

    def connection_lost(self, exc: Exception | None) -> None:
        self.give()  # what came before the end
        self.reader.connection_lost(exc)

    def pause_writing(self) -> None:
        """A request body is bounded; nothing to hold back."""

    def resume_writing(self) -> None:
        """See pause_writing."""
