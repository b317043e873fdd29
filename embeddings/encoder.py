"""The word table: text to vector by looking words up and adding their rows.

A row is an int8 vector with its own scale; a text is one gather and one product. What a word says
about category, complexity and language stands beside it, in the rows of head.py.
"""

from __future__ import annotations

import math
import zlib
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embeddings.cues import strip_accents
from embeddings.reading import Vector
from embeddings.words import cut, split, split_wide

HASH_ROWS = 512
"""Unknown words share this many fixed random rows: two unknown names rarely look the same."""
OOV_WORDS = 8192
"""Unknown words remembered at once; the oldest is forgotten, so random words cannot fill memory."""
DIM = 256

_NUMBER = b"0"
NOTHING = b"\0"
_ENDINGS = "s es ed d ing er ers ly e ez ons ent é ée és ées ait ant ment eur ness able"
_SUFFIXES = tuple(_ENDINGS.encode().split())


@dataclass(frozen=True, slots=True, eq=False)
class Sum:
    """A text looked up: its words, their rows, and the sum of their vectors, not normalised."""

    words: list[bytes]
    rows: list[int]
    vector: Vector


class WordIndex(dict[bytes, int]):
    """Word -> row. An unknown word is resolved once and remembered, up to OOV_WORDS of them."""

    __slots__ = ("_added", "_first_hash_row", "wide")

    def __init__(self, words: Mapping[bytes, int], first_hash_row: int) -> None:
        super().__init__(words)
        self._added: deque[bytes] = deque()
        self._first_hash_row = first_hash_row
        self.wide = False

    def __missing__(self, word: bytes) -> int:
        row = self.resolve(word)
        if word[0] >= 0xE0 and len(word) > 4:
            self.wide = True  # perhaps a script without spaces: the caller splits again
            return row
        if len(self._added) >= OOV_WORDS:
            del self[self._added.popleft()]
        self._added.append(word)
        self[word] = row
        return row

    def known(self, word: bytes) -> bool:
        """True for a word of the vocabulary, by itself or as a form of one."""
        return self.resolve(word) < self._first_hash_row

    def resolve(self, word: bytes) -> int:
        """The row of a word, of its form without accents, its stem, a near spelling; or a hash."""
        found = self.get(word)
        if found is not None:
            return found
        if not word.isalpha() and word.isascii():
            return self._resolve_figures(word)
        plain = strip_accents(word.decode("utf-8", "replace")).encode()
        for candidate in self._candidates(plain):
            found = self.get(candidate)
            if found is not None:
                return found
        return self._hash(word)

    def _resolve_figures(self, word: bytes) -> int:
        """A number is a number; of a word with figures in it, what stands before them counts."""
        if word.isdigit():
            return self.get(_NUMBER, self._hash(word))
        letters = word.rstrip(b"0123456789")
        found = self.get(letters) if len(letters) > 2 and letters.isalpha() else None
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

    def __init__(self, words: Mapping[bytes, int], rows: NDArray[np.int8], scales: Vector) -> None:
        """`rows` is (n, DIM), the last HASH_ROWS of them for unknown words; `scales` is (n,)."""
        self.rows = rows
        self.scales = scales
        self.index = WordIndex(words, len(rows) - HASH_ROWS)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Encoder:
        """From a model file's arrays. Raises KeyError or ValueError where they do not fit."""
        listed = arrays["vocabulary"].tobytes().split(b"\n")
        rows, scales = arrays["rows"], arrays["scales"]
        numbers = arrays["word_rows"].tolist()
        if len(listed) != len(numbers) or len(rows) != len(scales) or max(numbers) >= len(rows):
            raise ValueError("vocabulary and rows do not match")
        if rows.shape[1] != DIM:
            raise ValueError(f"vectors have {rows.shape[1]} columns, not {DIM}")
        return cls(dict(zip(listed, numbers, strict=True)), rows, scales)

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

    def word_vector(self, word: str) -> Vector | None:
        """The unit vector of one word, or None where the table does not know it."""
        words = split(word)
        if len(words) != 1 or not self.index.known(words[0]):
            return None
        return normalise(self.rows[self.index[words[0]]].astype(np.float32))

    def add_up(self, text: str) -> Sum:
        """Look up and add the words of a text that is already cut."""
        words = split(text) or [NOTHING]
        index = self.index
        rows = list(map(index.__getitem__, words))
        if index.wide:
            words = split_wide(text) or [NOTHING]
            rows = list(map(index.__getitem__, words))
            index.wide = False
        places = np.array(rows)
        vectors = self.rows.take(places, 0).astype(np.float32)
        return Sum(words, rows, np.dot(self.scales.take(places), vectors))


def normalise(vector: Vector) -> Vector:
    """The vector at unit length; a zero vector becomes the first axis."""
    length = math.sqrt(np.dot(vector, vector))
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
