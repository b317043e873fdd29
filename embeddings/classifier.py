"""Text to category, confidence, complexity, language and vector, in one pass of microseconds."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from pathlib import Path

from embeddings.cues import GROUPS
from embeddings.custom import CustomCategories
from embeddings.encoder import DIM, LANGUAGES, Encoder, Sums, normalise
from embeddings.head import Head, build_features
from embeddings.keywords import KeywordVote, estimate_complexity
from embeddings.language import UNKNOWN, find_script_language
from embeddings.modelfile import SHIPPED, BadModelFile, read_model
from embeddings.reading import Category, Explanation, Reading, Vector
from embeddings.signs import name_signs, read_signs
from embeddings.words import cut

log = logging.getLogger(__name__)

_LANGUAGE_AT = len(GROUPS)


class Classifier:
    """Reads texts. Not for use by two threads at once: the word index learns as it goes."""

    def __init__(
        self,
        encoder: Encoder,
        head: Head | None,
        custom: CustomCategories,
    ) -> None:
        """Use `load`. Without a head, keywords decide."""
        self._encoder = encoder
        self._head = head
        self._custom = custom
        self._vote = KeywordVote()

    @classmethod
    def load(
        cls,
        path: Path | None = None,
        categories: Sequence[Category] = (),
        *,
        mode: str = "embedding",
    ) -> Classifier:
        """The shipped model, or the one at `path`, with further categories.

        A missing or damaged file is logged once, as a warning, and keywords decide from then on;
        mode "keywords" makes them decide anyway, while vectors still come from the model.
        """
        try:
            model = read_model(path or SHIPPED)
            encoder = Encoder.from_arrays(model.arrays)
            head = Head.from_arrays(model.facts, model.arrays) if mode != "keywords" else None
            spread = model.arrays.get("whiten"), model.arrays.get("whiten_mean")
        except (BadModelFile, KeyError, ValueError) as error:
            log.warning("no word table, keywords decide instead: %s", error)
            encoder, head, spread = Encoder.without_model(), None, (None, None)
        whiten = None if spread[0] is None else spread[0].astype("float32")
        mean = None if spread[1] is None else spread[1].astype("float32")
        classifier = cls(encoder, head, CustomCategories(encoder, whiten, mean))
        classifier._custom.extend(tuple(categories))
        return classifier

    @property
    def encoder(self) -> Encoder:
        """The word table, for vectors of single words."""
        return self._encoder

    @property
    def source(self) -> str:
        """Who decides: "embedding" or "keywords"."""
        return "keywords" if self._head is None else "embedding"

    @property
    def categories(self) -> list[str]:
        """The names of all categories, the built-in ones first."""
        built_in = list(self._head.categories) if self._head else self._vote.categories
        return built_in + [name for name in self._custom.names if name not in built_in]

    def add(self, category: Category) -> None:
        """Add or replace a category; it takes part from the next text on. Raises ValueError."""
        self._custom.add(category)

    def remove(self, name: str) -> bool:
        """Remove an added category; False where none of this name was added."""
        return self._custom.remove(name)

    def read(self, text: str) -> Reading:
        """Category, confidence, complexity, language and vector of a text of any length."""
        shown = cut(text)
        sums = self._encoder.add_up(shown)
        vector = normalise(sums.vectors[0])
        head = self._head
        if head is None:
            category, confidence = self._vote.decide(self._vote.count(sums.words))
            complexity = estimate_complexity(text, sums.words)
            source = "keywords"
        else:
            scores = head.score(build_features(sums, read_signs(shown, len(sums.words))))
            complexity = head.rank_complexity(scores.pop())
            best = max(scores)
            category = head.categories[scores.index(best)]
            confidence = head.calibrate(1.0 / sum([math.exp(score - best) for score in scores]))
            source = "embedding"
        if len(self._custom):
            category, confidence = self._prefer_custom(vector, sums, (category, confidence))
        language = find_language(shown, sums)
        return Reading(vector, category, confidence, complexity, language, source)

    def explain(self, text: str) -> Explanation:
        """The same reading with its reasons; slower than read."""
        reading = self.read(text)
        shown = cut(text)
        sums = self._encoder.add_up(shown)
        signs = read_signs(shown, len(sums.words))
        keywords = tuple(self._custom.find_keywords(sums.words))
        head = self._head
        if head is None:
            votes = self._vote.count(sums.words)
            total = sum(votes.values()) or 1.0
            scores = {name: vote / total for name, vote in votes.items()}
        else:
            raw = head.score(build_features(sums, signs))[:-1]
            best = max(raw)
            powers = [math.exp(score - best) for score in raw]
            scores = {n: p / sum(powers) for n, p in zip(head.categories, powers, strict=True)}
        for name, likeness in self._custom.score(reading.vector, sums.words).items():
            scores[name] = self._custom.accept(likeness)
        total = sum(scores.values()) or 1.0
        ordered = sorted(scores.items(), key=lambda item: -item[1])
        return Explanation(
            reading=reading,
            scores={name: score / total for name, score in ordered},
            words=self._weigh_words(sums.words, reading.category),
            cues=name_signs(signs) + _name_cues(sums),
            keywords=keywords,
        )

    def _prefer_custom(
        self, vector: Vector, sums: Sums, built_in: tuple[str, float]
    ) -> tuple[str, float]:
        likeness = self._custom.score(vector, sums.words)
        name = max(likeness, key=lambda key: likeness[key])
        chance = self._custom.accept(likeness[name])
        return (name, chance) if chance >= 0.5 else built_in

    def _weigh_words(self, words: Sequence[bytes], category: str) -> tuple[tuple[str, float], ...]:
        """What the score of the category loses when a word is left out, for the first 40 words."""
        head = self._head
        if head is None:
            votes = {word: self._vote.count([word]).get(category, 0.0) for word in set(words[:40])}
        elif category in head.categories:
            place = head.categories.index(category)
            votes = {word: self._weigh_word(head, place, words, word) for word in set(words[:40])}
        else:
            return ()
        found = sorted(votes.items(), key=lambda item: -item[1])[:6]
        return tuple(
            (word.decode("utf-8", "replace"), round(w, 3)) for word, w in found if w > 0.02
        )

    def _weigh_word(self, head: Head, place: int, words: Sequence[bytes], word: bytes) -> float:
        def margin(kept: Sequence[bytes]) -> float:
            text = b" ".join(kept).decode("utf-8", "replace")
            scores = head.score(
                build_features(self._encoder.add_up(text), read_signs(text, len(kept)))
            )
            return scores[place] - sum(scores[:-1]) / len(head.categories)

        shown = list(words[:40])
        return margin(shown) - margin([other for other in shown if other != word])


def find_language(text: str, sums: Sums) -> str:
    """ISO 639-1 code: by script where it is not Latin, else by the small words counted."""
    if not text.isascii():
        script = find_script_language(text)
        if script is not None:
            return script
    counts: list[float] = sums.counts[0, _LANGUAGE_AT:].tolist()
    best = max(counts)
    return LANGUAGES[counts.index(best)] if best > 0.0 else UNKNOWN


def _name_cues(sums: Sums) -> tuple[str, ...]:
    counts = sums.counts[0, :_LANGUAGE_AT].tolist()
    return tuple(group for group, count in zip(GROUPS, counts, strict=True) if count > 0)


__all__ = ["DIM", "Category", "Classifier", "Encoder", "Explanation", "Reading"]
