"""What the classifier says about a text, and what a category is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]

ABSTAIN_BELOW = 0.30
"""Confidence under which a reading is better sent to the default route (see MODEL_CARD.md)."""


@dataclass(slots=True, eq=False)  # not frozen: that costs a microsecond, and one is made a request
class Reading:
    """One pass over a text.

    `vector` has unit length and shape (dim,). `confidence` is the calibrated chance, 0 to 1, that
    `category` is right. `complexity` is a rank, 0 (easy) to 1 (hard), uniform over ordinary
    prompts: a threshold of 0.7 sends about 30 % of them to the strong model. `language` is an
    ISO 639-1 code or "und". `source` says who decided: "embedding" or "keywords".
    """

    vector: Vector
    category: str
    confidence: float
    complexity: float
    language: str
    source: str = "embedding"

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
