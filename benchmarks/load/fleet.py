"""A load executed: in this process, or shared among several whose tallies merge.

Each of n processes takes every n-th request of the same schedule, beginning together, so that a
rate, a trace or a seed means the same however many there are.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

import uvloop

from benchmarks.load.plan import Load, Row, raise_file_limit
from benchmarks.load.progress import State, joined, state_of
from benchmarks.load.run import Run
from benchmarks.load.settings import Settings
from benchmarks.load.tally import Tally

START_SECONDS = 0.1  # from the last process being ready to the first request: all must hear
END_SIGNALS = (signal.SIGINT, signal.SIGTERM)  # Ctrl-C, and what CI and `timeout` send
Show = Callable[[State], None]


@dataclass(slots=True)
class Done:
    """What came of a load. interrupted: the user ended it early, and this is what there was."""

    tally: Tally
    rows: list[Row] = field(default_factory=list)
    interrupted: bool = False


def execute(
    settings: Settings, url: str, load: Load, show: Show | None = None, *, rows: bool = False
) -> Done:
    """Runs it to its end or to Ctrl-C or SIGTERM. Raises OSError when nothing listens."""
    count = min(settings.processes, load.concurrency, load.count or load.concurrency)
    if count < 2:
        run = _prepared(settings, url, load, show, rows=rows)
        with _interrupting(run):
            uvloop.run(run.execute())
        return Done(run.tally, run.rows or [], run.interrupted)
    return _together(settings, url, load, show, count, rows=rows)


def _prepared(settings: Settings, url: str, load: Load, show: Show | None, *, rows: bool) -> Run:
    run = settings.run(url, load)
    run.rows = [] if rows else None
    if show is not None:
        run.on_slice = lambda one: show(state_of(one))
    return run


@contextlib.contextmanager
def _interrupting(run: Run) -> Iterator[None]:
    """Signals end the run. Plain handlers: those of a loop lose what comes as it closes."""
    before = {}
    with contextlib.suppress(ValueError):  # only a main thread hears signals
        for number in END_SIGNALS:
            before[number] = signal.signal(number, lambda *_: run.interrupt())
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# ---- several processes -------------------------------------------------------------------------


def _together(
    settings: Settings, url: str, load: Load, show: Show | None, count: int, *, rows: bool
) -> Done:
    context = multiprocessing.get_context("spawn")
    pipes: list[Connection] = []
    members: list[SpawnProcess] = []
    before = [signal.signal(one, signal.SIG_IGN) for one in END_SIGNALS]  # members inherit it
    try:
        for number in range(count):
            mine, theirs = context.Pipe()
            part = portion(load, number, count)
            member = context.Process(
                target=_member, args=(settings, url, part, theirs, number, count, rows)
            )
            member.start()
            theirs.close()
            pipes.append(mine)
            members.append(member)
        for one in END_SIGNALS:
            signal.signal(one, signal.default_int_handler)  # ends it all until they are ready
        for pipe in pipes:
            _checked(pipe)
        for one in END_SIGNALS:
            signal.signal(one, lambda *_: _interrupt(members))
        return _gathered(pipes, show)
    finally:
        for one, handler in zip(END_SIGNALS, before, strict=True):
            signal.signal(one, handler)
        for member in members:
            if member.is_alive():
                member.kill()
            member.join()


def _interrupt(members: Sequence[SpawnProcess]) -> None:
    """Ends the members early; each tells what there was."""
    for member in members:
        if member.pid is not None and member.is_alive():
            os.kill(member.pid, signal.SIGINT)


def _gathered(pipes: list[Connection], show: Show | None) -> Done:
    """Starts them together, shows how they do, merges what they found."""
    begin = time.monotonic() + START_SECONDS
    for pipe in pipes:
        pipe.send(begin)
    whole = Done(Tally())
    whole.tally.processes = 0
    states: dict[Connection, State] = {}
    waiting = list(pipes)
    while waiting:
        spoke = wait(waiting)
        for pipe in [one for one in waiting if one in spoke]:
            said = _checked(pipe)
            if isinstance(said, State):
                states[pipe] = said
                if show is not None and len(states) == len(pipes):
                    show(joined(list(states.values())))
            elif isinstance(said, Done):
                waiting.remove(pipe)
                whole.tally.merge(said.tally)
                whole.rows += said.rows
                whole.interrupted |= said.interrupted
    whole.rows.sort()
    return whole


def _checked(pipe: Connection) -> object:
    """What a member said. Raises OSError where that is an error, or where it died."""
    try:
        said = pipe.recv()
    except EOFError:
        raise OSError("a process of the load died") from None
    if isinstance(said, OSError):
        raise said
    return said


def _member(
    settings: Settings,
    url: str,
    load: Load,
    pipe: Connection,
    number: int,
    count: int,
    rows: bool,
) -> None:
    """One of the processes: says "ready", hears when to begin, sends states and then all."""
    raise_file_limit()
    run = _prepared(settings, url, load, pipe.send, rows=rows)
    run.numbers = (number, count)
    run.gate = partial(_gate, pipe)
    try:
        with _interrupting(run):
            uvloop.run(run.execute())
    except OSError as error:
        pipe.send(OSError(*error.args))
        return
    for name in ("ttft", "gap", "tpot", "total", "ttfb", "lag", "speed"):
        getattr(run.tally, name).flush()
    pipe.send(Done(run.tally, run.rows or [], run.interrupted))


def _gate(pipe: Connection) -> float:
    pipe.send("ready")
    return float(pipe.recv())


def portion(load: Load, number: int, count: int) -> Load:
    """The part of one of `count` processes; together they are the whole."""
    arrivals = load.arrivals
    return replace(
        load,
        concurrency=_part(load.concurrency, number, count),
        count=None if load.count is None else _part(load.count, number, count),
        warmup=_part(load.warmup, number, count),
        preconnect=_part(load.preconnect, number, count),
        arrivals=None if arrivals is None else partial(_every, arrivals, number, count),
    )


def _part(whole: int, number: int, count: int) -> int:
    return whole // count + (number < whole % count)


def _every(arrivals: Callable[[], Iterator[float]], number: int, count: int) -> Iterator[float]:
    return islice(arrivals(), number, None, count)
