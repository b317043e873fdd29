"""When things happen: many deadlines on one timer, exact to some ten microseconds.

The event loops round their timers to a millisecond, which is as much as a whole gateway adds;
a benchmark that paces requests or tokens needs better. On Linux the timer is a timerfd.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import math
import os
import struct
import time
from collections.abc import Callable
from heapq import heappop, heappush

_CLOCK_MONOTONIC = 1  # Linux, <linux/time.h>; the clock of time.monotonic()
_NONBLOCK_CLOEXEC = os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0)
_ABSOLUTE = 1  # TFD_TIMER_ABSTIME


def _timerfd() -> tuple[ctypes.CDLL, int] | None:
    """libc and a timer descriptor, or None where the system has none."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        descriptor = int(libc.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK_CLOEXEC))
    except (OSError, AttributeError):
        return None
    return (libc, descriptor) if descriptor >= 0 else None


class Schedule:
    """Calls functions at times of time.monotonic(), in order. Owned by one event loop.

    With a tick (seconds) the timer wakes at its multiples only: calls are late by up to a tick,
    and those that are close share one wake-up, which is a fifth of the cost of a paced token.
    """

    __slots__ = (
        "_armed",
        "_closed",
        "_descriptor",
        "_handle",
        "_heap",
        "_libc",
        "_loop",
        "_number",
        "_tick",
        "_value",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, tick: float = 0.0) -> None:
        self._loop = loop
        self._tick = tick
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0
        self._armed = 0.0
        self._closed = False
        self._handle: asyncio.TimerHandle | None = None
        self._value = ctypes.create_string_buffer(32)
        self._libc: ctypes.CDLL | None = None
        self._descriptor = -1
        timer = _timerfd()
        if timer is not None:
            self._libc, self._descriptor = timer
            loop.add_reader(self._descriptor, self._fire)

    def at(self, due: float, call: Callable[[], None]) -> None:
        """Calls `call` once `due` (seconds, time.monotonic) has come. Nothing is cancelled:
        whoever loses interest ignores the call."""
        self._number += 1
        heappush(self._heap, (due, self._number, call))
        if not self._armed or due < self._armed:
            self._arm(due)

    def close(self) -> None:
        """Forgets what is still due and frees the timer."""
        if self._closed:
            return
        self._closed = True
        self._heap.clear()
        if self._handle is not None:
            self._handle.cancel()
        if self._descriptor >= 0:
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)

    def _arm(self, due: float) -> None:
        if self._tick:
            due = math.ceil(due / self._tick) * self._tick
        self._armed = due
        if self._libc is None:
            if self._handle is not None:
                self._handle.cancel()
            self._handle = self._loop.call_later(max(0.0, due - time.monotonic()), self._fire)
            return
        whole = int(due)
        # struct itimerspec: interval (none), then the time; zero would disarm the timer
        struct.pack_into("@qqqq", self._value, 0, 0, 0, whole, int((due - whole) * 1e9) or 1)
        self._libc.timerfd_settime(self._descriptor, _ABSOLUTE, self._value, None)

    def _fire(self) -> None:
        if self._libc is not None:
            with contextlib.suppress(BlockingIOError):  # re-armed for later since the loop woke
                os.read(self._descriptor, 8)
        heap = self._heap
        self._armed = -1.0  # calls made now need no timer of their own: it is set once, below
        while heap and heap[0][0] <= time.monotonic():
            heappop(heap)[2]()
        if self._closed:
            return
        if heap:
            self._arm(heap[0][0])
        else:
            self._armed = 0.0
