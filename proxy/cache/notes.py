"""What the reader notes of a prompt as it goes, and what that comes to for the guards."""

from __future__ import annotations

from proxy.cache import lexicon, marks
from proxy.cache.lexicon import ENGLISH, FRENCH
from proxy.cache.prompt import NOTHING, Prompt
from proxy.cache.worded import Worded
from proxy.cache.words import THEY

UNTOLD = "?"  # no word tells the time


class Notes:
    """Of one text; filled word by word, left to right."""

    __slots__ = (
        "about_me",
        "addressed",
        "asked",
        "asking",
        "auxiliary",
        "begins",
        "condition",
        "content",
        "dates",
        "explains",
        "formats",
        "french",
        "future",
        "governor",
        "inverted",
        "joined",
        "lexicon",
        "modal",
        "names",
        "negated",
        "negations",
        "numbers",
        "opposites",
        "owners",
        "past",
        "present",
        "question",
        "shouts",
        "slots",
        "technical",
        "text",
        "words",
    )  # fmt: skip

    def __init__(self, worded: Worded) -> None:
        self.text, self.words, self.french = worded
        self.lexicon = FRENCH if self.french else ENGLISH
        self.content: set[str] = set()
        self.names: set[str] = set()
        self.opposites: set[str] = set()
        self.formats: set[str] = set()
        self.dates: set[str] = set()
        self.owners: set[str] = set()
        self.numbers: list[tuple[str, str]] = []
        self.slots: list[tuple[str, str]] = []
        self.negated: list[int] = []  # places in slots
        self.shouts: bool | None = None
        self.condition: int | None = None  # where in slots one begins
        self.negations = 0
        self.question = self.asked = self.auxiliary = self.governor = self.begins = self.joined = ""
        self.past = self.present = self.future = self.modal = False
        self.addressed = self.about_me = False
        self.explains = self.technical = self.asking = self.inverted = False

    @property
    def shouting(self) -> bool:
        """Whether it is a title or a shout: capitals then tell nothing about names."""
        if self.shouts is None:
            words = self.words
            self.shouts = (
                len(words) > 4 and sum([word[0].isupper() for word in words]) * 4 > len(words) * 3
            )
        return self.shouts

    def prompt(self) -> Prompt:
        """What was read, once every word has been."""
        if self.governor and self.lexicon.of(self.words[-1].lower()).kind == lexicon.PREPOSITION:
            self.slots.append((self.governor, ""))  # what it is made of: see roles
        text, owners = self.text, self.owners
        code = marks.identifiers(text)
        if self.numbers:
            code |= marks.operators(text)
        return Prompt(
            self.french,
            frozenset(self.content),
            frozenset(self.names) if self.names else NOTHING,
            frozenset(self.opposites) if self.opposites else NOTHING,
            frozenset(self.formats) if self.formats else NOTHING,
            frozenset(self.dates) if self.dates else NOTHING,
            tuple(self.numbers),
            self.negations,
            self._negated() if self.negated else NOTHING,
            self.question or self.auxiliary or "do",
            self.asked,
            self.inverted or (self.french and self._turns_round()),
            self._tense(),
            self.modal,
            frozenset(owners) if owners else NOTHING,
            self.addressed or "your" in owners,
            self.about_me or "my" in owners,
            self.begins,
            self.explains,
            self.technical,
            frozenset(code) if code else NOTHING,
            marks.quotes(text),
            tuple(self.slots),
            self.joined,
            NOTHING if self.condition is None else self._conditions(self.condition),
            self.asking,
            False,
        )

    def _negated(self) -> frozenset[str]:
        slots = self.slots
        return frozenset(
            next((word for _, word in slots[place:] if word), "") for place in self.negated
        ) - {""}

    def _conditions(self, begin: int) -> frozenset[str]:
        found: list[str] = []
        for by, word in self.slots[begin:]:
            if by == "&" and found:
                break
            found.append(word)
        return frozenset(found)

    def _turns_round(self) -> bool:
        """Whether who is asked for is whom: qui Marie aime-t-elle."""
        return self.question == "who" and not THEY.isdisjoint(self.words)

    def _tense(self) -> str:
        if self.past and not self.present:
            return "past"
        return "future" if self.future else "" if self.present else UNTOLD
