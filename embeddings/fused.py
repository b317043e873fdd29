"""A text's vector and scores in one product: the word table and the head side by side.

Everything a word adds to any score depends on the word alone, so its vector, that vector's share
of each score, and its hints stand in one float32 row, kept as bytes once the word was seen. A text
is then a join of its words' rows and one product with the weights of their places. The same
numbers as Encoder.add_up and Head.score give, up to rounding (tests/embeddings/test_fused.py).

A row is the vector, then three blocks: the vector's share of each score and the languages; what
counts among the first words; what counts among the last. The sum of the signs and of the cue pairs
is a row like a word's, that counts among the first.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from embeddings.encoder import DIM, Encoder, normalise
from embeddings.head import END_WORDS, LANGUAGES, Head, ends_of, find_pairs, weigh_places
from embeddings.reading import Vector
from embeddings.signs import read_layout, read_signs, show_signs

WORDS_MAX = 64
"""Words of a text read this way; a longer one gathers int8 rows instead of joining these."""
ROWS_MAX = 8192
"""Words whose rows are kept, 1.3 kB each; the oldest is forgotten."""
_EXTRAS_MAX = 1024  # signs, and pairs, that are kept added up
_SHOWN_MAX = 24  # bytes of signs by which a text is known again

_F4 = np.dtype(np.float32)
_Key = TypeVar("_Key")


class Fused(dict[bytes, bytes]):
    """Word -> its row. Not for use by two threads at once."""

    __slots__ = (
        "_block",
        "_columns",
        "_counts",
        "_encoder",
        "_head",
        "_order",
        "_pairs",
        "_places",
        "_shared",
        "_shown",
        "_shrink",
        "_signs",
        "_strides",
        "_wide_strides",
        "outputs",
    )

    def __init__(self, encoder: Encoder, head: Head) -> None:
        super().__init__()
        self._encoder = encoder
        self._head = head
        self.outputs = head.outputs
        self._block = head.outputs + len(LANGUAGES)
        self._columns = DIM + 3 * self._block
        self._order: deque[bytes] = deque()
        self._shared: dict[int, bytes] = {}  # unknown words share theirs
        self._signs: dict[tuple[int, ...], bytes] = {}
        self._shown: dict[tuple[int, bytes, bool, bool, int], bytes] = {}
        self._pairs: dict[tuple[tuple[int, int], ...], bytes] = {}
        self._counts = np.ones(3, np.float32)  # what each block counts; the first by the length
        self._shrink = self._counts[:1].reshape(())  # no number is turned into an array: 0.3 us
        self._strides = 4 * self._block, 4
        # Of the sums, (3, columns): the first block of the first row, the second of the second ...
        self._wide_strides = (4 * (self._columns + self._block), 4)
        self._places = [[_weigh(extra, words) for words in range(WORDS_MAX + 1)]
                        for extra in (1, 2)]  # fmt: skip

    def score(self, text: str, words: list[bytes]) -> tuple[Vector, list[float]]:
        """A text's unit vector, then its scores, its complexity and a count for each language.

        words: the text's, 1 to WORDS_MAX.
        """
        count = len(words)
        rows = [self._sign_row(text)]
        try:
            rows += map(self.__getitem__, words)
        except KeyError:
            self._learn(words)
            rows[1:] = map(self.__getitem__, words)
        head = self._head
        if pairs := find_pairs(words, head.pairs, head.pair_keys):
            rows.insert(0, self._pair_row(pairs))
        joined = np.ndarray((len(rows), self._columns), _F4, b"".join(rows))
        sums = self._places[len(rows) - count - 1][count].dot(joined)
        vector: Vector = sums[:DIM] if count <= END_WORDS else sums[0, :DIM]
        squared = vector.dot(vector)
        if squared <= 0.0:  # words that cancel each other out
            return self.score_long(text)
        counts, block = self._counts, self._block
        counts[0] = 1.0 / math.sqrt(squared)
        strides = self._wide_strides if count > END_WORDS else self._strides
        blocks: NDArray[np.float32] = np.ndarray((3, block), _F4, sums, 4 * DIM, strides)
        return vector * self._shrink, counts.dot(blocks).tolist()

    def score_long(self, text: str) -> tuple[Vector, list[float]]:
        """The same of a text of any number of words."""
        head, outputs = self._head, self._head.outputs
        found = self._encoder.add_up(text)
        vector = normalise(found.vector)
        scores = vector.dot(head.weights)
        rows = ends_of(found.rows)
        places = weigh_places(len(rows)) if len(rows) < WORDS_MAX else _ALL_PLACES
        sums = places.dot(head.hints.take(rows, 0).astype(_F4))
        scores += sums[1, :outputs]
        scores += sums[2, outputs : 2 * outputs]
        offset = 4 * (DIM + self._block)
        extras = [self._sign_row(text)]
        if pairs := find_pairs(found.words, head.pairs, head.pair_keys):
            extras.append(self._pair_row(pairs))
        for extra in extras:
            scores += np.frombuffer(extra, _F4, outputs, offset)
        return vector, scores.tolist() + sums[0, 2 * outputs :].tolist()

    # ---- rows ------------------------------------------------------------------------------

    def __missing__(self, word: bytes) -> bytes:
        """The row of a word that shares one: a number, or a word that nobody knows. Those are new
        in every second text, and not worth keeping. Raises KeyError for any other."""
        found = self._shared.get(self._encoder.index[word])
        if found is None:
            raise KeyError(word)
        return found

    def _learn(self, words: Sequence[bytes]) -> None:
        """Make the rows of those words that have none, all at once."""
        index = self._encoder.index
        for _ in range(len(self) + len(words) - ROWS_MAX):
            del self[self._order.popleft()]
        new = {word: index[word] for word in words if word not in self}
        rows = sorted(set(new.values()).difference(self._shared))
        made = self._make(rows) if rows else {}
        self._shared.update(
            (row, one) for row, one in made.items() if index.is_hash(row) or row == index.number
        )
        for word, row in new.items():
            self[word] = made.get(row) or self._shared[row]
        self._order.extend(new)

    def _make(self, rows: list[int]) -> dict[int, bytes]:
        encoder, head, outputs = self._encoder, self._head, self._head.outputs
        vectors = encoder.rows.take(rows, 0) * encoder.scales.take(rows)[:, None]
        hints = head.hints.take(rows, 0)
        made = np.zeros((len(rows), self._columns), np.float32)
        made[:, :DIM] = vectors
        at = DIM
        made[:, at : at + outputs] = vectors.dot(head.weights)
        made[:, at + outputs : at + self._block] = hints[:, 2 * outputs :]
        at += self._block
        made[:, at : at + outputs] = hints[:, :outputs]
        at += self._block
        made[:, at : at + outputs] = hints[:, outputs : 2 * outputs]
        return {row: one.tobytes() for row, one in zip(rows, made, strict=True)}

    def _sign_row(self, text: str) -> bytes:
        """What the signs of a text add to each score."""
        shown = show_signs(text)
        layout = read_layout(text) if b"\n" in shown else 0
        key = (len(text).bit_length(), shown, "?" in text[-3:], "\u00ab" in text, layout)
        found = self._shown.get(key)
        if found is None:
            signs = tuple(read_signs(text))
            found = self._signs.get(signs)
            if found is None:
                found = self._extra_row(self._head.add_extra(signs))
                _keep(self._signs, signs, found)
            if len(shown) <= _SHOWN_MAX:
                _keep(self._shown, key, found)
        return found

    def _pair_row(self, pairs: list[tuple[int, int]]) -> bytes:
        key = tuple(pairs)
        found = self._pairs.get(key)
        if found is None:
            found = self._extra_row(self._head.add_extra((), key))
            _keep(self._pairs, key, found)
        return found

    def _extra_row(self, added: NDArray[np.float32]) -> bytes:
        row = np.zeros(self._columns, np.float32)
        at = DIM + self._block
        row[at : at + len(added)] = added
        return row.tobytes()


def _keep(known: dict[_Key, bytes], key: _Key, row: bytes) -> None:
    if len(known) >= _EXTRAS_MAX:
        del known[next(iter(known))]
    known[key] = row


def _weigh(extra: int, words: int) -> NDArray[np.float32]:
    """(4, extra + words), the last row empty, since BLAS multiplies four rows faster than three;
    or (extra + words,) where all words are among the first and among the last."""
    if words <= END_WORDS:
        return np.ones(extra + words, np.float32)
    places = np.zeros((4, extra + words), np.float32)
    places[:3, extra:] = weigh_places(words)
    places[1, :extra] = 1.0
    return places


_ALL_PLACES = weigh_places(WORDS_MAX)
