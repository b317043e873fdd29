"""The word table: text to vector by looking words up and adding their rows.

A row is an int8 vector with its own scale; a text is one gather and one product. What a word says
about category, complexity and language stands beside it, in the rows of head.py.
"""

from __future__ import annotations

import math
import zlib
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from embeddings.cues import strip_accents
from embeddings.reading import Vector
from embeddings.vocabulary import Vocabulary
from embeddings.words import cut, split

HASH_ROWS = 512
"""Unknown words share this many fixed random rows: two unknown names rarely look the same."""
KEPT_WORDS = 8192
"""Words whose rows are remembered; the oldest is forgotten, so random words cannot fill memory."""
DIM = 256

_NUMBER = b"0"
NOTHING = b"\0"
_ENDINGS = "s es ed d ing er ers ly e ez ons ent é ée és ées ait ant ment eur ness able"
_SUFFIXES = tuple(_ENDINGS.encode().split())


@dataclass(frozen=True, slots=True, eq=False)
class Sum:
    """A text looked up: its words, their rows, and the sum of their vectors, not normalised."""

    words: list[bytes]
    rows: NDArray[np.intp]
    vector: Vector


class Words(Protocol):
    """Words and their rows: a dictionary, or a Vocabulary."""

    def get(self, word: bytes, /) -> int | None: ...
    def items(self) -> Iterable[tuple[bytes, int]]: ...


class WordIndex(dict[bytes, int]):
    """Word -> row, of the words met last: at most KEPT_WORDS, whatever texts bring."""

    __slots__ = ("_first_hash_row", "_order", "number", "words")

    def __init__(self, words: Words, first_hash_row: int) -> None:
        super().__init__()
        self.words = words
        self._order: deque[bytes] = deque()
        self._first_hash_row = first_hash_row
        self.number = words.get(_NUMBER)  # the row that all numbers share, where there is one

    def __missing__(self, word: bytes) -> int:
        row = self.resolve(word)
        if len(self._order) >= KEPT_WORDS:
            del self[self._order.popleft()]
        self._order.append(word)
        self[word] = row
        return row

    def share_known(self, words: Sequence[bytes]) -> float:
        """The share of these words that are of the vocabulary; words: at least one."""
        first = self._first_hash_row
        return sum([row < first for row in map(self.__getitem__, words)]) / len(words)

    def resolve(self, word: bytes) -> int:
        """The row of a word, of its form without accents, its stem, a near spelling; or a hash."""
        find = self.words.get
        found = find(word)
        if found is not None:
            return found
        if not word.isalpha() and word.isascii():
            return self._resolve_figures(word)
        plain = strip_accents(word.decode("utf-8", "replace")).encode()
        for candidate in self._candidates(plain):
            found = find(candidate)
            if found is not None:
                return found
        return self._hash(word)

    def _resolve_figures(self, word: bytes) -> int:
        """A number is a number; of a word with figures in it, what stands before them counts."""
        if word.isdigit() and self.number is not None:
            return self.number
        letters = word.rstrip(b"0123456789")
        found = self.words.get(letters) if len(letters) > 2 and letters.isalpha() else None
        return self._hash(word) if found is None else found

    @staticmethod
    def _candidates(word: bytes) -> list[bytes]:
        size = len(word)
        if size > 24:
            return []
        found = [word]
        found += [
            word[: -len(end)] for end in _SUFFIXES if word.endswith(end) and size > 3 + len(end)
        ]
        found += [word[: -len(end)] + b"e" for end in (b"ing", b"ed", b"er") if word.endswith(end)]
        if size > 5:
            swaps = range(1, size - 1)
            found += [
                word[:i] + word[i + 1 : i + 2] + word[i : i + 1] + word[i + 2 :] for i in swaps
            ]
            found += [word[:i] + word[i + 1 :] for i in range(1, size)]
        found += [word[:length] for length in range(size - 1, max(5, size * 6 // 10), -1)]
        return found

    def _hash(self, word: bytes) -> int:
        return self._first_hash_row + zlib.crc32(word) % HASH_ROWS


class Encoder:
    """Texts to unit vectors through the table. Not for use by two threads at once."""

    def __init__(self, words: Words, rows: NDArray[np.int8], scales: Vector) -> None:
        """`rows` is (n, DIM), the last HASH_ROWS of them for unknown words; `scales` is (n,)."""
        self.rows = rows
        self.scales = scales
        self.index = WordIndex(words, len(rows) - HASH_ROWS)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Encoder:
        """From a model file's arrays. Raises KeyError or ValueError where they do not fit."""
        words = Vocabulary(arrays["vocabulary"], arrays["word_rows"])
        rows, scales = arrays["rows"], arrays["scales"]
        if len(rows) != len(scales) or int(arrays["word_rows"].max()) >= len(rows):
            raise ValueError("vocabulary and rows do not match")
        if rows.shape[1] != DIM:
            raise ValueError(f"vectors have {rows.shape[1]} columns, not {DIM}")
        return cls(words, rows, scales)

    @classmethod
    def without_model(cls) -> Encoder:
        """Hash rows only: vectors still tell texts apart by their words."""
        rows = random_rows(HASH_ROWS)
        return cls({}, rows, np.full(HASH_ROWS, 1.0 / 127.0, dtype=np.float32))

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return DIM

    def encode(self, text: str) -> Vector:
        """The unit vector of a text, float32, shape (dim,)."""
        return normalise(self.add_up(cut(text)).vector)

    def add_up(self, text: str) -> Sum:
        """Look up and add the words of a text that is already cut."""
        return self.add_words(split(text) or [NOTHING])

    def add_words(self, words: list[bytes]) -> Sum:
        """The same of words, at least one."""
        index = self.index
        rows = np.fromiter(map(index.__getitem__, words), np.intp, len(words))
        vectors = self.rows.take(rows, 0).astype(np.float32)
        return Sum(words, rows, self.scales.take(rows).dot(vectors))


def normalise(vector: Vector) -> Vector:
    """The vector at unit length; a zero vector becomes the first axis."""
    length = math.sqrt(vector.dot(vector))
    if length == 0.0:
        vector = np.zeros_like(vector)
        vector[0] = 1.0
        return vector
    return vector * (1.0 / length)


def random_rows(count: int, seed: int = 0) -> NDArray[np.int8]:
    """Random vectors, the same for the same seed."""
    return np.random.default_rng(seed).integers(-127, 128, (count, DIM), dtype=np.int8)


def sequence_vectors(encoder: Encoder, texts: Sequence[str]) -> NDArray[np.float32]:
    """Unit vectors of many texts, shape (len(texts), dim)."""
    if not texts:
        return np.zeros((0, DIM), dtype=np.float32)
    return np.stack([encoder.encode(text) for text in texts])
