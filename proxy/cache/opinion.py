"""A second opinion on doubtful matches: another model's, asked while upstream is asked too.

The word table proposes and the guards refuse; between them lie prompts that no guard refuses for
good and whose words do not speak for themselves. A transformer in a process of its own compares
those. Nobody waits for it: the request is under way already, and the kept answer is given only
where the comparison comes before upstream's first token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from proxy.cache import guards
from proxy.cache.entry import Entry
from proxy.cache.prompt import Prompt
from proxy.cache.reader import read
from proxy.cache.words import plain_words

BUDGET_S = 0.5  # a comparison that takes longer hardly ever comes before the first token
CANDIDATES = 4  # compared at once
NEAREST = 8  # looked at for them
_SETTLED = 1024  # requests remembered that a second opinion was heard of
FLOOR = 0.4  # the word table's cosine, below which two prompts are hardly about one thing


class Comparer(Protocol):
    """The way to the other model."""

    @property
    def connected(self) -> bool:
        """Whether there is anybody to ask."""
        ...

    def ask(
        self,
        texts: Sequence[str],
        then: Callable[[Any], None],
        budget_s: float | None = None,
    ) -> None:
        """then hears unit vectors, shape (len(texts), dim), or None; once."""
        ...


class Doubt(NamedTuple):
    """A kept answer that may fit, and the likeness that would settle it."""

    entry: Entry
    needed: float


# What the other model's cosine must reach, by what speaks against the pair. Of Quora's development
# pairs 0.19 are answered then at a precision of 0.91, of the own English and French ones 0.80 and
# 0.85 and none wrong, of pairs that nobody looked at while this was set 0.69 and 0.63 and none.
_NOTHING, _FORM, _MORE = 0.85, 0.92, 0.95
# Not the order: of "does tea cost more than coffee" and the reverse no model's cosine tells which.
_SOFT = frozenset(("question", "words"))


class Settled:
    """Which entry was found to answer a request, for the next one like it."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: dict[bytes, tuple[Entry, float]] = {}

    def __len__(self) -> int:
        return len(self._found)

    def settle(self, exact: bytes, entry: Entry, likeness: float) -> None:
        """exact: the fingerprint of the request that it answers."""
        if len(self._found) >= _SETTLED:
            self._found.pop(next(iter(self._found)))
        self._found[exact] = (entry, likeness)

    def of(self, exact: bytes) -> tuple[Entry, float] | None:
        """The entry and its likeness; it may be gone by now."""
        return self._found.get(exact)


def needed(a: Prompt, b: Prompt) -> float:
    """The likeness asked of two prompts; guards.REFUSED where no likeness would do.

    One may say more than the other, or ask in another form. Where each has a word of its own,
    that is a cat against a dog, which no model tells from a car against an automobile.
    """
    against = {name for name, guard in guards.GUARDS if guard(a, b) is not None}
    if not against:
        return _NOTHING
    if not against <= _SOFT or (a.content - b.content and b.content - a.content):
        return guards.REFUSED
    return _FORM if a.content == b.content else _MORE


def doubts_among(
    near_ones: Iterable[tuple[Entry, float]], text: str, prepare: Callable[[str], Prompt]
) -> list[Doubt]:
    """Of entries with their cosine to a prompt, nearest first, those that could be settled on.

    prepare: reads an entry's text, and remembers it.
    """
    doubts: list[Doubt] = []
    asked: Prompt | None = None
    ours: set[str] = set()
    for entry, near in near_ones:
        if near < FLOOR or len(doubts) == CANDIDATES:
            break
        if asked is None:
            asked = read(text)
            ours = plain_words(text, french=asked.french)
        theirs = plain_words(entry.text, french=asked.french)
        if theirs - asked.content and ours - theirs:
            continue  # each has a word of its own: see `needed`; a sixth of a reading tells
        least = needed(prepare(entry.text), asked)
        if least < guards.REFUSED:
            doubts.append(Doubt(entry, least))
    return doubts


def ask(
    comparer: Comparer, text: str, doubts: Sequence[Doubt], then: Callable[[Doubt, float], None]
) -> None:
    """Compare a text with each doubtful entry's; then hears the best of those that are settled,
    and its likeness, if there is one."""

    def hear(found: Any) -> None:
        if found is None:
            return
        likeness = (found[1:] @ found[0]).tolist()
        settled = [(like, doubt) for like, doubt in zip(likeness, doubts, strict=True)
                   if like >= doubt.needed]  # fmt: skip
        if settled:
            like, doubt = max(settled, key=lambda pair: pair[0])
            then(doubt, like)

    comparer.ask((text, *(doubt.entry.text for doubt in doubts)), hear, BUDGET_S)
