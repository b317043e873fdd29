"""A short text's vector and scores in one product: the word table and the head side by side.

Everything a word adds to any score depends on the word alone, so its vector, that vector's share
of each score, and its hints stand in one float32 row, kept as bytes once the word was seen. A text
is then a join of its words' rows and one product with the weights of their places. The same
numbers as Encoder.add_up and Head.score give, up to rounding (tests/embeddings/test_fused.py).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from embeddings.encoder import DIM, Encoder
from embeddings.head import END_WORDS, LANGUAGES, PAIR_WORDS, Head, find_pairs
from embeddings.reading import Vector
from embeddings.signs import LENGTHS, read_signs, show_signs

WORDS_MAX = 64
"""Words of a text read this way; a longer one gathers int8 rows instead of joining these."""
ROWS_MAX = 8192
"""Words whose rows are kept, 1.2 kB each."""
_SIGNS_MAX = 4096


class Fused(dict[bytes, bytes]):
    """Word -> its row. Not for use by two threads at once."""

    __slots__ = (
        "_columns",
        "_encoder",
        "_head",
        "_made",
        "_outputs",
        "_pairs",
        "_places",
        "_signs",
    )

    def __init__(self, encoder: Encoder, head: Head) -> None:
        super().__init__()
        self._encoder = encoder
        self._head = head
        self._outputs = len(head.categories) + 1
        self._columns = DIM + 3 * self._outputs + len(LANGUAGES)
        self._places: dict[int, NDArray[np.float32]] = {}
        self._made: dict[int, bytes] = {}  # by row: unknown words share theirs
        self._signs: dict[tuple[int, bytes, bool, bool], NDArray[np.float32]] = {}
        self._pairs: dict[tuple[tuple[int, int], ...], NDArray[np.float32]] = {}

    def __missing__(self, word: bytes) -> bytes:
        encoder = self._encoder
        row = encoder.index[word]
        made = self._made.get(row)
        if made is None:
            if len(self._made) >= ROWS_MAX:
                self._made.clear()
                self.clear()
            made = self._made[row] = self._make(row)
        if not word.isdigit() and word in encoder.index:  # else: a later text may split it
            if len(self) >= ROWS_MAX:
                self.clear()
            self[word] = made
        return made

    def _make(self, row: int) -> bytes:
        encoder, head = self._encoder, self._head
        vector = encoder.rows[row].astype(np.float32) * encoder.scales[row]
        return np.concatenate((vector, vector @ head.weights, head.hints[row])).tobytes()

    def score(self, text: str, words: list[bytes]) -> tuple[Vector, list[float], int]:
        """A text's unit vector, its scores and the place of its language or -1, as Head.score
        gives them. words: the text's, 1 to WORDS_MAX."""
        count = len(words)
        places = self._places.get(count)
        if places is None:
            places = self._places[count] = weigh_places(count)
        joined = b"".join(map(self.__getitem__, words))
        sums = np.dot(places, np.frombuffer(joined, np.float32).reshape(count, self._columns))
        vector: Vector = sums[0, :DIM]
        squared = np.dot(vector, vector)
        outputs = self._outputs
        first = DIM + outputs
        scores = sums[1, first : first + outputs] + sums[2, first + outputs : first + 2 * outputs]
        if squared > 0.0:
            shrink = 1.0 / math.sqrt(squared)
            vector = vector * shrink
            scores += sums[0, DIM:first] * shrink
        else:
            vector = np.zeros_like(vector)
            vector[0] = 1.0
            scores += self._head.weights[0]
        scores += self._extra(text, words)
        counts: list[float] = sums[3, first + 2 * outputs :].tolist()
        most = max(counts)
        return vector, scores.tolist(), counts.index(most) if most > 0.0 else -1

    def _extra(self, text: str, words: list[bytes]) -> NDArray[np.float32]:
        """What the signs and the cue pairs of a text add to each score."""
        head = self._head
        shown = show_signs(text)
        key = (min(len(text).bit_length(), LENGTHS - 1), shown, "?" in text[-3:], "\u00ab" in text)
        found = self._signs.get(key)
        if found is None:
            found = self._add_up([head.sign_row(sign) for sign in read_signs(text)])
            if b"\n" not in shown:  # else there is more to see than the key says
                if len(self._signs) >= _SIGNS_MAX:
                    self._signs.clear()
                self._signs[key] = found
        pairs = find_pairs(words, head.pairs, head.pair_keys)
        return found + self._add_pairs(tuple(pairs)) if pairs else found

    def _add_pairs(self, pairs: tuple[tuple[int, int], ...]) -> NDArray[np.float32]:
        found = self._pairs.get(pairs)
        if found is None:
            found = self._add_up([self._head.pair_row(group, end) for end, group in pairs])
            if len(self._pairs) >= _SIGNS_MAX:
                self._pairs.clear()
            self._pairs[pairs] = found
        return found

    def _add_up(self, rows: list[int]) -> NDArray[np.float32]:
        """What signs and pairs add: all of them count at the beginning and at the end."""
        outputs = self._outputs
        hints = self._head.hints.take(rows, 0).sum(0)
        added: NDArray[np.float32] = hints[:outputs] + hints[outputs : 2 * outputs]
        return added


def weigh_places(words: int) -> NDArray[np.float32]:
    """(4, words): what counts for the vector, at the beginning, at the end, for the language."""
    places = np.zeros((4, words), dtype=np.float32)
    places[0] = 1.0
    places[1, :END_WORDS] = 1.0
    places[2, -END_WORDS:] = 1.0
    places[3, :PAIR_WORDS] = 1.0
    places[3, -PAIR_WORDS:] = 1.0
    return places
