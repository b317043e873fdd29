"""FAISS as one thread uses it: loaded when it is needed, its buffers shared, its work in the
background ended with the process.

Codes are int8 at one scale for all: the components of a unit vector lie around 1/sqrt(dim), and
eight times that is clipped. Rounding costs an inner product about 0.002
(tests/embeddings/test_index.py), and a vector takes `dim` bytes instead of four times that.
FAISS multiplies the same codes as integers (QT_8bit_direct_signed: the query is coded too),
2 to 3 times faster than floats.
"""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt

from embeddings.reading import Vector

Codes = npt.NDArray[np.int8]

_TOP = np.float32(127.0)
_SPREAD = 8.0  # times 1/sqrt(dim): what a code can hold
_NICE = 10  # of background threads: requests come first

Spawn = Callable[[Callable[[], None]], "threading.Thread | None"]


def spawn_thread(work: Callable[[], None]) -> threading.Thread:
    """Run work beside the caller, behind everything else."""

    def run() -> None:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)  # of this thread
        work()

    thread = threading.Thread(target=run, name="index", daemon=True)
    thread.start()
    return thread


def _close(engine: weakref.ref[Engine]) -> None:
    if (found := engine()) is not None:
        found.close()


class Engine:
    """FAISS, once it is loaded, and the buffers every search of one thread shares.

    The import costs 0.13 s and 14 MB, so it is started beside the traffic by the first vector
    stored, never by a process that stores none.
    """

    def __init__(self, dim: int, *, most: int = 16, spawn: Spawn = spawn_thread) -> None:
        """most: the largest k a search may ask for."""
        self.dim = dim
        self.most = most
        scale = max(127.0, 127.0 * dim**0.5 / _SPREAD)
        self.scale = np.float32(scale)
        self.one_over_scale: float = 1.0 / scale
        self.unscale = np.float32(1.0 / (scale * scale))
        self._spawn = spawn
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()
        self.faiss: Any = None
        self.query = np.zeros((1, dim), np.float32)
        self.near = np.zeros((1, most), np.float32)
        self.labels = np.zeros((1, most), np.int64)
        self.pointers: tuple[Any, Any, Any] = (None, None, None)
        self._asked = False

    def encode(self, vectors: Vector) -> Codes:
        """Unit vectors as int8 codes, of the same shape: (dim,) or (n, dim)."""
        scaled = vectors * self.scale
        np.rint(scaled, out=scaled)
        np.minimum(scaled, _TOP, out=scaled)
        np.maximum(scaled, -_TOP, out=scaled)
        codes: Codes = scaled.astype(np.int8)
        return codes

    def product(self, codes: Codes, vector: Vector) -> float:
        """The inner product of one vector's codes with a unit vector."""
        return float(np.dot(codes.astype(np.float32), vector) / self.scale)

    def load(self) -> None:
        """Import FAISS, unless that was done or is under way."""
        if not self._asked:
            self._asked = True
            atexit.register(_close, weakref.ref(self))
            self.spawn(self._load)

    def spawn(self, work: Callable[[], None]) -> None:
        """Run work in the background; it looks at `stopping` now and then."""
        thread = self._spawn(work)
        self._threads = [one for one in self._threads if one.is_alive()]
        if thread is not None:
            self._threads.append(thread)

    def stopping(self) -> bool:
        """Whether background work is to be given up."""
        return self._stopping.is_set()

    def close(self) -> None:
        """End the background work: a thread inside FAISS must not outlive the interpreter."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _load(self) -> None:
        import faiss  # noqa: PLC0415 - see the class: only a process with vectors pays for it

        pointer = faiss.swig_ptr
        self.pointers = (pointer(self.query), pointer(self.near), pointer(self.labels))
        self.faiss = faiss

    def search(self, index: Any, vector: Vector, k: int) -> tuple[list[int], list[float]]:
        """Labels and inner products from a FAISS index of codes; label -1 where it had fewer."""
        row = self.query[0]
        np.multiply(vector, self.scale, out=row)
        np.rint(row, out=row)
        np.minimum(row, _TOP, out=row)
        np.maximum(row, -_TOP, out=row)
        query, near, labels = self.pointers
        index.search_c(1, query, k, near, labels)
        return self.labels[0, :k].tolist(), (self.near[0, :k] * self.unscale).tolist()
