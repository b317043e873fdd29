"""Whether one prompt's answer may stand for another's: what a vector does not see.

A changed number, name or negation hardly moves a sentence's vector. Each guard reads one such
thing from both texts and refuses where it differs, with a reason a person can check.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

WordVector = Callable[[str], "npt.NDArray[np.float32] | None"]

REFUSED = 2.0  # a cosine no pair reaches


@dataclass(frozen=True, slots=True)
class Verdict:
    name: str
    passed: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the guards read from one text, once."""

    text: str
    numbers: tuple[str, ...]
    negations: int
    names: frozenset[str]
    words: frozenset[str]


_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_WORD = re.compile(r"[^\W\d_]+(?:'t)?")
_NEGATORS = frozenset(
    ("not", "no", "never", "without", "none", "pas", "jamais", "sans", "aucun", "aucune", "non")
)


def prepare(text: str) -> Prepared:
    """Read one text. Microseconds; done once per stored entry."""
    words = _WORD.findall(text)
    folded = [word.lower() for word in words]
    return Prepared(
        text,
        tuple(sorted(_NUMBER.findall(text))),
        sum(word in _NEGATORS or word.endswith("n't") for word in folded),
        frozenset(word for word in words[1:] if word[0].isupper()),
        frozenset(folded),
    )


def check(
    a: Prepared | str, b: Prepared | str, word_vector: WordVector | None = None
) -> tuple[Verdict, ...]:
    """Every guard's verdict on answering b with a's answer."""
    a = prepare(a) if isinstance(a, str) else a
    b = prepare(b) if isinstance(b, str) else b
    del word_vector
    return (
        Verdict("numbers", a.numbers == b.numbers, f"{a.numbers} / {b.numbers}"),
        Verdict("negation", a.negations == b.negations, ""),
        Verdict("entities", a.names == b.names, f"{sorted(a.names ^ b.names)}"),
    )


def passes(a: Prepared | str, b: Prepared | str, word_vector: WordVector | None = None) -> bool:
    """Whether every guard agrees."""
    return all(verdict.passed for verdict in check(a, b, word_vector))


def required(
    a: Prepared, b: Prepared, word_vector: WordVector | None, floor: float, bar: float
) -> float:
    """The cosine this pair needs: floor where the words speak for it, bar else, REFUSED never."""
    if not passes(a, b, word_vector):
        return REFUSED
    return floor if a.words == b.words else bar
