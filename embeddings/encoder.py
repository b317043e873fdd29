"""The word table: text to vector by looking words up and adding their rows.

A row holds an int8 vector with its own scale, then unscaled int8 counts: cue groups and
languages. One gather and one small matrix product give, for the whole text, its beginning and its
end, the vector and the counts.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embeddings.cues import GROUPS, index_pairs, index_words, strip_accents
from embeddings.language import STOP_WORDS
from embeddings.reading import Vector
from embeddings.words import MAX_WORDS, cut, split, split_wide

LANGUAGES: tuple[str, ...] = tuple(STOP_WORDS)
HASH_ROWS = 512
"""Unknown words share this many fixed random rows: two unknown names rarely look the same."""
OOV_WORDS = 8192
"""Unknown words remembered at once; the oldest is forgotten, so random words cannot fill memory."""
END_WORDS = 12
"""Words at either end of a text that are also read apart: instructions stand there."""
DIM = 256
COUNTS = len(GROUPS) + len(LANGUAGES)

_NUMBER = b"0"
_NOTHING = b"\0"
_ENDINGS = "s es ed d ing er ers ly e ez ons ent é ée és ées ait ant ment eur ness able"
_SUFFIXES = tuple(_ENDINGS.encode().split())


@dataclass(frozen=True, slots=True)
class Sums:
    """What a text adds up to. Rows: the whole text, its first words, its last words.

    `vectors` is (3, dim) and not normalised; `counts` is (3, groups + languages).
    """

    words: list[bytes]
    vectors: NDArray[np.float32]
    counts: NDArray[np.float32]


class WordIndex(dict[bytes, int]):
    """Word -> row. An unknown word is resolved once and remembered, up to OOV_WORDS of them."""

    __slots__ = ("_added", "_first_hash_row", "wide")

    def __init__(self, words: Mapping[bytes, int], first_hash_row: int) -> None:
        super().__init__(words)
        self._added: deque[bytes] = deque()
        self._first_hash_row = first_hash_row
        self.wide = False

    def __missing__(self, word: bytes) -> int:
        if word[0] >= 0xE0 and len(word) > 4:
            self.wide = True  # perhaps a script without spaces: the caller splits again
        row = self.resolve(word)
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
        if word.isdigit():
            return self.get(_NUMBER, self._hash(word))
        plain = strip_accents(word.decode("utf-8", "replace")).encode()
        for candidate in self._candidates(plain):
            found = self.get(candidate)
            if found is not None:
                return found
        return self._hash(word)

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
        """`rows` is (n, DIM + COUNTS) with HASH_ROWS rows for unknown words at its end."""
        self._rows = rows
        self._scales = scales
        self.index = WordIndex(words, len(rows) - HASH_ROWS)
        self._pairs = index_pairs()
        self._pair_keys = frozenset(self._pairs)
        self._places: dict[int, NDArray[np.float32]] = {}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Encoder:
        """From a model file's arrays. Raises KeyError or ValueError where they do not fit."""
        listed = arrays["vocabulary"].tobytes().split(b"\n")
        rows, scales = arrays["rows"], arrays["scales"]
        ids = arrays["word_rows"].tolist()
        if len(listed) != len(ids) or len(rows) != len(scales):
            raise ValueError("vocabulary and rows do not match")
        if rows.shape[1] != DIM + COUNTS:
            raise ValueError(f"rows have {rows.shape[1]} columns, not {DIM + COUNTS}")
        return cls(dict(zip(listed, ids, strict=True)), rows, scales)

    @classmethod
    def without_model(cls) -> Encoder:
        """Only cue words and hash rows: vectors still tell texts apart by their words."""
        cues = index_words()
        stops = [(word.encode(), place) for place, language in enumerate(LANGUAGES)
                 for word in STOP_WORDS[language].split()]  # fmt: skip
        listed = sorted(set(cues) | {word for word, _ in stops})
        rows = random_rows(len(listed) + HASH_ROWS)
        words = {word: row for row, word in enumerate(listed)}
        mark_counts(rows, words)
        scales = np.full(len(rows), 1.0 / 127.0, dtype=np.float32)
        return cls(words, rows, scales)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return DIM

    def encode(self, text: str) -> Vector:
        """The unit vector of a text, float32, shape (dim,)."""
        return normalise(self.add_up(cut(text)).vectors[0])

    def word_vector(self, word: str) -> Vector | None:
        """The unit vector of one word, or None where the table does not know it."""
        words = split(word)
        if len(words) != 1 or not self.index.known(words[0]):
            return None
        return normalise(self._rows[self.index[words[0]], :DIM].astype(np.float32))

    def add_up(self, text: str) -> Sums:
        """Look up and add the words of a text that is already cut."""
        words = split(text) or [_NOTHING]
        index = self.index
        ids = list(map(index.__getitem__, words))
        if index.wide:
            index.wide = False
            words = split_wide(text) or [_NOTHING]
            ids = list(map(index.__getitem__, words))
            index.wide = False
        size = len(ids)
        rows = self._rows.take(ids, 0).astype(np.float32)
        places = self._places.get(size)
        if places is None:
            places = self._places[size] = place_weights(size)
        vectors: NDArray[np.float32] = np.dot(places * self._scales.take(ids), rows[:, :DIM])
        counts: NDArray[np.float32] = np.dot(places, rows[:, DIM:])
        self._add_pairs(words, counts)
        return Sums(words, vectors, counts)

    def _add_pairs(self, words: list[bytes], counts: NDArray[np.float32]) -> None:
        # Pairs are sought only near the ends: that is where instructions are, and it bounds cost.
        for end, part in ((1, words[: 2 * END_WORDS]), (2, words[-2 * END_WORDS :])):
            found = self._pair_keys.intersection(pairwise(part))
            for pair in found:
                group = self._pairs[pair]
                counts[end, group] += 1.0
                if end == 1 or len(words) > 2 * END_WORDS:
                    counts[0, group] += 1.0


