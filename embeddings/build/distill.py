"""Word rows learned from the teacher: a sum of rows shall point where its sentence does."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embeddings.encoder import DIM

log = logging.getLogger(__name__)

Floats = NDArray[np.float32]

BATCH = 1024
SIF = 1e-4  # smooth inverse frequency: Arora et al. 2017
MATRIX_WEIGHT = 8.0
DROPPED = 0.08


@dataclass(frozen=True, slots=True)
class Bags:
    """Texts as rows of word numbers, flat: text i owns words[starts[i]:starts[i + 1]]."""

    words: NDArray[np.int64]
    starts: NDArray[np.int64]

    def select(self, texts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(words, offsets) of the chosen texts."""
        sizes = self.starts[texts + 1] - self.starts[texts]
        offsets = np.concatenate(([0], np.cumsum(sizes)))
        places = np.arange(offsets[-1]) - np.repeat(offsets[:-1] - self.starts[texts], sizes)
        return self.words[places], offsets[:-1]


def make_bags(texts: Sequence[Sequence[int]]) -> Bags:
    """Pack lists of word numbers. Every list must have one or more."""
    sizes = np.fromiter((len(text) for text in texts), np.int64, len(texts))
    flat = np.fromiter((word for text in texts for word in text), np.int64, int(sizes.sum()))
    return Bags(flat, np.concatenate(([0], np.cumsum(sizes))))


def find_projection(vectors: Floats) -> Floats:
    """(teacher dim, DIM): the axes that keep most of the teacher's sentence vectors."""
    _, axes = np.linalg.eigh(vectors.T @ vectors)
    chosen: Floats = axes[:, ::-1][:, :DIM].astype(np.float32)
    return chosen


def unit(vectors: Floats) -> Floats:
    """Each row at length 1."""
    lengths: Floats = np.sqrt(np.einsum("ij,ij->i", vectors, vectors)) + np.float32(1e-8)
    return vectors / lengths[:, None]


def start_rows(words: Floats, chances: NDArray[np.float64]) -> Floats:
    """The teacher's vector of each word, weighed down where the word is frequent."""
    weights = (SIF / (SIF + chances)).astype(np.float32)
    return unit(words) * weights[:, None]


class Student:
    """Word rows under Adam with a per-row step, so that rare words move as far as frequent ones."""

    def __init__(self, rows: Floats) -> None:
        self.rows = rows.copy()
        self._mean = np.zeros_like(rows)
        self._square = np.zeros_like(rows)
        self._steps = np.zeros(len(rows), dtype=np.float32)

    def train(self, bags: Bags, targets: Floats, epochs: int, rate: float, seed: int) -> None:
        """Fit to unit targets, one row for each text; the rate falls as a cosine to zero."""
        rng = np.random.default_rng(seed)
        count = len(targets)
        total = epochs * (count // BATCH)
        step = 0
        for epoch in range(epochs):
            order = rng.permutation(count)
            losses = []
            for begin in range(0, count - BATCH + 1, BATCH):
                now = rate * 0.5 * (1.0 + math.cos(math.pi * step / total))
                losses.append(self._step(bags, targets, order[begin : begin + BATCH], now, rng))
                step += 1
            log.info("epoch %d: 1 - cosine = %.4f", epoch, float(np.mean(losses)))

    def _step(
        self,
        bags: Bags,
        targets: Floats,
        texts: NDArray[np.int64],
        rate: float,
        rng: np.random.Generator,
    ) -> float:
        words, offsets = bags.select(texts)
        keep = (rng.random(len(words)) >= DROPPED).astype(np.float32)
        sums = np.add.reduceat(self.rows[words] * keep[:, None], offsets, axis=0)
        lengths = np.sqrt(np.einsum("ij,ij->i", sums, sums)) + np.float32(1e-6)
        found = sums / lengths[:, None]
        wanted = targets[texts]
        gap = found @ found.T - wanted @ wanted.T
        slope = -wanted + (MATRIX_WEIGHT * 4.0 / len(texts)) * (gap @ found)
        slope -= np.einsum("ij,ij->i", slope, found)[:, None] * found
        slope /= lengths[:, None]
        sizes = np.diff(np.append(offsets, len(words)))
        self._apply(words, np.repeat(slope, sizes, axis=0) * keep[:, None], rate)
        return float(1.0 - np.mean(np.einsum("ij,ij->i", found, wanted)))

    def _apply(self, words: NDArray[np.int64], slopes: Floats, rate: float) -> None:
        order = np.argsort(words, kind="stable")
        touched, first = np.unique(words[order], return_index=True)
        slope = np.add.reduceat(slopes[order], first, axis=0)
        self._steps[touched] += 1.0
        ages = self._steps[touched][:, None]
        mean = self._mean[touched] = 0.9 * self._mean[touched] + 0.1 * slope
        square = self._square[touched] = 0.999 * self._square[touched] + 0.001 * slope**2
        mean = mean / (1.0 - 0.9**ages)
        square = square / (1.0 - 0.999**ages)
        self.rows[touched] -= rate * mean / (np.sqrt(square) + 1e-9)


def quantise(rows: Floats) -> tuple[NDArray[np.int8], Floats]:
    """int8 rows and their scales: row i is rows[i] * scales[i]."""
    peaks = np.abs(rows).max(axis=1)
    scales = (np.maximum(peaks, 1e-8) / 127.0).astype(np.float32)
    return np.rint(rows / scales[:, None]).astype(np.int8), scales
