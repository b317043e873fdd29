"""Which row a word has, in a tenth of the memory that a dictionary of 50,000 words takes.

The words stay where the model file maps them; in memory is where each begins, ordered by buckets.
Finding one takes half a microsecond, and whoever reads text keeps what it found
(encoder.WordIndex).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_BUCKETS = 65_521  # a prime: a word's bucket is its bytes, as one number, modulo this
_LONGEST = 255  # bytes of a word in the file
_NEWLINE = 10


class Vocabulary:
    """Words in bytes to rows. Read-only."""

    __slots__ = ("_firsts", "_rows", "_sizes", "_starts", "_text")

    def __init__(self, text: NDArray[np.uint8], rows: NDArray[np.uint32]) -> None:
        """text: the words with a newline between two; rows: one for each, in the same order.

        Raises ValueError where they do not match.
        """
        starts = np.concatenate((np.zeros(1, np.int64), np.flatnonzero(text == _NEWLINE) + 1))
        sizes = np.diff(starts, append=len(text) + 1) - 1
        if len(starts) != len(rows) or int(sizes.max()) > _LONGEST:
            raise ValueError("vocabulary and rows do not match")
        buckets = _find_buckets(text, starts, sizes)
        order = np.argsort(buckets, kind="stable")
        firsts = np.searchsorted(buckets[order], np.arange(_BUCKETS + 1))
        self._text = text.data
        self._firsts = firsts.astype(np.uint32).data
        self._starts = starts[order].astype(np.uint32).data
        self._sizes = sizes[order].astype(np.uint8).data
        self._rows = rows[order].data

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, word: bytes, /) -> int | None:
        """The row of a word, None for an unknown one."""
        bucket = int.from_bytes(word, "little") % _BUCKETS
        size = len(word)
        for place in range(self._firsts[bucket], self._firsts[bucket + 1]):
            if self._sizes[place] == size:
                start = self._starts[place]
                if self._text[start : start + size] == word:
                    return self._rows[place]
        return None

    def items(self) -> Iterator[tuple[bytes, int]]:
        """Every word with its row."""
        for start, size, row in zip(self._starts, self._sizes, self._rows, strict=True):
            yield bytes(self._text[start : start + size]), row


def _find_buckets(
    text: NDArray[np.uint8], starts: NDArray[np.int64], sizes: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The bucket of each word, as `get` finds it, byte by byte over all words at once."""
    found = np.zeros(len(starts), np.int64)
    power = 1
    for place in range(int(sizes.max())):
        longer = np.flatnonzero(sizes > place)
        found[longer] += text[starts[longer] + place].astype(np.int64) * power
        power = power * 256 % _BUCKETS
    found %= _BUCKETS
    return found
