"""What each word of a text does in it, in one look-up."""

from __future__ import annotations

from proxy.cache import grammar, lexicon, names
from proxy.cache.lexicon import CAPITALS, ENGLISH, FRENCH, Sense
from proxy.cache.tokens import LONG, WORDS_MAX

# Besides the lexicon's kinds: what the reader has to look at more closely, a small word that may
# tell who asks about whom, and a word that is a name where it does not begin a sentence.
CLOSELY, SMALL, NAME = "?", "w", "N"
NOTHING = Sense(lexicon.STOP, "")

THIS = frozenset(grammar.THIS.split())
YOU = frozenset(grammar.YOU.split())
ME = frozenset(grammar.ME.split())
CAN = frozenset(grammar.CAN.split())
THEY = frozenset(grammar.THEY.split())
SOME = frozenset(("some", "any"))
IF = frozenset(("if", "si"))
COMMON = frozenset(names.COMMON.split())
PLACE = frozenset(("there",))
POLITE = frozenset(grammar.POLITE.split())
ASKING = frozenset(ENGLISH.concept(word) for word in grammar.ASKING.split()) | {
    FRENCH.concept(word) for word in ("écrire", "créer")
}
SAYS_NOTHING = frozenset((lexicon.STOP, lexicon.LIGHT))
_SAYS_SOMETHING = (
    YOU | ME | THIS | CAN | POLITE | SOME | PLACE | IF | THEY
)  # though it is such a word, see the reader


class Words(dict[str, Sense]):
    """A word as written -> what it does wherever it stands, or CLOSELY where that depends."""

    __slots__ = ("_lexicon",)

    def __init__(self, *, french: bool) -> None:
        super().__init__()
        self._lexicon = FRENCH if french else ENGLISH

    def __missing__(self, word: str) -> Sense:
        if len(word) > LONG:
            return Sense(CLOSELY, word.lower())
        if len(self) >= WORDS_MAX:
            self.clear()
        found = self[word] = self._settle(word)
        return found

    def _settle(self, word: str) -> Sense:
        low = word.lower()
        closely = Sense(CLOSELY, low)
        if word[0].isdigit() or "'" in word or word in CAPITALS:
            return closely
        if word.isupper() or low == "one" or word in COMMON:
            return closely
        sense = self._lexicon.of(low)
        kind, concept, _ = sense
        if kind in SAYS_NOTHING:
            return Sense(SMALL, low) if low in _SAYS_SOMETHING else NOTHING
        if concept in ASKING:
            return closely
        if kind == lexicon.CONTENT and word[0].isupper() and not self._lexicon.knows(low):
            return Sense(NAME, concept)
        return sense


ENGLISH_WORDS = Words(french=False)
FRENCH_WORDS = Words(french=True)
