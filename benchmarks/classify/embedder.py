"""The embedder process, measured from where a proxy would ask it: over its socket."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np

from benchmarks.classify.speed import texts
from benchmarks.classify.subjects import Absent
from embeddings.client import Client

START_SECONDS = 120.0
SINGLE = 300
BATCH = 32
BUDGET_S = 30.0  # of one answer: what is measured is late, never lost
CATEGORIES, CACHE = 1, 2  # spaces
ENTRIES, CPU_ENTRIES = 10_000, 500
CHUNK = 32
FILL_SECONDS = 120.0


def measure(model: str | None, device: str) -> tuple[dict[str, float], str]:
    """(figures, device in words). Raises Absent where it cannot be started."""
    with TemporaryDirectory() as folder:
        socket = str(Path(folder) / "embedder.sock")
        command = [sys.executable, "-m", "proxy", "embedder", "--socket", socket]
        command += ["--device", device, *(("--model", model) if model else ())]
        with (Path(folder) / "log").open("w+b") as log:
            process = subprocess.Popen(command, stderr=log)
            try:
                return asyncio.run(_measured(socket, process))
            except Absent as error:
                log.seek(0)
                said = log.read().decode("utf-8", "replace").strip().rpartition("\n")[2]
                raise Absent(f"{error}; its last word: {said}" if said else str(error)) from error
            finally:
                process.terminate()
                process.wait()


async def _until(ready: Callable[[], bool], process: subprocess.Popen[bytes], over: float) -> None:
    """Wait. Raises Absent where the process ended, or at `over`."""
    while not ready():
        if process.poll() is not None or perf_counter() > over:
            raise Absent("the embedder did not start")
        await asyncio.sleep(0.05)


async def _measured(socket: str, process: subprocess.Popen[bytes]) -> tuple[dict[str, float], str]:
    client = Client(socket, BUDGET_S)
    over = perf_counter() + START_SECONDS
    await _until(Path(socket).exists, process, over)
    running = asyncio.get_running_loop().create_task(client.run())
    try:
        await _until(lambda: client.up, process, over)
        state = await client.state() or {}
        gpus = state.get("gpus") or []
        where = str(state.get("device"))
        found = await _figures(client)
        found |= await _nearest(client, ENTRIES if where.startswith("cuda") else CPU_ENTRIES)
        named = f" ({gpus[0]['name']})" if gpus and where.startswith("cuda") else ""
        return found, f"{state.get('model')} on {where}{named}"
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def _figures(client: Client) -> dict[str, float]:
    short, _ = texts()
    alone = await _timed(client, [[text] for text in short], SINGLE)
    groups = [(short * 2)[n : n + BATCH] for n in range(0, len(short), 8)]
    together = await _timed(client, groups, SINGLE // 10)
    began = perf_counter()
    many = [short[n % len(short)] for n in range(BATCH * 16)]
    answers = await asyncio.gather(
        *(client.encode(many[n : n + 4]) for n in range(0, len(many), 4))
    )
    took = perf_counter() - began
    answered = sum(4 for one in answers if one is not None)
    return {
        "single_p50_us": float(np.percentile(alone, 50)) * 1e6,
        "single_p99_us": float(np.percentile(alone, 99)) * 1e6,
        "batch_us_each": float(np.percentile(together, 50)) * 1e6 / BATCH,
        "per_second": answered / took,
    }


async def _nearest(client: Client, entries: int) -> dict[str, float]:
    """From a text to its category, by its nearest example, and to the nearest kept prompt."""
    short, _ = texts()
    every = [f"{text} {number}" for number, text in enumerate(short * (entries // len(short) + 1))]
    for start in range(0, len(short), CHUNK):
        client.keep(CATEGORIES, dict(enumerate(short[start : start + CHUNK], start)))
    for start in range(0, entries, CHUNK):
        client.keep(CACHE, dict(enumerate(every[start : min(entries, start + CHUNK)], start)))
    over = perf_counter() + FILL_SECONDS
    while ((await client.state()) or {}).get("kept", 0) < len(short) + entries:
        if perf_counter() > over:
            raise Absent("the embedder does not keep up")
        await asyncio.sleep(0.2)
    taken: list[float] = []
    for n in range(SINGLE):
        began = perf_counter()
        found = await client.nearest(short[n % len(short)], (CATEGORIES, CACHE), 4)
        if found is not None and all(found):
            taken.append(perf_counter() - began)
    if not taken:
        return {}
    p50, p99 = np.percentile(taken, (50, 99)) * 1e6
    return {"near_p50_us": float(p50), "near_p99_us": float(p99), "near_entries": float(entries)}


async def _timed(client: Client, groups: Sequence[Sequence[str]], count: int) -> list[float]:
    taken: list[float] = []
    for n in range(count):
        began = perf_counter()
        if await client.encode(groups[n % len(groups)]) is not None:
            taken.append(perf_counter() - began)
    if not taken:
        raise Absent("the embedder answers nothing in time")
    return taken
