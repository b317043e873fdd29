"""Text to category, confidence, complexity, language and vector, in one pass of microseconds."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from embeddings.custom import CustomCategories
from embeddings.encoder import DIM, Encoder, Sum, normalise
from embeddings.gather import Gather, build_gather
from embeddings.head import LANGUAGES, Head
from embeddings.keywords import DEFAULT, KeywordVote, estimate_complexity
from embeddings.language import UNKNOWN, find_latin_language, find_script_language
from embeddings.modelfile import SHIPPED, BadModelFile, read_model
from embeddings.reading import Category, Explanation, Reading, Vector
from embeddings.shown import SignRows
from embeddings.signs import name_signs, read_signs
from embeddings.words import cut, split, split_ascii

log = logging.getLogger(__name__)

_EMPTY = np.zeros(DIM, np.float32)
_FIRST = "What is the capital of France?"  # read at once: the first product costs milliseconds


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
        self._trained = head
        self._head: Head | None = None
        self._gather: Gather | None = None
        self._signs: SignRows | None = None
        self.decide_by(keywords=False)
        self._custom = custom
        self._vote = KeywordVote()
        self._fingerprint = ""

    @classmethod
    def load(
        cls,
        path: Path | None = None,
        categories: Sequence[Category] = (),
        *,
        keywords: bool = False,
    ) -> Classifier:
        """The shipped model, or the one at `path`, with further categories.

        A missing or damaged file is logged once, as a warning, and keywords decide from then on.
        keywords: see decide_by.
        """
        try:
            model = read_model(path or SHIPPED)
            encoder = Encoder.from_arrays(model.arrays)
            head: Head | None = Head.from_arrays(model.facts, model.arrays)
            metric, mean = model.arrays.get("metric"), model.arrays.get("metric_mean")
            digest = model.sha256[:16]
        except (BadModelFile, KeyError, ValueError) as error:
            log.warning("no word table, keywords decide instead: %s", error)
            encoder, head, digest = Encoder.without_model(), None, ""
            metric = mean = None
        metric = None if metric is None else metric.astype("float32")
        mean = None if mean is None else mean.astype("float32")
        classifier = cls(encoder, head, CustomCategories(encoder, metric, mean))
        classifier._custom.extend(tuple(categories))
        classifier._fingerprint = digest
        classifier.decide_by(keywords=keywords)
        classifier.read(_FIRST)
        return classifier

    def decide_by(self, *, keywords: bool) -> None:
        """Who decides from the next text on: cue words, or the model where there is one. Vectors
        come from the model either way."""
        head = None if keywords else self._trained
        if head is not self._head:
            self._head = head
            self._gather = None if head is None else build_gather(self._encoder, head)
            self._signs = None if head is None else SignRows(head)

    @property
    def fingerprint(self) -> str:
        """Of the word table, in hex: vectors of one fingerprint can be compared. Empty without."""
        return self._fingerprint

    @property
    def encoder(self) -> Encoder:
        """The word table, for vectors of single words."""
        return self._encoder

    @property
    def trained(self) -> bool:
        """Whether there is a model that could decide."""
        return self._trained is not None

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

    def nearest_added(self, text: str) -> str | None:
        """The added category most like the text, accepted or not; None where none was added."""
        if not len(self._custom):
            return None
        found = self._encoder.add_up(cut(text))
        return self._custom.find_nearest(normalise(found.vector), found.words)[0]

    def read(self, text: str) -> Reading:
        """Category, confidence, complexity, language and vector of a text of any length."""
        shown = cut(text)
        gather, head, signs = self._gather, self._head, self._signs
        if gather is None or head is None or signs is None:
            return self._read_keywords(text, shown)
        raw = shown.encode("ascii") if shown.isascii() else None
        words = split(shown) if raw is None else split_ascii(raw)
        if not words:
            return self._read_nothing(shown)
        vector = _EMPTY.copy()
        row = signs.of(shown) if raw is None else signs.of_ascii(shown, raw)
        kind, spoken, share, complexity = gather.read(words, row, vector)
        category = head.categories[kind]
        language = LANGUAGES[spoken] if spoken >= 0 else UNKNOWN
        confidence = None
        foreign = None if raw is not None else find_script_language(shown)
        if foreign:
            language = foreign
            # Of it the table knows little; of what its owner calls a category's, nothing need be.
            confidence = self._encoder.index.share_known(words) * head.rate(share)
        if len(self._custom):
            built_in = category, head.rate(share) if confidence is None else confidence
            category, confidence = self._prefer_custom(
                vector, words, built_in, foreign=bool(foreign)
            )
        return Reading(
            vector, category, confidence, None, language, "embedding", share, complexity, head
        )

    def _read_nothing(self, shown: str) -> Reading:
        """Of a text without words nobody knows what it wants."""
        vector = normalise(self._encoder.add_up(shown).vector)
        return Reading(vector, DEFAULT, 0.0, estimate_complexity(shown, ()), UNKNOWN, self.source)

    def _read_keywords(self, text: str, shown: str) -> Reading:
        found = self._encoder.add_up(shown)
        vector, words = normalise(found.vector), found.words
        category, confidence = self._vote.decide(self._vote.count(words))
        language = find_latin_language(words)
        if len(self._custom):
            category, confidence = self._prefer_custom(vector, words, (category, confidence))
        if not shown.isascii():
            language = find_script_language(shown) or language
        complexity = estimate_complexity(text, words)
        return Reading(vector, category, confidence, complexity, language, "keywords")

    def explain(self, text: str) -> Explanation:
        """The same reading with its reasons; slower than read."""
        reading = self.read(text)
        shown = cut(text)
        found = self._encoder.add_up(shown)
        scores = self._share_out(found, shown)
        foreign = self._head is not None and bool(find_script_language(shown))
        added = {
            name: self._custom.accept(name, likeness, foreign=foreign)
            for name, likeness in self._custom.score(reading.vector, found.words).items()
        }
        left = 1.0 - max(added.values(), default=0.0)
        scores = {name: score * left for name, score in scores.items()} | added
        total = sum(scores.values()) or 1.0
        ordered = sorted(scores.items(), key=lambda item: -item[1])
        return Explanation(
            reading=reading,
            scores={name: score / total for name, score in ordered},
            words=self._weigh_words(found.words, reading.category),
            cues=name_signs(read_signs(shown)) + self._vote.name_groups(found.words),
            keywords=tuple(self._custom.find_keywords(found.words)),
            like=self._custom.find_example(reading.category, reading.vector),
        )

    def _share_out(self, found: Sum, shown: str) -> dict[str, float]:
        head = self._head
        if head is None:
            votes = self._vote.count(found.words)
            total = sum(votes.values()) or 1.0
            return {name: vote / total for name, vote in votes.items()}
        raw = head.score(normalise(found.vector), found, head.add_extra(read_signs(shown)))[
            : head.outputs - 1
        ]
        best = max(raw)
        powers = [math.exp(score - best) for score in raw]
        return {n: p / sum(powers) for n, p in zip(head.categories, powers, strict=True)}

    def _prefer_custom(
        self,
        vector: Vector,
        words: list[bytes],
        built_in: tuple[str, float],
        *,
        foreign: bool = False,
    ) -> tuple[str, float]:
        name, likeness = self._custom.find_nearest(vector, words)
        chance = self._custom.accept(name, likeness, foreign=foreign)
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
            found = self._encoder.add_up(text)
            scores = head.score(normalise(found.vector), found, head.add_extra(read_signs(text)))[
                : head.outputs - 1
            ]
            return scores[place] - sum(scores) / len(scores)

        shown = list(words[:40])
        return margin(shown) - margin([other for other in shown if other != word])


__all__ = ["Category", "Classifier", "Encoder", "Explanation", "Reading"]
