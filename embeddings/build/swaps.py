"""Sentences with some words swapped for others of the language, so that rarer words are seen too.

The teacher reads any sentence, sense or nonsense: what the student must learn is how much each
word moves the sum, and the clean corpus holds too few everyday words, French ones above all.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence

from embeddings.language import find_latin_language
from embeddings.words import split

LONGEST = 16


def swap_words(
    sentences: Sequence[str],
    lists: Mapping[str, set[bytes]],
    log_chances: Mapping[bytes, float],
    wanted: Mapping[str, int],
    seed: int = 23,
) -> list[str]:
    """`wanted[language]` new sentences for each language of `lists`, from sentences in it."""
    rng = random.Random(seed)
    found: list[str] = []
    for language, words in lists.items():
        known = sorted(word for word in words if len(word) > 2 and word in log_chances)
        # The square root keeps frequent words ahead, yet lets the rare ones have their turn.
        weights = [math.exp(0.5 * log_chances[word]) for word in known]
        drawn = iter(rng.choices(known, weights, k=4 * wanted[language]))
        base = [
            text
            for text in sentences
            if len(text.split()) <= LONGEST and find_latin_language(split(text)) == language
        ]
        for _ in range(wanted[language]):
            parts = rng.choice(base).split()
            places = [place for place, part in enumerate(parts) if len(part) > 3 and part.isalpha()]
            rng.shuffle(places)
            for place in places[: rng.choice((1, 2, 2, 3, 4))]:
                parts[place] = next(drawn).decode("utf-8")
            found.append(" ".join(parts))
    return found
