"""One number for what two prompts must have in common before any guard is worth asking.

The guards let a pair pass only where both carry the same concepts, the same figures, and a
negation both or neither. The gist hashes those of the concepts that a word gives whatever stands
around it, so equal gists are necessary for a hit, and unequal ones settle a miss in microseconds
without a vector or a guard. It never lets anything through: the guards read every pair of equal
gists in full. Where the two disagree, an answer is missed, never given wrongly.
"""

from __future__ import annotations

from proxy.cache import grammar, lexicon
from proxy.cache.lexicon import ACRONYMS, CAPITALS, ENGLISH, FRENCH, Lexicon
from proxy.cache.marks import plain
from proxy.cache.prompt import MAX_CHARS
from proxy.cache.reader import CONTEXTUAL, ELISIONS
from proxy.cache.worded import Worded, cut

WORDS_MAX = 16_384  # words remembered a language
_LONG = 40  # characters; a longer one is hardly a word, and not remembered

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


def gist(text: str | Worded) -> int | None:
    """The gist of a prompt; None for one so long that no guard lets it pass."""
    if isinstance(text, str):
        if len(text) > MAX_CHARS:
            return None
        text = cut(text)
    return hash(sure(text))


def sure(text: Worded) -> frozenset[str]:
    """The concepts and figures that a text's words give whatever stands around them."""
    given = _FRENCH if text.french else _ENGLISH
    return frozenset(["", *[given[one] for one in text.words]])


class _Given(dict[str, str]):
    """A word as written -> the concept it always gives, a number's value, a negation, or ""."""

    __slots__ = ("_lexicon", "_unsure")

    def __init__(self, known: Lexicon) -> None:
        super().__init__()
        self._lexicon = known
        self._unsure = _unsure(known)

    def __missing__(self, one: str) -> str:
        given = self._give(one.lower())
        if len(one) <= _LONG and not (given[:1] == _NUMBER and len(one) > 4):
            if len(self) >= WORDS_MAX:
                self.clear()
            self[one] = given
        return given

    def _give(self, token: str) -> str:
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
            return _NUMBER + concept
        if token[0].isdigit():
            return _NUMBER + plain(token)
        return concept if kind in _ALWAYS_TAKEN and concept not in self._unsure else ""


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


_ENGLISH = _Given(ENGLISH)
_FRENCH = _Given(FRENCH)
