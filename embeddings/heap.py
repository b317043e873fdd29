"""Vectors that nobody searches yet: kept as codes, in any number, ready to be learnt from.

An inverted file costs a hundred times more a vector than a place in a row does, and a cache that
finds its entries by what they are about may never search by nearness. So a full ring flows over
into a heap, and the first search makes an inverted file of it.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np

from embeddings.engine import Codes, Engine
from embeddings.reading import Vector

_CHUNK = 1024  # vectors in one piece of memory: growing never copies what is there


class Heap:
    """A Stage that is not searched."""

    __slots__ = ("_chunks", "_engine", "_labels", "_places")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._chunks: list[Codes] = []
        self._labels = array("i")
        self._places = array("i")  # by label, -1 where it is not here; labels are dense

    def __len__(self) -> int:
        return len(self._labels)

    def add(self, labels: Sequence[int], codes: Codes) -> None:
        place = len(self._labels)
        places = self._places
        missing = max(labels, default=-1) + 1 - len(places)
        if missing > 0:
            places.extend([-1] * missing)
        for number, label in enumerate(labels, place):
            places[label] = number
        self._labels.extend(labels)
        while len(codes):
            number, row = divmod(place, _CHUNK)
            if number == len(self._chunks):
                self._chunks.append(np.empty((_CHUNK, self._engine.dim), np.int8))
            part = codes[: _CHUNK - row]
            self._chunks[number][row : row + len(part)] = part
            place += len(part)
            codes = codes[len(part) :]

    def remove(self, label: int) -> bool:
        """O(1): the last vector takes the free place."""
        place = self._place(label)
        if place < 0:
            return False
        self._places[label] = -1
        moved = self._labels.pop()
        last = len(self._labels)
        if place != last:
            self._row(place)[:] = self._row(last)
            self._labels[place] = moved
            self._places[moved] = place
        self._trim()
        return True

    def codes_of(self, label: int) -> Codes | None:
        place = self._place(label)
        return None if place < 0 else self._row(place)

    def take(self, count: int) -> tuple[list[int], Codes]:
        left = (len(self._labels) - 1) // _CHUNK * _CHUNK  # of one chunk only
        left = max(left, len(self._labels) - count)
        labels = self._labels[left:].tolist()
        row = left % _CHUNK
        codes = self._chunks[-1][row : row + len(labels)].copy()
        del self._labels[left:]
        for label in labels:
            self._places[label] = -1
        self._trim()
        return labels, codes

    def search(self, vector: Vector, k: int) -> list[tuple[int, float]]:
        """Nothing: whoever searches makes an inverted file first."""
        del vector, k
        return []

    def sample(self, most: int) -> list[Codes]:
        """Up to most of its codes, spread over all, in pieces that may change meanwhile."""
        full = self._chunks[: len(self._labels) // _CHUNK]
        step = max(1, -(-len(full) * _CHUNK // most))
        return full[::step] or [self._chunks[0][: len(self._labels)]]

    def _place(self, label: int) -> int:
        return self._places[label] if label < len(self._places) else -1

    def _row(self, place: int) -> Codes:
        number, row = divmod(place, _CHUNK)
        codes: Codes = self._chunks[number][row]
        return codes

    def _trim(self) -> None:
        """Let go of a chunk that is empty."""
        if len(self._labels) <= (len(self._chunks) - 1) * _CHUNK:
            self._chunks.pop()
