"""Combinations of labels, numbered as they are first seen: a number is all that is kept of a row's
nine texts from then on. What clients' words can reach is bounded.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from proxy.ledger.layout import LABELS
from proxy.ledger.row import LOST

Labels = tuple[str, str, str, str, str, str, str, str, int]  # as layout.LABELS
Named = tuple[str, str, str, str, str, str | None, str, str]  # the same in a row, without marks

OTHER = "other"
LABELS_LIMIT = 50_000  # combinations, ever; far more than any configuration makes
# Values of a column that clients' words can reach. More of them are all called "other".
VALUES_LIMIT = {"route": 2000, "category": 200, "model": 2000, "task_type": 200}

IS_LOST, IS_ERROR, IS_HIT = 1, 2, 4  # bits of Kinds.flags
MARKS = 1 << 2  # ESTIMATED and UNPRICED, and neither, and both

_PLACES: Final = {name: place for place, name in enumerate(LABELS)}
_CACHE, _OUTCOME = _PLACES["cache"], _PLACES["outcome"]


class Kinds:
    """One process' numbering: a kind is a number times MARKS, and the marks. labels: by kind;
    flags: by number, what the names mean."""

    def __init__(self) -> None:
        self.labels: list[Labels] = []
        self.flags: NDArray[np.int64] = np.zeros(64, np.int64)
        self._numbers: dict[Named, int] = {}  # of what rows say
        self._bounded: dict[tuple[str, ...], int] = {}  # of what is kept
        self._values: dict[str, set[str]] = {name: set() for name in VALUES_LIMIT}

    def numbers(self, rows: Iterable[Named]) -> NDArray[np.int64]:
        """The number of each."""
        named = list(rows)
        found: list[int | None] = list(map(self._numbers.get, named))
        if None in found:
            for place, one in enumerate(found):
                if one is None:
                    found[place] = self._number(named[place])
        return np.array(found, np.int64)

    def _number(self, named: Named) -> int:
        known = self._numbers.get(named)
        if known is not None:
            return known
        bounded = self._bound(named)
        number = self._bounded.get(bounded)
        if number is None:
            number = self._bounded[bounded] = self._add(bounded)
        if len(self._numbers) < LABELS_LIMIT:
            self._numbers[named] = number
        return number

    def _bound(self, named: Named) -> tuple[str, ...]:
        words = {name: storable(word or "") for name, word in zip(LABELS, named, strict=False)}
        for name, most in VALUES_LIMIT.items():
            seen = self._values[name]
            if words[name] not in seen and len(seen) >= most:
                words[name] = OTHER
            seen.add(words[name])
        bounded = tuple(words.values())
        if bounded not in self._bounded and len(self._bounded) >= LABELS_LIMIT:
            bounded = tuple((words | dict.fromkeys(VALUES_LIMIT, OTHER)).values())
        return bounded

    def _add(self, words: tuple[str, ...]) -> int:
        number = len(self._bounded)
        self.labels += [(*words, marks) for marks in range(MARKS)]  # type: ignore[misc]  # Labels
        if number == len(self.flags):
            self.flags = np.concatenate((self.flags, np.zeros(number, np.int64)))
        outcome = words[_OUTCOME]
        self.flags[number] = (
            IS_LOST * (outcome == LOST)
            | IS_ERROR * (outcome in ("error", "broken"))
            | IS_HIT * (words[_CACHE] in ("exact", "semantic"))
        )
        return number


def storable(text: str) -> str:
    """Text that every database takes: no NUL, no half of a surrogate pair out of some JSON."""
    return text.replace("\0", "").encode(errors="replace").decode()
