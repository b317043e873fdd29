"""A text before it is read: cut into words, its language known, in the wording of all its kind."""

from __future__ import annotations

import re
from typing import NamedTuple

from proxy.cache import lexicon
from proxy.cache.idioms import ENGLISH_IDIOMS, FRENCH_IDIOMS
from proxy.cache.words import split

_HEADS = ("l'", "d'", "qu'", "j'", "n'", "c'")  # before a vowel; no English word begins so
_ACCENTED = re.compile("[à-ÿœÀ-ÖŒ]")

# What a word tells, as counts that can be summed: marks of either language, beginnings of idioms.
_BITS = 12  # MAX_CHARS has fewer words
_COUNT = (1 << _BITS) - 1
_TOLD: dict[str, int] = {}
for _place, _words in enumerate(
    (lexicon.FRENCH_MARKS, lexicon.ENGLISH_MARKS, FRENCH_IDIOMS.triggers, ENGLISH_IDIOMS.triggers)
):
    for _word in _words:
        _TOLD[_word] = _TOLD.get(_word, 0) + (1 << _BITS * _place)


class Worded(NamedTuple):
    """text: as it is or rephrased; words: its tokens; french: rather than English."""

    text: str
    words: list[str]
    french: bool


def cut(text: str) -> Worded:
    """Cut a text into words and rephrase what has a usual wording."""
    if "\u2019" in text:
        text = text.replace("\u2019", "'")
    words = split(text)
    if not words:
        return Worded(text, words, french=False)
    low = [word.lower() for word in words]
    marks, last = 0, low[-1]
    if "'" in text:
        marks = sum([word.startswith(_HEADS) for word in low])
        low += [word.partition("'")[2] for word in low if "'" in word]
    if not text.isascii() and _ACCENTED.search(text) is not None:
        marks += 1
    find = _TOLD.get
    told = sum([find(word, 0) for word in low])
    french = marks + (told & _COUNT) > (told >> _BITS & _COUNT)
    idioms = FRENCH_IDIOMS if french else ENGLISH_IDIOMS
    if told >> (2 * _BITS if french else 3 * _BITS) & _COUNT or last in idioms.ends:
        rephrased = idioms.rephrase(text, low, last)
        if rephrased != text:
            return Worded(rephrased, split(rephrased), french)
    return Worded(text, words, french)
