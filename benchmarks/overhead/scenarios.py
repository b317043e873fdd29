"""The scenarios of the overhead bench: what is sent through a gateway, what it cost."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import uvloop

from benchmarks.load import arrivals, prompts
from benchmarks.load.apis import APIS
from benchmarks.load.plan import Load
from benchmarks.load.run import Run
from benchmarks.load.tally import Tally
from benchmarks.load.target import jobs, marked, target

PLAIN = "mock-t64"  # 64 tokens at once: about the size of a short answer
FIRST_MS, GAP_MS = 100, 20
HELD = "mock-t2-i600000"  # one token, then ten minutes of silence
CROWD = "mock-t4-f100-i5000"  # open for 15 s, checked to the last token
CROWD_RATE = 1500.0  # streams a second until all are open: a crowd, not a stampede
PATIENCE_SECONDS = 45.0  # for one request: some gateways never answer some
BUSY_SHARE = 0.7  # of a core
WARM = 1_600  # requests before a busy loop: a cache of a thousand answers is full then
SINGLE, STREAMS = 1_000_000, 2_000_000  # numbers that busy loops do not come to
HITS = 64  # different prompts that are asked again and again
Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Way:
    """Where requests go: straight to the upstream, or through a gateway."""

    url: str
    prefix: str = ""
    headers: tuple[str, ...] = ()
    cpu: Callable[[], float] | None = None  # seconds the gateway has used so far
    memory: Callable[[], int] | None = None  # bytes that only it holds now
    prefixes: Mapping[str, str] = field(default_factory=dict)  # scenario -> before the model
    idle_bytes: int = 0  # what it held before the first scenario


@dataclass(frozen=True, slots=True)
class Sizes:
    """How long and how much; the quick ones are for CI."""

    seconds: float = 2.0
    streams: int = 500  # open at a time when paced
    tokens: int = 64  # of such a stream
    held: int = 1000
    crowd: int = 9000
    requests: int = 60_000  # at most, of a closed loop

    @property
    def paced(self) -> str:
        """The model of a paced stream."""
        return f"mock-t{self.tokens}-f{FIRST_MS}-i{GAP_MS}"

    @property
    def stream_seconds(self) -> float:
        return (FIRST_MS + (self.tokens - 1) * GAP_MS) / 1e3


QUICK = Sizes(seconds=0.7, streams=100, tokens=20, held=200, crowd=500, requests=6_000)


def _run(
    way: Way,
    model: str,
    load: Load,
    *,
    stream: bool,
    first: int,
    asked: Sequence[prompts.Prompt] = (),
) -> Run:
    """asked: prompts to repeat; without them the small set with a number before each, which no
    cache has seen and which all resemble each other. first: the number that it begins with."""
    api = APIS["chat"]
    where = target(way.url, api, way.headers)
    said = asked or [marked(one) for one in prompts.varied()]
    made = jobs(where, api, way.prefix + model, said, stream=stream)
    load = replace(load, unique=not asked, request_seconds=PATIENCE_SECONDS)
    run = Run(load, where, api, made, stream=stream)
    run.numbers = (first, 1)
    return run


def _measured(
    way: Way,
    model: str,
    load: Load,
    *,
    stream: bool,
    first: int,
    asked: Sequence[prompts.Prompt] = (),
) -> tuple[Tally, float]:
    """The run, and the CPU seconds of the gateway meanwhile."""
    before = way.cpu() if way.cpu else 0.0
    run = _run(way, model, load, stream=stream, first=first, asked=asked)
    tally = uvloop.run(run.execute())
    after = way.cpu() if way.cpu else 0.0
    if tally.failed or not tally.ok:
        raise RuntimeError(f"{way.url}: {tally.ok} answers, {dict(tally.errors)} {tally.samples}")
    return tally, after - before


def single(way: Way, sizes: Sizes) -> Figures:
    """One connection, one request at a time: what a gateway adds to the latency."""
    # some gateways are busy for a while with streams that were cut off: not measured here
    _measured(way, PLAIN, Load(count=50, seconds=20), stream=False, first=SINGLE // 2)
    load = Load(concurrency=1, seconds=sizes.seconds / 2, count=sizes.requests)
    tally, _ = _measured(way, PLAIN, load, stream=False, first=SINGLE)
    return {
        "c1_p50_ms": tally.total.quantile(0.5) * 1e3,
        "c1_p99_ms": tally.total.quantile(0.99) * 1e3,
    }


def _busy(way: Way, sizes: Sizes, asked: Sequence[prompts.Prompt] = ()) -> tuple[Figures, Tally]:
    """32 connections, whole answers: CPU a request, after enough of them to fill a cache."""
    warm = Load(concurrency=32, count=WARM, seconds=3.0)
    _measured(way, PLAIN, warm, stream=False, first=0, asked=asked)
    load = Load(concurrency=32, seconds=sizes.seconds, count=sizes.requests)
    tally, cpu = _measured(way, PLAIN, load, stream=False, first=WARM, asked=asked)
    figures = {"rps": tally.rate, "client_share": tally.client_share}
    if way.cpu:
        figures["cpu_us_per_request"] = cpu * 1e6 / max(1, tally.ok)
        figures["one_core_rps"] = tally.ok / max(1e-9, cpu)
    return figures, tally


def busy(way: Way, sizes: Sizes) -> Figures:
    """Prompts that differ by a number only, so that a semantic cache looks closely at each."""
    return _busy(way, sizes)[0]


def varied(way: Way, sizes: Sizes) -> Figures:
    """Four thousand different questions in turn, as people ask them."""
    figures, tally = _busy(way, sizes, prompts.many())
    figures["missed_share"] = _share(tally, "miss")
    return {f"varied_{name}": value for name, value in figures.items()}


def hits(way: Way, sizes: Sizes) -> Figures:
    """The same few questions again and again, whose answers are kept."""
    figures, tally = _busy(way, sizes, prompts.varied()[:HITS])
    figures["share"] = _share(tally, "exact", "semantic")
    return {f"hits_{name}": value for name, value in figures.items()}


def _share(tally: Tally, *kinds: str) -> float:
    return sum(tally.cache[kind] for kind in kinds) / max(1, tally.ok)


def paced(way: Way, sizes: Sizes) -> Figures:
    """Many streams with 20 ms between tokens: CPU a token, and the first token's delay."""
    streams = _bearable(way, sizes)
    rate = streams / sizes.stream_seconds
    seconds = max(sizes.seconds, 3.5 * sizes.stream_seconds)
    load = Load(
        concurrency=int(streams * 2) + 8,
        preconnect=int(streams * 1.3) + 8,
        arrivals=partial(arrivals.constant, rate),
        seconds=seconds,
        warmup=streams // 4,
    )
    tally, cpu = _measured(way, sizes.paced, load, stream=True, first=STREAMS)
    figures = {
        "ttft_p50_ms": tally.ttft.quantile(0.5) * 1e3,
        "ttft_p99_ms": tally.ttft.quantile(0.99) * 1e3,
        "gap_p99_ms": tally.gap.quantile(0.99) * 1e3,
        "late_ms": tally.lag.quantile(0.99) * 1e3,
        "paced_client_share": tally.client_share,
        "streams": float(streams),
    }
    if way.cpu:
        warm = (streams // 4) * sizes.tokens
        figures["cpu_us_per_token"] = cpu * 1e6 / max(1, tally.tokens + warm)
    return figures


def _paced_by(name: str, way: Way, sizes: Sizes) -> Figures:
    """The same through another of the gateway's providers."""
    found = paced(replace(way, prefix=way.prefixes[name]), sizes)
    return {f"{name}_{figure}": value for figure, value in found.items()}


def _bearable(way: Way, sizes: Sizes) -> int:
    """As many streams as wanted, or fewer: what takes BUSY_SHARE of a slow gateway's core. A token
    costs less the more streams there are, so the last guess is made from many where it can be."""
    if way.cpu is None:
        return sizes.streams
    fit = 0
    for tried, falls in ((8, 0.3), (min(128, sizes.streams), 0.6)):
        load = Load(concurrency=tried, count=tried)
        tally, cpu = _measured(way, sizes.paced, load, stream=True, first=STREAMS // 2)
        per_stream = cpu / tally.tokens * sizes.tokens / sizes.stream_seconds  # share of a core
        fit = int(BUSY_SHARE / (falls * per_stream))
        if fit < 128:
            return max(4, min(sizes.streams, int(BUSY_SHARE / (0.6 * per_stream))))
    return min(sizes.streams, fit)


def held(way: Way, sizes: Sizes) -> Figures:
    """Streams that have had a token and wait: the memory of each."""
    if way.memory is None:
        return {}
    load = Load(concurrency=sizes.held, seconds=120, count=sizes.held, drain_seconds=0.0)
    run = _run(way, HELD, load, stream=True, first=0)
    before = way.memory()
    opened, holds = uvloop.run(_opened(run, way.memory, sizes.held, finish=False))
    if not opened:
        return {"held": 0.0}
    return {"held": float(opened), "kb_per_stream": (holds - before) / 1024 / opened}


def crowd(way: Way, sizes: Sizes) -> Figures:
    """Very many streams at once, each read to its end: how many were open, how many were lost,
    and how many such a process could hold in a gigabyte of its own."""
    if way.memory is None:
        return {}
    load = Load(
        concurrency=sizes.crowd,
        preconnect=sizes.crowd,
        arrivals=partial(arrivals.constant, CROWD_RATE),
        count=sizes.crowd,
        seconds=120,
    )
    run = _run(way, CROWD, load, stream=True, first=0)
    opened, holds = uvloop.run(_opened(run, way.memory, sizes.crowd, finish=True))
    if run.tally.failed:
        sys.stderr.write(f"crowd: {dict(run.tally.errors)}\n")
    each = max(1.0, (holds - way.idle_bytes) / max(1, opened))
    return {
        "crowd_open": float(opened),
        "crowd_lost": float(sizes.crowd - run.tally.ok),
        "crowd_kb_per_stream": each / 1024,
        "streams_per_gb": max(0.0, 1e9 - way.idle_bytes) / each,
    }


async def _opened(
    run: Run, memory: Callable[[], int], wanted: int, *, finish: bool
) -> tuple[int, int]:
    """Opens streams until all have had a token: how many that were, and the bytes held then.
    finish: reads them to their end; else cuts them off."""
    task = asyncio.get_running_loop().create_task(run.execute())
    limit = time.monotonic() + 30
    most = 0
    while most < wanted and time.monotonic() < limit and not task.done():
        await asyncio.sleep(0.05)
        most = max(most, run.started_streams())
    if not finish:
        await asyncio.sleep(0.3)
    holds = memory()
    if finish:
        await task
    else:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return most, holds


SCENARIOS: dict[str, Callable[[Way, Sizes], Figures]] = {
    "held": held,  # first: memory that earlier streams left behind would be used again
    "single": single,
    "busy": busy,
    "paced": paced,
}
EXTRA: dict[str, Callable[[Way, Sizes], Figures]] = {
    "varied": varied,
    "hits": hits,
    "translated": partial(_paced_by, "translated"),
    "tls": partial(_paced_by, "tls"),
    "crowd": crowd,
}
