"""Three ways of keeping vectors, for few, for thousands and for any number of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from embeddings.centroids import find_centroids
from embeddings.engine import Codes, Engine
from embeddings.reading import Vector

Found = list[tuple[int, float]]

_FIRST = 4
_PROBES = 8
_SCANNED = 16_384  # codes a search looks at, at most, however alike they all are
_FLAT_BIAS = 128  # FAISS keeps signed codes with this added


class Stage(Protocol):
    """One way of keeping vectors."""

    def __len__(self) -> int: ...
    def add(self, labels: Sequence[int], codes: Codes) -> None:
        """Keep codes of shape (n, dim) under n numbers."""
        ...

    def remove(self, label: int) -> bool: ...
    def codes_of(self, label: int) -> Codes | None: ...
    def take(self, count: int) -> tuple[list[int], Codes]:
        """Remove some vectors, at least one and at most count, and give them back."""
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

    def take(self, count: int) -> tuple[list[int], Codes]:
        labels = self._labels[-count:]
        left = len(self._labels) - len(labels)
        codes = self._codes[left : left + len(labels)].copy()
        del self._labels[left:]
        for label in labels:
            del self._places[label]
        return labels, codes

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


def _flat(engine: Engine) -> Any:
    """An empty FAISS index of codes, searched from end to end."""
    faiss = engine.faiss
    index = faiss.IndexScalarQuantizer(
        engine.dim, faiss.ScalarQuantizer.QT_8bit_direct_signed, faiss.METRIC_INNER_PRODUCT
    )
    index.is_trained = True
    return index


class Ring:
    """Up to a few thousand vectors in a flat FAISS index; places are reused in place."""

    __slots__ = ("_engine", "_index", "_labels", "_places")

    def __init__(self, engine: Engine) -> None:
        faiss = engine.faiss
        faiss.omp_set_num_threads(1)  # of this thread: more only add jitter at these sizes
        self._engine = engine
        self._index = _flat(engine)
        self._labels: list[int] = []
        self._places: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._labels)

    def add(self, labels: Sequence[int], codes: Codes) -> None:
        """The codes are written where FAISS keeps them: encoding them once more takes ten times
        as long."""
        place = len(self._labels)
        count = place + len(labels)
        self._places.update(zip(labels, range(place, count), strict=True))
        self._labels += labels
        self._index.codes.resize(count * self._engine.dim)
        self._index.ntotal = count
        self._rows()[place:] = codes.view(np.uint8) ^ _FLAT_BIAS

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

    def take(self, count: int) -> tuple[list[int], Codes]:
        labels = self._labels[-count:]
        codes = self.snapshot(last=len(labels))
        left = len(self._labels) - len(labels)
        del self._labels[left:]
        for label in labels:
            del self._places[label]
        self._index.ntotal = left
        return labels, codes

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
        # Coded like what is stored: a quarter of the memory to read for every vector and search.
        quantizer = _flat(engine)
        quantizer.add(np.rint(centroids * engine.scale).clip(-127, 127))
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

    def take(self, count: int) -> tuple[list[int], Codes]:
        lists = self._index.invlists
        while (size := lists.list_size(self._emptying)) == 0:
            self._emptying += 1
        ids = self._engine.faiss.rev_swig_ptr(lists.get_ids(self._emptying), size)
        taken = ids[-count:].copy()
        codes = self.snapshot_list(self._emptying)[-count:]
        self._index.remove_ids(taken)
        return taken.tolist(), codes

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
