"""What the words of a text say about its category, complexity and language.

The trained head is linear in: the text's unit vector; the sum of the vectors and the cue groups of
its first words, and of its last words (instructions stand at either end); the pairs of
neighbouring words there; the signs. All but the first depends on one word, pair or sign alone, so
it is folded into a table of hints: one row of scores for each. A text is then a gather and a sum.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embeddings.cues import GROUPS, index_pairs
from embeddings.encoder import DIM, Sum
from embeddings.language import STOP_WORDS
from embeddings.reading import Vector
from embeddings.signs import LENGTHS, SIGNS

LANGUAGES: tuple[str, ...] = tuple(STOP_WORDS)
END_WORDS = 12
"""Words at either end of a text that are also read apart."""
PAIR_WORDS = 24
"""Words at either end among which cue pairs are sought."""


@dataclass(frozen=True, slots=True)
class Head:
    """Hints and calibration.

    `hints` is (n, 2 * outputs + languages): what a row says among the first words, among the last
    words, and how it counts for each language. Its rows are the encoder's, then one for each cue
    pair group at the beginning, one at the end, one for each sign. `weights` is (DIM, outputs) for
    the unit vector. Outputs are the categories, then complexity. Every text shows one sign of
    length, so the bias stands in their rows.
    """

    categories: tuple[str, ...]
    hints: NDArray[np.float32]
    weights: NDArray[np.float32]
    sureness: tuple[tuple[float, float], ...]
    complexity_at: tuple[float, ...]
    pairs: Mapping[tuple[bytes, bytes], int]
    pair_keys: frozenset[tuple[bytes, bytes]]
    first_pair: int
    first_sign: int
    places: dict[tuple[int, int], NDArray[np.float32]]

    @classmethod
    def from_arrays(cls, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Head:
        """From a model file. Raises KeyError or ValueError where it does not fit this code."""
        categories = tuple(str(name) for name in facts["categories"])
        outputs = len(categories) + 1
        rows = len(arrays["rows"])
        hints = arrays["hints"]
        expected = (rows + 2 * len(GROUPS) + len(SIGNS), 2 * outputs + len(LANGUAGES))
        if hints.shape != expected or arrays["head_weights"].shape != (DIM, outputs):
            raise ValueError(f"hints are {hints.shape}, not {expected}")
        if tuple(facts["groups"]) != GROUPS or tuple(facts["signs"]) != SIGNS:
            raise ValueError("made for other cue groups or signs")
        first_sign = rows + 2 * len(GROUPS)
        # Once in float32, for good: turning the rows of each text costs two microseconds.
        table = hints.astype(np.float32)
        table[first_sign : first_sign + LENGTHS, :outputs] += arrays["head_bias"]
        pairs = index_pairs()
        return cls(
            categories=categories,
            hints=table,
            weights=np.array(arrays["head_weights"], dtype=np.float32),
            sureness=tuple((float(x), float(y)) for x, y in facts["sureness"]),
            complexity_at=tuple(float(cut) for cut in facts["complexity_at"]),
            pairs=pairs,
            pair_keys=frozenset(pairs),
            first_pair=rows,
            first_sign=first_sign,
            places={},
        )

    def score(self, unit: Vector, found: Sum, signs: Sequence[int]) -> tuple[list[float], int]:
        """One number for each category and the raw complexity; the place of the language or -1."""
        extra = [self.sign_row(sign) for sign in signs]
        for ending, group in find_pairs(found.words, self.pairs, self.pair_keys):
            extra.append(self.pair_row(group, ending))
        rows = found.rows
        if len(rows) > 2 * PAIR_WORDS:
            rows = rows[:PAIR_WORDS] + rows[-PAIR_WORDS:]
        key = (len(extra), len(rows))
        places = self.places.get(key)
        if places is None:
            places = self.places[key] = place_weights(*key)
        sums = np.dot(places, self.hints.take(np.array(extra + rows), 0))
        scores = np.dot(unit, self.weights)
        outputs = len(scores)
        scores += sums[0, :outputs]
        scores += sums[1, outputs : 2 * outputs]
        counts: list[float] = sums[2, 2 * outputs :].tolist()
        most = max(counts)
        return scores.tolist(), counts.index(most) if most > 0.0 else -1

    def sign_row(self, sign: int) -> int:
        """The row of hints of one sign."""
        return self.first_sign + sign

    def pair_row(self, group: int, ending: int) -> int:
        """The row of hints of one group of cue pairs, at the beginning (0) or the end (1)."""
        return self.first_pair + ending * len(GROUPS) + group

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


def find_pairs(
    words: list[bytes],
    pairs: Mapping[tuple[bytes, bytes], int],
    keys: frozenset[tuple[bytes, bytes]],
) -> list[tuple[int, int]]:
    """(0 beginning or 1 end, cue group) of the pairs there; in a short text both at once."""
    if len(words) <= PAIR_WORDS:
        seen = keys.intersection(pairwise(words))
        return [(ending, pairs[pair]) for pair in seen for ending in (0, 1)] if seen else []
    first = keys.intersection(pairwise(words[:PAIR_WORDS]))
    last = keys.intersection(pairwise(words[-PAIR_WORDS:]))
    return [(0, pairs[pair]) for pair in first] + [(1, pairs[pair]) for pair in last]


def place_weights(extra: int, words: int) -> NDArray[np.float32]:
    """(3, extra + words): what counts at the beginning, at the end, and for the language."""
    places = np.zeros((3, extra + words), dtype=np.float32)
    places[0, : extra + END_WORDS] = 1.0
    places[1, max(extra, extra + words - END_WORDS) :] = 1.0
    places[1, :extra] = 1.0
    places[2, extra:] = 1.0
    return places
