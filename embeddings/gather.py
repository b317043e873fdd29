"""A text's vector and scores in one pass over its words: the table's rows and the head's, added.

Compiled (_gather.c), it takes a few microseconds; where no compiler was at hand when firsttoken was
installed, numpy does the same in some tens. Both give the same numbers up to rounding.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from embeddings.encoder import Encoder, normalise
from embeddings.head import END_WORDS, LANGUAGES, PAIR_WORDS, SEEN_WORDS, Head, share_of
from embeddings.reading import Vector

try:
    from embeddings import _gather as compiled
except ImportError:
    compiled = None  # type: ignore[assignment]


class Found(NamedTuple):
    """What a text's words come to.

    kind: the best category's place; language: its place, or -1; share: the best category's, of the
    softmax; complexity: raw, see Head.rank_complexity.
    """

    kind: int
    language: int
    share: float
    complexity: float


class Gather(Protocol):
    """Reads texts through one table and one head."""

    def read(
        self, words: list[bytes], signs: bytes, vector: Vector, /
    ) -> tuple[int, int, float, float]:
        """What Found holds, of 1 to 512 words. Their unit vector is written to `vector`.

        signs: what the text's signs add to each score, float32.
        """
        ...


class PlainGather:
    """By numpy."""

    __slots__ = ("_encoder", "_head")

    def __init__(self, encoder: Encoder, head: Head) -> None:
        self._encoder = encoder
        self._head = head

    def read(self, words: list[bytes], signs: bytes, vector: Vector, /) -> Found:
        """See Gather."""
        head, found = self._head, self._encoder.add_words(words)
        vector[:] = normalise(found.vector)
        scores = head.score(vector, found, np.frombuffer(signs, np.float32))
        kinds, counts = scores[: head.outputs - 1], scores[head.outputs :]
        best, most = max(kinds), max(counts)
        return Found(
            kinds.index(best),
            counts.index(most) if most > 0.0 else -1,
            share_of(best, kinds),
            scores[head.outputs - 1],
        )


def build_gather(encoder: Encoder, head: Head) -> Gather:
    """The compiled one where there is one."""
    if compiled is None:
        return PlainGather(encoder, head)
    pairs: dict[bytes, dict[bytes, int]] = {}
    for number, (first, second) in enumerate(head.pairs):
        pairs.setdefault(first, {})[second] = number
    hints = [head.add_extra((), [(end, group)]) for group in head.pairs.values() for end in (0, 1)]
    return compiled.Gather(
        index=encoder.index,
        pairs=pairs,
        rows=np.ascontiguousarray(encoder.rows),
        scales=np.ascontiguousarray(encoder.scales),
        hints=np.ascontiguousarray(head.hints),
        pair_hints=np.stack(hints),
        weights=np.ascontiguousarray(head.weights),
        sizes=(head.outputs, len(LANGUAGES)),
        ends=(END_WORDS, PAIR_WORDS, SEEN_WORDS),
    )
