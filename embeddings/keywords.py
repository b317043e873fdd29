"""The classifier without a model, and mode "keywords": cue words vote, English and French."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from embeddings.cues import GROUPS, VOTES, index_pairs, index_words

# The share of texts this good a lead wins rightly, read off the development rows: a vote of one
# strong cue is right about half the time, and no lead makes keywords surer than this.
SUREST = 0.75
DEFAULT = "conversation"


class KeywordVote:
    """Adds up what the cue words of a text say for each category."""

    __slots__ = ("_names", "_pairs", "_words")

    def __init__(self) -> None:
        self._words = index_words()
        self._pairs = index_pairs()
        self._names = sorted({name for votes in VOTES.values() for name in votes})

    @property
    def categories(self) -> list[str]:
        """The categories keywords can tell apart."""
        return list(self._names)

    def count(self, words: Sequence[bytes]) -> dict[str, float]:
        """Category -> weight of its cues. Early words count more: instructions come first."""
        scores = dict.fromkeys(self._names, 0.0)
        for place, word in enumerate(words):
            for group in self._words.get(word, ()):
                self._vote(scores, group, place)
        for place, pair in enumerate(pairwise(words)):
            group_of_pair = self._pairs.get(pair)
            if group_of_pair is not None:
                self._vote(scores, group_of_pair, place)
        return scores

    def decide(self, scores: dict[str, float]) -> tuple[str, float]:
        """The winner and its confidence; the default with none where no cue was seen."""
        ranked = sorted(scores.values(), reverse=True)
        best = max(scores, key=lambda name: scores[name])
        if ranked[0] <= 0.0:
            return DEFAULT, 0.0
        lead = ranked[0] - ranked[1]
        return best, SUREST * (1.0 - math.exp(-lead))

    def name_groups(self, words: Sequence[bytes]) -> tuple[str, ...]:
        """The cue groups that have a word or a pair in the text."""
        found = {group for word in words for group in self._words.get(word, ())}
        found |= {self._pairs[pair] for pair in pairwise(words) if pair in self._pairs}
        return tuple(GROUPS[group] for group in sorted(found))

    @staticmethod
    def _vote(scores: dict[str, float], group: int, place: int) -> None:
        early = 1.0 if place < 12 else 0.35
        for name, weight in VOTES[GROUPS[group]].items():
            scores[name] += weight * early


def estimate_complexity(text: str, words: Sequence[bytes]) -> float:
    """Length alone, the baseline every router is measured against: 0 for a word, 1 for a page."""
    size = math.log1p(len(text)) + 0.3 * math.log1p(len(words))
    return min(1.0, max(0.0, (size - 2.5) / 6.0))
