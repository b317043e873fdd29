"""A long mixed run, by hand: python -m tests.load.soak [--count 1000000] [--clients 2]

Six of ten requests are good streams (a fifth of them asked before, so that the cache answers), the
others whole answers, streams left half-way, targets that break and have a fallback, and targets
that break and have none. Every good answer's text is compared. Told at the end: wrong answers, how
memory grew once it was warm, and the descriptors. The clients are processes of their own that keep
connections and only look at what an answer must be.

Warm is a process when all that has a bound has reached it: the cache its bytes (here 8 MiB, some
thirty thousand requests), words and heads their numbers, and the live figures the four minutes that
they go back.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import orjson
import uvloop

from benchmarks.mock import expected_text
from tests.load.house import ROOT, Process, house
from tests.loopback.house import parse
from tests.loopback.load import is_whole

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
KINDS = ("good",) * 6 + ("whole", "left", "fallback", "broken")
EACH = 20_000  # requests between two looks at memory
WARM_S = 300.0
WARM_SHARE = 0.2  # of all requests, where that is longer
AT_ONCE = 48  # of all clients together
PATIENCE_S = 60.0
ENOUGH_BYTES = 2000  # of a stream that is left
EXPECTED = expected_text(GOOD)


class Look(NamedTuple):
    """Requests so far, RSS in bytes, descriptors, seconds since the beginning."""

    done: int
    rss: int
    descriptors: int
    seconds: float


@dataclass(slots=True)
class Found:
    """What came of it."""

    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)

    @property
    def done(self) -> int:
        return sum(self.outcomes.values())

    def line(self) -> str:
        warm = [
            look
            for look in self.looks
            if look.seconds >= WARM_S and look.done >= self.done * WARM_SHARE
        ]
        after = warm if len(warm) > 2 else self.looks
        first, last = after[0], after[-1]
        return (
            f"{self.done} requests: {dict(self.outcomes)}; {len(self.wrong)} wrong;"
            f" RSS {first.rss / 2**20:.1f} MiB after {first.done} and {first.seconds:.0f} s,"
            f" {last.rss / 2**20:.1f} at the end: {last.rss / first.rss - 1:+.2%},"
            f" slope {slope(after):+.2%} a million;"
            f" descriptors {first.descriptors} and {last.descriptors}"
        )


def slope(looks: Sequence[Look]) -> float:
    """By which part memory grows in a million requests: the line through all looks."""
    many = len(looks)
    x = [look.done / 1e6 for look in looks]
    y = [look.rss / looks[0].rss for look in looks]
    middle, height = sum(x) / many, sum(y) / many
    width = sum((one - middle) ** 2 for one in x)
    rise = sum((one - middle) * (other - height) for one, other in zip(x, y, strict=True))
    return rise / width if width else 0.0


def request(kind: str, rand: random.Random) -> tuple[str, bytes]:
    """(model, bytes)"""
    text = str(rand.randrange(2000) if rand.random() < 0.2 else rand.getrandbits(60))
    model = {"good": GOOD, "whole": GOOD, "left": LONG}.get(kind)
    if model is None:
        model = f"{'try' if kind == 'fallback' else 'fault'}-{rand.choice(FAULTS)}"
    body = orjson.dumps({"model": model, "stream": kind != "whole", "temperature": 0,
                         "messages": [{"role": "user", "content": text}]})  # fmt: skip
    return model, (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    )


def judge(kind: str, model: str, raw: bytes) -> tuple[str, str]:
    """What an answer counts as, and what is wrong with it."""
    reply = parse(raw)
    if reply.status == 503 and b'"overloaded"' in reply.body:
        return "refused", ""  # the machine has more to do than this
    if kind in ("good", "whole"):
        text = reply.text if kind == "good" else _said(reply.body)
        if reply.status != 200 or text != EXPECTED or reply.cut:
            return kind, f"{model}: {reply.status} {reply.body[:200]!r}"
    elif kind == "fallback" and reply.status == 200:
        looks_whole = reply.body.endswith(b"data: [DONE]\n\n") and b'"error"' not in reply.body
        if looks_whole and reply.text != EXPECTED:
            return kind, f"{model}: an answer that looks whole and is not"
    elif kind == "broken" and reply.status == 200 and b'"error"' not in reply.body:
        return kind, f"{model}: a broken answer looks whole: {reply.body[-200:]!r}"
    return kind, ""


def _said(body: bytes) -> str:
    answer = orjson.loads(body)
    return str(answer["choices"][0]["message"]["content"]) if "choices" in answer else ""


class Line(asyncio.Protocol):
    """One connection, and the request on it."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.transport: asyncio.Transport | None = None
        self._kind = self._model = ""
        self._parts: list[bytes] = []
        self._bytes = 0
        self.since = time.monotonic()

    def connection_made(self, transport) -> None:
        self.transport = transport
        self._next()

    def _next(self) -> None:
        assert self.transport is not None
        if self._client.done >= self._client.count:
            self._kind = ""
            self.transport.close()
            return
        rand = self._client.rand
        self._kind = rand.choice(KINDS)
        self._model, data = request(self._kind, rand)
        self._parts, self._bytes = [], 0
        self.since = time.monotonic()
        self.transport.write(data)

    def data_received(self, data: bytes) -> None:
        self._parts.append(data)
        self._bytes += len(data)
        if self._kind == "left":
            if self._bytes >= ENOUGH_BYTES:
                self._over("left", "")
                assert self.transport is not None
                self.transport.close()
            return
        if len(self._parts) == 1 or data.endswith((b"0\r\n\r\n", b"}")):
            raw = b"".join(self._parts)
            if is_whole(raw):
                self._over(*judge(self._kind, self._model, raw))
                self._next()

    def connection_lost(self, exc) -> None:
        self.transport = None
        if self._kind:
            raw = b"".join(self._parts)
            if raw:
                self._over(*judge(self._kind, self._model, raw))
            else:
                self._over(self._kind, f"{self._model}: the connection ended before an answer")
        self._client.lost(self)

    def _over(self, outcome: str, wrong: str) -> None:
        self._kind = ""
        self._client.over(outcome, wrong)


