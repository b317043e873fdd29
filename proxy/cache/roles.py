"""Who does what to whom: the same words in another order may ask the reverse.

A word stands behind a preposition or behind none. Paraphrases change much of that ("the effects of
tea", "which effects tea has"), so only what can turn a question round is refused: two words that
have changed places, one that stands on the other end of the same road, and neighbours that name
another thing the other way round ("milk chocolate").
"""

from __future__ import annotations

from collections.abc import Set
from itertools import combinations

from proxy.cache.lexicon import ENGLISH, UNIT
from proxy.cache.prompt import COPULA, TONGUE, Prompt

# Of one word: from is not to.
_APART = frozenset(
    pair
    for one, other in (
        ("to", "from"),
        ("for", "with"),
        ("from", "for"),
        ("from", "with"),
        ("from", "in"),
        ("by", "to"),
        ("by", "for"),
        ("by", "from"),
        ("by", "at"),
        ("in", "at"),
        ("by", "about"),
        ("to", "in"),
        ("to", "about"),
        ("from", "about"),
        ("in", TONGUE),
        ("", TONGUE),
        ("", "from"),
        ("with", "in"),
        ("with", "than"),
        ("in", "through"),
        ("to", "through"),
    )
    for pair in ((one, other), (other, one))
)
# A portrait by Picasso is not one of Picasso; du livre, sur le livre.
_OF_SOMEBODY = ({"by", "of"},), ({"of", "at"}, {"of", "for"})
_LASTING = {"in", "for"}  # in two hours, for two hours
_COMPARES = frozenset(("compar",))  # the concept, English and French

_YOU = "you"
_MANY = 12

Slots = tuple[tuple[str, str], ...]
_Places = dict[str, tuple[str, int]]


def differ(a: Prompt, b: Prompt) -> str | None:
    """None, or which words have changed their roles."""
    if a.slots == b.slots:
        return _either(a, b) or None
    said, others = _said(a), _said(b)
    if said != others and (_is_long(said) or _is_long(others)):
        return "many words, in another order"
    common = (a.content & b.content) | {_YOU}
    ours, theirs = _places(a.slots, common), _places(b.slots, common)
    passing = _passing(a, b)
    words = [word for word in ours if word in theirs and word not in passing]
    for word in ours:
        one, other = ours[word][0], theirs.get(word, ours[word])[0]
        lasts = {one, other} == _LASTING
        if lasts if word in passing else one != other and _apart(a, word, one, other):
            return f"{one} {word} / {other} {word}"
    if reason := _either(a, b) or _turned_about(a, b) or _left_over(a, b) or _left_over(b, a):
        return reason
    if (less := _behind_than(ours)) and (more := _behind_than(theirs)) and less != more:
        return f"than {less} / than {more}"
    even = {"&"} if _COMPARES.isdisjoint(common) else {"&", "with"}
    loose = a.formats & b.formats  # a short formal letter
    for first, second in combinations(words, 2):
        (by1, at1), (by2, at2) = ours[first], ours[second]
        (to1, on1), (to2, on2) = theirs[first], theirs[second]
        if _swapped(by1, by2, to1, to2) and even.isdisjoint((by1, by2)):
            return f"{by1} {first} {by2} {second} / {to2} {second} {to1} {first}".strip()
        if (by1, by2, to1, to2) == ("", "of", "of", "") and on2 < on1:
            return f"{first} of {second} / {second} of {first}"
        if (at1 < at2) == (on1 < on2) or by1 in even or not loose.isdisjoint((first, second)):
            continue
        between = _between(a.slots, at1, at2), _between(b.slots, on1, on2)
        alike = _alike(by1, by2, to1, to2)
        if alike and (_YOU in (first, second) or _turned(*between, same=alike == "same")):
            return f"{first} {second} / {second} {first}"
    return None


def _said(prompt: Prompt) -> list[str]:
    return [word for _, word in prompt.slots if word]


def _is_long(words: list[str]) -> bool:
    """Whether words are so many, or said twice, that each may be said of something else."""
    return len(words) >= _MANY or len(set(words)) < len(words)


def _passing(a: Prompt, b: Prompt) -> set[str]:
    """Words that may stand anywhere: units with their number, and the one tool that it is about: in
    Python, with Python, a Python script."""
    found = {unit for _, unit in (*a.numbers, *b.numbers)}
    tools = a.names & b.names if a.technical and b.technical else frozenset[str]()
    return found | tools if len(tools) == 1 else found


def _swapped(by1: str, by2: str, to1: str, to2: str) -> bool:
    """Whether each stands where the other did; "of" is no place of its own."""
    by1, by2, to1, to2 = ("" if by == "of" else by for by in (by1, by2, to1, to2))
    return by1 != by2 and by1 == to2 and by2 == to1


def _apart(a: Prompt, word: str, one: str, other: str) -> bool:
    if {one, other} == {"to", "in"} and ENGLISH.of(word).kind == UNIT:
        return False  # 50 euros in dollars
    if {one, other} in _OF_SOMEBODY[a.french]:
        return word in a.names
    if (one, other) in _APART:
        return not (a.french and "with" in (one, other))
    return {one, other} in ({"for", "at"}, {"for", "about"}) and bool(a.owners or word in a.names)


def _alike(*by: str) -> str:
    """ "same" where all stand behind the same preposition or none, "of" where some of them stand
    behind no more than that, else ""."""
    behind = set(by)
    return "same" if len(behind) == 1 else "of" if behind == {"", "of"} else ""


def _places(slots: Slots, common: Set[str]) -> _Places:
    """Each word that both have, where it stands last: behind which preposition, and which it is
    of them all."""
    return {word: (by, place) for place, (by, word) in enumerate(slots) if word in common}


def _turned_about(a: Prompt, b: Prompt) -> str:
    """If it rains should I go, if I go should it rain: each is the other's condition."""
    ours, theirs = a.conditions, b.conditions
    if ours and theirs and ours.isdisjoint(theirs):
        return f"if {', '.join(sorted(ours))} / if {', '.join(sorted(theirs))}"
    return ""


def _either(a: Prompt, b: Prompt) -> str:
    """A visa or a passport, a visa and a passport; but a choice is between one and the other."""
    if a.joined == b.joined or not (a.joined and b.joined):
        return ""
    chosen = any(by == "between" for by, _ in (*a.slots, *b.slots))
    return "" if chosen else f"{a.joined} / {b.joined}"


def _left_over(a: Prompt, b: Prompt) -> str:
    """What plastic is made of is not what is made of plastic: of the one it is asked for, of the
    other it is told."""
    for by, word in a.slots:
        if word or by == COPULA or (by, "") in b.slots:
            continue
        told = next((word for to, word in b.slots if to == by and word in a.content), "")
        if told and (by, told) not in a.slots:
            return f"{by} what / {by} {told}"
    return ""


def _behind_than(places: _Places) -> str:
    return next((word for word, (by, _) in places.items() if by == "than"), "")


def _between(slots: Slots, one: int, other: int) -> set[str]:
    return {word for _, word in slots[min(one, other) + 1 : max(one, other)]}


def _turned(ours: set[str], theirs: set[str], *, same: bool) -> bool:
    """Whether two words the other way round say another thing, by what is between them: nothing in
    either, or a word that both have, mostly what the one does to the other. A quality may stand
    before its noun, or after it and an "is" (for which there is an empty word); "the history of
    Japan" is Japan's (same: not so)."""
    return (same and ours == theirs) or not ours.isdisjoint(theirs - {""})
