"""One load run: when requests leave, on which connection, and what their answers add up to."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence

from benchmarks.load.account import account, row, row_without_answer
from benchmarks.load.apis import Api
from benchmarks.load.client import Client, Job
from benchmarks.load.plan import Load, Row, cpu_seconds, waited_seconds
from benchmarks.load.tally import Tally
from benchmarks.load.target import Target, numbered
from benchmarks.schedule import Schedule

CONNECT_AT_ONCE = 256  # connections being opened together, below common backlogs
SLICE_SECONDS = 0.5
CONNECT_SECONDS = 10.0
RECONNECT_SECONDS = 0.05


class Run:
    """Executes one Load against one Target. Use it once."""

    def __init__(
        self, load: Load, target: Target, api: Api, jobs: Sequence[Job], *, stream: bool
    ) -> None:
        self.load = load
        self.target = target
        self.api = api
        self.stream = stream
        self.tally = Tally()
        self.gaps = self.tally.gap.pending
        self.check_done = load.check_done
        self.rows: list[Row] | None = None  # a list here keeps every request
        self.on_slice: Callable[[Run], None] | None = None
        self.gate: Callable[[], float] | None = None  # waits; returns when to begin (monotonic)
        self.numbers = (0, 1)  # of the first request, and from each to the next
        self.interrupted = False
        self._jobs = jobs
        self._idle: list[Client] = []
        self._clients: set[Client] = set()
        self._connecting = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._backlog: deque[float] = deque()
        self._issued = 0  # due so far, against load.count
        self._number = 0  # sent so far, warm-up included
        self._recording = False
        self._stopping = False
        self._warm = 0
        self._started = 0.0
        self._due = 0.0
        self._ended = asyncio.Event()
        self._task: asyncio.Task[object] | None = None
        self._open = 0

    @property
    def open(self) -> int:
        """Requests on their way."""
        return self._open

    def started_streams(self) -> int:
        """Open requests that have had their first token."""
        return sum(client.busy and client.tokens > 0 for client in self._clients)

    def interrupt(self) -> None:
        """Ends the run now: what is on its way stays unfinished."""
        self.interrupted = self._stopping = True
        self._ended.set()
        if self._task is not None and not self._recording:
            self._task.cancel()  # it connects or warms up, and may wait for what never comes

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._started if self._started else 0.0

    async def execute(self) -> Tally:
        """Connects, warms up, runs, drains. Raises OSError when nothing listens."""
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._task = asyncio.current_task()
        self._schedule = Schedule(loop)
        try:
            load = self.load
            first = load.preconnect if load.arrivals else load.concurrency
            await self._connect_all(max(1, min(first, load.concurrency)))
            if load.warmup:
                await self._warm_up()
            await self._measure()
        except asyncio.CancelledError:
            if not self.interrupted:
                raise
        finally:
            self._schedule.close()
            for task in list(self._tasks):
                task.cancel()
            for client in list(self._clients):
                client.busy = False  # what is cut off here is unfinished, not an error
                client.transport.abort()
        return self.tally

    # ---- phases ------------------------------------------------------------------------------

    async def _connect_all(self, count: int) -> None:
        for start in range(0, count, CONNECT_AT_ONCE):
            some = range(start, min(count, start + CONNECT_AT_ONCE))
            await asyncio.gather(*(self._connect() for _ in some))

    async def _connect(self) -> None:
        target = self.target
        work = self._loop.create_connection(
            lambda: Client(self, self.api, self.stream),
            target.host,
            target.port,
            ssl=target.tls,
        )
        _, client = await asyncio.wait_for(work, CONNECT_SECONDS)
        self.tally.connections += 1
        self._clients.add(client)
        self._idle.append(client)

    async def _warm_up(self) -> None:
        self._warm = self.load.warmup
        while self._idle and self._warm:
            self._warm -= 1
            self._launch(self._idle.pop(), time.monotonic())
        limit = time.monotonic() + self.load.request_seconds
        while self._open and time.monotonic() < limit:  # noqa: ASYNC110 - once a run
            await asyncio.sleep(0.005)
        self._warm = 0
        errors, samples = self.tally.errors, self.tally.samples
        connections = self.tally.connections
        self.tally = Tally()
        self.tally.connections = connections
        self.gaps = self.tally.gap.pending
        if errors:
            self.tally.samples = [f"warm-up: {one}" for one in samples]
            if not self._idle and not self._clients:
                await self._connect_all(1)

    async def _measure(self) -> None:
        load = self.load
        self._recording = True
        begin = self.gate() if self.gate is not None else 0.0
        await asyncio.sleep(max(0.0, begin - time.monotonic()))
        cpu, waited = cpu_seconds(), waited_seconds()
        self._started = begin or time.monotonic()
        if load.arrivals is not None:
            self._times = load.arrivals()
            self._next_due()
        else:
            for client in list(self._idle):
                if not self._has_more():
                    break
                self._idle.remove(client)
                self._launch(client, time.monotonic())
        await self._until_end()
        now = time.monotonic()
        self.tally.seconds = now - self._started
        self.tally.client_cpu_s = cpu_seconds() - cpu
        self.tally.client_wait_s = waited_seconds() - waited
        self.tally.unfinished = self._open + len(self._backlog)
        self._keep_unfinished(now)
        if len(self.tally.total.pending) or not self.tally.slices:
            self._slice()

    def _keep_unfinished(self, now: float) -> None:
        """What never ended is a row, too."""
        if self.rows is None:
            return
        some = (client for client in self._clients if client.busy and client.recorded)
        self.rows += [row(client, self._started, now, "unfinished") for client in some]
        self.rows += [
            row_without_answer(due, self._started, now, "unfinished") for due in self._backlog
        ]

    async def _until_end(self) -> None:
        """Waits for the last answer, cutting slices and finding requests that hang."""
        load = self.load
        stop_at = self._started + load.seconds if load.seconds else float("inf")
        drained = float("inf")
        next_slice = self._started + SLICE_SECONDS
        while not self._ended.is_set():
            now = time.monotonic()
            if now >= stop_at and drained == float("inf"):
                self._stopping = True  # an open loop that has sent everything has stopped before
                drained = now + load.drain_seconds
                self._check_ended()
            if now >= drained:
                return
            if now >= next_slice:
                self._slice()
                next_slice += SLICE_SECONDS
                self._sweep(now)
            wake = min(next_slice, drained, stop_at if now < stop_at else drained)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), max(0.001, wake - now))

    def _slice(self) -> None:
        self.tally.cut(self.elapsed, self._open)
        if self.on_slice is not None:
            self.on_slice(self)

    def _sweep(self, now: float) -> None:
        for client in list(self._clients):
            if client.busy and now - client.sent > self.load.request_seconds:
                client.give_up("timeout")

    # ---- sending -----------------------------------------------------------------------------

    def _has_more(self) -> bool:
        if self._stopping:
            return False
        return self.load.count is None or self._issued < self.load.count

    def _next_due(self) -> None:
        offset = next(self._times, None) if self._has_more() else None
        if offset is None:
            self._stopping = True
            self._check_ended()
            return
        self._due = self._started + offset
        self._schedule.at(self._due, self._arrive)

    def _arrive(self) -> None:
        """Sends whatever is due, and sets the timer for what comes next."""
        now = time.monotonic()
        limit = self.load.seconds
        while self._due <= now:
            if not self._has_more() or (limit and self._due - self._started >= limit):
                self._stopping = True
                self._check_ended()
                return
            self._dispatch(self._due, now)
            offset = next(self._times, None)
            if offset is None:
                self._stopping = True
                self._check_ended()
                return
            self._due = self._started + offset
        self._schedule.at(self._due, self._arrive)

    def _dispatch(self, due: float, now: float) -> None:
        if self._idle:
            self._launch(self._idle.pop(), due, now)
            return
        self._issued += 1
        self._backlog.append(due)
        if len(self._clients) + self._connecting < self.load.concurrency:
            self._open_another()
        else:
            self.tally.late_slots += 1

    def _open_another(self) -> None:
        self._connecting += 1
        task = self._loop.create_task(self._connect_late())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect_late(self) -> None:
        try:
            await self._connect()
        except (OSError, TimeoutError) as error:
            self._connecting -= 1
            self._no_connection(str(error) or "timed out")
            return
        self._connecting -= 1
        self._reuse(self._idle.pop())

    def _no_connection(self, why: str) -> None:
        """A request that has nowhere to go; a closed loop tries again a little later."""
        now = time.monotonic()
        if self._backlog:
            self._fail_to_connect(self._backlog.popleft(), now, why)
        elif self.load.arrivals is None and self._has_more():
            self._issued += 1
            self._fail_to_connect(now, now, why)
            if self._has_more():
                self._schedule.at(now + RECONNECT_SECONDS, self._open_another)
        self._check_ended()

    def _fail_to_connect(self, due: float, now: float, why: str) -> None:
        self.tally.fail("connect", why)
        if self.rows is not None:
            self.rows.append(row_without_answer(due, self._started, now, "connect"))

    def _launch(self, client: Client, due: float, now: float | None = None) -> None:
        self._issued += self._recording
        self._send(client, due, time.monotonic() if now is None else now)

    def _send(self, client: Client, due: float, now: float) -> None:
        first, step = self.numbers
        number = first + self._number * step
        self._number += 1
        job = self._jobs[number % len(self._jobs)]
        if self.load.unique:
            job = numbered(job, number)
        self._open += 1
        if self._recording:
            self.tally.lag.pending.append(now - due)
        client.send(job, due, now, recorded=self._recording)

    # ---- answers -----------------------------------------------------------------------------

    def finished(self, client: Client, *, keep: bool) -> None:
        """A complete answer, good or bad."""
        self._count(client)
        client.busy = False
        if not keep:
            client.transport.close()
            return
        self._reuse(client)

    def lost(self, client: Client) -> None:
        """A connection ended; its request, if one was open, with it."""
        if client in self._idle:
            self._idle.remove(client)
        self._clients.discard(client)
        if client.busy:
            client.busy = False
            self._count(client)
        wanted = self._backlog or (self.load.arrivals is None and self._has_more())
        if wanted or self._warm:
            self._open_another()
        self._check_ended()

    def _reuse(self, client: Client) -> None:
        if client.transport.is_closing():
            return
        if self._backlog:
            due = self._backlog.popleft()
            self._send(client, due, time.monotonic())
        elif self._warm:
            self._warm -= 1
            self._launch(client, time.monotonic())
        elif self._recording and self.load.arrivals is None and self._has_more():
            now = time.monotonic()
            self._launch(client, now, now)
        else:
            self._idle.append(client)
            self._check_ended()

    def _check_ended(self) -> None:
        if self._recording and not self._open and not self._backlog and not self._has_more():
            self._ended.set()

    def _count(self, client: Client) -> None:
        self._open -= 1
        if not client.recorded:
            if client.broken:
                self.tally.fail(client.broken, client.message())
            return
        end = client.ended if client.first_byte else time.monotonic()
        if self.rows is not None:
            self.rows.append(row(client, self._started, end))
        account(self.tally, client, end, self.load.goodput)
