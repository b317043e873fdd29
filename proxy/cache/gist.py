"""One number for what two prompts must have in common before any guard is worth asking.

The guards let a pair pass only where both carry the same concepts, the same figures, and a
negation both or neither. The gist hashes those of the concepts that a word gives whatever stands
around it and however the prompt could be worded, so equal gists are necessary for a hit, and
unequal ones settle a miss in microseconds without a vector or a guard. It never lets anything
through: the guards read every pair of equal gists in full, unless their senses differ, which say
more and cost more. Where gist and guards disagree, an answer is missed, never given wrongly.
"""

from __future__ import annotations

from secrets import randbits

from proxy.cache import grammar, lexicon
from proxy.cache.idioms import ENGLISH_IDIOMS, FRENCH_IDIOMS, SUFFIX_MAX, Idioms
from proxy.cache.lexicon import ACRONYMS, CAPITALS, ENGLISH, FRENCH, Lexicon
from proxy.cache.marks import plain
from proxy.cache.prompt import MAX_CHARS
from proxy.cache.reader import CONTEXTUAL, ELISIONS
from proxy.cache.tokens import WORDS_MAX, Givens, is_rare
from proxy.cache.worded import Worded, is_french, tells_french, tokens

_NEGATION = "!"
_NUMBER = "#"
_ALWAYS_TAKEN = frozenset(
    (
        lexicon.CONTENT,
        lexicon.ENTITY,
        lexicon.TECH,
        lexicon.FORMAT,
        lexicon.DATE,
        lexicon.UNIT,
        lexicon.OPPOSITE,
    )
)
_UNITS_AS_SIGNS = "% € $ £ ¥ °"


def gist(text: str) -> int | None:
    """The gist of a prompt; None for one so long that no guard lets it pass."""
    if len(text) > MAX_CHARS:
        return None
    return _GIVENS.gist(text) if text.isascii() else hash(sure(text))


def sure(text: str) -> frozenset[str]:
    """The concepts and figures that a text's words give whatever stands around them."""
    text, words = tokens(text)
    given = _FRENCH if is_french(text, words) else _ENGLISH
    return frozenset(["", *map(given.__getitem__, words)])


def sense(text: Worded) -> int:
    """What a gist is of a text that is in the wording of its kind: three times as dear."""
    given = _FRENCH_WORDED if text.french else _ENGLISH_WORDED
    return hash(frozenset(["", *map(given.__getitem__, text.words)]))


class _Given(dict[str, str]):
    """A word as written -> the concept it always gives, a number's value, a negation, or ""."""

    __slots__ = ("_begins", "_lexicon", "_unsure")

    def __init__(
        self, known: Lexicon, unsure: frozenset[str], begins: tuple[str, ...] = ()
    ) -> None:
        """unsure: concepts and figures that are not given; begins: of words that are not."""
        super().__init__()
        self._lexicon = known
        self._unsure = unsure
        self._begins = begins

    def __missing__(self, one: str) -> str:
        given = self.give(one)
        if not is_rare(one):
            if len(self) >= WORDS_MAX:
                self.clear()
            self[one] = given
        return given

    def give(self, one: str) -> str:
        """What a word gives, remembered or not."""
        if one.isdecimal():
            given = _NUMBER + one
            return "" if given in self._unsure else given
        token = one.lower()
        known = self._lexicon
        if "'" in token and not known.knows(token):
            head, _, tail = token.partition("'")
            if tail == "t" and head.endswith("n"):
                return _NEGATION
            token = tail if head in ELISIONS else head
        kind, concept, _ = known.of(token)
        if kind == lexicon.NEGATOR:
            return _NEGATION
        if kind == lexicon.NUMBER:
            concept = _NUMBER + concept
        elif token[0].isdigit():
            concept = _NUMBER + plain(token)
        elif kind not in _ALWAYS_TAKEN or self._may_be_worded(token):
            return ""
        return "" if concept in self._unsure else concept

    def _may_be_worded(self, token: str) -> bool:
        return token.startswith(self._begins) and any(
            token.startswith(begin) and len(token) <= len(begin) + SUFFIX_MAX
            for begin in self._begins
        )


def _unsure(known: Lexicon) -> frozenset[str]:
    """The concepts that a word may give or not, by what stands around it or how it is written."""
    found = set(CONTEXTUAL)
    for spelled, sense in known.words.items():
        if sense.kind in (lexicon.CARRIER, lexicon.WAY):
            found.add(known.concept_of_content(spelled))
        elif sense.kind in (lexicon.STOP, lexicon.LIGHT, lexicon.PRONOUN):
            found.add(spelled)  # in capitals, a name
    skipped = f"{grammar.KINDS_OF_ANSWER} {grammar.TIMES_ASKED} {_UNITS_AS_SIGNS}"
    for spelled in (*skipped.split(), *(name.lower() for name in CAPITALS), *ACRONYMS):
        found |= {spelled, known.concept(spelled)}
    found |= {
        known.concept(spelled) for spelled in ("convert", "calculate", "convertir", "calculer")
    }
    return frozenset(found | {sense.concept for sense in (*CAPITALS.values(), *ACRONYMS.values())})


def _changed(known: Lexicon, words: frozenset[str]) -> frozenset[str]:
    """What words give that an idiom may take out or put in: all but names, which it keeps."""
    found = set(words)
    for word in words:
        kind, concept, _ = known.of(word)
        if kind == lexicon.NUMBER or word.isdigit():
            found.add(_NUMBER + (concept if kind == lexicon.NUMBER else word))
        if kind not in (lexicon.ENTITY, lexicon.TECH):
            found |= {concept, known.concept_of_content(word)}
    return frozenset(found)


def _givens(known: Lexicon, idioms: Idioms) -> tuple[_Given, _Given]:
    """What words give of any text, and of one that no idiom can change any more."""
    unsure = _unsure(known)
    words, begins = idioms.vocabulary()
    return _Given(known, unsure | _changed(known, words), begins), _Given(known, unsure)


_ENGLISH, _ENGLISH_WORDED = _givens(ENGLISH, ENGLISH_IDIOMS)
_FRENCH, _FRENCH_WORDED = _givens(FRENCH, FRENCH_IDIOMS)


def _learn(token: str) -> tuple[int, str, str]:
    return tells_french(token), _ENGLISH.give(token), _FRENCH.give(token)


_GIVENS = Givens(_learn, randbits(64))
