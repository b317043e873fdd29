"""The scenarios of the overhead bench: what is sent through a gateway, what it cost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import uvloop

from benchmarks.load import arrivals, prompts
from benchmarks.load.apis import APIS
from benchmarks.load.plan import Load
from benchmarks.load.run import Run
from benchmarks.load.tally import Tally
from benchmarks.load.target import jobs, marked, target

PLAIN = "mock-t64"  # 64 tokens at once: about the size of a short answer
FIRST_MS, GAP_MS, TOKENS = 100, 20, 64
PACED = f"mock-t{TOKENS}-f{FIRST_MS}-i{GAP_MS}"
HELD = "mock-t2-i600000"  # one token, then ten minutes of silence
STREAM_SECONDS = (FIRST_MS + (TOKENS - 1) * GAP_MS) / 1e3
BUSY_SHARE = 0.7  # of a core
Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Way:
    """Where requests go: straight to the upstream, or through a gateway."""

    url: str
    prefix: str = ""
    headers: tuple[str, ...] = ()
    cpu: Callable[[], float] | None = None  # seconds the gateway has used so far
    memory: Callable[[], int] | None = None  # bytes it holds now


@dataclass(frozen=True, slots=True)
class Sizes:
    """How long and how much; the quick ones are for CI."""

    seconds: float = 2.0
    streams: int = 500  # open at a time when paced
    held: int = 1000
    requests: int = 60_000  # at most, of a closed loop


QUICK = Sizes(seconds=0.7, streams=60, held=200, requests=6_000)


def _run(way: Way, model: str, load: Load, *, stream: bool) -> Run:
    api = APIS["chat"]
    where = target(way.url, api, way.headers)
    asked = [marked(one) for one in prompts.varied()]
    made = jobs(where, api, way.prefix + model, asked, stream=stream)
    return Run(replace(load, unique=True), where, api, made, stream=stream)


def _measured(way: Way, model: str, load: Load, *, stream: bool) -> tuple[Tally, float]:
    """The run, and the CPU seconds of the gateway meanwhile."""
    before = way.cpu() if way.cpu else 0.0
    tally = uvloop.run(_run(way, model, load, stream=stream).execute())
    after = way.cpu() if way.cpu else 0.0
    if tally.failed:
        raise RuntimeError(f"{way.url}: {dict(tally.errors)} {tally.samples}")
    return tally, after - before


def single(way: Way, sizes: Sizes) -> Figures:
    """One connection, one request at a time: what a gateway adds to the latency."""
    load = Load(concurrency=1, seconds=sizes.seconds / 2, count=sizes.requests)
    tally, _ = _measured(way, PLAIN, load, stream=False)
    return {
        "c1_p50_ms": tally.total.quantile(0.5) * 1e3,
        "c1_p99_ms": tally.total.quantile(0.99) * 1e3,
    }


def busy(way: Way, sizes: Sizes) -> Figures:
    """32 connections, whole answers: CPU a request."""
    _measured(way, PLAIN, Load(concurrency=32, count=500), stream=False)
    load = Load(concurrency=32, seconds=sizes.seconds, count=sizes.requests)
    tally, cpu = _measured(way, PLAIN, load, stream=False)
    figures = {"rps": tally.rate, "client_share": tally.client_share}
    if way.cpu:
        figures["cpu_us_per_request"] = cpu * 1e6 / max(1, tally.ok)
        figures["one_core_rps"] = tally.ok / max(1e-9, cpu)
    return figures


def paced(way: Way, sizes: Sizes) -> Figures:
    """Many streams with 20 ms between tokens: CPU a token, and the first token's delay."""
    streams = _bearable(way, sizes)
    rate = streams / STREAM_SECONDS
    seconds = max(sizes.seconds, 2.5 * STREAM_SECONDS)
    load = Load(
        concurrency=int(streams * 2) + 8,
        preconnect=int(streams * 1.3) + 8,
        arrivals=partial(arrivals.constant, rate),
        seconds=seconds,
        warmup=streams // 4,
    )
    tally, cpu = _measured(way, PACED, load, stream=True)
    figures = {
        "ttft_p50_ms": tally.ttft.quantile(0.5) * 1e3,
        "ttft_p99_ms": tally.ttft.quantile(0.99) * 1e3,
        "gap_p99_ms": tally.gap.quantile(0.99) * 1e3,
        "late_ms": tally.lag.quantile(0.99) * 1e3,
        "paced_client_share": tally.client_share,
        "streams": float(streams),
    }
    if way.cpu:
        warm = (streams // 4) * TOKENS
        figures["cpu_us_per_token"] = cpu * 1e6 / max(1, tally.tokens + warm)
    return figures


def _bearable(way: Way, sizes: Sizes) -> int:
    """As many streams as wanted, or fewer: what takes BUSY_SHARE of a slow gateway's core. A token
    costs less the more streams there are, so the estimate is made again where it says so."""
    if way.cpu is None:
        return sizes.streams
    tried = 8
    for _ in range(3):
        tally, cpu = _measured(way, PACED, Load(concurrency=tried, count=tried), stream=True)
        fit = int(BUSY_SHARE / (cpu / tally.tokens) / (TOKENS / STREAM_SECONDS))
        if fit >= sizes.streams:
            return sizes.streams
        if fit < 1.5 * tried:
            return max(4, fit)
        tried = fit
    return tried


def held(way: Way, sizes: Sizes) -> Figures:
    """Streams that have had a token and wait: the memory of each."""
    return uvloop.run(_held(way, sizes))


async def _held(way: Way, sizes: Sizes) -> Figures:
    if way.memory is None:
        return {}
    before = way.memory()
    load = Load(concurrency=sizes.held, seconds=120, count=sizes.held, drain_seconds=0.0)
    run = _run(way, HELD, load, stream=True)
    task = asyncio.get_running_loop().create_task(run.execute())
    limit = time.monotonic() + 30
    while (  # noqa: ASYNC110 - a look every 50 ms, outside of what is measured
        run.started_streams() < sizes.held and time.monotonic() < limit and not task.done()
    ):
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.3)
    opened = run.started_streams()
    after = way.memory()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    if not opened:
        return {"held": 0.0}
    return {"held": float(opened), "kb_per_stream": (after - before) / 1024 / opened}


SCENARIOS: dict[str, Callable[[Way, Sizes], Figures]] = {
    "held": held,  # first: memory that earlier streams left behind would be used again
    "single": single,
    "busy": busy,
    "paced": paced,
}
