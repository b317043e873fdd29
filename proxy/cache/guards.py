"""Whether one prompt's answer may stand for another's: what a vector does not see.

A changed number, name or negation hardly moves a sentence's vector, so the vector only proposes.
Each guard reads one such thing from both prompts and refuses where it differs, with a reason a
person can check. The last guard, `words`, is the strict one: every word that carries the
question must have its counterpart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from proxy.cache.prompt import MAX_CHARS, Prompt
from proxy.cache.reader import read

Guard = Callable[[Prompt, Prompt], "str | None"]

REFUSED = 2.0  # a cosine no pair reaches


@dataclass(frozen=True, slots=True)
class Verdict:
    """One guard's answer; why is empty where there was nothing to compare."""

    name: str
    passed: bool
    why: str = ""


def check(a: Prompt | str, b: Prompt | str) -> tuple[Verdict, ...]:
    """Every guard's verdict on answering b with a's answer."""
    first = read(a) if isinstance(a, str) else a
    second = read(b) if isinstance(b, str) else b
    verdicts = []
    for name, guard in GUARDS:
        why = guard(first, second)
        verdicts.append(Verdict(name, why is None, why or ""))
    return tuple(verdicts)


def passes(a: Prompt | str, b: Prompt | str) -> bool:
    """Whether every guard agrees. Stops at the first that does not."""
    first = read(a) if isinstance(a, str) else a
    second = read(b) if isinstance(b, str) else b
    return all(guard(first, second) is None for _, guard in GUARDS)


def required(a: Prompt, b: Prompt, floor: float, bar: float) -> float:
    """The cosine asked of this pair: REFUSED where a guard objects, `floor` where the words speak
    for themselves, `bar` where they do not: a single concept, or few of them about somebody, and
    none that is a name or a number. "What is kiss" is not "what is in a kiss". Few that are about
    nobody stand between."""
    if not passes(a, b):
        return REFUSED
    concepts = len(a.content)
    if concepts >= _TELLING or a.names or a.numbers or a.quotes:
        return floor
    return bar if concepts < 2 or _personal(a) or _personal(b) else max(floor, bar - _IMPERSONAL)


def _personal(prompt: Prompt) -> bool:
    return prompt.addressed or prompt.about_me or bool(prompt.owners)


_TELLING = 3
_IMPERSONAL = 0.1


# ---- the guards: None, or why the two differ ---------------------------------------------------


def _length(a: Prompt, b: Prompt) -> str | None:
    if a.long or b.long:
        return f"over {MAX_CHARS} characters: only the same text is answered"
    return None


def _language(a: Prompt, b: Prompt) -> str | None:
    if a.french != b.french:
        return "fr / en" if a.french else "en / fr"
    return None


def _numbers(a: Prompt, b: Prompt) -> str | None:
    if a.numbers == b.numbers:
        return None
    if len(a.numbers) == len(b.numbers):
        ours, theirs = sorted(a.numbers), sorted(b.numbers)
        if len(a.numbers) > 1 and not all(unit for _, unit in ours):
            return f"{_figures(a)} / {_figures(b)}"  # 5 and 3, 3 and 5: the order may matter
        if all(
            x[0] == y[0] and (x[1] == y[1] or not x[1] or not y[1])
            for x, y in zip(ours, theirs, strict=True)
        ):
            return None
    return f"{_figures(a)} / {_figures(b)}"


def _figures(prompt: Prompt) -> str:
    return ", ".join(f"{value} {unit}".strip() for value, unit in prompt.numbers) or "none"


def _dates(a: Prompt, b: Prompt) -> str | None:
    return _differ(a.dates, b.dates)


def _negation(a: Prompt, b: Prompt) -> str | None:
    if a.negations % 2 == b.negations % 2 and bool(a.negations) == bool(b.negations):
        return None
    return f"{a.negations} / {b.negations} negations"


def _antonyms(a: Prompt, b: Prompt) -> str | None:
    if a.opposites == b.opposites:
        return None
    return _differ(a.opposites, b.opposites)


def _entities(a: Prompt, b: Prompt) -> str | None:
    ours, theirs = a.names - b.content, b.names - a.content
    return _differ(ours, theirs) if ours or theirs else None


def _code(a: Prompt, b: Prompt) -> str | None:
    return _differ(a.code, b.code)


def _quoted(a: Prompt, b: Prompt) -> str | None:
    if a.quotes == b.quotes:
        return None
    return f"{' | '.join(a.quotes) or 'none'} / {' | '.join(b.quotes) or 'none'}"


_ALIKE = frozenset(("what", "do", "quantity"))


def _question(a: Prompt, b: Prompt) -> str | None:
    if (
        a.question != b.question
        and not (a.question in _ALIKE and b.question in _ALIKE)
        and not _tells_how(a, b)
    ):
        return f"{a.question} / {b.question}"
    return None


