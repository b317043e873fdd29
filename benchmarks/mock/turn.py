"""One request being answered: what is asked, what would be the right answer, and how to frame it.

A script turns it into steps: bytes to send, seconds to wait, or an act on the connection.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from random import Random

from benchmarks.mock.scenario import MAX_MS, Scenario, Trace
from benchmarks.mock.shapes import Answer, Json


class Act(Enum):
    """What a script does to its connection, besides sending bytes."""

    STALL = "stall"  # silence until the client leaves
    CLOSE = "close"  # FIN, after what was sent
    RESET = "reset"  # RST, at once
    HALF_CLOSE = "half_close"  # FIN, still reading


Step = bytes | float | Act
"""Bytes are sent, a float is waited for in seconds (counted from the intended time)."""

JSON_MEDIA = b"application/json"
REASONS = {
    200: b"OK",
    400: b"Bad Request",
    401: b"Unauthorized",
    404: b"Not Found",
    429: b"Too Many Requests",
    500: b"Internal Server Error",
    503: b"Service Unavailable",
}
LAST_CHUNK = b"0\r\n\r\n"


def chunk(data: bytes, extension: bytes = b"") -> bytes:
    """One piece in HTTP/1.1 chunked coding; empty data gives nothing, not the end."""
    return b"%x%b\r\n%b\r\n" % (len(data), extension, data) if data else b""


def head(status: int, media: bytes, *fields: bytes, length: int | None = None) -> bytes:
    """A response head; chunked unless a length is given."""
    framing = b"Transfer-Encoding: chunked" if length is None else b"Content-Length: %d" % length
    lines = [
        b"HTTP/1.1 %d %b" % (status, REASONS.get(status, b"Mock")),
        b"Content-Type: " + media,
        b"x-request-id: req_mock0123456789",
        framing,
        *fields,
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def reply(status: int, body: bytes, *fields: bytes, media: bytes = JSON_MEDIA) -> bytes:
    """A whole response."""
    return head(status, media, *fields, length=len(body)) + body


Script = Callable[["Turn"], Iterator[Step]]


@dataclass(slots=True)
class Turn:
    """What a script knows of the request that it answers."""

    scenario: Scenario
    answer: Answer
    stream: bool
    model: str
    body: Json
    headers: dict[str, str]  # empty where the upstream does not record
    seen: int  # requests for this model so far, this one included
    place: int  # on its connection, counted from 1
    random: Random
    script: Script
    blob: bytes | None  # the whole response, where nothing is paced or broken
    trace: Trace | None = None  # the recorded answer that this one follows

    def head(self, *fields: bytes) -> bytes:
        """The head of a good streamed answer."""
        return head(200, self.answer.media, b"Cache-Control: no-cache", *fields)

    def first_wait(self) -> float:
        """Seconds to the first token: constant, lognormal, or as recorded; inf for a stall."""
        s = self.scenario
        if s.stall_share and self.random.random() < s.stall_share:
            return math.inf
        wait = s.first_ms
        if s.traces:
            self.trace = self.random.choice(s.traces)
            wait = self.trace.first_ms
        if s.first_sigma:
            wait *= math.exp(self.random.gauss(0.0, s.first_sigma))
        return min(wait, MAX_MS) / 1e3

    def gaps(self) -> Iterator[float]:
        """Seconds between one token and the next, without an end."""
        s = self.scenario
        if self.trace is not None:
            recorded = self.trace.gaps_ms or (s.interval_ms,)
            while True:
                yield from (gap / 1e3 for gap in recorded)
        median = s.interval_ms / 1e3
        while True:
            if s.interval_sigma:
                wait = median * math.exp(self.random.gauss(0.0, s.interval_sigma))
                yield min(wait, MAX_MS / 1e3)
            else:
                yield median

    def paced(self, count: int) -> Iterator[Step]:
        """The opening and the first `count` tokens as chunks, at the scenario's pace."""
        yield chunk(self.answer.opening)
        steady = not (self.scenario.interval_sigma or self.scenario.traces)
        pieces = self.answer.tokens[:count]
        if steady and not self.scenario.interval_ms:
            yield b"".join(map(chunk, pieces))
            return
        gaps = self.gaps()
        for number, piece in enumerate(pieces):
            if number:
                yield next(gaps)
            yield chunk(piece)


def play(turn: Turn) -> Iterator[Step]:
    """The answer as the scenario has it: the script of every model that is not a fault."""
    s = turn.scenario
    if not turn.stream:
        yield from _whole(turn)
        return
    if not s.late_head:
        yield turn.head()
    wait = turn.first_wait()
    if math.isinf(wait):
        yield Act.STALL
        return
    if wait:
        yield wait
    if s.late_head:
        yield turn.head()
    if s.stall_after is not None or s.cut_after is not None:
        yield from _interrupted(turn)
        return
    yield from turn.paced(s.tokens)
    a = turn.answer
    yield chunk(a.finish) + chunk(a.usage) + chunk(a.done) + LAST_CHUNK


def _whole(turn: Turn) -> Iterator[Step]:
    s = turn.scenario
    wait = turn.first_wait()
    if math.isinf(wait) or s.stall_after is not None:
        yield Act.STALL
        return
    if wait:
        yield wait
    body = turn.answer.whole
    if s.cut_after is not None:
        yield head(200, JSON_MEDIA, length=len(body)) + body[: len(body) // 2]
        yield 0.01  # the half is on its way before the end
        yield Act.CLOSE
        return
    yield reply(200, body)


def _interrupted(turn: Turn) -> Iterator[Step]:
    s = turn.scenario
    stall = s.stall_after is not None
    count = s.stall_after if s.stall_after is not None else s.cut_after or 0
    if count or not stall:
        yield from turn.paced(count)
    if stall:
        yield Act.STALL
    yield Act.CLOSE
