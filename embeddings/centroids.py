"""Centroids for an inverted file: spherical k-means in small steps, so that it can be given up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

ROUNDS = 8
_CHUNK = 512  # vectors assigned between two looks at `stopping`: some tens of milliseconds


def find_centroids(
    faiss: Any, sample: npt.NDArray[np.int8], lists: int, stopping: Callable[[], bool]
) -> npt.NDArray[np.float32] | None:
    """Unit vectors, float32, shape (lists, dim), each amid some of the sample's, (n, dim).

    The same sample, the same centroids. None when stopping() said so. Seconds for a thread.
    """
    dim = sample.shape[1]
    chance = np.random.default_rng(0)
    centroids = _unit(sample[_pick(chance, len(sample), lists)].astype(np.float32))
    for _ in range(ROUNDS):
        nearest = faiss.IndexFlatIP(dim)
        nearest.add(centroids)
        sums = np.zeros((lists, dim), np.float32)
        counts = np.zeros(lists, np.int64)
        for start in range(0, len(sample), _CHUNK):
            if stopping():
                return None
            chunk = sample[start : start + _CHUNK].astype(np.float32)
            _, found = nearest.search(chunk, 1)
            _add_up(chunk, found[:, 0], sums, counts)
        empty = np.flatnonzero(counts == 0)
        sums[empty] = sample[_pick(chance, len(sample), len(empty))]
        centroids = _unit(sums)
    return centroids


def _pick(chance: np.random.Generator, most: int, count: int) -> npt.NDArray[np.int64]:
    return chance.choice(most, count, replace=count > most)


def _add_up(
    chunk: npt.NDArray[np.float32],
    found: npt.NDArray[np.int64],
    sums: npt.NDArray[np.float32],
    counts: npt.NDArray[np.int64],
) -> None:
    order = np.argsort(found, kind="stable")
    lists, starts, sizes = np.unique(found[order], return_index=True, return_counts=True)
    sums[lists] += np.add.reduceat(chunk[order], starts, axis=0)
    counts[lists] += sizes


def _unit(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    unit: npt.NDArray[np.float32] = vectors / np.maximum(lengths, 1e-9)[:, None]
    return unit
