"""The client side of one process: its listener, its connections, and how it goes down.

Owns what outlives a configuration (sockets, fronts, the wheel) and holds the service in force.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter, thread_time
from typing import TYPE_CHECKING

from aiohttp import web

from proxy import headers
from proxy.downstream.crowd import Crowd
from proxy.downstream.door import LINGER_SECONDS, Full, busy, connections
from proxy.downstream.front import Front, complete
from proxy.downstream.guard import Guard
from proxy.downstream.head import Heads
from proxy.outbox import Outbox
from proxy.state.admission import LOOK_SECONDS, Admission
from proxy.timing import Clock, Wheel
from proxy.upstream.backlog import Backlog

if TYPE_CHECKING:
    from proxy.downstream.household import Answering, Service
    from proxy.errors import ClientError

BACKLOG = 4096
SWEEP_SECONDS = 1.0  # how often waiting connections are looked at
SWEPT = 200  # of them at a stretch, a quarter of a millisecond; then tokens come first
SWEEP_STEP_SECONDS = 0.004
DRAIN_STEP_SECONDS = 0.05
ON_ITS_WAY_SECONDS = 0.25  # a draining process waits so long for a connection's next request
LATE_SECONDS = 0.005  # a turn that takes longer is one in which several may have come
FAREWELL_SECONDS = 2.0  # for aiohttp's handlers after everything was told to end


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds a client, or a shutdown, may take; how many clients there may be."""

    head_s: float = 10.0
    body_s: float = 60.0
    idle_s: float = 75.0
    drain_s: float = 30.0
    connections: int = field(default_factory=connections)


