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
SEEN_WORDS = 32
"""Words at either end that count for the language."""
_ENDS = np.concatenate((np.arange(SEEN_WORDS), np.arange(-SEEN_WORDS, 0)))
_SHARES = 1000


@dataclass(frozen=True, slots=True)
class Head:
    """Hints and calibration.

    `hints` is (n, 2 * outputs + languages), float16, as the file maps it: what a row says among the
    first words, among the last words, and how it counts for each language. Its rows are the
    encoder's, then one for each cue pair group at the beginning, one at the end, one for each sign:
    those, `extra` holds again in float32. `weights` is (DIM, outputs) for
    the unit vector. Outputs are the categories, then complexity. Every text shows one sign of
    length, so the bias stands in their rows of `extra`.
    """

    categories: tuple[str, ...]
    hints: NDArray[np.float16]
    extra: NDArray[np.float32]
    weights: NDArray[np.float32]
    sureness: tuple[float, ...]
    complexity_at: tuple[float, ...]
    pairs: Mapping[tuple[bytes, bytes], int]
    pair_keys: frozenset[tuple[bytes, bytes]]

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
        extra = hints[rows:].astype(np.float32)
        first_sign = 2 * len(GROUPS)
        extra[first_sign : first_sign + LENGTHS, :outputs] += arrays["head_bias"]
        pairs = index_pairs()
        return cls(
            categories=categories,
            hints=hints,
            extra=extra,
            weights=np.array(arrays["head_weights"], dtype=np.float32),
            sureness=_even_out(facts["sureness"]),
            complexity_at=tuple(float(cut) for cut in facts["complexity_at"]),
            pairs=pairs,
            pair_keys=frozenset(pairs),
        )

    @property
    def outputs(self) -> int:
        """How many numbers a text gets: one for each category, and complexity."""
        return len(self.categories) + 1

    def score(self, unit: Vector, found: Sum, signs: NDArray[np.float32]) -> list[float]:
        """One number for each category, the raw complexity, and a count for each language.

        signs: what the text's add, see add_extra.
        """
        outputs = self.outputs
        scores = np.dot(unit, self.weights) + signs
        if pairs := find_pairs(found.words, self.pairs, self.pair_keys):
            scores += self.add_extra((), pairs)
        rows = ends_of(found.rows)
        sums = np.dot(weigh_places(len(rows)), self.hints.take(rows, 0).astype(np.float32))
        scores += sums[1, :outputs]
        scores += sums[2, outputs : 2 * outputs]
        return [*scores.tolist(), *sums[0, 2 * outputs :].tolist()]

    def add_extra(
        self, signs: Sequence[int], pairs: Sequence[tuple[int, int]] = ()
    ) -> NDArray[np.float32]:
        """What signs, and pairs as (0 beginning or 1 end, group), add to each score."""
        groups = len(GROUPS)
        rows = [2 * groups + sign for sign in signs]
        rows += [ending * groups + group for ending, group in pairs]
        sums = self.extra.take(rows, 0).sum(0)
        added: NDArray[np.float32] = sums[: self.outputs] + sums[self.outputs : 2 * self.outputs]
        return added

    def rate(self, share: float) -> float:
        """The chance that the best category is right, by its share of the softmax."""
        return self.sureness[int(share * _SHARES)]

    def rank_complexity(self, raw: float) -> float:
        """The share of ordinary prompts that are easier."""
        return bisect_right(self.complexity_at, raw) / len(self.complexity_at)


def share_of(best: float, scores: Sequence[float]) -> float:
    """The best one's share of the softmax."""
    try:
        return math.exp(best) / sum(map(math.exp, scores))
    except (OverflowError, ZeroDivisionError):  # a model whose scores are out of all range
        return 1.0 / sum([math.exp(score - best) for score in scores])


def find_pairs(
    words: list[bytes],
    pairs: Mapping[tuple[bytes, bytes], int],
    keys: frozenset[tuple[bytes, bytes]],
) -> list[tuple[int, int]]:
    """(0 beginning or 1 end, cue group) of the pairs there; in a short text both at once."""
    # zip makes one tuple again and again, pairwise a new one each time: 0.5 us on 24 words.
    if len(words) <= PAIR_WORDS:
        seen = keys.intersection(zip(words, words[1:], strict=False))  # noqa: RUF007
        return [(ending, pairs[pair]) for pair in seen for ending in (0, 1)] if seen else []
    head, tail = words[:PAIR_WORDS], words[-PAIR_WORDS:]
    first = keys.intersection(zip(head, head[1:], strict=False))  # noqa: RUF007
    last = keys.intersection(zip(tail, tail[1:], strict=False))  # noqa: RUF007
    return [(0, pairs[pair]) for pair in first] + [(1, pairs[pair]) for pair in last]


def ends_of(rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Of many words those at either end: all that is looked at for hints."""
    return rows if len(rows) <= 2 * SEEN_WORDS else rows[_ENDS]


def weigh_places(words: int) -> NDArray[np.float32]:
    """(3, words): what counts for the whole text, among the first words, among the last."""
    places = np.zeros((3, words), dtype=np.float32)
    places[0] = 1.0
    places[1, :END_WORDS] = 1.0
    places[2, -END_WORDS:] = 1.0
    return places


def _even_out(points: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """Points (share, chance) as chances at even steps of the share, so that one look is enough."""
    shares, chances = zip(*points, strict=True)
    steps = (np.arange(_SHARES + 1) + 0.5) / _SHARES
    return tuple(np.interp(steps, shares, chances).tolist())
