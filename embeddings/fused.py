"""A text's vector and scores in one product: the word table and the head side by side.

Everything a word adds to any score depends on the word and on whether it stands among the first
words or the last, so its vector, that vector's share of each score, and its hints stand in one
float32 row for each such place, kept as bytes once the word was seen there. A text is then a join
of its words' rows and their sum. The same numbers as Encoder.add_up and Head.score give, up to
rounding (tests/embeddings/test_fused.py).

A row is the vector, then two blocks: the vector's share of each score and the languages, which
count by the text's length; and the hints of the word's place. The sum of the signs and of the cue
pairs is a row like a word's.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from operator import itemgetter
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from embeddings.encoder import DIM, Encoder, normalise
from embeddings.head import (
    END_WORDS,
    LANGUAGES,
    PAIR_WORDS,
    Head,
    ends_of,
    find_pairs,
    weigh_places,
)
from embeddings.reading import Vector
from embeddings.signs import read_layout, read_signs, show_ascii, show_signs

WORDS_MAX = 64
"""Words of a text read this way; a longer one gathers int8 rows instead of joining these."""
ROWS_MAX = 8192
"""Rows that are kept, 1.2 kB each; the oldest is forgotten."""
_EXTRAS_MAX = 1024  # signs, and pairs, that are kept added up
_SHOWN_MAX = 24  # bytes of signs by which a text is known again

_BOTH, _FIRST, _LAST, _MIDDLE = range(4)  # where a word stands: among the first, the last, or not

_F4 = np.dtype(np.float32)
_Key = TypeVar("_Key")


class Fused:
    """The rows of the words met last. Not for use by two threads at once."""

    __slots__ = (
        "_block",
        "_blocks",
        "_columns",
        "_counts",
        "_encoder",
        "_head",
        "_ones",
        "_order",
        "_pair_keys",
        "_pairs",
        "_plain",
        "_scores",
        "_seen",
        "_shared",
        "_shown",
        "_shrink",
        "_signs",
        "_sums",
        "_tables",
        "_vector",
        "outputs",
    )

    def __init__(self, encoder: Encoder, head: Head) -> None:
        self._encoder = encoder
        self._head = head
        self.outputs = head.outputs
        self._block = head.outputs + len(LANGUAGES)
        self._columns = DIM + 2 * self._block
        self._order: deque[tuple[int, bytes]] = deque()
        self._tables: tuple[dict[bytes, bytes], ...] = ({}, {}, {}, {})  # word -> row, by place
        # Unknown words and numbers share theirs: by place, then by the encoder's row.
        self._shared: tuple[dict[int, bytes], ...] = ({}, {}, {}, {})
        self._signs: dict[tuple[int, ...], bytes] = {}
        self._shown: dict[tuple[int, bytes, bool, bool, int], bytes] = {}
        self._plain: dict[bytes, bytes] = {}
        self._pair_keys = head.pair_keys
        self._pairs: dict[tuple[tuple[int, int], ...], bytes] = {}
        self._seen: dict[frozenset[tuple[bytes, bytes]], bytes] = {}  # pairs of a short text
        # One text after the other is summed up here: arrays are dearer to make than to fill.
        self._sums = np.zeros(self._columns, np.float32)
        self._vector = self._sums[:DIM]
        self._blocks = self._sums[DIM:].reshape(2, self._block)
        self._counts = np.ones(2, np.float32)  # what each block counts; the first by the length
        self._shrink = self._counts[:1].reshape(())  # no number is turned into an array: 0.3 us
        self._scores = np.zeros(self._block, np.float32)
        self._ones = [np.ones(rows, np.float32) for rows in range(WORDS_MAX + 3)]

    def __len__(self) -> int:
        """How many rows are kept."""
        return len(self._order)

    def score(
        self, text: str, words: list[bytes], raw: bytes | None = None
    ) -> tuple[Vector, list[float]]:
        """A text's unit vector, then its scores, its complexity and a count for each language.

        words: the text's, 1 to WORDS_MAX; raw: its bytes, where all are ASCII.
        """
        count = len(words)
        rows = [self._sign_row(text) if raw is None else self._plain_row(text, raw)]
        if count <= PAIR_WORDS:  # zip makes one tuple again and again, pairwise a new one each
            seen = self._pair_keys.intersection(zip(words, words[1:], strict=False))  # noqa: RUF007
            if seen:
                rows.append(self._seen.get(seen) or self._see(words, seen))
        elif pairs := find_pairs(words, self._head.pairs, self._pair_keys):
            rows.append(self._pair_row(pairs))
        if count <= END_WORDS:
            rows += self._pick(_BOTH, words)
        else:
            ends = min(END_WORDS, count - END_WORDS)
            rows += self._pick(_FIRST, words[:ends])
            if count != 2 * END_WORDS:
                among = _BOTH if count < 2 * END_WORDS else _MIDDLE
                rows += self._pick(among, words[ends : count - ends])
            rows += self._pick(_LAST, words[count - ends :])
        size = len(rows)
        joined = np.ndarray((size, self._columns), _F4, b"".join(rows))
        self._ones[size].dot(joined, self._sums)
        vector, counts = self._vector, self._counts
        squared = vector.dot(vector)
        if squared <= 0.0:  # words that cancel each other out
            return self.score_long(text)
        counts[0] = 1.0 / math.sqrt(squared)
        counts.dot(self._blocks, self._scores)
        return vector * self._shrink, self._scores.tolist()

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

    def _pick(self, place: int, words: list[bytes]) -> Sequence[bytes]:
        """The rows of words that stand there."""
        table = self._tables[place]
        try:
            if len(words) > 1:
                rows: tuple[bytes, ...] = itemgetter(*words)(table)
                return rows
            return (table[words[0]],)
        except KeyError as unmet:
            return self._find(place, words, unmet.args[0])

    def _find(self, place: int, words: list[bytes], unmet: bytes) -> Sequence[bytes]:
        """The same where some have no row there yet, or share one: numbers, and words that nobody
        knows. Those are new in every second text, and not worth keeping.

        unmet: one of them, and mostly the only one.
        """
        index, shared, table = self._encoder.index, self._shared[place], self._tables[place]
        rows: list[bytes] = []
        row = shared.get(index[unmet])
        if row is not None and len(words) > 2:
            rest = words.copy()
            rest.remove(unmet)
            try:
                return (row, *itemgetter(*rest)(table))
            except KeyError:  # not the only one
                rows.clear()
        for word in words:
            found = table.get(word) or shared.get(index[word])
            if found is None:
                self._learn(place, words)
                return self._pick(place, words)
            rows.append(found)
        return rows

    def _learn(self, place: int, words: Sequence[bytes]) -> None:
        """Make the rows of those words that have none there, all at once."""
        index, table, shared = self._encoder.index, self._tables[place], self._shared[place]
        for _ in range(len(self._order) + len(words) - ROWS_MAX):
            where, oldest = self._order.popleft()
            del self._tables[where][oldest]
        named = {word: index[word] for word in words if word not in table}
        new = {word: row for word, row in named.items() if row not in shared}
        made = self._make(place, sorted(set(new.values())))
        for word, row in new.items():
            table[word] = made[row]
            self._order.append((place, word))
            if index.is_hash(row) or row == index.number:
                shared[row] = made[row]

    def _make(self, place: int, rows: list[int]) -> dict[int, bytes]:
        encoder, head, outputs = self._encoder, self._head, self._head.outputs
        vectors = encoder.rows.take(rows, 0) * encoder.scales.take(rows)[:, None]
        hints = head.hints.take(rows, 0).astype(np.float32)
        made = np.zeros((len(rows), self._columns), np.float32)
        made[:, :DIM] = vectors
        at = DIM
        made[:, at : at + outputs] = vectors.dot(head.weights)
        made[:, at + outputs : at + self._block] = hints[:, 2 * outputs :]
        at += self._block
        if place in (_BOTH, _FIRST):
            made[:, at : at + outputs] = hints[:, :outputs]
        if place in (_BOTH, _LAST):
            made[:, at : at + outputs] += hints[:, outputs : 2 * outputs]
        return {row: one.tobytes() for row, one in zip(rows, made, strict=True)}

    def _plain_row(self, text: str, raw: bytes) -> bytes:
        """What the signs of an ASCII text add to each score. raw: its bytes."""
        shown = show_ascii(raw)
        if _NEWLINE in shown:  # as numbers: `bytes in bytes` first fails to read them as one
            return self._sign_row(text)
        size = len(raw)
        if _QUESTION in shown and raw.find(b"?", size - 3) >= 0:
            shown += b"."  # one that none of the signs is
        shown += _SIZES[size.bit_length()]
        found = self._plain.get(shown)
        if found is None:
            found = self._sign_row(text)
            if len(shown) <= _SHOWN_MAX:
                _keep(self._plain, shown, found)
        return found

    def _sign_row(self, text: str) -> bytes:
        """What the signs of any text add to each score."""
        shown = show_signs(text)
        layout = read_layout(text) if _NEWLINE in shown else 0
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

    def _see(self, words: list[bytes], seen: frozenset[tuple[bytes, bytes]]) -> bytes:
        """What the pairs of a short text add, all of them at its beginning and at its end."""
        row = self._pair_row(find_pairs(words, self._head.pairs, self._pair_keys))
        _keep(self._seen, seen, row)
        return row

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


_NEWLINE, _QUESTION = b"\n?"
_ALL_PLACES = weigh_places(WORDS_MAX)
_SIZES = [bytes((128 + bits,)) for bits in range(64)]  # no sign is over 127
