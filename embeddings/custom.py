"""Categories added at run time: by examples, by keywords, without training."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from embeddings.encoder import Encoder, sequence_vectors
from embeddings.reading import Category, Vector
from embeddings.words import split

# A text is given to a custom category when its likeness passes a bound of the category's own.
# Likeness is the whitened cosine to the mean of the examples; the bound is this share of what each
# example has to the mean of the others, so that a category is as wide as its examples. With 8
# examples of an intent of CLINC150, 90 % of its other texts pass, 1 % of other intents' and 0.3 %
# of the development split's prompts; a bound of 0.40 for all let 87 % pass, with 1 % and 0.2 %.
WIDTH = 0.6
NARROWEST, WIDEST = 0.42, 0.28
ACCEPT = 0.40  # where one example, or a description, says nothing of width
STEEPNESS = 18.0
# A keyword is the user's own word for it: alone it is enough.
KEYWORD_LIKENESS = 0.52


class CustomCategories:
    """Prototypes of the added categories, in one matrix, so that all are scored in one product."""

    __slots__ = (
        "_bounds",
        "_categories",
        "_encoder",
        "_keywords",
        "_matrix",
        "_mean",
        "_prototyped",
        "_whiten",
    )

    def __init__(
        self, encoder: Encoder, whiten: NDArray[np.float32] | None, mean: Vector | None
    ) -> None:
        """`whiten`, (dim, dim), evens out how examples of a category differ; None: cosine."""
        self._encoder = encoder
        self._whiten = whiten
        self._mean = mean
        self._categories: dict[str, Category] = {}
        self._keywords: dict[str, list[tuple[bytes, ...]]] = {}
        self._bounds: dict[str, float] = {}
        self._prototyped: tuple[str, ...] = ()
        self._matrix: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self._categories)

    @property
    def names(self) -> list[str]:
        """In the order they were added."""
        return list(self._categories)

    def add(self, category: Category) -> None:
        """Add or replace one. Raises ValueError where it has no name, or nothing to know it by."""
        self.extend((category,))

    def extend(self, categories: Sequence[Category]) -> None:
        """Add or replace several at once."""
        for category in categories:
            if not category.name.strip():
                raise ValueError("a category needs a name")
            if not (category.examples or category.keywords or category.description.strip()):
                raise ValueError(
                    f"category {category.name!r} needs examples, keywords or a description"
                )
        for category in categories:
            self._categories[category.name] = category
            phrases = (tuple(split(phrase)) for phrase in category.keywords)
            self._keywords[category.name] = [phrase for phrase in phrases if phrase]
        self._rebuild()

    def remove(self, name: str) -> bool:
        """False where there is none of this name."""
        if self._categories.pop(name, None) is None:
            return False
        del self._keywords[name]
        self._rebuild()
        return True

    def score(self, vector: Vector, words: Sequence[bytes]) -> dict[str, float]:
        """Category -> likeness, about -0.3 to 1."""
        likeness = dict.fromkeys(self._categories, 0.0)
        if self._matrix is not None:
            values = (self._matrix @ self._project(vector[None, :])[0]).tolist()
            likeness.update(zip(self._prototyped, values, strict=True))
        for name in self.find_keywords(words):
            likeness[name] = KEYWORD_LIKENESS + max(0.0, likeness[name])
        return likeness

    def find_keywords(self, words: Sequence[bytes]) -> list[str]:
        """The categories of which a keyword (one or more words) stands in the text."""
        present = set(words)
        return [
            name
            for name, phrases in self._keywords.items()
            if any(present.issuperset(phrase) and _stands_in(phrase, words) for phrase in phrases)
        ]

    def find_example(self, name: str, vector: Vector) -> tuple[str, float] | None:
        """The example of a category that is most like a text, and the likeness; for people."""
        category = self._categories.get(name)
        if category is None or not category.examples:
            return None
        vectors = self._project(sequence_vectors(self._encoder, category.examples))
        alike = (vectors @ self._project(vector[None, :])[0]).tolist()
        best = max(alike)
        return category.examples[alike.index(best)], best

    def accept(self, name: str, likeness: float) -> float:
        """The chance that a text of this likeness belongs to the category."""
        bound = self._bounds.get(name, ACCEPT)
        return 1.0 / (1.0 + math.exp(-STEEPNESS * (likeness - bound)))

    def _rebuild(self) -> None:
        prototypes: list[Vector] = []
        names: list[str] = []
        self._bounds = {}
        for name, category in self._categories.items():
            texts = category.examples or ((category.description,) if category.description else ())
            if not texts:
                continue
            vectors = self._project(sequence_vectors(self._encoder, texts))
            mean = vectors.mean(0)
            prototypes.append(mean / (np.linalg.norm(mean) + 1e-9))
            if len(vectors) > 1:
                self._bounds[name] = _bound(vectors)
            names.append(name)
        self._prototyped = tuple(names)
        self._matrix = np.stack(prototypes).astype(np.float32) if prototypes else None

    def _project(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        if self._whiten is not None and self._mean is not None:
            vectors = np.dot(vectors - self._mean, self._whiten)
        lengths: NDArray[np.float32] = np.sqrt(np.einsum("ij,ij->i", vectors, vectors)) + 1e-9
        return vectors / lengths[:, None]


def _bound(vectors: NDArray[np.float32]) -> float:
    """How like the examples a text must be, from how alike they are; vectors: two or more."""
    others = vectors.sum(0) - vectors
    alike = np.einsum("ij,ij->i", vectors, others) / (np.linalg.norm(others, axis=1) + 1e-9)
    return min(NARROWEST, max(WIDEST, WIDTH * float(alike.mean())))


def _stands_in(phrase: tuple[bytes, ...], words: Sequence[bytes]) -> bool:
    size = len(phrase)
    if size == 1:
        return True
    return any(tuple(words[i : i + size]) == phrase for i in range(len(words) - size + 1))
