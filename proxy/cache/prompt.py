"""One prompt as the guards see it: numbers, names, negations, and the words that carry it."""

from __future__ import annotations

from dataclasses import dataclass

MAX_CHARS = 800  # a longer prompt is compared by its exact text only: its middle decides too

NOTHING: frozenset[str] = frozenset()


@dataclass(slots=True)  # never changed; frozen would cost two microseconds a prompt
class Prompt:
    """One text as the guards see it. Concepts are stems or the lexicon's names for synonyms."""

    french: bool
    content: frozenset[str]  # every concept that carries the question, names included
    names: frozenset[str]  # of these, people, places, products, technologies
    opposites: frozenset[str]
    formats: frozenset[str]
    dates: frozenset[str]
    numbers: tuple[tuple[str, str], ...]  # (value, unit or "") in order of appearance
    negations: int
    question: str  # what, how, why, ..., "can", "is" for yes/no, "do" for an order
    tense: str  # "", past, future
    modal: bool
    owners: frozenset[str]  # my, your, his, ...
    addressed: bool  # about whoever answers: "what makes you happy"
    about_me: bool  # about whoever asks
    begins: str  # "you" or "me": of the two who comes first, "" for neither
    explains: bool  # asks to be told about it, not to be given it
    technical: bool  # names a programming language or tool
    code: frozenset[str]  # identifiers, paths, operators between numbers
    quotes: tuple[str, ...]
    free: tuple[str, ...]  # concepts no preposition governs, in order
    governed: tuple[tuple[str, str], ...]  # (preposition, concept)
    asking: bool  # "write" or "need" at its head
    long: bool


LONG = Prompt(
    french=False,
    content=NOTHING,
    names=NOTHING,
    opposites=NOTHING,
    formats=NOTHING,
    dates=NOTHING,
    numbers=(),
    negations=0,
    question="",
    tense="",
    modal=False,
    owners=NOTHING,
    addressed=False,
    about_me=False,
    begins="",
    explains=False,
    technical=False,
    code=NOTHING,
    quotes=(),
    free=(),
    governed=(),
    asking=False,
    long=True,
)