class Client:
    """So many requests, some at once."""

    def __init__(self, port: int, count: int, at_once: int, seed: int) -> None:
        self.rand = random.Random(seed)
        self.count = count
        self.done = 0
        self.outcomes: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._port = port
        self._at_once = at_once
        self._lines: set[Line] = set()
        self._lost = asyncio.Event()

    def over(self, outcome: str, wrong: str) -> None:
        self.done += 1
        self.outcomes[outcome] += 1
        if wrong:
            self.wrong.append(wrong)

    def lost(self, line: Line) -> None:
        self._lines.discard(line)
        self._lost.set()

    async def run(self, told: Path) -> None:
        """Ask; told: the file that says how many were asked."""
        loop = asyncio.get_running_loop()
        next_at = 0.0
        while self.done < self.count or self._lines:
            while self.done < self.count and len(self._lines) < self._at_once:
                _, line = await loop.create_connection(lambda: Line(self), "127.0.0.1", self._port)
                if line.transport is not None:
                    self._lines.add(line)
            now = time.monotonic()
            if now >= next_at:
                next_at = now + 0.5
                self._look(told, now)
            self._lost.clear()
            try:
                await asyncio.wait_for(self._lost.wait(), 0.5)
            except TimeoutError:
                continue

    def _look(self, told: Path, now: float) -> None:
        told.write_text(str(self.done))
        for line in tuple(self._lines):
            if now - line.since > PATIENCE_S and line.transport is not None:
                line.transport.abort()


def soak(proxy: Process, count: int, each: int = EACH, clients: int = 2) -> Found:
    """So many requests, AT_ONCE at a time."""
    found, began = Found(), time.monotonic()
    with TemporaryDirectory() as folder:
        places = [Path(folder) / str(number) for number in range(clients)]
        running = [
            _start(proxy.port, place, count // clients, AT_ONCE // clients, number)
            for number, place in enumerate(places)
        ]
        _watch(proxy, running, places, each, found)
        for process, place in zip(running, places, strict=True):
            if process.returncode:
                found.wrong.append(f"a client ended with {process.returncode}")
                continue
            told = orjson.loads(place.with_suffix(".json").read_bytes())
            found.outcomes += Counter(told["outcomes"])
            found.wrong += told["wrong"]
    time.sleep(2.0)
    found.looks.append(look(proxy, found.done, began))
    return found


def look(proxy: Process, done: int, began: float) -> Look:
    return Look(done, proxy.rss_bytes(), proxy.descriptors(), time.monotonic() - began)


def _start(port: int, place: Path, count: int, at_once: int, seed: int) -> subprocess.Popen[bytes]:
    words = ["--client", str(port), str(place), "--count", str(count), "--seed", str(seed)]
    words += ["--at-once", str(at_once)]
    return subprocess.Popen([sys.executable, "-m", "tests.load.soak", *words], cwd=ROOT)


def _watch(
    proxy: Process,
    running: list[subprocess.Popen[bytes]],
    places: list[Path],
    each: int,
    found: Found,
) -> None:
    began, due = time.monotonic(), 0
    while any(one.poll() is None for one in running):
        done = sum(int(place.read_text() or 0) for place in places if place.exists())
        if done >= due:
            found.looks.append(look(proxy, done, began))
            due = done + each
            rate = done / (time.monotonic() - began)
            rss = found.looks[-1].rss / 2**20
            print(f"{done} asked, {rate:.0f}/s, RSS {rss:.1f} MiB, {found.looks[-1].descriptors}"
                  " descriptors", file=sys.stderr, flush=True)  # fmt: skip
        time.sleep(0.2)


def ask(port: int, place: Path, count: int, at_once: int, seed: int) -> None:
    """What one client does."""

    async def run() -> Client:
        client = Client(port, count, at_once, seed)
        await client.run(place)
        return client

    client = uvloop.run(run())
    told = {"outcomes": client.outcomes, "wrong": client.wrong[:100]}
    place.with_suffix(".json").write_bytes(orjson.dumps(told))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.load.soak", description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--clients", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--at-once", type=int, default=AT_ONCE, help=argparse.SUPPRESS)
    parser.add_argument("--client", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.client:
        ask(
            int(asked.client[0]),
            Path(asked.client[1]),
            asked.count,
            AT_ONCE // asked.clients,
            asked.seed,
        )
        return 0
    with house(cache=True, extra=ROUTES) as proxy:
        found = soak(proxy, asked.count, clients=asked.clients)
    print(*found.wrong[:20], found.line(), sep="\n")
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
