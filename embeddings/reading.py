"""What the classifier says about a text, and what a category is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]

ABSTAIN_BELOW = 0.30
"""Confidence under which a reading is better sent to the default route (see MODEL_CARD.md)."""


class Calibrated(Protocol):
    """What turns what a text scores into chances: the head."""

    def rate(self, share: float) -> float:
        """The chance that the best of the categories is right, by its share of the softmax."""
        ...

    def rank_complexity(self, raw: float) -> float:
        """The share of ordinary prompts that are easier."""
        ...


class Reading:
    """One pass over a text.

    `vector` has unit length and shape (dim,). `confidence` is the calibrated chance, 0 to 1, that
    `category` is right. `complexity` is a rank, 0 (easy) to 1 (hard), uniform over ordinary
    prompts: a threshold of 0.7 sends about 30 % of them to the strong model. `language` is an
    ISO 639-1 code or "und". `source` says who decided: "embedding" or "keywords".
    """

    __slots__ = (
        "_complexity",
        "_confidence",
        "_head",
        "_raw",
        "_share",
        "category",
        "language",
        "source",
        "vector",
    )

    def __init__(  # noqa: PLR0913, PLR0917 - a record, made once a request: everything at once
        self,
        vector: Vector,
        category: str,
        confidence: float | None,
        complexity: float | None,
        language: str,
        source: str = "embedding",
        share: float = 0.0,
        raw: float = 0.0,
        head: Calibrated | None = None,
    ) -> None:
        """confidence, complexity: None where `head` tells them, if anybody asks: by the best
        category's share of the softmax, and by the raw complexity."""
        self.vector = vector
        self.category = category
        self._confidence = confidence
        self._complexity = complexity
        self.language = language
        self.source = source
        self._share = share
        self._raw = raw
        self._head = head

    @property
    def confidence(self) -> float:
        """The chance that the category is right."""
        known = self._confidence
        if known is None:
            known = self._confidence = self._head.rate(self._share) if self._head else 0.0
        return known

    @property
    def complexity(self) -> float:
        """The share of ordinary prompts that are easier."""
        known = self._complexity
        if known is None:
            head = self._head
            known = self._complexity = head.rank_complexity(self._raw) if head else 0.0
        return known

    @property
    def abstains(self) -> bool:
        """True where the default route is a safer choice than the category's."""
        return self.confidence < ABSTAIN_BELOW


@dataclass(frozen=True, slots=True)
class Category:
    """A kind of request. Examples (best: 5 to 20, in the users' words) or keywords define it."""

    name: str
    description: str = ""
    examples: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a text was read as it was.

    `scores` sum to 1 over the categories. `words` are the words that moved the decision, strongest
    first, with the share each gave to the winner over the runner-up (in logits). `cues` are the
    structural signs seen, such as "code fence". `keywords` are the added categories of which one
    stands in the text. `like` is the winner's example that is most like the text, and how like.
    """

    reading: Reading
    scores: Mapping[str, float]
    words: tuple[tuple[str, float], ...] = ()
    cues: tuple[str, ...] = ()
    keywords: tuple[str, ...] = field(default=())
    like: tuple[str, float] | None = None
