"""One prompt as the guards see it: numbers, names, negations, and the words that carry it."""

from __future__ import annotations

from dataclasses import dataclass

MAX_CHARS = 800  # a longer prompt is compared by its exact text only: its middle decides too

NOTHING: frozenset[str] = frozenset()
COPULA = "="  # in a slot: between what stands before "is" and what stands after it
TONGUE = "in the language"  # what is said in French is not said in France


@dataclass(slots=True)  # never changed; frozen would cost two microseconds a prompt
class Prompt:
    """One text as the guards see it. Concepts are stems, one for all words of a group."""

    french: bool
    content: frozenset[str]  # every concept that carries the question, names included
    names: frozenset[str]  # of these, people, places, products, technologies
    opposites: frozenset[str]  # the sides that its words are on
    formats: frozenset[str]
    dates: frozenset[str]
    numbers: tuple[tuple[str, str], ...]  # (value, unit or "") in order of appearance
    negations: int
    negated: frozenset[str]  # the words that follow them
    question: str  # what, how, why, ..., "can", "is" for yes/no, "do" for an order
    asked: str  # "which city", "chicken many": of what it wants which; "" for any
    inverted: bool  # "what do frogs eat" rather than "what eats frogs"
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
    slots: tuple[tuple[str, str], ...]  # (preposition or "", concept) in order; see COPULA
    joined: str  # "or" where one is, else "and", "" where nothing joins
    conditions: frozenset[str]  # the words of what stands behind an "if"
    asking: bool  # "write" or "need" at its head
    long: bool


LONG = Prompt(
    False,
    NOTHING,
    NOTHING,
    NOTHING,
    NOTHING,
    NOTHING,
    (),
    0,
    NOTHING,
    "",
    "",
    False,
    "",
    False,
    NOTHING,
    False,
    False,
    "",
    False,
    False,
    NOTHING,
    (),
    (),
    "",
    NOTHING,
    False,
    True,
)
