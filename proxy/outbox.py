"""Whole requests and answers, written together when a turn of the loop ends.

To write wakes whoever waits for it, on another CPU, and the kernel's code displaces ours. Where a
turn has several requests, the work for all of them first and then the writes costs a third less
than both in turns: whoever was woken by the first write is awake still at the next. Tokens do not
come here: whoever reads thousands of them a second is awake anyway, and first tokens are not to
wait for anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

AT_ONCE = 16  # writes wait for no more work than that of so many
FEW = 4  # open exchanges, or fewer, hardly ever meet in a turn: they wait for nothing


class Crowd(Protocol):
    """open: exchanges that are being answered."""

    open: int


class Outbox:
    """soon: calls back in the loop's next turn, before sockets are looked at again."""

    __slots__ = ("_crowd", "_posted", "_soon", "turn")

    def __init__(self, soon: Callable[[Callable[[], None]], object], crowd: Crowd) -> None:
        self._soon = soon
        self._crowd = crowd
        self._posted: list[tuple[asyncio.Transport, bytes]] = []
        self.turn = 1  # another one after each flush

    def post(self, transport: asyncio.Transport, data: bytes) -> int:
        """Write this, now or soon: the turn in which it waits, or 0. Whoever writes to the same
        transport in that turn flushes before."""
        posted = self._posted
        if self._crowd.open <= FEW and not posted:
            transport.write(data)
            return 0
        posted.append((transport, data))
        turn = self.turn
        if len(posted) == 1:
            self._soon(self.flush)
        elif len(posted) == AT_ONCE:
            self.flush()
        return turn

    def flush(self) -> None:
        """Write it all now. What is for a connection that was closed meanwhile is gone with it."""
        posted, self._posted = self._posted, []
        self.turn += 1
        for transport, data in posted:
            if not transport.is_closing():
                transport.write(data)