class House:
    """Everything that faces clients."""

    def __init__(self, limits: Limits, admission: Admission) -> None:
        loop = asyncio.get_running_loop()
        self._loop = loop
        self.limits = limits
        self.admission = admission
        self.heads = Heads()
        self.now: Clock = loop.time
        self.wheel = Wheel(loop.time, loop.call_at)
        self.backlog = Backlog(loop.call_soon, perf_counter)
        self.outbox = Outbox(loop.call_soon, admission)
        self.fronts: set[Front] = set()
        self.guards: dict[asyncio.Protocol, Guard] = {}  # by aiohttp's handler
        self.answers: set[Answering] = set()  # being given through aiohttp
        self.turned_away = 0  # connections beyond the limit
        self.refusals: Counter[int] = Counter()  # requests answered so by this process itself
        self._full: set[Full] = set()  # being told so
        self.draining = False
        self._hurried = False
        self.service: Service
        self._runner: web.AppRunner | None = None
        self._servers: list[asyncio.Server] = []
        self._crowd = Crowd(loop, self._front)
        self._is_late = False
        self._no_room: dict[tuple[int, str], tuple[bytes, bytes, bytes]] = {}
        self.addresses: list[tuple[str, int]] = []  # where it listens, or did

    async def open(self, app: web.Application, service: Service) -> None:
        """Ready to listen: the service in force, and aiohttp for what the lean lane hands over."""
        self.service = service
        self._runner = web.AppRunner(
            app,
            access_log=None,
            auto_decompress=False,  # compressed bodies are refused: nothing to unpack, or to log
            handler_cancellation=True,
            keepalive_timeout=self.limits.idle_s,
            shutdown_timeout=FAREWELL_SECONDS,
        )
        await self._runner.setup()

    async def listen(self, host: str, port: int) -> None:
        """Listen. Raises OSError when it is taken."""
        server = await self._loop.create_server(self._front, host, port, backlog=BACKLOG)
        self._listening(server)

    async def adopt(self, sock: socket.socket) -> None:
        """Listen on a socket that somebody else opened (socket activation, a supervisor)."""
        server = await self._loop.create_server(self._front, sock=sock, backlog=BACKLOG)
        self._listening(server)

    @property
    def descriptors(self) -> list[int]:
        """Of the sockets it listens on."""
        return [one.fileno() for server in self._servers for one in server.sockets]

    def hand_over(self, transport: asyncio.Transport, data: bytes) -> None:
        """Let aiohttp have a connection, for good."""
        assert self._runner is not None
        server = self._runner.server
        assert server is not None
        handler = server()
        guard = Guard(handler, self.now, self.refused, self._gone, self.service.max_body_bytes)
        self.guards[handler] = guard
        transport.set_protocol(guard)
        guard.connection_made(transport)
        guard.data_received(data)

    def answered(self, handler: asyncio.Protocol) -> None:
        """aiohttp's handler of a connection has sent a whole answer."""
        guard = self.guards.get(handler)
        if guard is not None:
            guard.answered()

    def giving(self, handler: asyncio.Protocol, answering: Answering) -> None:
        """aiohttp's handler gives an answer; a client that leaves calls it off at once."""
        self.answers.add(answering)
        guard = self.guards.get(handler)
        if guard is not None:
            guard.answering = answering

    def given(self, handler: asyncio.Protocol, answering: Answering) -> None:
        """That answer is over, however it ended."""
        self.answers.discard(answering)
        guard = self.guards.get(handler)
        if guard is not None:
            guard.answering = None

    async def close(self) -> None:
        """Accept nothing more, let open answers end, then tell those that did not."""
        self.draining = True
        self.outbox.flush()  # connections that nobody answers are closed now
        self._crowd.close()
        for server in self._servers:
            server.close()
        deadline = self.now() + self.limits.drain_s
        while self._busy() and self.now() < deadline and not self._hurried:
            await asyncio.sleep(DRAIN_STEP_SECONDS)
        for front in tuple(self.fronts):
            front.cut()
        for answer in tuple(self.answers):
            answer.expire()
        if self._runner is not None:
            await self._runner.cleanup()

    def hurry(self) -> None:
        """Somebody asked twice: a drain ends now, and says so to those still being answered."""
        self._hurried = True

    @property
    def open_answers(self) -> int:
        """Answers being given now, on both lanes."""
        return len(self.answers) + sum(one._answering is not None for one in self.fronts)

    def _busy(self) -> bool:
        # One that has just come, or just been answered, may have a request on its way.
        now = self.now()
        busy = [
            front
            for front in tuple(self.fronts)
            if now - front.since < ON_ITS_WAY_SECONDS or front.drain()
        ]
        return bool(busy or self.answers)

    def _front(self) -> Front | Full:
        if self._is_late or self.admission.overloaded:
            self._crowd.let_in()
        if len(self.fronts) + len(self.guards) < self.limits.connections:
            return Front(self, self._loop)
        self.turned_away += 1
        full = Full(self.refused(busy(1)), self._full.discard)
        self._full.add(full)
        # Those being told so hold descriptors too: past half as many again they are cut at once.
        linger_s = LINGER_SECONDS if len(self._full) * 2 < self.limits.connections else 0.0
        self.wheel.arm(linger_s, full.end)
        return full

    def _listening(self, server: asyncio.Server) -> None:
        if not self._servers:
            self._sweep()
            self._look()
        self._servers.append(server)
        for sock in server.sockets:
            self._crowd.watch(sock.fileno())
        name = server.sockets[0].getsockname()
        self.addresses.append((str(name[0]), int(name[1])))

    def no_room(self, wait_s: int, kind: str) -> tuple[bytes, bytes, bytes]:
        """Header lines and body of a refusal by admission, in the dialect of the path that was
        asked, and all of it as it is sent where the connection is kept: made once, for they are
        wanted by the thousand when there is no time for it."""
        found = self._no_room.get((wait_s, kind))
        if found is None:
            error = self.admission.refusal(wait_s)
            lines = headers.JSON + headers.lines(error.headers)
            body = self.service.refused(error, kind)
            found = self._no_room[wait_s, kind] = lines, body, complete(503, lines, body)
        return found

    def refused(self, error: ClientError, kind: str = "openai") -> bytes:
        """The body of a refusal, in the dialect of the path that was asked; counted."""
        self.refusals[error.status] += 1
        return self.service.refused(error, kind)

    def _gone(self, handler: asyncio.Protocol) -> None:
        self.guards.pop(handler, None)

    def _sweep(self) -> None:
        self._sweep_fronts([*self.fronts])

    def _sweep_fronts(self, left: list[Front]) -> None:
        limits = self.limits
        for front in left[-SWEPT:]:
            front.expire(limits.head_s, limits.body_s, limits.idle_s)
        del left[-SWEPT:]
        if left:
            self.wheel.arm(SWEEP_STEP_SECONDS, partial(self._sweep_fronts, left))
            return
        for answer in tuple(self.answers):
            answer.nudge()
        for guard in tuple(self.guards.values()):
            guard.expire(limits.head_s, limits.body_s)
        self.wheel.arm(SWEEP_SECONDS, self._sweep)

    def _look(self) -> None:
        """How long one turn of the loop takes now, with all that is ready to be read in it."""
        began, cpu = self.now(), thread_time()

        def turned() -> None:
            now, spent = self.now(), thread_time()
            self._is_late = now - began > LATE_SECONDS
            self.admission.sample(
                now - began, now, spent - cpu, spent, wait_s=self.backlog.wait_s()
            )
            self.backlog.is_used = self.admission.overloaded
            self.wheel.arm(LOOK_SECONDS, self._look)

        # What is called soon runs before the sockets are looked at; its own call, after them.
        self._loop.call_soon(self._loop.call_soon, turned)