def _tense(a: Prompt, b: Prompt) -> str | None:
    """Who is president and who was are two, and so are what one does and what one should."""
    if a.tense != b.tense:
        return f"{a.tense or 'present'} / {b.tense or 'present'}"
    if a.modal != b.modal and a.question != "how":
        return "should / not"
    return None


def _tells_how(a: Prompt, b: Prompt) -> bool:
    """ "Sort a list in Java" and "how do I sort a list in Java" want the same lines of code."""
    return {a.question, b.question} == {"do", "how"} and a.technical and b.technical


def _persons(a: Prompt, b: Prompt) -> str | None:
    """Who it is about. "How can I" and "how to" ask the same, "how can I", "how can you" not."""
    if a.addressed != b.addressed and (a.question != "how" or a.about_me or b.about_me):
        return "you / anyone" if a.addressed else "anyone / you"
    if a.begins != b.begins and a.addressed and a.about_me and b.addressed and b.about_me:
        return f"{a.begins} first / {b.begins} first"  # how can I help you, how can you help me
    if a.owners != b.owners and not a.owners | b.owners <= _ANYONES:
        return _differ(a.owners, b.owners)
    return None


_ANYONES = frozenset(("my", "your"))


def _format(a: Prompt, b: Prompt) -> str | None:
    return _differ(a.formats, b.formats)


def _order(a: Prompt, b: Prompt) -> str | None:
    """Who does what to whom: the same words in another order may ask the reverse."""
    if a.free != b.free:
        common = set(a.free) & set(b.free)
        if len(common) > 1:
            ours, theirs = _last(a.free, common), _last(b.free, common)
            if (
                ours != theirs
                and not (len(common) == 2 and a.question not in _ASK_WHO)
                and not _moved(ours, theirs, a.opposites | a.formats)
            ):
                return f"{' '.join(ours)} / {' '.join(theirs)}"
    if a.governed != b.governed:
        units = {unit for _, unit in (*a.numbers, *b.numbers)}  # they stand with their number
        for governor in {governor for governor, _ in a.governed} - {"&"}:
            ours_ = {word for by, word in a.governed if by == governor and word not in units}
            theirs_ = {word for by, word in b.governed if by == governor and word not in units}
            if ours_ and theirs_ and not ours_ & theirs_:
                return f"{governor} {' '.join(ours_)} / {governor} {' '.join(theirs_)}"
    return None


def _last(words: tuple[str, ...], common: set[str]) -> list[str]:
    """The words both have in common, each where it stands last."""
    return [
        word
        for place, word in enumerate(words)
        if word in common and word not in words[place + 1 :]
    ]


# Two words alone cannot change their roles, unless somebody is asked for who has the third.
_ASK_WHO = frozenset(("who", "what", "whose", "do"))


def _moved(ours: list[str], theirs: list[str], known: frozenset[str]) -> bool:
    """Whether only a quality stands on the other side of its noun: "the tallest tower in Paris",
    "which tower is the tallest in Paris"."""
    places: list[list[tuple[str, int]]] = []
    nouns: list[list[str]] = []
    for words in (ours, theirs):
        kept: list[str] = []
        seen: list[tuple[str, int]] = []
        for word in words:
            if word in known or word in _DEGREES or word.endswith("est"):
                seen.append((word, len(kept)))
            else:
                kept.append(word)
        nouns.append(kept)
        places.append(seen)
    return (
        nouns[0] == nouns[1]
        and [word for word, _ in places[0]] == [word for word, _ in places[1]]
        and all(abs(one[1] - other[1]) <= 1 for one, other in zip(*places, strict=True))
    )


_DEGREES = frozenset(("plu", "moin"))

_CONVERSIONS = frozenset(("convert", "calculate"))


def _words(a: Prompt, b: Prompt) -> str | None:
    if a.asking != b.asking and (a.explains or b.explains):
        return "write / explain"
    if a.content == b.content:
        return None
    ours, theirs = a.content - b.content, b.content - a.content
    if a.numbers and not {"quantity", "what"}.isdisjoint((a.question, b.question)):
        ours, theirs = ours - _CONVERSIONS, theirs - _CONVERSIONS
    return _differ(ours, theirs) if ours or theirs else None


def _differ(ours: frozenset[str], theirs: frozenset[str]) -> str | None:
    if ours == theirs:
        return None
    left, right = sorted(ours - theirs), sorted(theirs - ours)
    return f"{', '.join(left) or 'none'} / {', '.join(right) or 'none'}"


GUARDS: tuple[tuple[str, Guard], ...] = (
    ("length", _length),
    ("language", _language),
    ("numbers", _numbers),
    ("dates", _dates),
    ("negation", _negation),
    ("antonyms", _antonyms),
    ("entities", _entities),
    ("code", _code),
    ("quotes", _quoted),
    ("question", _question),
    ("tense", _tense),
    ("persons", _persons),
    ("format", _format),
    ("order", _order),
    ("words", _words),
)
