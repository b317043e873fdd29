"""A text before it is read: cut into words, its language known, in the wording of all its kind."""

from __future__ import annotations

import re
from typing import NamedTuple

from proxy.cache import lexicon
from proxy.cache.idioms import ENGLISH_IDIOMS, FRENCH_IDIOMS
from proxy.cache.tokens import LONG, WORDS_MAX, split

_HEADS = ("l'", "d'", "qu'", "j'", "n'", "c'")  # before a vowel; no English word begins so
_ACCENTED = re.compile("[à-ÿœÀ-ÖŒ]")


def tells_french(word: str) -> int:
    """How much more a word tells of French than of English."""
    if word[0].isdigit():
        return 0
    low = word.lower()
    tells = int(low.startswith(_HEADS))
    for part in (low, low.partition("'")[2]):
        tells += (part in lexicon.FRENCH_MARKS) - (part in lexicon.ENGLISH_MARKS)
    return tells


class _Tells(dict[str, int]):
    """A word as written -> how much more it tells of French than of English."""

    __slots__ = ()

    def __missing__(self, word: str) -> int:
        tells = tells_french(word)
        if len(word) <= LONG and not word[0].isdigit():
            if len(self) >= WORDS_MAX:
                self.clear()
            self[word] = tells
        return tells


_TELLS = _Tells()


class Worded(NamedTuple):
    """text: as it is or rephrased; words: its tokens; french: rather than English."""

    text: str
    words: list[str]
    french: bool


def tokens(text: str) -> tuple[str, list[str]]:
    """A text with plain apostrophes, and its words."""
    if "\u2019" in text:
        text = text.replace("\u2019", "'")
    return text, split(text)


def is_french(text: str, words: list[str]) -> bool:
    """Whether a text of these words is French rather than English."""
    told = sum(map(_TELLS.__getitem__, words))
    return told > 0 or (told == 0 and not text.isascii() and _ACCENTED.search(text) is not None)


def cut(text: str) -> Worded:
    """Cut a text into words and rephrase what has a usual wording."""
    text, words = tokens(text)
    french = is_french(text, words)
    if words:
        low = [word.lower() for word in words]
        last = low[-1]
        low += [word.partition("'")[2] for word in low if "'" in word]
        idioms = FRENCH_IDIOMS if french else ENGLISH_IDIOMS
        rephrased = idioms.rephrase(text, low, last)
        if rephrased != text:
            return Worded(rephrased, split(rephrased), french)
    return Worded(text, words, french)
