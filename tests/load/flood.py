"""A client that costs little: as many requests a second as are asked for, whatever comes back.

A process of its own, so that what it does is not on the account of what it measures. It writes
ready bytes on kept connections, opens one more when all are waiting, and looks at an answer no
further than is needed to know that it is whole, refused or cut.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from tempfile import NamedTemporaryFile

import orjson
import uvloop

from tests.load.house import ROOT

TICK_S = 0.002
END = b"\r\n0\r\n\r\n"
WHOLE = b"data: [DONE]"


@dataclass(frozen=True, slots=True)
class Order:
    """What to send where. since_s: what came before is not told. cpus: it may run on; empty: all.
    priority: its nice value, or less where that is not allowed."""

    port: int
    body: str
    seconds: float
    rate: float
    since_s: float = 0.0
    most_open: int = 8000
    unique: bool = False
    cpus: tuple[int, ...] = ()
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """What came. outcomes: whole, refused, error, cut, and unsent where it was too slow itself;
    refusals_ms: from the request's write to the refusal."""

    seconds: float
    outcomes: dict[str, int]
    refusals_ms: list[float]

    @property
    def whole_per_s(self) -> float:
        return self.outcomes.get("whole", 0) / self.seconds


class Line(asyncio.Protocol):
    """One connection."""

    def __init__(self, flood: Flood) -> None:
        self.flood = flood
        self.transport: asyncio.Transport | None = None
        self.since = 0.0
        self.is_busy = False
        self._answer = b""

    def connection_made(self, transport) -> None:
        self.transport = transport
        self.flood.free(self)

    def send(self, data: bytes) -> None:
        assert self.transport is not None
        self.is_busy, self._answer = True, b""
        self.since = time.perf_counter()
        self.transport.write(data)

    def data_received(self, data: bytes) -> None:
        self._answer = answer = self._answer + data if len(self._answer) < 400 else (
            self._answer[:200] + self._answer[-200:] + data)  # fmt: skip
        if answer.startswith(b"HTTP/1.1 200"):
            if data.endswith(END) or answer.endswith(END):
                self._over("whole" if WHOLE in answer[-400:] else "error")
        elif answer[9:12] in (b"503", b"429") and b"\r\n\r\n" in answer:
            self.flood.refusals_ms.append((time.perf_counter() - self.since) * 1000)
            self._over("refused")
        elif b"\r\n\r\n" in answer:
            self._over("error")

    def connection_lost(self, exc) -> None:
        self.transport = None
        self.flood.open -= 1
        if self.is_busy:
            self.flood.outcomes["cut"] += 1

    def _over(self, outcome: str) -> None:
        self.is_busy = False
        self.flood.outcomes[outcome] += 1
        self.flood.free(self)


class Flood:
    """One order, carried out."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.outcomes: Counter[str] = Counter()
        self.refusals_ms: list[float] = []
        self.open = self._number = self._due = 0
        self._idle: list[Line] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def free(self, line: Line) -> None:
        """A connection that nothing is on."""
        if self._due > 0 and line.transport is not None:
            self._due -= 1
            line.send(self._request())
        else:
            self._idle.append(line)

    def _request(self) -> bytes:
        body = self.order.body
        if self.order.unique:
            self._number += 1
            body = body.replace("NUMBER", f"{self._number:012d}")
        return (
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type:"
            b" application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body.encode())
        )

    def _send(self, count: int) -> None:
        while count and self._idle:
            line = self._idle.pop()
            if line.transport is not None and not line.transport.is_closing():
                line.send(self._request())
                count -= 1
        if count and self.open + count <= self.order.most_open:
            for _ in range(count):
                self.open += 1
                self._due += 1
                task = asyncio.ensure_future(self._connect())
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        elif count:
            self.outcomes["unsent"] += count

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: Line(self), "127.0.0.1", self.order.port)
        except OSError:
            self.open -= 1
            self._due -= 1
            self.outcomes["cut"] += 1

    async def run(self) -> Told:
        """Send for so long."""
        order = self.order
        began = time.perf_counter()
        sent, is_told = 0, False
        while (now := time.perf_counter() - began) < order.seconds:
            if not is_told and now >= order.since_s:
                is_told = True
                self.outcomes.clear()
                self.refusals_ms.clear()
            due = int(now * order.rate)
            if due > sent:
                self._send(due - sent)
                sent = due
            await asyncio.sleep(TICK_S)
        lasted = time.perf_counter() - began - order.since_s
        return Told(lasted, dict(self.outcomes), self.refusals_ms)


def start(order: Order, out: str) -> subprocess.Popen[bytes]:
    """Carry it out in a process of its own, which writes what came to this file."""
    data = orjson.dumps(order).decode()
    return subprocess.Popen([sys.executable, "-m", "tests.load.flood", data, out], cwd=ROOT)


def flood(order: Order) -> Told:
    """Carry it out, and wait for it."""
    with NamedTemporaryFile(suffix=".json") as out:
        if start(order, out.name).wait() != 0:
            raise RuntimeError("the client failed")
        return read(out.name)


def read(name: str) -> Told:
    with open(name, "rb") as file:
        return Told(**orjson.loads(file.read()))


def place(cpus: tuple[int, ...] | list[int], priority: int, pid: int = 0) -> None:
    """Where a process runs, and how it is preferred, as far as that is allowed."""
    if cpus:
        os.sched_setaffinity(pid, cpus)
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, pid, priority)


def main() -> None:
    order = Order(**orjson.loads(sys.argv[1]))
    place(order.cpus, order.priority)
    told = uvloop.run(Flood(order).run())
    with open(sys.argv[2], "wb") as file:
        file.write(orjson.dumps(told))


if __name__ == "__main__":
    main()
