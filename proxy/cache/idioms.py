"""Ways of asking that are as good as another: one wording for each, before a prompt is read.

Only what asks for the very same answer; whatever stands in the place of X and Y is kept as it is.
The reader sees the text that comes out of here; the gist leaves out every word that a row may
change. The rows are in `proxy/data`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from importlib.resources import files
from itertools import chain

_I = re.IGNORECASE
_ROW = re.compile(r"(.+?) : `(.*)` => `(.*)`")
_NAMED = re.compile(r"(<\w+>) = `(.*)`")
_ARTICLE = re.compile(r"^(?:the |la |le |l'|les )", _I)
_DISTANCE = "distance"  # of two places: a row becomes this

# What a row may change, read off its pattern: all but what it only looks at.
_LOOKED_AT = re.compile(r"\(\?<?[=!](?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)")
_KEPT = re.compile(r"\\(\d)")
_PIECE = re.compile(r"\\.|\[.[^]]*\]|\(\??|\)|[^\\[()]+")
_SIGN = re.compile(r"\\[a-zA-Z0-9]")
_SPELLED = re.compile(r"([^\W\d_]+)([?*(\[]?)|\d+")
_GONE_ON_WITH = re.compile(r"\(([^\W\d_]+(?:\|[^\W\d_]+)*)\)(?:\[|\((?!\?[=!<]))")
SUFFIX_MAX = 6  # letters; what a word goes on with


class _Row:
    """What is looked for and what it becomes; made ready when a text may hold it."""

    __slots__ = ("_told", "_wording", "literal", "pattern")

    def __init__(self, pattern: str, wording: str, distance: str) -> None:
        self.pattern = pattern
        self._wording = partial(_apart, distance) if wording == _DISTANCE else wording
        self._told: re.Pattern[str] | None = None
        self.literal: str | None = None

    @property
    def changed(self) -> str:
        """What it is about, with its signs, but for what it keeps."""
        wording = self._wording if isinstance(self._wording, str) else _DISTANCE
        return f"{_unkept(self.pattern, _KEPT.findall(wording))} {wording}"

    def is_plausible(self, low: str) -> bool:
        """Whether a text in lower case may hold it: a fiftieth of the time of looking."""
        if self.literal is None:
            self.literal = literal(self.pattern)
        return self.literal in low

    def prepare(self) -> re.Pattern[str]:
        """The pattern, made at its first use: up to 0.8 ms, of all rows together 70."""
        if self._told is None:
            self._told = re.compile(self.pattern, _I)
        return self._told

    def apply(self, text: str) -> str:
        """The text with it replaced."""
        return self.prepare().sub(self._wording, text)


def _unkept(pattern: str, kept: Sequence[str]) -> str:
    """A pattern without its groups of these numbers."""
    if not kept:
        return pattern
    found: list[str] = []
    opened: list[int] = []  # where in `found`; below 0 where the group is kept
    number = 0
    for piece in _PIECE.findall(pattern):
        if piece == "(":
            number += 1
        if piece in ("(", "(?"):
            is_kept = piece == "(" and str(number) in kept
            opened.append(~len(found) if is_kept else len(found))
        found.append(piece)
        if piece == ")" and (begun := opened.pop()) < 0:
            found[~begun:] = " "
    return "".join(found)


def _apart(words: str, match: re.Match[str]) -> str:
    """Two places, in one order: it is as far back as there."""
    return words.format(*sorted(match.groups(), key=lambda place: _ARTICLE.sub("", place.lower())))


class Idioms:
    """One language's rows, by the words that begin them."""

    __slots__ = ("_begins", "_by_word", "_rows")

    def __init__(self, table: str, distance: str) -> None:
        """table: see proxy/data/idioms_en.txt. distance: how that of two places is told."""
        self._rows: list[_Row] = []
        self._by_word: dict[str, list[tuple[int, frozenset[str]]]] = {}
        named = {name: value for name, value in _NAMED.findall(table)}
        for number, (conditions, pattern, wording) in enumerate(_ROW.findall(table)):
            for name, value in named.items():
                pattern = pattern.replace(name, value)  # noqa: PLW2901
            self._rows.append(_Row(pattern, wording, distance))
            for condition in conditions.split():
                needed = condition.split("+")
                begins = needed[0].removeprefix("^")
                beside = frozenset(word for word in needed if word != begins)
                self._by_word.setdefault(begins, []).append((number, beside))
        self._begins = frozenset(self._by_word)

    def rephrase(self, text: str, words: Sequence[str], last: str) -> str:
        """The text in the wording that stands for all of its kind. words: its, in lower case, and
        their parts; last: the last of them."""
        said = {*words, last + "$", "^" + _head(words)}
        by_word = self._by_word
        found = {
            number
            for word in self._begins & said
            for number, beside in by_word[word]
            if not beside or beside <= said
        }
        if not found:
            return text
        low, rows = text.lower(), self._rows
        for number in sorted(found):
            row = rows[number]
            if row.is_plausible(low):
                text = row.apply(text)
                low = text.lower()
        return text

    def rows(self) -> list[_Row]:
        """All of them, in order."""
        return self._rows

    def vocabulary(self) -> tuple[frozenset[str], tuple[str, ...]]:
        """The words and figures that a row may take out or put in, in lower case, and beginnings
        of such, to be gone on with by a few letters."""
        changed = "\n".join([row.changed for row in self._rows])
        words = {begin.strip("^$") for begin in self._begins}
        begins: set[str] = set()
        for row in self._rows:
            for alternatives in _GONE_ON_WITH.findall(row.pattern):
                begins.update(alternatives.split("|"))
        for match in _SPELLED.finditer(_SIGN.sub(" ", _LOOKED_AT.sub(" ", changed)).lower()):
            word, after = match[1] or match[0], match[2]
            words.add(word[:-1] if after and after in "?*" else word)
            words.add(word)
            if after and after in "([" and len(word) > SUFFIX_MAX // 2:
                begins.add(word)
        return frozenset(words), tuple(begins)


