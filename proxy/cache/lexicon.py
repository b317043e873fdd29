"""The guards' dictionary: what a word does in a prompt, one look-up a word.

Made once from the tables of english, french, grammar, names and opposites; one a language, because
some words are spelled alike and meant differently ("comment", "on", "pour").
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import NamedTuple

from proxy.cache import english, grammar, names, opposites
from proxy.cache import french as french_words
from proxy.cache.stems import plain, stem

# What a word does; compared in the inner loop, so one letter each.
STOP, LIGHT, CARRIER, WAY, PREPOSITION, JOINER = "s", "l", "v", "y", "p", "&"
NEGATOR, NUMBER, UNIT, DATE, FORMAT, QUESTION = "n", "d", "u", "t", "f", "q"
PRONOUN, PRESENT, PAST, FUTURE, MODAL = "r", "1", "2", "3", "m"
ENTITY, TECH, OPPOSITE, CONTENT = "e", "g", "z", "c"


class Sense(NamedTuple):
    """What a word does, which concept it stands for, and on which side of an opposition it is."""

    kind: str
    concept: str
    side: str = ""


class Lexicon:
    """One language's words."""

    __slots__ = ("_french", "_plain", "_roots", "_sides", "words")

    def __init__(self, *, french: bool) -> None:
        self._french = french
        self._roots: dict[str, str] = {}  # a stem -> the concept of its group
        self._sides: dict[str, str] = {}
        self._plain: dict[str, Sense] = {}  # French: without accents
        self.words: dict[str, Sense] = {}
        self._meet_content(french_words if french else english)
        self._meet_opposites()
        self._meet_kinds()
        self._meet_own(french_words if french else english)
        for word in (grammar.ONLY_ENGLISH if french else grammar.ONLY_FRENCH).split():
            self.words.pop(word, None)
        for word in (grammar.FRENCH_STOP if french else grammar.ENGLISH_STOP).split():
            self.words[word] = Sense(STOP, word)
        if french:
            accented = ((word, sense) for word, sense in self.words.items() if not word.isascii())
            self._plain = {plain(word): sense for word, sense in accented}

    def of(self, word: str) -> Sense:
        """The sense of a word in lower case, by its stem where it is not listed."""
        sense = self.words.get(word)
        if sense is None and self._french and word.isascii():
            sense = self._plain.get(word)
        return self._by_stem(word) if sense is None else sense

    def knows(self, word: str) -> bool:
        """Whether it is listed as it is."""
        return word in self.words

    def concept(self, word: str) -> str:
        """The concept of a word in lower case."""
        return self.of(word).concept

    def concept_of_content(self, word: str) -> str:
        """The concept of a word that has a duty in other places."""
        return self._by_stem(word).concept

    def _by_stem(self, word: str) -> Sense:
        root = stem(word, self._french)
        side = self._sides.get(root, "")
        return Sense(OPPOSITE if side else CONTENT, self._roots.get(root, root), side)

    def _meet_content(self, tables: ModuleType) -> None:
        for group in _groups(tables.SYNONYMS):
            concept = stem(group[0], self._french)
            for word in group:
                self._roots.setdefault(stem(word, self._french), concept)
                self.words[word] = Sense(CONTENT, concept)
        forms = [(group[0], group[1:]) for group in _groups(tables.FORMS)]
        forms += list(french_words.conjugated()) if self._french else []
        for first, others in forms:
            root = stem(first, self._french)
            sense = Sense(CONTENT, self._roots.get(root, root))
            for word in (first, *others):
                self.words.setdefault(word, sense)

    def _meet_own(self, tables: ModuleType) -> None:
        """The words that no stem is looked up for; without its accents each is another word."""
        for group in _groups(tables.OWN):
            for word in group:
                bare = plain(word)
                if bare != word:
                    self.words.setdefault(bare, self._by_stem(bare))
                self.words[word] = Sense(CONTENT, group[0])

    def _meet_opposites(self) -> None:
        for side, spellings in _rows(opposites.OPPOSITES):
            for word in spellings:
                if self._french or word.isascii():
                    self._sides.setdefault(stem(word, self._french), side)
                    self.words[word] = Sense(OPPOSITE, self.of(word).concept, side)

    def _meet_kinds(self) -> None:
        """The words with a duty; a later table wins over an earlier one."""
        for kind, table in _TABLES:
            for concept, spellings in _rows(table):
                for word in spellings:
                    self.words[word] = Sense(kind, concept)
        for kind, words in _LISTS:
            for word in words.split():
                self.words[word] = Sense(kind, word)
        if not self._french:
            for right, *wrong in _groups(english.MISSPELLED):
                for word in wrong:
                    self.words[word] = self.of(right)


def _groups(table: str) -> list[list[str]]:
    return [group.split() for group in table.split(";")]


def _rows(table: str) -> Iterator[tuple[str, list[str]]]:
    for line in table.strip().splitlines():
        concept, _, spellings = line.partition(": ")
        yield concept, spellings.split()


_TABLES = (
    (ENTITY, names.PLACES),
    (FORMAT, grammar.FORMATS),
    (DATE, grammar.DATES),
    (UNIT, grammar.UNITS),
    (NUMBER, grammar.NUMBERS),
    (TECH, names.TECHNOLOGIES),
    (QUESTION, grammar.QUESTIONS),
    (PRONOUN, grammar.PRONOUNS),
    (PREPOSITION, grammar.PREPOSITIONS),
)
_LISTS = (
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
)


ENGLISH = Lexicon(french=False)
FRENCH = Lexicon(french=True)
FRENCH.words["comment"] = Sense(QUESTION, "how")
FRENCH.words["billion"] = FRENCH.words["billions"] = Sense(NUMBER, "1000000000000")
FRENCH.words["son"] = Sense(PRONOUN, "their")

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
