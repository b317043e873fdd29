"""The trained head: what a text's sums and signs say about category and complexity."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embeddings.encoder import COUNTS, DIM, Sums
from embeddings.signs import SIGNS

PARTS = 3
FEATURES = PARTS * (DIM + COUNTS) + len(SIGNS)
MOST_COUNTED = 2.0
"""A cue counts at most twice in each part: a long passage cannot outvote its instruction."""


def build_features(sums: Sums, signs: Sequence[float]) -> NDArray[np.float32]:
    """One row for the head, shape (FEATURES,): three unit vectors, three rows of counts, signs."""
    vectors = sums.vectors
    squares = np.einsum("ij,ij->i", vectors, vectors)
    unit = vectors / np.sqrt(squares + 1e-12)[:, None]
    counts = np.minimum(sums.counts, MOST_COUNTED)
    return np.concatenate((unit.ravel(), counts.ravel(), np.array(signs, dtype=np.float32)))


@dataclass(frozen=True, slots=True)
class Head:
    """A linear layer over the features, with calibration tables.

    `weights` is (FEATURES, categories + 1), the last column being complexity; `bias` fits it.
    `confidence_at` and `complexity_at` are increasing cut points of 0..1 in equal steps.
    """

    categories: tuple[str, ...]
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    sureness: tuple[tuple[float, float], ...]
    complexity_at: tuple[float, ...]

    @classmethod
    def from_arrays(cls, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Head:
        """From a model file. Raises KeyError or ValueError where it does not fit this code."""
        weights = arrays["head_weights"].astype(np.float32)
        categories = tuple(str(name) for name in facts["categories"])
        if weights.shape != (FEATURES, len(categories) + 1):
            raise ValueError(f"head is {weights.shape}, not {(FEATURES, len(categories) + 1)}")
        return cls(
            categories=categories,
            weights=weights,
            bias=arrays["head_bias"].astype(np.float32),
            sureness=tuple((float(x), float(y)) for x, y in facts["sureness"]),
            complexity_at=tuple(float(cut) for cut in facts["complexity_at"]),
        )

    def score(self, features: NDArray[np.float32]) -> list[float]:
        """One number for each category, then the raw complexity."""
        scores: list[float] = (features @ self.weights + self.bias).tolist()
        return scores

    def calibrate(self, share: float) -> float:
        """The winner's share of the softmax, turned into the chance that it is right."""
        points = self.sureness
        place = bisect_right(points, (share, math.inf))
        if place == 0:
            return points[0][1]
        if place == len(points):
            return points[-1][1]
        (x0, y0), (x1, y1) = points[place - 1], points[place]
        return y0 + (y1 - y0) * (share - x0) / (x1 - x0)

    def rank_complexity(self, raw: float) -> float:
        """The share of ordinary prompts that are easier."""
        return bisect_right(self.complexity_at, raw) / len(self.complexity_at)
