"""A crowd at the door is accepted in a few turns of the loop, not one in each."""

from __future__ import annotations

import asyncio
import socket

import uvloop

from proxy.downstream.crowd import AT_ONCE, Crowd

MANY = 150


class Guest(asyncio.Protocol):
    came: int = 0

    def connection_made(self, transport) -> None:
        type(self).came += 1
        self.transport = transport


async def crowd(*, helps: bool) -> tuple[int, int]:
    """Turns until all were accepted, and whether somebody can come afterwards."""
    Guest.came = 0
    loop = asyncio.get_running_loop()

    def front() -> Guest:
        if helps:
            door.let_in()
        return Guest()

    door = Crowd(loop, front)
    server = await loop.create_server(front, "127.0.0.1", 0, backlog=MANY)
    (listener,) = server.sockets
    door.watch(listener.fileno())
    port = listener.getsockname()[1]
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(MANY)]
    turns = 0
    while Guest.came < MANY:
        await asyncio.sleep(0)
        turns += 1
        assert turns < 10_000
    door.close()
    server.close()
    await server.wait_closed()
    for client in clients:
        client.close()
    with socket.socket() as late:
        late.settimeout(5)
        refused = late.connect_ex(("127.0.0.1", port))
    await asyncio.sleep(0.01)
    return turns, refused


def test_one_a_turn_without_it_and_many_with_it() -> None:
    alone, _ = uvloop.run(crowd(helps=False))
    together, refused = uvloop.run(crowd(helps=True))
    assert alone >= MANY
    assert together < MANY / 4
    assert MANY > 2 * AT_ONCE
    assert refused != 0, "the socket does not listen any more"
