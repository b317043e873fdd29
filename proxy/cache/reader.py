"""Reads a prompt for the guards, word by word, left to right.

Done once for a stored entry and once for a question. A few microseconds; no vector, no model.
"""

from __future__ import annotations

from proxy.cache import grammar, lexicon, marks, names
from proxy.cache.lexicon import ACRONYMS, CAPITALS, ENGLISH, Sense
from proxy.cache.prompt import LONG, MAX_CHARS, TONGUE, Prompt
from proxy.cache.questions import Questions
from proxy.cache.worded import Worded, cut
from proxy.cache.words import (
    ASKING,
    CAN,
    CLOSELY,
    COMMON,
    ENGLISH_WORDS,
    FRENCH_WORDS,
    IF,
    ME,
    NAME,
    PLACE,
    POLITE,
    SAYS_NOTHING,
    SMALL,
    SOME,
    THEY,
    THIS,
    YOU,
)

ELISIONS = frozenset(grammar.ELISIONS.split())
_SHORT_UNITS = frozenset(grammar.SHORT_UNITS.split())
_SHOUTED = frozenset(grammar.SHOUTED.split())
_DO = frozenset(grammar.DO.split())
_EXPLAINS = frozenset(grammar.EXPLAINS.split())
_JOINS_THEM = frozenset(("si", "que", "quand", "lorsque"))
_NAMELESS = SAYS_NOTHING | {lexicon.PRONOUN, lexicon.QUESTION}  # in capitals, a name
_OR = frozenset(("or", "ou"))
_ONE = frozenset(("one", "un", "une"))
_AND = frozenset(("and", "et"))
_COUNTED = frozenset(map(ENGLISH.concept, grammar.COUNTED.split()))
_OTHERS = frozenset(("he", "she"))
_LANGUAGES = frozenset(names.LANGUAGES.split())

_STOP, _CONTENT, _OPPOSITE, _PREPOSITION = (
    lexicon.STOP,
    lexicon.CONTENT,
    lexicon.OPPOSITE,
    lexicon.PREPOSITION,
)


def read(text: str | Worded) -> Prompt:
    """Read one prompt. Of a text past MAX_CHARS only that is said."""
    if isinstance(text, str):
        if len(text) > MAX_CHARS:
            return LONG
        text = cut(text)
    reader = _Reader(text)
    reader.read_words()
    return reader.prompt()


