"""Nearest vectors by inner product, in memory: a growing block first, FAISS above it.

Three stages, so that a million tenants with two prompts each and one tenant with a million both
stay small and fast: a numpy block of int8 codes (no FAISS loaded), a FAISS ring over the same
codes, and an inverted file trained in the background.

Codes are int8 at one common scale: a unit vector of 128 or more components never has one near
0.25 by chance, larger ones are clipped. One component's rounding error is at most 1/1016, an inner
product's about 0.0006 (measured in tests/embeddings/test_index.py), well under any gap between
thresholds, and a vector takes `dim` bytes instead of four times that.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float32]

SCALE = 508.0  # 127 / 0.25
_FIRST = 4


def encode(vector: Vector) -> npt.NDArray[np.int8]:
    """A unit vector as int8 codes, shape (dim,)."""
    codes: npt.NDArray[np.int8] = np.clip(np.rint(vector * SCALE), -127, 127).astype(np.int8)
    return codes


class Block:
    """Up to a few dozen vectors: one int8 matrix, one matrix product a search."""

    __slots__ = ("_codes", "_count", "_labels", "_places", "dim")

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self._codes = np.empty((_FIRST, dim), np.int8)
        self._labels: list[int] = []
        self._places: dict[int, int] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, label: int, vector: Vector) -> None:
        """Store a unit vector under a number; the number's earlier vector is replaced."""
        place = self._places.get(label)
        if place is None:
            place = self._count
            if place == len(self._codes):
                grown = np.empty((place * 2, self.dim), np.int8)
                grown[:place] = self._codes
                self._codes = grown
            self._labels.append(label)
            self._places[label] = place
            self._count += 1
        self._codes[place] = encode(vector)

    def remove(self, label: int) -> bool:
        """Forget a number. O(1): the last vector takes its place."""
        place = self._places.pop(label, None)
        if place is None:
            return False
        self._count -= 1
        last = self._count
        moved = self._labels.pop()
        if place != last:
            self._codes[place] = self._codes[last]
            self._labels[place] = moved
            self._places[moved] = place
        return True

    def search(self, vector: Vector, k: int) -> list[tuple[int, float]]:
        """The k nearest as (number, inner product), nearest first."""
        count = self._count
        if not count:
            return []
        query = vector * np.float32(1.0 / SCALE)
        products = self._codes[:count].astype(np.float32) @ query
        if count <= k:
            order: Any = np.argsort(-products)
        else:
            top = np.argpartition(-products, k)[:k]
            order = top[np.argsort(-products[top])]
        return [(self._labels[i], float(products[i])) for i in order]
