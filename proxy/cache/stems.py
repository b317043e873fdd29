"""A word without its inflection, English and French; nothing here knows a word."""

from __future__ import annotations

from functools import lru_cache

from proxy.cache import grammar

_VOWELS = "aeiouy"
_NO_DOUBLE = "lsz"  # fill, pass, buzz: two of them belong to the word
_HISSING = ("ches", "shes", "sses", "xes", "zzes", "oes")
_MUTE = ("v", "u", "nc", "rc", "dg", "rg", "iz", "ys", "ns", "rs", "bl", "dl", "gl", "pl", "tl")


@lru_cache(maxsize=16384)
def stem(word: str, french: bool) -> str:
    """An unknown word without its inflection: plural, participle, conjugation; never its prefix.

    Light on purpose: "organ" and "organisation" stay two, and so do "plan" and "plane".
    """
    return _stem_french(plain(word)) if french else _without_e(_stem_english(word))


def _stem_english(word: str) -> str:
    if len(word) > 5 and word.endswith("ly"):
        word = word[:-3] + "y" if word[-3] == "i" else word[:-2]
    size = len(word)
    if size > 4 and word.endswith(("ies", "ied")):
        return word[:-3] + "y"
    if size > 5 and word.endswith("ing"):
        return _verb(word[:-3])
    if size > 4 and word.endswith("ed") and word[-3] != "e":
        return _verb(word[:-2])
    if size > 3 and word[-1] == "s" and word[-2] not in "su":
        return word[:-2] if word.endswith(_HISSING) else word[:-1]
    return word


def _verb(root: str) -> str:
    """What -ing or -ed was hung on: "mak" is make, "stopp" is stop, "visit" itself."""
    if len(root) < 2 or not any(letter in _VOWELS for letter in root):
        return root
    last, before = root[-1], root[-2]
    if len(root) > 3 and last == before and last not in _NO_DOUBLE:
        return root[:-1]
    if root.endswith(_MUTE):
        return root + "e"
    groups = sum(
        letter in _VOWELS and (not place or root[place - 1] not in _VOWELS)
        for place, letter in enumerate(root)
    )
    closed = last not in "aeiouywx" and before in _VOWELS and root[-3:-2] not in tuple(_VOWELS)
    return root + "e" if groups == 1 and closed else root


def _without_e(word: str) -> str:
    """A long word's last e, which some of its forms do without, tells it from no other word."""
    return word[:-1] if len(word) > 5 and word[-1] == "e" else word


def _stem_french(word: str) -> str:
    if len(word) > 4 and word[-1] == "s":
        word = word[:-1]
    size = len(word)
    for ending, instead in _FRENCH_TURNS:
        if size > len(ending) + 2 and word.endswith(ending):
            return word[: -len(ending)] + instead
    for ending in _FRENCH_ENDINGS:
        if word.endswith(ending) and size - len(ending) >= 4:
            word = word[: -len(ending)]
            return word[:-1] if word[-1] == word[-2] and word[-1] in "nltm" else word
    return word[:-1] if size > 3 and word[-1] in "esx" else word


_FRENCH_ENDINGS = tuple(sorted(grammar.FRENCH_ENDINGS.split(), key=len, reverse=True))
_FRENCH_TURNS = (
    ("euse", "eu"), ("eux", "eu"), ("ive", "if"), ("eaux", "eau"), ("aux", "al"),
)  # fmt: skip


def plain(word: str) -> str:
    """A word as it is written in a hurry: without accents."""
    return word if word.isascii() else word.translate(_ACCENTS)


_ACCENTS = str.maketrans(
    {**dict(zip("àâäçéèêëîïôöùûüÿ", "aaaceeeeiioouuuy", strict=True)), "œ": "oe", "æ": "ae"}
)
