"""Four times what the proxy can do, by hand: python -m tests.load.overload [--seconds 60]

Finds the most answers a second that come whole (closed loops of growing concurrency), then sends
four times as many requests a second in an open loop, and tells what part of the peak is left, how
long refusals take, and what happens to memory. Both loops share the machine with the proxy: run it
where nothing else does.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

import orjson

from tests.load.house import ROOT, Process, house

MODEL = "mock-t40-f30-i5"
CONCURRENCY = (32, 64, 128, 256)
BODY = orjson.dumps({"model": MODEL, "messages": [{"role": "user", "content": "hi"}],
                     "stream": True})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """peak, kept: whole answers a second. refusals: milliseconds. rss: bytes, once a second."""

    peak: float
    kept: float
    refused: int
    refusals: list[float]
    rss: list[int]
    unfinished: int

    def line(self) -> str:
        p50, p99 = (_at(self.refusals, share) for share in (0.5, 0.99))
        return (
            f"peak {self.peak:.0f}/s; at four times as many requests {self.kept:.0f}/s"
            f" ({self.kept / self.peak:.1%}); {self.refused} refused, of {len(self.refusals)}"
            f" probes p50 {p50:.1f} ms, p99 {p99:.1f} ms; RSS {self.rss[0] >> 20} MiB at first,"
            f" {max(self.rss) >> 20} at most, {self.rss[-1] >> 20} at last"
        )


def _at(values: list[float], share: float) -> float:
    found = sorted(values)
    return found[min(len(found) - 1, int(share * len(found)))] if found else float("nan")


def bench(port: int, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "proxy", "bench", "load", f"http://127.0.0.1:{port}/v1",
         "-m", MODEL, "--quiet", *words],
        stdout=subprocess.DEVNULL, cwd=ROOT,
    )  # fmt: skip


def load(port: int, *words: str) -> dict[str, object]:
    with NamedTemporaryFile(suffix=".json") as out:
        bench(port, "--json", out.name, *words).wait()
        return orjson.loads(Path(out.name).read_bytes())["tally"]


async def probe(port: int, until: float, found: list[float]) -> None:
    """Ask twenty times a second, and note how long refusals take."""
    while time.monotonic() < until:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        began = time.perf_counter()
        writer.write(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
        )
        head = await reader.read(100)
        if b" 503 " in head or b" 429 " in head:
            found.append((time.perf_counter() - began) * 1000)
        writer.close()
        await asyncio.sleep(0.05)


async def watch(proxy: Process, until: float, rss: list[int]) -> None:
    while time.monotonic() < until:
        rss.append(proxy.rss_bytes())
        await asyncio.sleep(1.0)


async def measure(seconds: float, each: float) -> Found:
    """each: seconds for every step towards the peak."""
    with house() as proxy:
        peak = 0.0
        for concurrency in CONCURRENCY:
            told = load(proxy.port, "-c", str(concurrency), "-d", str(each))
            peak = max(peak, told["ok"] / told["seconds"])
        rss: list[int] = []
        refusals: list[float] = []
        with NamedTemporaryFile(suffix=".json") as out:
            running = bench(
                proxy.port, "-r", str(round(4 * peak)), "-d", str(seconds), "--json", out.name
            )
            end = time.monotonic() + seconds
            await asyncio.gather(probe(proxy.port, end, refusals), watch(proxy, end + 3, rss))
            await asyncio.to_thread(running.wait)
            told = orjson.loads(out.read())["tally"]
        refused = sum(told["errors"].values())
        return Found(peak, told["ok"] / told["seconds"], refused, refusals, rss, told["unfinished"])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.load.overload", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--each", type=float, default=8.0)
    asked = parser.parse_args()
    print(asyncio.run(measure(asked.seconds, asked.each)).line())


if __name__ == "__main__":
    main()
