"""The floor that runs everywhere: bytes copied between two sockets by Python on uvloop.

`python -m benchmarks.overhead.relay PORT UPSTREAM_PORT` - no HTTP, no decisions; whatever a
Python gateway costs above this is the gateway's own doing.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import uvloop


class _Side(asyncio.Protocol):
    """One end of a copied connection."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: _Side | None = None
        self.early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        for data in self.early:
            self.transport.write(data)
        self.early.clear()

    def data_received(self, data: bytes) -> None:
        other = self.other
        if other is None or other.transport is None:
            if other is not None:
                other.early.append(data)
            return
        other.transport.write(data)

    def connection_lost(self, _: Exception | None) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()


async def relay(port: int, upstream: int) -> None:
    """Serves until cancelled."""
    loop = asyncio.get_running_loop()
    connecting: set[asyncio.Task[None]] = set()

    async def connect(back: _Side) -> None:
        await loop.create_connection(lambda: back, "127.0.0.1", upstream)

    def accept() -> _Side:
        front, back = _Side(), _Side()
        front.other, back.other = back, front
        task = loop.create_task(connect(back))
        connecting.add(task)
        task.add_done_callback(connecting.discard)
        return front

    server = await loop.create_server(accept, "127.0.0.1", port, backlog=4096)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(relay(int(sys.argv[1]), int(sys.argv[2])))