def place_weights(size: int) -> NDArray[np.float32]:
    """(3, size): every word; the first END_WORDS; the last END_WORDS."""
    places = np.zeros((3, size), dtype=np.float32)
    places[0] = 1.0
    places[1, :END_WORDS] = 1.0
    places[2, -END_WORDS:] = 1.0
    return places


def normalise(vector: Vector) -> Vector:
    """The vector at unit length; a zero vector becomes the first axis."""
    length = float(np.sqrt(vector @ vector))
    if length == 0.0:
        vector = np.zeros_like(vector)
        vector[0] = 1.0
        return vector
    return vector * np.float32(1.0 / length)


def random_rows(count: int, seed: int = 0) -> NDArray[np.int8]:
    """Rows with random vectors and no counts, the same for the same seed."""
    rows = np.zeros((count, DIM + COUNTS), dtype=np.int8)
    rows[:, :DIM] = np.random.default_rng(seed).integers(-127, 128, (count, DIM), dtype=np.int8)
    return rows


def mark_counts(rows: NDArray[np.int8], words: Mapping[bytes, int]) -> None:
    """Set the cue and language columns of the words that have them."""
    for word, groups in index_words().items():
        row = words.get(word)
        if row is not None:
            rows[row, [DIM + group for group in groups]] = 1
    for place, language in enumerate(LANGUAGES):
        for stop in STOP_WORDS[language].split():
            row = words.get(stop.encode())
            if row is not None:
                rows[row, DIM + len(GROUPS) + place] = 1


def sequence_vectors(encoder: Encoder, texts: Sequence[str]) -> NDArray[np.float32]:
    """Unit vectors of many texts, shape (len(texts), dim)."""
    if not texts:
        return np.zeros((0, DIM), dtype=np.float32)
    return np.stack([encoder.encode(text) for text in texts])


assert MAX_WORDS >= 2 * END_WORDS
