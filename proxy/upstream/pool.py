"""Warm connections to one origin: last in, first out, expired when idle too long.

A cold connection is the one place on the hot path that needs a task; everything else is a
plain call. TLS contexts are built once; certificates are always checked.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from proxy.errors import Kind, UpstreamFailure
from proxy.outbox import Outbox
from proxy.timing import Clock, Timer, Wheel
from proxy.upstream.backlog import Backlog
from proxy.upstream.connection import Connection

IDLE_SECONDS = 50.0  # below the 60 to 75 s after which providers and load balancers close
START_SECONDS = 40.0  # for a server of our own to come up
IDLE_LIMIT = 256  # idle connections kept per origin, unless it says so; a TLS one holds 60 kB

Spawn = Callable[[Coroutine[Any, Any, None]], object]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where connections go. proxy is an http:// URL, as HTTPS_PROXY holds it."""

    host: str
    port: int
    tls: bool = False
    ca_file: str | None = None
    proxy: str | None = None
    connect_seconds: float = 5.0


class Waiter(Protocol):
    """An attempt without a connection yet."""

    def connected(self, connection: Connection) -> None: ...
    def refused(self, failure: UpstreamFailure) -> None: ...

    @property
    def waiting(self) -> bool: ...


class Pool:
    """Connections to one origin. ready: returns when there may be any; see token.py. backlog: where
    what they bring waits while there is overload; None: nowhere. outbox: where requests wait for
    the end of a turn; None: nowhere."""

    def __init__(
        self,
        origin: Origin,
        wheel: Wheel,
        now: Clock,
        spawn: Spawn,
        ready: Callable[[], Awaitable[None]] | None = None,
        backlog: Backlog | None = None,
        outbox: Outbox | None = None,
    ) -> None:
        self.origin = origin
        self._backlog = backlog
        self._outbox = outbox
        self._ready = ready
        self.most_idle = IDLE_LIMIT
        self._wheel = wheel
        self._now = now
        self._spawn = spawn
        self._idle: list[Connection] = []
        self._sweeper: Timer | None = None
        self._tls = _context(origin) if origin.tls else None
        self._closed = False

    def take(self, *, fresh: bool = False) -> Connection | None:
        """The warmest idle connection, or None. fresh: only a new one will do."""
        idle = self._idle
        while idle and not fresh:
            connection = idle.pop()
            transport = connection.transport
            if transport is not None and not transport.is_closing():
                return connection
        return None

    def dial(self, waiter: Waiter) -> None:
        """Open a connection for this waiter; one that nobody waits for any more joins the idle."""
        self._spawn(self._dial(waiter))

    def warm(self, count: int) -> None:
        """Open this many idle connections ahead of the first request."""
        for _ in range(count):
            self._spawn(self._dial(None))

    def close(self) -> None:
        """Drop what is idle; nothing is kept from now on."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        while self._idle:
            self._idle.pop().abort()

    @property
    def idle(self) -> int:
        return len(self._idle)

    @property
    def tls(self) -> ssl.SSLContext | None:
        """What its connections are secured with, for those who connect by themselves."""
        return self._tls

    async def address(self) -> tuple[str, int]:
        """Host and port, likewise. Raises UpstreamFailure where a server of ours does not start,
        or there is no token yet."""
        if self._ready is not None:
            await self._ready()
        return self.origin.host, self.origin.port

    async def _dial(self, waiter: Waiter | None) -> None:
        connection = Connection(self._release, self._backlog, self._outbox)
        try:
            async with asyncio.timeout(self.origin.connect_seconds):
                await self._connect(connection)
        except UpstreamFailure as known:
            failure = known
        except TimeoutError:
            failure = UpstreamFailure(
                Kind.CONNECT, f"no connection within {self.origin.connect_seconds:g} s"
            )
        except ssl.SSLError as error:
            failure = UpstreamFailure(Kind.CONNECT, f"TLS failed: {error.reason or 'handshake'}")
        except OSError as error:
            words = error.strerror or type(error).__name__
            failure = UpstreamFailure(Kind.CONNECT, f"cannot connect: {words}")
        else:
            if waiter is not None and waiter.waiting:
                waiter.connected(connection)
            else:
                self._release(connection, True)
            return
        connection.abort()
        if waiter is not None and waiter.waiting:
            waiter.refused(failure)

    async def _connect(self, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        origin = self.origin
        host, port = await self.address()
        name = host if self._tls is not None else None
        if origin.proxy is None:
            await loop.create_connection(
                lambda: connection, host, port, ssl=self._tls, server_hostname=name
            )
            return
        transport = await _tunnel(origin)
        if self._tls is None:
            transport.set_protocol(connection)
            connection.connection_made(transport)
            transport.resume_reading()
            return
        secured = await loop.start_tls(transport, connection, self._tls, server_hostname=name)
        if secured is None:
            raise ConnectionResetError("the tunnel closed during the handshake")
        connection.connection_made(secured)

    def _release(self, connection: Connection, reusable: bool) -> None:
        transport = connection.transport
        if not reusable or self._closed or transport is None or len(self._idle) >= self.most_idle:
            if transport is not None and connection.listener is None:
                transport.close()
            if connection in self._idle:
                self._idle.remove(connection)
            return
        connection.idle_since = self._now()
        self._idle.append(connection)
        if self._sweeper is None:
            self._sweeper = self._wheel.arm(IDLE_SECONDS, self._sweep)

    def _sweep(self) -> None:
        self._sweeper = None
        limit = self._now() - IDLE_SECONDS
        stale = [one for one in self._idle if one.idle_since <= limit]
        self._idle = [one for one in self._idle if one.idle_since > limit]
        for connection in stale:
            connection.abort()
        if self._idle:
            wait = self._idle[0].idle_since - limit
            self._sweeper = self._wheel.arm(max(wait, 0.1), self._sweep)


class Starter(Protocol):
    """A server of our own that is started when it is first needed."""

    async def start(self) -> tuple[str, int]: ...


class LocalPool(Pool):
    """Connections to a server that may have to be started, and may move when it restarts."""

    def __init__(self, starter: Starter, wheel: Wheel, now: Clock, spawn: Spawn) -> None:
        super().__init__(Origin("127.0.0.1", 80, connect_seconds=START_SECONDS), wheel, now, spawn)
        self._starter = starter

    async def address(self) -> tuple[str, int]:
        return await self._starter.start()


def _context(origin: Origin) -> ssl.SSLContext:
    """One for all origins that trust the same authorities: to read the system's takes as long as a
    tenth of a start, and two megabytes."""
    ca_file = origin.ca_file
    return _trusting(ca_file, 0 if ca_file is None else Path(ca_file).stat().st_mtime_ns)


@lru_cache(maxsize=16)
def _trusting(ca_file: str | None, _changed_ns: int) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


class _TunnelReply(asyncio.Protocol):
    """Waits for a forward proxy's answer to CONNECT."""

    def __init__(self) -> None:
        self.seen = b""
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a stream protocol gets a Transport

    def data_received(self, data: bytes) -> None:
        self.seen += data
        if (b"\r\n\r\n" in self.seen or len(self.seen) > 16384) and not self.answered.done():
            if self._transport is not None:
                self._transport.pause_reading()  # what follows belongs to the tunnel's user
            self.answered.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if not self.answered.done():
            self.answered.set_exception(ConnectionResetError("the forward proxy closed"))


async def _tunnel(origin: Origin) -> asyncio.Transport:
    """A transport through the forward proxy to the origin. Raises OSError when it refuses."""
    assert origin.proxy is not None
    url = urlsplit(origin.proxy)
    loop = asyncio.get_running_loop()
    transport, reply = await loop.create_connection(
        _TunnelReply, url.hostname or "", url.port or 80
    )
    name = f"[{origin.host}]" if ":" in origin.host else origin.host
    request = f"CONNECT {name}:{origin.port} HTTP/1.1\r\nHost: {name}:{origin.port}\r\n"
    if url.username is not None:
        pair = f"{unquote(url.username)}:{unquote(url.password or '')}"
        request += f"Proxy-Authorization: Basic {base64.b64encode(pair.encode()).decode()}\r\n"
    transport.write(request.encode() + b"\r\n")
    try:
        await reply.answered
    except OSError:
        transport.abort()
        raise
    status = reply.seen.split(b"\r\n", 1)[0].split(b" ")
    if len(status) < 2 or status[1] != b"200":
        transport.abort()
        raise ConnectionRefusedError(0, "the forward proxy refused the tunnel")
    return transport
