"""Reads a prompt for the guards, word by word, left to right.

Done once for a stored entry and once for a question. A few microseconds; no vector, no model.
"""

from __future__ import annotations

from proxy.cache import grammar, lexicon, marks
from proxy.cache.idioms import is_worded, rephrase
from proxy.cache.lexicon import ACRONYMS, CAPITALS, ENGLISH, FRENCH, Sense, stem
from proxy.cache.prompt import LONG, MAX_CHARS, NOTHING, Prompt
from proxy.cache.words import (
    ASKING,
    CAN,
    ENGLISH_WORDS,
    FRENCH_WORDS,
    ME,
    SAYS_NOTHING,
    THIS,
    YOU,
    split,
)

_KINDS_OF_ANSWER = frozenset(grammar.KINDS_OF_ANSWER.split())
_TIMES_ASKED = frozenset(grammar.TIMES_ASKED.split())
ELISIONS = frozenset(grammar.ELISIONS.split())
FRENCH_HEADS = ("l'", "d'", "qu'", "j'", "n'", "c'")  # before a vowel; no English word begins so
_WOULD = frozenset(grammar.WOULD.split())
_SHORT_UNITS = frozenset(grammar.SHORT_UNITS.split())
_MEASURED = frozenset(grammar.MEASURED.split())
_SHOUTED = frozenset(grammar.SHOUTED.split())
_DO = frozenset(grammar.DO.split())
_EXPLAINS = frozenset(grammar.EXPLAINS.split())


def read(text: str) -> Prompt:
    """Read one prompt. Of a text past MAX_CHARS only that is said."""
    if len(text) > MAX_CHARS:
        return LONG
    return _Reader(text).prompt()


