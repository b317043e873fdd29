"""Which added category's words a text uses: single words and pairs, the rarer the more they count.

What a sum of vectors loses, order and the very word, tells near categories apart: "freeze my card"
from "unfreeze it". Words that most of the categories have say nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

LOOKED_AT = 64  # words of a text
CELLS = 4_000_000  # of the table, 16 MB; with more words or categories the vectors decide alone

Feature = bytes | tuple[bytes, bytes]
Counts = Mapping[Feature, int]
"""In how many of a category's examples a word or pair stands."""


def count(examples: Sequence[Sequence[bytes]]) -> Counts:
    """Of one category's examples, as words."""
    return Counter(one for words in examples for one in _features(words))


class Lexicon:
    """Words and pairs of several categories."""

    __slots__ = ("_places", "_squares", "_table")

    def __init__(self, categories: Sequence[Counts]) -> None:
        """Milliseconds for hundreds of categories."""
        places: dict[Feature, int] = {}
        for counts in categories:
            for one in counts:
                places.setdefault(one, len(places))
        if len(places) * len(categories) > CELLS:
            places.clear()
        table = np.zeros((len(places), len(categories)), dtype=np.float32)
        for category, counts in enumerate(categories if places else ()):
            rows = np.fromiter(map(places.__getitem__, counts), np.intp, len(counts))
            table[rows, category] = np.sqrt(np.fromiter(counts.values(), np.float32, len(counts)))
        among = np.count_nonzero(table, axis=1)
        worth = np.log((len(categories) + 1) / np.maximum(among, 1)).astype(np.float32)
        table *= worth[:, None]
        table *= worth[:, None] / (np.sqrt(np.einsum("ij,ij->j", table, table)) + 1e-9)
        self._places = places
        self._squares: list[float] = (worth * worth).tolist()
        self._table = table

    def score(self, words: Sequence[bytes]) -> NDArray[np.float32] | None:
        """The cosine of a text's known words with each category's, 0 to 1; None: it has none."""
        known = self._places.keys() & _features(words)
        if not known:
            return None
        places = [self._places[one] for one in known]
        length = math.sqrt(sum([self._squares[place] for place in places]))
        scores: NDArray[np.float32] = self._table.take(places, 0).sum(0) * (1.0 / length)
        return scores


def _features(words: Sequence[bytes]) -> set[Feature]:
    shown = words[:LOOKED_AT]
    return {*shown, *pairwise(shown)}
