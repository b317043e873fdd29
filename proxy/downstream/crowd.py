"""Those who wait to be accepted: libuv accepts one connection in a turn of its loop.

That is right while turns are short. In a crowd they are long, and who comes last would wait for as
many of them as others came before, only to hear that there is no room.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress

AT_ONCE = 64  # accepted in one turn, at most


class Crowd:
    """Accepts whoever waits at listening sockets, beside the loop's own servers."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, make: Callable[[], asyncio.Protocol]
    ) -> None:
        """make: the protocol of one connection."""
        self._loop = loop
        self._make = make
        self._sockets: list[socket.socket] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_asked = False

    def watch(self, descriptor: int) -> None:
        """A socket that listens, and that a server of the loop accepts from."""
        sock = socket.socket(fileno=os.dup(descriptor))
        sock.setblocking(False)
        self._sockets.append(sock)

    def let_in(self) -> None:
        """Accept who else waits, after what this turn has to do."""
        if not self._is_asked:
            self._is_asked = True
            self._loop.call_soon(self._accept)

    def close(self) -> None:
        """Listen no more: the kernel does as long as anybody has a socket open."""
        for sock in self._sockets:
            sock.close()
        self._sockets.clear()

    def _accept(self) -> None:
        self._is_asked = False
        for sock in self._sockets:
            for _ in range(AT_ONCE):
                try:
                    connection, _ = sock.accept()
                except OSError:  # nobody waits, or no descriptor is left: the server's own matter
                    break
                task = self._loop.create_task(self._serve(connection))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _serve(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        with suppress(OSError):  # gone again
            await self._loop.connect_accepted_socket(self._make, connection)