def literal(pattern: str) -> str:
    """The longest stretch of letters that stands in whatever a pattern matches, "" where there may
    be none; of patterns as they are in the tables."""
    best = run = ""
    depth, place = 0, 0
    while place < len(pattern):
        sign = pattern[place]
        if sign == "\\":
            place += 1
            sign = "."
        elif sign == "[":
            place = pattern.index("]", place + 2)
            sign = "."
        elif sign in "()":
            depth += 1 if sign == "(" else -1
        elif sign == "|" and not depth:
            return ""
        if not depth and (sign.isalpha() or sign in " '-,"):
            run += sign
        else:
            if sign in "?*{":
                run = run[:-1]
            best, run = max(best, run, key=len), ""
        place += 1
    return max(best, run, key=len)


def _head(words: Sequence[str]) -> str:
    """The first word that says what is to be done."""
    return next((word for word in words if word not in _POLITE), "")


_POLITENESS = """
please kindly can could would will you me hi hello hey i we a some any the ,
peux tu pouvez vous pourrais pourriez moi m bonjour salut je il te plaît s'il
"""
_POLITE = frozenset(_POLITENESS.split())


def _load(language: str, distance: str) -> Idioms:
    path = files("proxy").joinpath(f"data/idioms_{language}.txt")
    return Idioms(path.read_text(encoding="utf-8"), distance)


ENGLISH_IDIOMS = _load("en", "what is distance from {} to {}")
FRENCH_IDIOMS = _load("fr", "quel est distance de {} à {}")
_UNPREPARED = chain(ENGLISH_IDIOMS.rows(), FRENCH_IDIOMS.rows())


def prepare() -> bool:
    """Make one more row ready, in under a millisecond, while nobody waits; whether there may be
    more."""
    row = next(_UNPREPARED, None)
    if row is not None:
        row.prepare()
    return row is not None
