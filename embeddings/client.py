"""The proxy's side of the embedder: ask with a deadline, and never depend on an answer.

Whoever asks hears vectors, or None: no connection, too late, refused. After a few failures nobody
is made to wait any more; a probe beside the traffic finds out when it is back. Restarts of the
embedder are followed by reconnecting.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, cast

import orjson

from embeddings import wire
from embeddings.wire import Kind, Vectors

log = logging.getLogger(__name__)

FAILURES = 3  # in a row, before nobody waits any more
SILENT = 8  # questions in a row without any sign of it, before it counts as gone
PROBE_SECONDS = 0.25  # between probes, and between attempts to connect at first
QUIET = 4  # so many times as long nobody asked: one that hangs is to be seen before it is needed
STATE_SECONDS = 1.0
RECONNECT_MOST_S = 2.0
WAITING = 256  # questions at a time; beyond it the answer is None at once


class _Waiting:
    __slots__ = ("handle", "hear")

    def __init__(self, hear: Callable[[Kind, bytes], None], handle: asyncio.TimerHandle) -> None:
        self.hear = hear
        self.handle = handle


class Client(asyncio.Protocol):
    """One connection at a time to the embedder at a path. All on one loop."""

    def __init__(self, path: str | None, budget_s: float) -> None:
        """path: of its socket, None: there is no embedder. budget_s: how long an answer may
        take."""
        self.path = path
        self.budget_s = budget_s
        self._moved = asyncio.Event()
        self._transport: asyncio.Transport | None = None
        self._frames = wire.Frames()
        self._waiting: dict[int, _Waiting] = {}
        self._number = 0
        self._failed = 0
        self._silent = SILENT
        self._lost = asyncio.Event()
        self.answered = 0
        self.late = 0

    def configure(self, path: str | None, budget_s: float) -> None:
        """Another path or budget from now on; what is asked at the old path is answered by None."""
        self.budget_s = budget_s
        if path != self.path:
            self.path = path
            self._moved.set()
            if self._transport is not None:
                self._transport.abort()

    # ---- asking ----------------------------------------------------------------------------

    @property
    def up(self) -> bool:
        """Whether a question is worth asking."""
        return self._transport is not None and self._failed < FAILURES

    @property
    def alive(self) -> bool:
        """Whether it answers, however late: one on a CPU may be too slow for who has to wait, and
        is asked where nobody does."""
        return self._transport is not None and self._silent < SILENT

    @property
    def connected(self) -> bool:
        """Whether there is one to ask at all."""
        return self._transport is not None

    def ask(
        self,
        texts: Sequence[str],
        then: Callable[[Vectors | None], None],
        budget_s: float | None = None,
    ) -> None:
        """then hears unit vectors, shape (len(texts), dim), once and within the budget; or None,
        at once where the embedder is away.

        budget_s: of a question that nobody waits for. It may be longer than the usual one, is
        asked of an embedder that is too slow for that one too, and says nothing about whether it
        is back in time.
        """
        patient = budget_s is not None
        ready = self.connected if patient else self.up
        if not ready or len(self._waiting) >= WAITING or len(texts) > wire.TEXTS:
            then(None)
            return
        self._ask(texts, self.budget_s if budget_s is None else budget_s, then, patient=patient)

    async def encode(self, texts: Sequence[str]) -> Vectors | None:
        """The same, for who may await."""
        future: asyncio.Future[Vectors | None] = asyncio.get_running_loop().create_future()
        self.ask(texts, lambda found: None if future.done() else future.set_result(found))
        return await future

    def keep(self, space: int, texts: Mapping[int, str]) -> None:
        """Have texts kept by their labels in a space, 64-bit numbers all; nobody hears of it.

        With `nearest` it is the way from a text to its vector, its category and the nearest of
        what is kept in one run on the device. `firsttoken bench classify` measures it. The proxy's
        cache searches by its word table within microseconds and asks only for comparisons: over
        the same prompts the model's own search found hardly any pair more.
        """
        if self.up and self._transport is not None and len(texts) <= wire.TEXTS:
            self._number = number = (self._number + 1) & 0xFFFF_FFFF
            self._transport.write(wire.kept(number, space, texts))

    async def nearest(
        self, text: str, spaces: Sequence[int], k: int
    ) -> list[list[tuple[int, float]]] | None:
        """For each space the k kept texts most like this one, as (label, cosine); None as ask. What
        an embedder keeps is lost with it: see `state`, and keep it again."""
        if not self.up or self._transport is None:
            return None
        future: asyncio.Future[list[list[tuple[int, float]]] | None]
        future = asyncio.get_running_loop().create_future()

        def hear(kind: Kind, payload: bytes) -> None:
            found = None
            if kind is Kind.FOUND:
                with suppress(wire.BadFrame):
                    found = wire.near_of(payload)
            self._count(well=found is not None)
            if not future.done():
                future.set_result(found)

        number = self._wait(self.budget_s, hear)
        until_ns = time.monotonic_ns() + int(self.budget_s * 1e9)
        self._transport.write(wire.near_question(number, text, spaces, k, until_ns))
        return await future

    async def state(self) -> dict[str, Any] | None:
        """How the embedder does, in its own words; None where it does not answer."""
        if self._transport is None:
            return None
        future: asyncio.Future[dict[str, Any] | None] = asyncio.get_running_loop().create_future()

        def hear(kind: Kind, payload: bytes) -> None:
            found = None
            if kind is Kind.TOLD:
                with suppress(orjson.JSONDecodeError):
                    found = orjson.loads(payload)
            if not future.done():
                future.set_result(found)

        number = self._wait(STATE_SECONDS, hear)
        self._transport.write(wire.frame(number, Kind.STATE))
        return await future

    def _ask(
        self,
        texts: Sequence[str],
        budget_s: float,
        then: Callable[[Vectors | None], None],
        *,
        patient: bool = False,
    ) -> None:
        transport = self._transport
        assert transport is not None

        def hear(kind: Kind, payload: bytes) -> None:
            found = None
            if kind is Kind.VECTORS:
                with suppress(wire.BadFrame):
                    found = wire.vectors_of(payload)
            if found is not None and len(found) != len(texts):
                found = None
            self._count(well=found is not None, patient=patient)
            then(found)

        number = self._wait(budget_s, hear)
        until_ns = time.monotonic_ns() + int(budget_s * 1e9)
        transport.write(wire.question(number, texts, until_ns))

    def _count(self, *, well: bool, patient: bool = False) -> None:
        """patient: asked with another budget, which says nothing of who has to wait."""
        if well:
            self.answered += 1
        else:
            self.late += 1
        if patient:
            return
        if well and self._failed >= FAILURES:
            log.info("the embedder at %s answers", self.path)
        self._failed = 0 if well else self._failed + 1

    def _wait(self, budget_s: float, hear: Callable[[Kind, bytes], None]) -> int:
        self._number = number = (self._number + 1) & 0xFFFF_FFFF
        loop = asyncio.get_running_loop()
        handle = loop.call_later(budget_s, self._expire, number)
        self._waiting[number] = _Waiting(hear, handle)
        return number

    def _expire(self, number: int) -> None:
        waiting = self._waiting.pop(number, None)
        if waiting is not None:
            self._silent += 1
            waiting.hear(Kind.REFUSED, b"late")

    # ---- the connection --------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class
        self._transport = transport
        self._frames = wire.Frames()
        self._silent = SILENT  # until it was heard
        self._lost.clear()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._transport = None
        waiting, self._waiting = self._waiting, {}
        for one in waiting.values():
            one.handle.cancel()
            one.hear(Kind.REFUSED, b"gone")
        self._lost.set()

    def data_received(self, data: bytes) -> None:
        try:
            for number, kind, payload in self._frames.feed(data):
                self._silent = 0
                waiting = self._waiting.pop(number, None)
                if waiting is not None:  # else its deadline has passed
                    waiting.handle.cancel()
                    waiting.hear(kind, payload)
        except wire.BadFrame as error:
            log.warning("the embedder at %s speaks another language: %s", self.path, error)
            if self._transport is not None:
                self._transport.abort()

    async def run(self) -> None:
        """Stay connected to where the path leads, for ever; a task of the proxy's."""
        loop = asyncio.get_running_loop()
        pause_s, told = PROBE_SECONDS, False
        try:
            while True:
                path = self.path
                if self._moved.is_set():
                    pause_s, told = PROBE_SECONDS, False
                    self._moved.clear()
                if path is None:
                    await self._moved.wait()
                    continue
                try:
                    await loop.create_unix_connection(lambda: self, path)
                except OSError as error:
                    if not told:
                        log.warning("no embedder at %s: %s", path, error)
                        told = True
                    await _within(pause_s, self._moved)
                    pause_s = min(2 * pause_s, RECONNECT_MOST_S)
                    continue
                pause_s, told = PROBE_SECONDS, False
                self._failed = FAILURES  # until a probe has come back in time
                if self._moved.is_set() and self._transport is not None:
                    self._transport.abort()  # moved while it was being connected
                await self._look_after()
        finally:
            if self._transport is not None:
                self._transport.abort()

    async def _look_after(self) -> None:
        """While connected: probe where nobody waits any more, so that it can come back; and now
        and then where nobody asks."""
        asked = quiet = 0
        while self._transport is not None:
            before, asked = asked, self.answered + self.late
            quiet = quiet + 1 if asked == before else 0
            if (self._failed >= FAILURES or quiet >= QUIET) and not self._waiting:
                self._ask(("probe",), self.budget_s, lambda _: None)
            await _within(PROBE_SECONDS, self._lost)


async def _within(seconds: float, event: asyncio.Event) -> None:
    """Until an event, at most so long. Python 3.11's wait_for forgets a cancellation that comes
    together with the event, and who cancelled waits for ever."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
