"""One request's place in a distributed trace: whom it came from, and under which ids it goes on.

W3C Trace Context, version 00. Made only where traces are configured.
"""

from __future__ import annotations

import re
from collections.abc import Callable

HEADER = b"traceparent"
_GIVEN = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")

# That many random bits, and the clock of an exchange's times.
Source = tuple[Callable[[int], int], Callable[[], float]]


class Trace:
    """Ids are integers, as OpenTelemetry has them; parent 0: the request begins the trace."""

    __slots__ = ("_bits", "_now", "is_sampled", "parent", "span", "trace", "tries")

    def __init__(self, trace: int, parent: int, source: Source, *, is_sampled: bool) -> None:
        bits, now = source
        self.trace = trace
        self.parent = parent
        self.is_sampled = is_sampled
        self.span = bits(64) or 1
        # Each request that went upstream: its span, its target, and when, in seconds.
        self.tries: list[tuple[int, str, float]] = []
        self._bits = bits
        self._now = now

    def onward(self, lines: bytes, target: str) -> bytes:
        """Header lines of a request to a target (provider/model), whose span begins now."""
        span = self._bits(64) or 1
        self.tries.append((span, target, self._now()))
        return b"%btraceparent: 00-%032x-%016x-%02x\r\n" % (
            lines, self.trace, span, self.is_sampled,
        )  # fmt: skip


def trace_of(given: bytes, share: float, source: Source, rand: float) -> Trace:
    """The trace of a request. given: the client's header, or nothing; what is no such header is
    as if it were absent. share: of requests without one that are sampled. rand: in [0, 1)."""
    found = _GIVEN.fullmatch(given) if given else None
    if found is not None and found[1] != b"ff" and not (found[1] == b"00" and found[5]):
        trace, parent = int(found[2], 16), int(found[3], 16)
        if trace and parent:
            return Trace(trace, parent, source, is_sampled=bool(int(found[4], 16) & 1))
    return Trace(source[0](128) or 1, 0, source, is_sampled=rand < share)
