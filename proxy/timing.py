"""Time as an argument: the clock's type, and one timer for many deadlines."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Protocol

Clock = Callable[[], float]  # monotonic seconds

GRAIN_S = 0.002  # deadlines are met within one grain, never early
LONG_S = 20.0  # from here on a coarser grain will do:
COARSE_S = 64 * GRAIN_S


class Handle(Protocol):
    def cancel(self) -> None: ...


CallAt = Callable[[float, Callable[[], None]], Handle]


class Due(Protocol):
    """Something with a deadline of its own."""

    def due(self) -> None:
        """Its time has come."""
        ...


Bucket = dict[Due, None]


class Timer:
    """One armed deadline; cancelling costs one dict deletion."""

    __slots__ = ("bucket", "due")

    def __init__(self, callback: Callable[[], None]) -> None:
        self.due = callback
        self.bucket: Bucket

    def cancel(self) -> None:
        self.bucket.pop(self, None)


class Wheel:
    """Thousands of deadlines behind a single loop timer.

    A deadline falls into a bucket of one grain. Arming and cancelling are O(1) and leave
    nothing behind, so a request that ends early costs no memory until its deadline.
    """

    __slots__ = ("_armed_s", "_buckets", "_call_at", "_handle", "_now", "_order")

    def __init__(self, now: Clock, call_at: CallAt) -> None:
        self._now = now
        self._call_at = call_at
        self._buckets: dict[float, Bucket] = {}  # by the time when they are due
        self._order: list[float] = []
        self._armed_s = 0.0
        self._handle: Handle | None = None

    def arm(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call back once, after this many seconds, unless the timer is cancelled before."""
        timer = Timer(callback)
        timer.bucket = self.hold(seconds, timer)
        return timer

    def hold(self, seconds: float, one: Due) -> Bucket:
        """Tell this one when so many seconds are over, unless it was taken out of the bucket."""
        grain = GRAIN_S if seconds < LONG_S else COARSE_S
        at = ((self._now() + seconds) // grain + 1.0) * grain
        bucket = self._buckets.get(at)
        if bucket is None:
            bucket = self._buckets[at] = {}
            heapq.heappush(self._order, at)
            if self._handle is None or at < self._armed_s:
                self._rearm(at)
        bucket[one] = None
        return bucket

    def _rearm(self, at: float) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._armed_s = at
        self._handle = self._call_at(at, self.tick)

    def tick(self) -> None:
        """Fire what is due; sleep until the next bucket that still holds a timer."""
        self._handle = None
        now = self._now()
        try:
            while self._order:
                at = self._order[0]
                bucket = self._buckets[at]
                if bucket and at > now:
                    break
                heapq.heappop(self._order)
                del self._buckets[at]
                for one in list(bucket):
                    if one in bucket:  # not cancelled by one that fired before it
                        del bucket[one]
                        one.due()
        finally:
            if self._order and (self._handle is None or self._armed_s > self._order[0]):
                self._rearm(self._order[0])
