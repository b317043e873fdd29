"""Whether one prompt's answer may stand for another's: what a vector does not see.

A changed number, name or negation hardly moves a sentence's vector, so the vector only proposes.
Each guard reads one such thing from both prompts and refuses where it differs, with a reason a
person can check. The last guard, `words`, is the strict one: every word that carries the
question must have its counterpart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from proxy.cache import roles
from proxy.cache.lexicon import ENGLISH, FRENCH
from proxy.cache.notes import UNTOLD
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
    for guard in _EACH:  # noqa: SIM110 - a generator takes half as long again
        if guard(first, second) is not None:
            return False
    return True


def required(a: Prompt, b: Prompt, floor: float, bar: float) -> float:
    """The cosine asked of this pair: REFUSED where a guard objects, `floor` where the words speak
    for themselves, `bar` where they do not: a single concept, or few of them about somebody, and
    none that is a name or a number. "What is kiss" is not "what is in a kiss". Few that are about
    nobody stand between, and so does a single one that is asked for in the same way; of several
    in the same order a vector knows nothing that the words do not say."""
    if not passes(a, b):
        return REFUSED
    concepts = len(a.content)
    if concepts >= _TELLING or a.names or a.numbers or a.quotes:
        return floor
    if a.slots == b.slots and a.owners == b.owners:
        return 0.0 if concepts > 1 else max(floor, bar - (4 if a.french else 2) * _IMPERSONAL)
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
        if len(a.numbers) > 1 and not _in_order(a, b):
            return f"{_figures(a)} / {_figures(b)}"  # 5 and 3, 3 and 5: the order may matter
        if all(
            x[0] == y[0] and (x[1] == y[1] or not x[1] or not y[1])
            for x, y in zip(ours, theirs, strict=True)
        ):
            return None
    return f"{_figures(a)} / {_figures(b)}"


def _in_order(a: Prompt, b: Prompt) -> bool:
    """Whether the numbers of each thing, and those of nothing, come in the same order."""
    if sorted(a.numbers) != sorted(b.numbers):  # "10 kg to 20 kg", "10 to 20 kg"
        return [value for value, _ in a.numbers] == [value for value, _ in b.numbers]
    return all(
        [value for value, of in a.numbers if of == unit]
        == [value for value, of in b.numbers if of == unit]
        for unit in {unit for _, unit in a.numbers}
    )


def _figures(prompt: Prompt) -> str:
    return ", ".join(f"{value} {unit}".strip() for value, unit in prompt.numbers) or "none"


def _dates(a: Prompt, b: Prompt) -> str | None:
    return _differ(a.dates, b.dates)


def _negation(a: Prompt, b: Prompt) -> str | None:
    if a.negations % 2 == b.negations % 2 and bool(a.negations) == bool(b.negations):
        if a.negated == b.negated or not (a.negated and b.negated):
            return None
        if not (a.negated | b.negated) <= (a.content & b.content):
            return None
        return f"not {', '.join(sorted(a.negated))} / not {', '.join(sorted(b.negated))}"
    return f"{a.negations} / {b.negations} negations"


def _antonyms(a: Prompt, b: Prompt) -> str | None:
    """The two sides of one opposition. That only one prompt is on any side, the words tell."""
    if a.opposites == b.opposites:
        return None
    both = {side[:-1] for side in a.opposites} & {side[:-1] for side in b.opposites}
    ours, theirs = ({side for side in one.opposites if side[:-1] in both} for one in (a, b))
    return None if ours == theirs else f"{', '.join(sorted(ours))} / {', '.join(sorted(theirs))}"


def _entities(a: Prompt, b: Prompt) -> str | None:
    ours, theirs = a.names - b.content, b.names - a.content
    return _differ(ours, theirs) if ours or theirs else None


def _code(a: Prompt, b: Prompt) -> str | None:
    return _differ(a.code, b.code)


def _quoted(a: Prompt, b: Prompt) -> str | None:
    if a.quotes == b.quotes or (not (a.quotes and b.quotes) and _are_words(a.quotes + b.quotes)):
        return None
    return f"{' | '.join(a.quotes) or 'none'} / {' | '.join(b.quotes) or 'none'}"


def _are_words(quotes: tuple[str, ...]) -> bool:
    """Whether each is one word, which is compared as any other."""
    return all(quote.isalpha() for quote in quotes)


_ALIKE = frozenset(("what", "do"))
_SUMS = _ALIKE | {"quantity"}


def _question(a: Prompt, b: Prompt) -> str | None:
    ours, theirs = a.question, b.question
    if a.asked != b.asked and a.asked.split(" ")[0] == b.asked.split(" ")[0]:
        return f"{a.asked} / {b.asked}"  # many chickens, much chicken
    if (
        ours == theirs
        or {ours, theirs} <= (_SUMS if a.numbers and b.numbers else _ALIKE)
        or _tells_how(a, b)
        or (ours[:4] == theirs[:4] == "when" and "when" in (ours, theirs))  # not year and day
    ):
        return None
    return f"{ours} / {theirs}"


def _tense(a: Prompt, b: Prompt) -> str | None:
    """Who is president and who was are two, and so are what one does and what one should."""
    if a.tense != b.tense and not _may_be(a, b) and not _may_be(b, a):
        return f"{a.tense or 'present'} / {b.tense or 'present'}"
    if a.inverted != b.inverted and a.question == b.question and UNTOLD in (a.tense, b.tense):
        return "who does it / to whom"  # "what eats frogs", "what do frogs eat"
    if a.modal != b.modal and a.question not in ("how", "quantity"):
        return "should / not"
    return None


def _may_be(a: Prompt, b: Prompt) -> bool:
    """Whether a, which does not tell of when it speaks, may speak of b's time: "explain the war"
    asks what the war was, too, but "who is king" not who was."""
    if a.tense != UNTOLD:
        return False
    return a.explains or not b.tense or (a.question == b.question and a.question in _OF_ONCE)


_OF_ONCE = frozenset(("why",))


def _tells_how(a: Prompt, b: Prompt) -> bool:
    """ "Sort a list in Java" and "how do I sort a list in Java" want the same lines of code."""
    return {a.question, b.question} == {"do", "how"} and a.technical and b.technical


def _persons(a: Prompt, b: Prompt) -> str | None:
    """Who it is about. "How can I" and "how to" ask the same, "how can I", "how can you" not."""
    if a.addressed != b.addressed and (a.question != "how" or a.about_me or b.about_me):
        return "you / anyone" if a.addressed else "anyone / you"
    if a.begins != b.begins and a.addressed and b.addressed and a.begins and b.begins:
        return f"{a.begins} / {b.begins}"  # how can I help you, how can you help me
    if a.begins != b.begins and a.about_me and b.about_me and a.question in _YES_OR_NO:
        return f"{a.begins or 'others'} / {b.begins or 'others'}"  # should I tell him, should he
    if a.owners != b.owners and not a.owners | b.owners <= _ANYONES:
        return _differ(a.owners, b.owners)
    return None


_YES_OR_NO = frozenset(("is", "can", "should", "would", "will"))
_ANYONES = frozenset(("my", "your", "their"))


def _format(a: Prompt, b: Prompt) -> str | None:
    return _differ(a.formats, b.formats)


_CONVERSIONS = frozenset(map(ENGLISH.concept, ("convert", "calculate"))) | frozenset(
    map(FRENCH.concept, ("convertir", "calculer"))
)


def _words(a: Prompt, b: Prompt) -> str | None:
    if a.asking != b.asking and (a.explains or b.explains):
        return "write / explain"
    if a.content == b.content:
        return None
    ours, theirs = a.content - b.content, b.content - a.content
    if a.numbers and b.numbers:
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
    ("order", roles.differ),
    ("words", _words),
)
_EACH = tuple(guard for _, guard in GUARDS)
