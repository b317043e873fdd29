"""A second opinion on doubtful matches: another model's, asked while upstream is asked too.

The word table proposes and the guards refuse; between them lie prompts that no guard refuses for
good and whose words do not speak for themselves. A transformer in a process of its own compares
those. Nobody waits for it: the request is under way already, and the kept answer is given only
where the comparison comes before upstream's first token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from proxy.cache import grammar, guards
from proxy.cache.entry import Entry
from proxy.cache.gist import sure
from proxy.cache.lexicon import ENGLISH, FRENCH
from proxy.cache.prompt import Prompt
from proxy.cache.reader import read
from proxy.cache.worded import Worded

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


# What the other model's cosine must reach, by what speaks against the pair.
_NOTHING, _FORM, _MORE = 0.75, 0.85, 0.97
_FRENCH = 0.1  # less, where no guard objects: the usual model was made for English
# Not the order: of "does tea cost more than coffee" and the reverse no model's cosine tells which.
_SOFT = frozenset(("question", "words"))
# What may be asked in the form of the other. When, where and why are questions of their own.
_FORMS = frozenset(
    frozenset(pair)
    for pair in (
        ("how", "what"),
        ("how", "do"),
        ("is", "do"),
        ("is", "what"),
        ("is", "who"),
        ("is", "can"),
        ("can", "do"),
    )
)
_WEAK_WORDS = frozenset(
    concept
    for words, known in ((grammar.WEAK, ENGLISH), (grammar.WEAK_FRENCH, FRENCH))
    for concept in (known.concept_of_content(word) for word in words.split())
)


_TURNING = frozenset(
    known.concept_of_content(word)
    for words, known in ((grammar.TURNING, ENGLISH), (grammar.TURNING_FRENCH, FRENCH))
    for word in words.split()
)


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

    One may say more than the other, or ask in another form; a word more that says little is no
    more than that. Where each has a word of its own, that is a cat against a dog, which no model
    tells from a car against an automobile.
    """
    against = {name for name, guard in guards.GUARDS if guard(a, b) is not None}
    if not against:
        return _NOTHING - (_FRENCH if a.french else 0.0)
    if not against <= _SOFT:
        return guards.REFUSED
    if "question" in against and frozenset((a.question, b.question)) not in _FORMS:
        return guards.REFUSED
    ours, theirs = a.content - b.content, b.content - a.content
    more = ours | theirs
    if (ours and theirs) or not _TURNING.isdisjoint(more) or any(map(_is_mark, more)):
        return guards.REFUSED
    return _FORM if more <= _WEAK_WORDS else _MORE


def _is_mark(concept: str) -> bool:
    """Whether it is what the reader noted of a word, or a letter: a model hardly sees those."""
    return " " in concept or len(concept) == 1


def doubts_among(
    near_ones: Iterable[tuple[Entry, float]], text: Worded, prepare: Callable[[str], Prompt]
) -> list[Doubt]:
    """Of entries with their cosine to a prompt, nearest first, those that could be settled on.

    prepare: reads an entry's text, and remembers it.
    """
    doubts: list[Doubt] = []
    asked: Prompt | None = None
    ours: frozenset[str] = frozenset()
    for entry, near in near_ones:
        if near < FLOOR or len(doubts) == CANDIDATES:
            break
        if asked is None:
            asked, ours = read(text), sure(text.text)
        theirs = sure(entry.text)
        if theirs - ours and ours - theirs:
            continue  # each has a word of its own: see `needed`; a tenth of a reading tells
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