class _Reader(Questions):
    """One pass over a text's words, left to right."""

    __slots__ = ()

    def read_words(self) -> None:
        """Take in every word."""
        words, count = self.words, len(self.words)
        known = FRENCH_WORDS if self.french else ENGLISH_WORDS
        content, slots = self.content, self.slots
        index = 0
        while index < count:
            kind, concept, side = known[words[index]]
            if kind == _STOP:
                index += 1
            elif kind == _CONTENT or kind == _OPPOSITE:  # noqa: SIM109, PLR1714 - faster
                content.add(concept)
                slots.append((self.governor, concept))
                self.governor = ""
                if side:
                    self.opposites.add(side)
                index += 1
            elif kind == _PREPOSITION:
                self._govern(concept)
                index += 1
            else:
                index += self._word(kind, concept, index)

    def _govern(self, concept: str) -> None:
        """A preposition: of two in a row the first counts where the second is no more than "of",
        and "than" in "than in tea"."""
        before = self.governor
        if not before or (before != "than" and concept != "of"):
            self.governor = concept

    # ---- one word -------------------------------------------------------------------------

    def _word(self, kind: str, concept: str, index: int) -> int:
        """Take one word in that is no plain one; how many words were used up."""
        if kind == CLOSELY:
            word = self.words[index]
            if word[0].isdigit():
                return self._number(word, index)
            sense = self._look_closely(word, concept, index)
            if sense is None:
                return 1
            kind, concept, side = sense
            if side:
                self.opposites.add(side)
        if kind == SMALL or kind in SAYS_NOTHING:
            self._say_nothing(concept, index)
        elif kind == NAME:
            self._take_name(concept, index)
        elif kind == _PREPOSITION:
            self._govern(concept)
        elif kind == lexicon.QUESTION:
            return self.ask(concept, index)
        elif kind in _TAKERS:
            _TAKERS[kind](self, concept, index)
        elif kind == lexicon.ENTITY:
            self._take_entity(concept, index)
        else:
            self._take(concept, kind)
        return 1

    def _look_closely(self, word: str, low: str, index: int) -> Sense | None:
        """What a word with a sign or in capitals is; None where it was taken in already."""
        sense: Sense | None = None
        if "'" in low and not self.lexicon.knows(low):
            low = self._apostrophe(low)
            if not low:
                return None
        sense = self.lexicon.of(low)
        known = self.lexicon.knows(low)
        if word in COMMON:
            self.content.add(f"a {low}")
        if word.isupper() and 1 < len(word) < 6 and not self.shouting:
            if low in ACRONYMS:
                return ACRONYMS[low]
            if (not known or sense.kind in _NAMELESS) and low not in _SHOUTED:
                return Sense(lexicon.ENTITY, low)
        elif word in CAPITALS and index:
            return CAPITALS[word]
        elif low == "one":
            before = self.lexicon.of(self.words[index - 1].lower()).concept if index else ""
            one = before in _COUNTED or (word == "One" and index and not self.shouting)
            return Sense(lexicon.NUMBER, "1") if one else None
        elif index and len(word) == 1 and word.isupper() and word != "I" and not self.shouting:
            return Sense(lexicon.ENTITY, low)  # vitamin A is no vitamin
        if not known and word[0].isupper():
            return Sense(NAME, sense.concept, sense.side)
        if sense.kind in SAYS_NOTHING:
            return Sense(SMALL, low)
        return sense

    def _say_nothing(self, low: str, index: int) -> None:
        """A small word still tells who asks about whom, or opens a yes/no question."""
        if low in YOU:
            self._say_you()
        elif low in ME:
            self._say_me()
        elif low in THIS:
            self.content.add("this")
        elif low in IF:
            self.condition = len(self.slots) if index or "," in self.words else None
        elif low in CAN:
            if not index and self.words[1:2] and self.words[1].lower() not in YOU:
                self.auxiliary = "would" if low == "would" else "can"
            elif self.question == "quantity":
                self.content.add("one can")  # how long one can is not how long one should
        elif low in THEY:
            if index and self.words[index - 1].lower() in _JOINS_THEM:
                self.content.add(f"if {low}")
        elif self._says_after_all(low, index):
            self._take("some" if low in SOME else low, _CONTENT)

    def _says_after_all(self, low: str, index: int) -> bool:
        """Whether it is the matter itself where it stands."""
        if low in POLITE:
            return index > 0 and self.words[index - 1] != ","
        if low in SOME:
            return index == 1 and self.auxiliary != ""  # what some birds do, birds do not
        return low in PLACE and index == len(self.words) - 1

    def _say_you(self) -> None:
        if self.content or self.question:
            self.addressed = True
            self.begins = self.begins or "you"
            if self.question != "how":
                self.slots.append((self.governor, "you"))
                self.governor = ""

    def _say_me(self) -> None:
        if self.content or self.question or self.auxiliary:
            self.about_me = True
            self.begins = self.begins or "me"
            if self.governor == "for" and self.question:
                self.content.add("for me")  # the best dog for me is not the best dog

    def _apostrophe(self, low: str) -> str:
        """A word without what is hung on it, or "" where that is all it says."""
        head, _, tail = low.partition("'")
        if tail == "t" and head.endswith("n"):
            self.negations += 1
            if head in ("can", "couldn"):
                self.content.add("can't")  # why it cannot is not why it does not
            if head == "won":
                self.future = True
            return ""
        if head in ELISIONS:
            return tail
        if tail == "ll":
            self.future = True
        elif tail in ("s", "re", "m"):
            self.present = self.present or tail != "s"
        return head

    def _take(self, concept: str, kind: str) -> None:
        if concept in ASKING and not (self.content or self.question or self.asking):
            self.asking = True
            return
        self.content.add(concept)
        if kind in (lexicon.ENTITY, lexicon.TECH):
            self.names.add(concept)
            self.technical = self.technical or kind == lexicon.TECH
        elif kind == lexicon.FORMAT:
            self.formats.add(concept)
        elif kind == lexicon.DATE:
            self.dates.add(concept)
        self.slots.append((self.governor, concept))
        self.governor = ""

    def _take_name(self, concept: str, index: int) -> None:
        if index and not self.shouting:
            self.names.add(concept)
            low, _, _ = self.words[index].lower().partition("'")
            if low == concept + "s":
                self.content.add(f"several {concept}")  # Aliens is not Alien
        self._take(concept, _CONTENT)

    def _take_entity(self, concept: str, index: int) -> None:
        if self.governor == "in" and self.words[index].lower() in _LANGUAGES:
            self.governor = TONGUE
        self._take(concept, lexicon.ENTITY)

    # ---- words with a duty ------------------------------------------------------------------

    def _take_carrier(self, concept: str, _index: int) -> None:
        if self.content or self.question:
            self._take(self.lexicon.concept_of_content(concept), _CONTENT)
        elif concept in _EXPLAINS:
            self.explains = True

    def _take_way(self, concept: str, _index: int) -> None:
        if self.question in ("what", ""):
            self.question = "how"
        elif self.question != "how":
            self._take(self.lexicon.concept_of_content(concept), _CONTENT)

    def _take_joiner(self, concept: str, _index: int) -> None:
        self.governor = "&"
        if concept in _OR:
            self.joined = "or"
        elif concept != ",":
            self.joined = self.joined or "and"

    def _take_negator(self, _concept: str, index: int) -> None:
        self.negations += 1
        self.negated.append(len(self.slots))
        if "to" in self.words[max(index - 1, 0) : index + 2]:
            self.content.add("not to")  # one may not vote, or it is allowed not to

    def _take_owner(self, concept: str, index: int) -> None:
        self.owners.add(concept)
        if not self.begins and self.words[index].lower() in _OTHERS:
            self.begins = "others"

    def _take_present(self, concept: str, index: int) -> None:
        if concept in _DO and index == len(self.words) - 1:
            self._take("do", _CONTENT)  # "what does X do" is not "what is X"
            return
        self.present = True
        if concept in _DO and self.question in _ASKED_ROUND:
            self.inverted = True
        self.open(index, "is")

    def _number(self, word: str, index: int) -> int:
        """A number with the unit after it (or the currency before it)."""
        known = self.lexicon.of(word.lower())
        value = known.concept if known.kind == lexicon.NUMBER else marks.plain(word)
        after = self._sense_at(index + 1)
        before = self._sense_at(index - 1) if index else None
        unit = ""
        if after is not None and after.kind in (lexicon.UNIT, lexicon.FORMAT):
            unit = after.concept
        elif before is not None and before.kind == lexicon.UNIT and len(self.words[index - 1]) == 1:
            unit = before.concept
        elif index + 1 < len(self.words) and self.words[index + 1] in _SHORT_UNITS:
            unit = self.words[index + 1]
        self.numbers.append((value, unit))
        if not self.words[index][0].isdigit():
            rest = [low.lower() for low in self.words[index + 1 : index + 3]]
            if rest[:1] and (rest[0] in _ONE or (rest[0] in _AND and rest[-1] in _ONE)):
                self.numbers.append(("1", unit))  # twenty-one, vingt et un
        return 1

    def _sense_at(self, index: int) -> Sense | None:
        if index >= len(self.words):
            return None
        return self.lexicon.of(self.words[index].lower())


_ASKED_ROUND = frozenset(("what", "who"))
_TAKERS = {
    lexicon.CARRIER: _Reader._take_carrier,
    lexicon.WAY: _Reader._take_way,
    lexicon.JOINER: _Reader._take_joiner,
    lexicon.NEGATOR: _Reader._take_negator,
    lexicon.NUMBER: _Reader._number,
    lexicon.PRONOUN: _Reader._take_owner,
    lexicon.PRESENT: _Reader._take_present,
    lexicon.PAST: _Reader.take_past,
    lexicon.FUTURE: _Reader.take_future,
    lexicon.MODAL: _Reader.take_modal,
}

# Concepts a word gives in one place and not in another: see _Reader, `convert` see the guards.
CONTEXTUAL = frozenset(("this", "do")) | ASKING | POLITE
