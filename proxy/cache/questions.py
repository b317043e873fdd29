"""What a prompt asks for: its question word, and what kind of answer that expects."""

from __future__ import annotations

from proxy.cache import grammar
from proxy.cache.notes import Notes
from proxy.cache.prompt import COPULA

_KINDS_OF_ANSWER = frozenset(grammar.KINDS_OF_ANSWER.split())
_KINDS_APART = frozenset(grammar.KINDS_APART.split())
_TIMES_ASKED = {  # what is asked: "when", or "when" with what of it
    word: f"when {kind}".removesuffix(" when")
    for kind, *words in map(str.split, grammar.TIMES_ASKED.strip().splitlines())
    for word in words
}
_MEASURED = frozenset(grammar.MEASURED.split())
_RELATIVE = frozenset(grammar.RELATIVE.split())


class Questions(Notes):
    """The part of a reader that questions are for. Times and wishes are here as well: at the
    beginning an auxiliary asks for yes or no."""

    __slots__ = ()

    def ask(self, concept: str, index: int) -> int:
        """A question word; the word after it may say what kind of answer is expected."""
        low = self.words[index].lower()
        after = self.words[index + 1].lower() if index + 1 < len(self.words) else ""
        if self.question:
            if self.question == "what" and concept in ("why", "how"):
                self.question = concept  # "what is the reason", "dis-moi comment"
            elif concept not in ("what", self.question) and low not in _RELATIVE:
                self.content.add("?" + concept)
            return 1
        if low in _RELATIVE and self.content and not self.governor and after:
            return 1  # a function which, une fonction qui
        if self.auxiliary and self.content:
            self.content.add("?" + concept)  # should I learn how to
            return 1
        if concept == "how":
            return self._ask_how(after, index)
        self.question = concept
        if concept == "who":
            self._leave_over()  # whose father, de qui
        if concept == "what" and after in _TIMES_ASKED:
            self.question = _TIMES_ASKED[after]
            return 2
        if concept == "what" and after in _KINDS_OF_ANSWER:
            self._leave_over()  # in which town was he born
            if after in _KINDS_APART:
                self.asked = f"which {self.lexicon.concept_of_content(after)}"
            return 2
        return 1

    def _leave_over(self) -> None:
        """What a preposition governs is asked for: see roles."""
        if self.governor and self.governor != "&":
            self.slots.append((self.governor, ""))
            self.governor = ""

    def _ask_how(self, after: str, index: int) -> int:
        if after in ("many", "much"):
            self.question = "quantity"
            of = "".join(self.words[index + 2 : index + 3]).lower()
            counted = after == "many" or of.endswith("s")
            self.asked = f"{self.lexicon.concept(of)} {'many' if counted else 'much'}"
            return 2
        if after in ("is", "was") and self.words[index + 2 : index + 3] == ["it"]:
            self.question = "what"  # like
            return 1
        if after == "to":
            self.question = "how"
            return 2
        self.question = "quantity" if after in _MEASURED else "how"
        return 1

    def take_past(self, _concept: str, index: int) -> None:
        self.past = True
        self.open(index, "is")

    def take_future(self, _concept: str, index: int) -> None:
        self.future = True
        self.open(index, "will")

    def take_modal(self, _concept: str, index: int) -> None:
        self.modal = True
        self.open(index, "should")

    def open(self, index: int, auxiliary: str) -> None:
        """An auxiliary at the start asks for yes or no; later it joins two that are one."""
        if not index and not self.question:
            self.auxiliary = auxiliary
        elif auxiliary == "is" and self.slots:
            self.slots.append((COPULA, ""))