class _Reader:
    """One pass over a text's words, left to right."""

    __slots__ = (
        "about_me",
        "addressed",
        "asking",
        "auxiliary",
        "begins",
        "code",
        "content",
        "dates",
        "explains",
        "formats",
        "free",
        "french",
        "future",
        "governed",
        "governor",
        "lexicon",
        "modal",
        "names",
        "negations",
        "numbers",
        "opposites",
        "owners",
        "past",
        "present",
        "question",
        "quotes",
        "shouts",
        "technical",
        "text",
        "words",
    )  # fmt: skip

    def __init__(self, text: str) -> None:
        text = text.replace("\u2019", "'") if "\u2019" in text else text
        words = split(text)
        folded = set(map(str.lower, words))
        if not is_worded(text, folded):
            text = rephrase(text)
            words = split(text)
            folded = set(map(str.lower, words))
        self.text, self.words = text, words
        french = len(folded & lexicon.FRENCH_MARKS)
        if "'" in text:
            french += sum([word.startswith(FRENCH_HEADS) for word in folded])
        self.french = french > len(folded & lexicon.ENGLISH_MARKS)
        self.lexicon = FRENCH if self.french else ENGLISH
        self.content: set[str] = set()
        self.names: set[str] = set()
        self.opposites: set[str] = set()
        self.formats: set[str] = set()
        self.dates: set[str] = set()
        self.owners: set[str] = set()
        self.numbers: list[tuple[str, str]] = []
        self.free: list[str] = []
        self.governed: list[tuple[str, str]] = []
        self.shouts: bool | None = None
        self.negations = 0
        self.question = self.auxiliary = self.governor = self.begins = ""
        self.past = self.present = self.future = self.modal = False
        self.addressed = self.about_me = False
        self.explains = self.technical = self.asking = False
        self.code = marks.identifiers(text)
        self.quotes = marks.quotes(text)

    @property
    def shouting(self) -> bool:
        """Whether it is a title or a shout: capitals then tell nothing about names."""
        if self.shouts is None:
            words = self.words
            self.shouts = (
                len(words) > 4 and sum([word[0].isupper() for word in words]) * 4 > len(words) * 3
            )
        return self.shouts

    def _read_words(self) -> None:
        words, count = self.words, len(self.words)
        known = FRENCH_WORDS if self.french else ENGLISH_WORDS
        content, free = self.content, self.free
        index = 0
        while index < count:
            word = words[index]
            concept = known[word]
            if concept is None:
                if word[0].isdigit():
                    index += self._number(word, index)
                else:
                    index += self._word(word, index)
                continue
            index += 1
            if concept:
                content.add(concept)
                if self.governor:
                    self.governed.append((self.governor, concept))
                    self.governor = ""
                else:
                    free.append(concept)

    def prompt(self) -> Prompt:
        """What was read."""
        self._read_words()
        if self.numbers:
            self.code |= marks.operators(self.text)
        return Prompt(
            french=self.french,
            content=frozenset(self.content),
            names=frozenset(self.names) if self.names else NOTHING,
            opposites=frozenset(self.opposites) if self.opposites else NOTHING,
            formats=frozenset(self.formats) if self.formats else NOTHING,
            dates=frozenset(self.dates) if self.dates else NOTHING,
            numbers=tuple(self.numbers),
            negations=self.negations,
            question=self.question or self.auxiliary or "do",
            tense="past" if self.past and not self.present else "future" if self.future else "",
            modal=self.modal,
            owners=frozenset(self.owners) if self.owners else NOTHING,
            addressed=self.addressed or "your" in self.owners,
            about_me=self.about_me or "my" in self.owners,
            begins=self.begins,
            explains=self.explains,
            technical=self.technical,
            code=frozenset(self.code) if self.code else NOTHING,
            quotes=self.quotes,
            free=tuple(self.free),
            governed=tuple(self.governed),
            asking=self.asking,
            long=False,
        )

    # ---- one word -------------------------------------------------------------------------

    def _word(self, word: str, index: int) -> int:
        """Take one word in; how many words were used up."""
        low = word.lower()
        sense = self.lexicon.get(low)
        if sense is None and "'" in low:
            low, sense = self._apostrophe(low)
            if not low:
                return 1
        if word.isupper() and 1 < len(word) < 6 and not self.shouting:
            sense = self._acronym(low, sense)
        elif word in CAPITALS and index:
            sense = CAPITALS[word]
        if sense is None:
            self._unknown(word, low, index)
            return 1
        kind, concept = sense
        if kind in SAYS_NOTHING:
            self._say_nothing(low, index)
            return 1
        if kind == lexicon.PREPOSITION:
            self.governor = self.governor if self.governor == "than" else concept  # than in tea
        elif kind == lexicon.QUESTION:
            return self._ask(concept, index)
        elif kind in _TAKERS:
            _TAKERS[kind](self, concept, index)
        else:
            self._take(concept, kind)
        return 1

    def _say_nothing(self, low: str, index: int) -> None:
        """A small word still tells who asks about whom, or opens a yes/no question."""
        if low in YOU:
            if self.content or self.question:
                self.addressed = True
                self.begins = self.begins or "you"
        elif low in ME:
            if self.content or self.question or self.auxiliary:
                self.about_me = True
                self.begins = self.begins or "me"
        elif low in THIS:
            self.content.add("this")
        elif not index and low in CAN and self.words[1:2] and self.words[1].lower() not in YOU:
            self.auxiliary = "can"

    def _apostrophe(self, low: str) -> tuple[str, Sense | None]:
        head, _, tail = low.partition("'")
        if tail == "t" and head.endswith("n"):
            self.negations += 1
            low = {"can": "can", "won": "will", "shan": "shall"}.get(head, head[:-1])
            if low == "will":
                self.future = True
            return "", None
        if head in ELISIONS:
            return tail, self.lexicon.get(tail)
        if tail == "ll":
            self.future = True
        elif tail in ("s", "re", "m"):
            self.present = self.present or tail != "s"
        return head, self.lexicon.get(head)

    def _acronym(self, low: str, sense: Sense | None) -> Sense | None:
        if low in ACRONYMS:
            return ACRONYMS[low]
        if sense is None or sense.kind in SAYS_NOTHING or sense.kind == lexicon.PRONOUN:
            return Sense(lexicon.ENTITY, low) if low not in _SHOUTED else sense
        return sense

    def _unknown(self, word: str, low: str, index: int) -> None:
        concept = stem(low, self.french)
        if index and word[0].isupper() and not self.shouting:
            self.names.add(concept)
        self._take(concept, lexicon.CONTENT)

    def _take(self, concept: str, kind: str) -> None:
        if concept in ASKING and not (self.content or self.question):
            self.asking = True
            return
        self.content.add(concept)
        if kind in (lexicon.ENTITY, lexicon.TECH):
            self.names.add(concept)
            self.technical = self.technical or kind == lexicon.TECH
        elif kind == lexicon.OPPOSITE:
            self.opposites.add(concept)
        elif kind == lexicon.FORMAT:
            self.formats.add(concept)
        elif kind == lexicon.DATE:
            self.dates.add(concept)
        if self.governor:
            self.governed.append((self.governor, concept))
            self.governor = ""
        else:
            self.free.append(concept)

    # ---- words with a duty ------------------------------------------------------------------

    def _take_opposite(self, concept: str, index: int) -> None:
        after = self._sense_at(index + 1)
        if after is not None and after.kind == lexicon.WAY and concept in _PRAISE:
            return  # the best way to: how
        if concept == "like/dislike 1" and index and self.words[index - 1].lower() in _WOULD:
            return  # I would like
        self._take(concept, lexicon.OPPOSITE)

    def _take_carrier(self, concept: str, _index: int) -> None:
        if self.content or self.question:
            self._take(stem(concept, self.french), lexicon.CONTENT)
        elif concept in _EXPLAINS:
            self.explains = True

    def _take_way(self, concept: str, _index: int) -> None:
        if self.question in ("what", ""):
            self.question = "how"
        elif self.question != "how":
            self._take(stem(concept, self.french), lexicon.CONTENT)

    def _take_joiner(self, _concept: str, _index: int) -> None:
        self.governor = "&"

    def _take_negator(self, _concept: str, _index: int) -> None:
        self.negations += 1

    def _take_number(self, concept: str, index: int) -> None:
        self._number(concept, index)

    def _take_owner(self, concept: str, _index: int) -> None:
        self.owners.add(concept)

    def _take_present(self, concept: str, index: int) -> None:
        if concept in _DO and index == len(self.words) - 1:
            self._take("do", lexicon.CONTENT)  # "what does X do" is not "what is X"
            return
        self.present = True
        self._open(index, "is" if concept not in ("do", "does") else "do?")

    def _take_past(self, concept: str, index: int) -> None:
        self.past = True
        self._open(index, "is" if concept != "did" else "do?")

    def _take_future(self, _concept: str, index: int) -> None:
        self.future = True
        self._open(index, "will")

    def _take_modal(self, _concept: str, index: int) -> None:
        self.modal = True
        self._open(index, "should")

    def _take_unit(self, concept: str, _index: int) -> None:
        self._take(concept, lexicon.UNIT)

    def _open(self, index: int, auxiliary: str) -> None:
        """An auxiliary at the start asks for yes or no."""
        if not index and not self.question:
            self.auxiliary = auxiliary

    def _number(self, word: str, index: int) -> int:
        """A number with the unit after it (or the currency before it)."""
        value = marks.plain(word)
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
        return 1

    def _ask(self, concept: str, index: int) -> int:
        """A question word; the word after it may say what kind of answer is expected."""
        after = self.words[index + 1].lower() if index + 1 < len(self.words) else ""
        if self.question:
            if self.question == "what" and concept in ("why", "how"):
                self.question = concept  # "what is the reason", "dis-moi comment"
            elif concept not in ("what", self.question):
                self.content.add("?" + concept)
            return 1
        if concept == "how":
            if after in ("many", "much"):
                self.question = "quantity"
                return 2
            if after in ("is", "was") and self.words[index + 2 : index + 3] == ["it"]:
                self.question = "what"  # like
                return 1
            found = self._sense_at(index + 1)
            self.question = "quantity" if found is not None and _measures(found, after) else "how"
            return 1
        self.question = concept
        if concept == "what" and after in _TIMES_ASKED:
            self.question = "when"
            return 2
        if concept == "what" and after in _KINDS_OF_ANSWER:
            return 2
        return 1

    def _sense_at(self, index: int) -> Sense | None:
        if index >= len(self.words):
            return None
        return self.lexicon.get(self.words[index].lower())


_TAKERS = {
    lexicon.OPPOSITE: _Reader._take_opposite,
    lexicon.CARRIER: _Reader._take_carrier,
    lexicon.WAY: _Reader._take_way,
    lexicon.JOINER: _Reader._take_joiner,
    lexicon.NEGATOR: _Reader._take_negator,
    lexicon.NUMBER: _Reader._take_number,
    lexicon.PRONOUN: _Reader._take_owner,
    lexicon.PRESENT: _Reader._take_present,
    lexicon.PAST: _Reader._take_past,
    lexicon.FUTURE: _Reader._take_future,
    lexicon.MODAL: _Reader._take_modal,
    lexicon.UNIT: _Reader._take_unit,
}

_PRAISE = frozenset(("good/bad 1",))
# Concepts a word gives in one place and not in another: see _Reader, `convert` see the guards.
CONTEXTUAL = frozenset(("this", "do", "like/dislike 1", "convert", "calculate")) | _PRAISE | ASKING


def _measures(sense: Sense, word: str) -> bool:
    return word in _MEASURED or sense.concept in ("height", "distance")
