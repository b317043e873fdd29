"""Compresses large answers beside the traffic: a thread does the work, the loop swaps the bytes."""

from __future__ import annotations

import threading
import zlib
from queue import SimpleQueue

from proxy.cache.entry import Entry
from proxy.packed import Squeezed

LEAST_BYTES = 2048  # a smaller answer is worth more uncompressed: its hit costs a copy
_GAIN = 0.8  # of its size: what compresses worse stays as it is
_WAITING = 1024  # answers that may wait for the thread; the others stay as they are


class Squeezer:
    """Called from one thread, which owns the entries."""

    def __init__(self) -> None:
        self._todo: SimpleQueue[tuple[Entry, bytes] | None] = SimpleQueue()
        self._done: SimpleQueue[tuple[Entry, bytes, Squeezed]] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def offer(self, entry: Entry) -> None:
        """Compress what this entry keeps, if that is worth it."""
        for held in entry.bulky:
            if len(held) >= LEAST_BYTES and self._todo.qsize() < _WAITING:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="squeeze", daemon=True)
                    self._thread.start()
                self._todo.put((entry, held))

    def collect(self) -> list[tuple[Entry, int]]:
        """Swap in what is ready: the entries, and by how many bytes each grew (below zero)."""
        grown: list[tuple[Entry, int]] = []
        while not self._done.empty():
            entry, before, after = self._done.get_nowait()
            if entry.swap(before, after):
                grown.append((entry, len(after) - len(before)))
        return grown

    def close(self) -> None:
        """End the thread; what waits stays as it is."""
        if self._thread is not None:
            self._todo.put(None)
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while (item := self._todo.get()) is not None:
            entry, held = item
            squeezed = Squeezed(zlib.compress(held, 1))
            if len(squeezed) < len(held) * _GAIN:
                self._done.put((entry, held, squeezed))
