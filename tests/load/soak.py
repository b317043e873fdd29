"""A long mixed run, by hand: python -m tests.load.soak [--count 1000000]

Six of ten requests are good streams (a fifth of them asked before, so that the cache answers), the
others whole answers, streams left half-way, targets that break and have a fallback, and targets
that break and have none. Every good answer's text is compared. Told at the end: wrong answers, how
memory grew after the first fifth, and the descriptors.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

import orjson

from benchmarks.mock import expected_text
from tests.load.house import Process, house
from tests.loopback.house import parse

GOOD = "mock-t6-f0-i0"
LONG = "mock-t400-f0-i5"
FAULTS = (
    "500", "503-empty", "429", "reset-before-headers", "close-after-headers", "empty-stream",
    "200-html", "error-frame-first", "garbage", "reset-mid", "close-mid", "bad-chunk-mid",
    "end-mid-stream", "error-frame-mid", "huge-header", "401-echo-key", "400-context",
)  # fmt: skip
ROUTES = """
[[route]]
name = "try-*"
targets = ["mock/fault-*", "mock/mock-t6-f0-i0"]
on_break = "error"
cache = false
[[route]]
name = "fault-*"
targets = ["mock/fault-*"]
cache = false
"""
EACH = 20_000  # requests between two looks at memory
AT_ONCE = 48
EXPECTED = expected_text(GOOD)


@dataclass(slots=True)
class Found:
    """What came of it. looks: requests so far, RSS in bytes, descriptors."""

    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    looks: list[tuple[int, int, int]] = field(default_factory=list)

    @property
    def done(self) -> int:
        return sum(self.outcomes.values())

    def line(self) -> str:
        after = [look for look in self.looks if look[0] >= self.done / 5] or self.looks
        first, last = after[0], after[-1]
        grown = (last[1] - first[1]) / first[1]
        span = max(1, last[0] - first[0])
        return (
            f"{self.done} requests: {dict(self.outcomes)}; {len(self.wrong)} wrong;"
            f" RSS {first[1] / 2**20:.1f} MiB after {first[0]}, {last[1] / 2**20:.1f} at the end:"
            f" {grown:+.2%}, {grown * 1e6 / span:+.2%} a million;"
            f" descriptors {first[2]} and {last[2]}"
        )


def request(kind: str, rand: random.Random) -> tuple[str, bytes]:
    """(model, bytes)"""
    text = str(rand.randrange(2000) if rand.random() < 0.2 else rand.getrandbits(60))
    model = {"good": GOOD, "whole": GOOD, "left": LONG}.get(kind)
    if model is None:
        model = f"{'try' if kind == 'fallback' else 'fault'}-{rand.choice(FAULTS)}"
    body = orjson.dumps({"model": model, "stream": kind != "whole", "temperature": 0,
                         "messages": [{"role": "user", "content": text}]})  # fmt: skip
    return model, (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    )


async def one(port: int, kind: str, rand: random.Random, found: Found) -> None:
    model, data = request(kind, rand)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        if kind == "left":
            await reader.read(2000)
            found.outcomes[kind] += 1
            return
        async with asyncio.timeout(60):
            reply = parse(await reader.read(-1))
        if reply.status == 503 and b'"overloaded"' in reply.body:
            found.outcomes["refused"] += 1  # the machine has more to do than this
            return
        found.outcomes[kind] += 1
        if kind in ("good", "whole"):
            text = reply.text if kind == "good" else _said(reply.body)
            if reply.status != 200 or text != EXPECTED or reply.cut:
                found.wrong.append(f"{model}: {reply.status} {reply.body[:200]!r}")
        elif kind == "fallback" and reply.status == 200:
            is_whole = reply.body.endswith(b"data: [DONE]\n\n") and b'"error"' not in reply.body
            if is_whole and reply.text != EXPECTED:
                found.wrong.append(f"{model}: an answer that looks whole and is not")
        elif kind == "broken" and reply.status == 200 and b'"error"' not in reply.body:
            found.wrong.append(f"{model}: a broken answer looks whole: {reply.body[-200:]!r}")
    except (OSError, TimeoutError) as error:
        found.outcomes[kind] += 1
        found.wrong.append(f"{model}: {error!r}")
    finally:
        writer.close()


def _said(body: bytes) -> str:
    answer = orjson.loads(body)
    return str(answer["choices"][0]["message"]["content"]) if "choices" in answer else ""


async def soak(proxy: Process, count: int, each: int = EACH) -> Found:
    """So many requests, AT_ONCE at a time."""
    found, rand = Found(), random.Random(1)
    kinds = ["good"] * 6 + ["whole", "left", "fallback", "broken"]
    began = time.monotonic()

    async def client() -> None:
        while found.done < count:
            await one(proxy.port, rand.choice(kinds), rand, found)

    async def look() -> None:
        due = 0
        while found.done < count:
            if found.done >= due:
                found.looks.append((found.done, proxy.rss_bytes(), proxy.descriptors()))
                due += each
                if due > each:
                    rate = found.done / (time.monotonic() - began)
                    print(f"{found.line()}; {rate:.0f}/s", file=sys.stderr, flush=True)
            await asyncio.sleep(0.2)

    async with asyncio.TaskGroup() as group:
        group.create_task(look())
        for _ in range(AT_ONCE):
            group.create_task(client())
    await asyncio.sleep(2.0)
    found.looks.append((found.done, proxy.rss_bytes(), proxy.descriptors()))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.load.soak", description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    asked = parser.parse_args()
    with house(cache=True, extra=ROUTES) as proxy:
        found = asyncio.run(soak(proxy, asked.count))
    print(*found.wrong[:20], found.line(), sep="\n")
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
