"""Combinations of labels, numbered as they are first seen: a number is all that is kept of a row's
nine texts from then on. What clients' words can reach is bounded.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from proxy.ledger.layout import LABELS
from proxy.ledger.record import LOST

Labels = tuple[str, str, str, str, str, str, str, str, int]  # as layout.LABELS

OTHER = "other"
LABELS_LIMIT = 50_000  # combinations, ever; far more than any configuration makes
# Values of a column that clients' words can reach. More of them are all called "other".
VALUES_LIMIT = {"route": 2000, "category": 200, "model": 2000, "task_type": 200}

IS_LOST, IS_ERROR, IS_HIT = 1, 2, 4  # bits of Kinds.flags

_PLACES: Final = {name: place for place, name in enumerate(LABELS)}
_CACHE, _OUTCOME = _PLACES["cache"], _PLACES["outcome"]


class Kinds:
    """One process' numbering. labels: by number; flags: by number, what they mean."""

    def __init__(self) -> None:
        self.labels: list[Labels] = []
        self.flags: NDArray[np.int64] = np.zeros(64, np.int64)
        self._numbers: dict[Labels, int] = {}  # of what rows say
        self._bounded: dict[Labels, int] = {}  # of what is kept
        self._values: dict[str, set[str]] = {name: set() for name in VALUES_LIMIT}

    def numbers(self, labels: Iterable[Labels]) -> NDArray[np.int64]:
        """The number of each."""
        wanted = list(labels)
        found: list[int | None] = list(map(self._numbers.get, wanted))
        if None in found:
            for place, one in enumerate(found):
                if one is None:
                    found[place] = self._number(wanted[place])
        return np.array(found, np.int64)

    def _number(self, labels: Labels) -> int:
        known = self._numbers.get(labels)
        if known is not None:
            return known
        bounded = self._bound(labels)
        number = self._bounded.get(bounded)
        if number is None:
            number = self._bounded[bounded] = self._add(bounded)
        if len(self._numbers) < LABELS_LIMIT:
            self._numbers[labels] = number
        return number

    def _bound(self, labels: Labels) -> Labels:
        named = {
            name: storable(value) if isinstance(value, str) else value
            for name, value in zip(LABELS, labels, strict=True)
        }
        for name, most in VALUES_LIMIT.items():
            seen, value = self._values[name], str(named[name])
            if value not in seen and len(seen) >= most:
                named[name] = OTHER
            seen.add(str(named[name]))
        bounded = tuple(named.values())
        if bounded not in self._bounded and len(self.labels) >= LABELS_LIMIT:
            bounded = tuple((named | dict.fromkeys(VALUES_LIMIT, OTHER)).values())
        return bounded  # type: ignore[return-value]  # as many as LABELS

    def _add(self, labels: Labels) -> int:
        number = len(self.labels)
        self.labels.append(labels)
        if number == len(self.flags):
            self.flags = np.concatenate((self.flags, np.zeros(number, np.int64)))
        outcome = labels[_OUTCOME]
        self.flags[number] = (
            IS_LOST * (outcome == LOST)
            | IS_ERROR * (outcome in ("error", "broken"))
            | IS_HIT * (labels[_CACHE] in ("exact", "semantic"))
        )
        return number


def storable(text: str) -> str:
    """Text that every database takes: no NUL, no half of a surrogate pair out of some JSON."""
    return text.replace("\0", "").encode(errors="replace").decode()
