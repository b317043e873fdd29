"""Time as an argument: the clock's type, and one timer for many deadlines."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Protocol

Clock = Callable[[], float]  # monotonic seconds

GRAIN_S = 0.002  # deadlines are met within one grain, never early
LONG_S = 20.0  # from here on a coarser grain will do: 64 times
_COARSE = 63


class Handle(Protocol):
    def cancel(self) -> None: ...


CallAt = Callable[[float, Callable[[], None]], Handle]


class Timer:
    """One armed deadline; cancelling costs one dict deletion."""

    __slots__ = ("_bucket", "callback")

    def __init__(self, bucket: dict[Timer, None], callback: Callable[[], None]) -> None:
        self._bucket = bucket
        self.callback = callback

    def cancel(self) -> None:
        self._bucket.pop(self, None)


class Wheel:
    """Thousands of deadlines behind a single loop timer.

    A deadline falls into a bucket of one grain. Arming and cancelling are O(1) and leave
    nothing behind, so a request that ends early costs no memory until its deadline.
    """

    __slots__ = ("_armed", "_buckets", "_call_at", "_handle", "_now", "_order")

    def __init__(self, now: Clock, call_at: CallAt) -> None:
        self._now = now
        self._call_at = call_at
        self._buckets: dict[int, dict[Timer, None]] = {}
        self._order: list[int] = []
        self._armed = 0
        self._handle: Handle | None = None

    def arm(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call back once, after this many seconds, unless the timer is cancelled before."""
        key = int((self._now() + seconds) / GRAIN_S) + 1
        if seconds >= LONG_S:
            key |= _COARSE
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = {}
            heapq.heappush(self._order, key)
            if self._handle is None or key < self._armed:
                self._rearm(key)
        timer = Timer(bucket, callback)
        bucket[timer] = None
        return timer

    def _rearm(self, key: int) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._armed = key
        self._handle = self._call_at(key * GRAIN_S, self.tick)

    def tick(self) -> None:
        """Fire what is due; sleep until the next bucket that still holds a timer."""
        self._handle = None
        due = int(self._now() / GRAIN_S)
        try:
            while self._order:
                key = self._order[0]
                bucket = self._buckets[key]
                if bucket and key > due:
                    break
                heapq.heappop(self._order)
                del self._buckets[key]
                for timer in list(bucket):
                    if timer in bucket:  # not cancelled by one that fired before it
                        del bucket[timer]
                        timer.callback()
        finally:
            if self._order and (self._handle is None or self._armed > self._order[0]):
                self._rearm(self._order[0])
