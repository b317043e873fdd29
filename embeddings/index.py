"""Nearest vectors by inner product, in memory: a small block, a FAISS ring, an inverted file.

Three stages, so that a million partitions of two prompts and one partition of a million are both
small and fast: a numpy block of codes (no FAISS in the process), the same codes in a flat FAISS
index, and IVF lists whose centroids are trained in a background thread. Every other call runs on
the caller's thread and does a bounded amount of work: vectors move to the next stage a few at a
time, with each `add`.

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
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from embeddings.centroids import find_centroids

Vector = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int8]
Found = list[tuple[int, float]]

BLOCK_MAX = 64  # vectors; one numpy product of this size costs what a FAISS call does
RING_MAX = 4096  # a flat scan of this many takes 20 to 40 us
_TOP = np.float32(127.0)
_SPREAD = 8.0  # times 1/sqrt(dim): what a code can hold
_FIRST = 4
MOVES = 12  # vectors moved to the next stage at once, 10 to 50 us each
_GROWTH = 16  # an inverted file is retrained when it holds this many times what it learnt from
_LEARNS_FROM = 65_536  # vectors at most: half a minute of one core, and 4096 lists
_PROBES = 8
_SCANNED = 16_384  # codes a search looks at, at most, however alike they all are
_BATCH, _SLOW_BATCH = 64, 12  # vectors added at once: less than a millisecond
_NICE = 10  # of background threads: requests come first
_FLAT_BIAS = 128  # FAISS keeps signed codes with this added

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


class _Stage(Protocol):
    """One way of keeping vectors."""

    def __len__(self) -> int: ...
    def add(self, labels: Sequence[int], codes: Codes) -> None:
        """Keep codes of shape (n, dim) under n numbers."""
        ...

    def remove(self, label: int) -> bool: ...
    def codes_of(self, label: int) -> Codes | None: ...
    def take(self) -> tuple[int, Codes]:
        """Remove any one vector and give it back."""
        ...

    def search(self, vector: Vector, k: int) -> Found: ...


class Block:
    """Up to a few dozen vectors: one int8 matrix, one product a search."""

    __slots__ = ("_codes", "_engine", "_labels", "_places")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._codes: Codes = np.empty((_FIRST, engine.dim), np.int8)
        self._labels: list[int] = []
        self._places: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._labels)

    def add(self, labels: Sequence[int], codes: Codes) -> None:
        place = len(self._labels)
        after = place + len(labels)
        if after > len(self._codes):
            grown = np.empty((max(after, place * 2), self._engine.dim), np.int8)
            grown[:place] = self._codes[:place]
            self._codes = grown
        self._codes[place:after] = codes
        self._labels += labels
        self._places.update(zip(labels, range(place, after), strict=True))

    def remove(self, label: int) -> bool:
        """O(1): the last vector takes the free place."""
        place = self._places.pop(label, None)
        if place is None:
            return False
        moved = self._labels.pop()
        if place != len(self._labels):
            self._codes[place] = self._codes[len(self._labels)]
            self._labels[place] = moved
            self._places[moved] = place
        return True

    def codes_of(self, label: int) -> Codes | None:
        place = self._places.get(label)
        return None if place is None else self._codes[place]

    def take(self) -> tuple[int, Codes]:
        label = self._labels[-1]
        codes = self._codes[len(self._labels) - 1].copy()
        self.remove(label)
        return label, codes

    def search(self, vector: Vector, k: int) -> Found:
        count = len(self._labels)
        if not count:
            return []
        products = self._codes[:count].astype(np.float32) @ (vector / self._engine.scale)
        if count <= k:
            order: Any = np.argsort(-products)
        else:
            top = np.argpartition(-products, k)[:k]
            order = top[np.argsort(-products[top])]
        return [(self._labels[i], float(products[i])) for i in order]


class Ring:
    """Up to a few thousand vectors in a flat FAISS index; places are reused in place."""

    __slots__ = ("_engine", "_index", "_labels", "_places")

    def __init__(self, engine: Engine) -> None:
        faiss = engine.faiss
        faiss.omp_set_num_threads(1)  # of this thread: more only add jitter at these sizes
        self._engine = engine
        self._index = faiss.IndexScalarQuantizer(
            engine.dim, faiss.ScalarQuantizer.QT_8bit_direct_signed, faiss.METRIC_INNER_PRODUCT
        )
        self._index.is_trained = True
        self._labels: list[int] = []
        self._places: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._labels)

    def add(self, labels: Sequence[int], codes: Codes) -> None:
        place = len(self._labels)
        self._places.update(zip(labels, range(place, place + len(labels)), strict=True))
        self._labels += labels
        self._index.add(codes.astype(np.float32))

    def remove(self, label: int) -> bool:
        """O(1): the last vector takes the free place."""
        place = self._places.pop(label, None)
        if place is None:
            return False
        moved = self._labels.pop()
        last = len(self._labels)
        if place != last:
            rows = self._rows()
            rows[place] = rows[last]
            self._labels[place] = moved
            self._places[moved] = place
        self._index.ntotal = last
        return True

    def codes_of(self, label: int) -> Codes | None:
        place = self._places.get(label)
        return None if place is None else (self._rows()[place] ^ _FLAT_BIAS).view(np.int8)

    def take(self) -> tuple[int, Codes]:
        label = self._labels[-1]
        codes = self.snapshot(last=1)[0]
        self.remove(label)
        return label, codes

    def snapshot(self, last: int = 0) -> Codes:
        """A copy of the codes, shape (n, dim); of the last few only where asked."""
        rows = self._rows()[-last:] if last else self._rows()
        return (rows ^ _FLAT_BIAS).view(np.int8)

    def search(self, vector: Vector, k: int) -> Found:
        count = len(self._labels)
        labels, near = self._engine.search(self._index, vector, min(k, count))
        names = self._labels
        return [(names[place], product) for place, product in zip(labels, near, strict=True)]

    def _rows(self) -> npt.NDArray[np.uint8]:
        count, dim = self._index.ntotal, self._engine.dim
        flat: npt.NDArray[np.uint8] = self._engine.faiss.rev_swig_ptr(
            self._index.codes.data(), count * dim
        )
        return flat.reshape(count, dim)


class Inverted:
    """Any number of vectors, in lists by their nearest centroid; eight lists are read a search."""

    __slots__ = ("_emptying", "_engine", "_index", "_one", "learnt_from")

    def __init__(self, engine: Engine, centroids: Vector, learnt_from: int) -> None:
        """centroids: unit vectors, shape (lists, dim), found among so many vectors."""
        faiss = engine.faiss
        self._engine = engine
        self.learnt_from = learnt_from
        lists = len(centroids)
        quantizer = faiss.IndexFlatIP(engine.dim)
        quantizer.add(centroids)
        self._index = faiss.IndexIVFScalarQuantizer(
            quantizer,
            engine.dim,
            lists,
            faiss.ScalarQuantizer.QT_8bit_direct_signed,
            faiss.METRIC_INNER_PRODUCT,
            False,
        )
        self._index.own_fields = True
        quantizer.this.disown()
        self._index.nprobe = _PROBES
        self._index.max_codes = _SCANNED
        self._index.is_trained = True
        self._index.set_direct_map_type(faiss.DirectMap.Hashtable)
        self._one = np.zeros(1, np.int64)
        self._emptying = 0

    @classmethod
    def learn(cls, engine: Engine, sample: Codes) -> Inverted | None:
        """One for vectors like these codes, shape (n, dim): seconds, in a thread. None when the
        engine stops."""
        engine.faiss.omp_set_num_threads(1)  # of this thread: the other cores serve traffic
        lists = max(16, len(sample) // 16)
        centroids = find_centroids(engine.faiss, sample, lists, engine.stopping)
        return None if centroids is None else cls(engine, centroids, len(sample))

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def add(self, labels: Sequence[int], codes: Codes) -> None:
        self._index.add_with_ids(codes.astype(np.float32), np.array(labels, np.int64))

    def remove(self, label: int) -> bool:
        self._one[0] = label
        return bool(self._index.remove_ids(self._one))

    def codes_of(self, label: int) -> Codes | None:
        try:
            values = self._index.reconstruct(label)
        except RuntimeError:  # it is not among them
            return None
        codes: Codes = np.rint(values).astype(np.int8)
        return codes

    def take(self) -> tuple[int, Codes]:
        lists = self._index.invlists
        while lists.list_size(self._emptying) == 0:
            self._emptying += 1
        faiss = self._engine.faiss
        label = int(faiss.rev_swig_ptr(lists.get_ids(self._emptying), 1)[0])
        raw = faiss.rev_swig_ptr(lists.get_codes(self._emptying), self._engine.dim)
        codes = (raw ^ _FLAT_BIAS).view(np.int8)
        self.remove(label)
        return label, codes

    def snapshot_list(self, number: int) -> Codes:
        """A copy of one list's codes, shape (n, dim)."""
        lists, dim = self._index.invlists, self._engine.dim
        size = lists.list_size(number)
        raw = self._engine.faiss.rev_swig_ptr(lists.get_codes(number), size * dim)
        codes: Codes = (raw ^ _FLAT_BIAS).view(np.int8).reshape(size, dim)
        return codes

    @property
    def lists(self) -> int:
        return int(self._index.nlist)

    def search(self, vector: Vector, k: int) -> Found:
        labels, near = self._engine.search(self._index, vector, k)
        return [(label, product) for label, product in zip(labels, near, strict=True) if label >= 0]


