"""The guards' dictionary: what a word does in a prompt, one look-up a word.

Made once from the tables of grammar, opposites and synonyms; one dictionary a language, because
some words are spelled alike and meant differently ("comment", "on", "pour").
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from proxy.cache import grammar, opposites, synonyms

# What a word does; compared in the inner loop, so one letter each.
STOP, LIGHT, CARRIER, WAY, PREPOSITION, JOINER = "s", "l", "v", "y", "p", "&"
NEGATOR, NUMBER, UNIT, DATE, FORMAT, QUESTION = "n", "d", "u", "t", "f", "q"
PRONOUN, PRESENT, PAST, FUTURE, MODAL = "r", "1", "2", "3", "m"
ENTITY, TECH, OPPOSITE, CONTENT = "e", "g", "z", "c"


class Sense(NamedTuple):
    """What a word does and which concept it stands for."""

    kind: str
    concept: str


def _rows(table: str) -> Iterator[tuple[str, list[str]]]:
    for line in table.strip().splitlines():
        concept, _, spellings = line.partition(": ")
        yield concept, spellings.split()


def _build() -> dict[str, Sense]:
    """Both languages together; a later table wins over an earlier one."""
    lexicon: dict[str, Sense] = {}
    for kind, table in (
        (CONTENT, synonyms.SYNONYMS),
        (ENTITY, synonyms.PLACES),
        (OPPOSITE, opposites.OPPOSITES),
        (FORMAT, grammar.FORMATS),
        (DATE, grammar.DATES),
        (UNIT, grammar.UNITS),
        (NUMBER, grammar.NUMBERS),
        (TECH, synonyms.TECHNOLOGIES),
        (QUESTION, grammar.QUESTIONS),
        (PRONOUN, grammar.PRONOUNS),
        (PREPOSITION, grammar.PREPOSITIONS),
    ):
        for concept, spellings in _rows(table):
            for word in spellings:
                lexicon[word] = Sense(kind, concept)
    for kind, words in (
        (LIGHT, grammar.LIGHT_WORDS),
        (CARRIER, grammar.CARRIERS),
        (WAY, grammar.WAYS),
        (JOINER, grammar.JOINERS),
        (NEGATOR, grammar.NEGATORS),
        (MODAL, grammar.MODALS),
        (PRESENT, grammar.PRESENT),
        (PAST, grammar.PAST),
        (FUTURE, grammar.FUTURE),
        (STOP, grammar.STOP_WORDS),
    ):
        for word in words.split():
            lexicon[word] = Sense(kind, word)
    return lexicon


def _for_language(without: str, stop: str) -> dict[str, Sense]:
    lexicon = _build()
    for word in without.split():
        lexicon.pop(word, None)
    for word in stop.split():
        lexicon[word] = Sense(STOP, word)
    return lexicon


ENGLISH = _for_language(grammar.ONLY_FRENCH, grammar.ENGLISH_STOP)
FRENCH = _for_language(grammar.ONLY_ENGLISH, grammar.FRENCH_STOP)
FRENCH["comment"] = Sense(QUESTION, "how")
FRENCH["son"] = Sense(PRONOUN, "their")

# Written in capitals they name something, or something else.
CAPITALS = {
    "C": Sense(TECH, "c"),
    "R": Sense(TECH, "r"),
    "Go": Sense(TECH, "golang"),
    "C++": Sense(TECH, "cpp"),
    "C#": Sense(TECH, "csharp"),
    "March": Sense(DATE, "03"),
    "May": Sense(DATE, "05"),
}
ACRONYMS = {
    "us": Sense(ENTITY, "usa"),
    "uk": Sense(ENTITY, "uk"),
    "eu": Sense(ENTITY, "europe"),
}

# Words that occur in nearly every French prompt and in hardly any English one.
FRENCH_MARKS = frozenset(grammar.FRENCH_MARKS.split())
ENGLISH_MARKS = frozenset(grammar.ENGLISH_MARKS.split())


@lru_cache(maxsize=16384)
def stem(word: str, french: bool) -> str:
    """An unknown word without its inflection: plural, participle, conjugation; never its prefix.

    Light on purpose: "organ" and "organisation" stay two.
    """
    size = len(word)
    if french:
        for ending in _FRENCH_ENDINGS:
            if word.endswith(ending) and size - len(ending) >= 4:
                return word[: -len(ending)]
        return word[:-1] if size > 3 and word[-1] in "esx" else word
    if size > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    for ending in ("ing", "ed", "es"):
        if word.endswith(ending) and size - len(ending) >= 3:
            root = word[: -len(ending)]
            if len(root) > 3 and root[-1] == root[-2] and root[-1] not in "lsz":
                root = root[:-1]  # running, stopped
            return root
    if size > 3 and word[-1] == "s" and word[-2] not in "su":
        word = word[:-1]
    return word[:-1] if len(word) > 3 and word[-1] == "e" else word


_FRENCH_ENDINGS = tuple(sorted(grammar.FRENCH_ENDINGS.split(), key=len, reverse=True))