class Index:
    """Vectors by number. All calls from one thread; each does a bounded amount of work."""

    __slots__ = ("_engine", "_next", "_old", "_sample", "_stage", "_training")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._stage: _Stage = Block(engine)
        self._old: _Stage | None = None  # what is still to be moved
        self._training = False
        self._next: Inverted | None = None  # set by the training thread
        self._sample: list[Codes] = []

    def __len__(self) -> int:
        return len(self._stage) + (len(self._old) if self._old is not None else 0)

    def add(self, labels: Sequence[int], vectors: Vector) -> None:
        """Keep unit vectors, shape (n, dim), under n numbers not in use; n at most `batch`."""
        self._grow()
        self._stage.add(labels, self._engine.encode(vectors))
        self.move(MOVES)

    @property
    def batch(self) -> int:
        """How many vectors may be added at once in less than a millisecond."""
        return _SLOW_BATCH if isinstance(self._stage, Inverted) else _BATCH

    @property
    def moving(self) -> bool:
        """Whether vectors are still to be moved on."""
        return self._old is not None

    def product(self, label: int, vector: Vector) -> float:
        """The inner product of one number's vector with another; 0 where it is not known."""
        codes = self._codes_of(label)
        return 0.0 if codes is None else self._engine.product(codes, vector)

    def vector(self, label: int) -> Vector | None:
        """One number's vector, as near to what was given as its codes are."""
        codes = self._codes_of(label)
        return None if codes is None else codes.astype(np.float32) / self._engine.scale

    def _codes_of(self, label: int) -> Codes | None:
        codes = self._stage.codes_of(label)
        if codes is None and self._old is not None:
            codes = self._old.codes_of(label)
        return codes

    def remove(self, label: int) -> bool:
        """Forget a number; whether it was known."""
        if self._old is not None and self._old.remove(label):
            if not len(self._old):
                self._old = None
            return True
        return self._stage.remove(label)

    def search(self, vector: Vector, k: int) -> Found:
        """The k nearest as (number, inner product), nearest first; k at most the engine's."""
        found = self._stage.search(vector, k) if len(self._stage) else []
        if self._old is None:
            return found
        both = found + self._old.search(vector, k)
        both.sort(key=lambda pair: -pair[1])
        return both[:k]

    def move(self, count: int) -> None:
        """Move up to count vectors on to the newest stage. For idle moments too."""
        old = self._old
        while old is not None and count:
            label, codes = old.take()
            self._stage.add((label,), codes.reshape(1, -1))
            count -= 1
            if not len(old):
                old = self._old = None

    def _grow(self) -> None:
        """Step to the next stage when this one is full and the next is ready."""
        stage = self._stage
        if isinstance(stage, Block):
            if len(stage) >= BLOCK_MAX:
                self._engine.load()
                if self._engine.faiss is not None:
                    self._shift(Ring(self._engine))
        elif self._next is not None:
            self._shift(self._next)
            self._next, self._training = None, False
        elif self._training or self._old is not None:
            return
        elif isinstance(stage, Ring):
            if len(stage) >= RING_MAX:
                self._train(stage.snapshot())
        elif (
            isinstance(stage, Inverted)
            and stage.learnt_from < _LEARNS_FROM
            and len(stage) >= stage.learnt_from * _GROWTH
        ):
            self._collect(stage)

    def _collect(self, stage: Inverted) -> None:
        """Copy every other list, or fewer, for the next training, a few at each add."""
        step = max(2, -(-len(stage) // _LEARNS_FROM))
        start = len(self._sample) * step
        for number in range(start, min(start + 4 * step, stage.lists), step):
            self._sample.append(stage.snapshot_list(number))
        if len(self._sample) * step >= stage.lists:
            parts, self._sample = self._sample, []
            self._train(parts)

    def _train(self, sample: Codes | list[Codes]) -> None:
        self._training = True
        engine = self._engine

        def work() -> None:
            codes = np.concatenate(sample) if isinstance(sample, list) else sample
            self._next = Inverted.learn(engine, codes)

        engine.spawn(work)

    def _shift(self, stage: _Stage) -> None:
        """From now on vectors go to this stage; those of the one before follow."""
        self._old, self._stage = self._stage, stage
