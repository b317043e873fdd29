"""Counts of finished exchanges, in memory: what the metrics are read from.

A label's value comes from the configuration (routes, providers, models) or from a closed set;
anything else counts as "other", so that no client can grow the tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from proxy.ledger.kinds import IS_LOST, OTHER
from proxy.ledger.sheet import AT, SECONDS, Column, Sheet

if TYPE_CHECKING:
    from proxy.ledger.kinds import Labels as Kind

# Seconds. The bounds that the OpenTelemetry GenAI conventions advise for time to first token.
TTFT_BOUNDS = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5,
               10.0)  # fmt: skip
TOKEN_BOUNDS = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)
STAGE_BOUNDS = (0.000005, 0.00001, 0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.005, 0.02)
STAGES = ("auth", "classify", "cache")
SERIES_LIMIT = 2000  # label combinations; more than any sane configuration has

_STAGES = slice(SECONDS.index("auth"), SECONDS.index("upstream"))
_SUMS = ("attempts", "prompt", "completion", "cached")

Seconds = NDArray[np.float64]
Table = TypeVar("Table", Column, Seconds)


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts per bucket; the last bucket has no bound."""

    bounds: tuple[float, ...]
    counts: Sequence[int]
    total: float


@dataclass(frozen=True, slots=True)
class Series:
    """What was counted for one combination of labels."""

    sums: Sequence[int]
    ttft: Histogram
    per_token: Histogram

    @property
    def requests(self) -> int:
        """Finished exchanges."""
        return self.sums[0]

    @property
    def attempts(self) -> int:
        """Upstream, hedges and retries included."""
        return self.sums[1]

    @property
    def tokens(self) -> Sequence[int]:
        """Of prompts, of completions, and of prompts that a provider's cache held."""
        return self.sums[2:]


class Histograms:
    """Many with the same bounds, by number."""

    __slots__ = ("_bounds", "_counts", "_totals")

    def __init__(self, bounds: tuple[float, ...], many: int = 0) -> None:
        self._bounds = bounds
        self._counts: Column = np.zeros((many, len(bounds) + 1), np.int64)
        self._totals = np.zeros(many)

    def grow(self, many: int) -> None:
        """Have room for so many."""
        self._counts = _grown(self._counts, many)
        self._totals = _grown(self._totals, many)

    def add(self, which: Column, values: Seconds) -> None:
        """Count values, each in its histogram."""
        many, width = self._counts.shape
        places = which * width + np.searchsorted(self._bounds, values)
        self._counts += np.bincount(places, minlength=many * width).reshape(many, width)
        self._totals += np.bincount(which, values, many)

    def of(self, number: int) -> Histogram:
        """One of them, as it is now."""
        counts = self._counts[number].tolist()
        return Histogram(self._bounds, counts, float(self._totals[number]))


Names = tuple[frozenset[str], frozenset[str], frozenset[str]]  # routes, models, categories
Labels = tuple[str, str, str, str, str, str]  # route provider model category cache outcome


class Tally:
    """All series of this process. add: by one thread at a time; the rest is the loop's."""

    __slots__ = ("_known", "_names", "_numbers", "_per_token", "_read", "_stages", "_sums", "_ttft",
                 "settle")  # fmt: skip

    def __init__(
        self,
        routes: Iterable[str] = (),
        models: Iterable[str] = (),
        categories: Iterable[str] = (),
    ) -> None:
        self._numbers: dict[Labels, int] = {}  # of each series
        self._sums: Column = np.zeros((0, 1 + len(_SUMS)), np.int64)
        self._ttft = Histograms(TTFT_BOUNDS)
        self._per_token = Histograms(TOKEN_BOUNDS)
        self._stages = Histograms(STAGE_BOUNDS, len(STAGES))
        self._known: Column = np.empty(0, np.int64)  # the number of each kind's series; -1: unknown
        self._read: Names | None = None  # what _known was made for
        self.settle: Callable[[], None] = lambda: None  # have everything added that has happened
        self.configure(routes, models, categories)

    def configure(
        self, routes: Iterable[str], models: Iterable[str], categories: Iterable[str] = ()
    ) -> None:
        """The names that may be labels from now on. A request may call its category anything."""
        self._names: Names = frozenset(routes), frozenset(models), frozenset(categories)

    @property
    def series(self) -> Mapping[Labels, Series]:
        """Everything so far, by its labels."""
        self.settle()
        return {
            labels: Series(
                self._sums[number].tolist(), self._ttft.of(number), self._per_token.of(number)
            )
            for labels, number in self._numbers.copy().items()
        }

    @property
    def stages(self) -> Mapping[str, Histogram]:
        """Our own times."""
        self.settle()
        return {stage: self._stages.of(number) for number, stage in enumerate(STAGES)}

    def add(self, sheet: Sheet) -> None:
        """Count finished exchanges."""
        numbers, seconds, kinds = sheet.numbers, sheet.seconds, sheet.kinds
        if (sheet.flags & IS_LOST).any():  # attempts, not exchanges
            asked = sheet.flags & IS_LOST == 0
            numbers, seconds, kinds = numbers[:, asked], seconds[:, asked], kinds[asked]
        which = self._numbered(sheet, kinds)
        many = len(self._sums)
        self._sums[:, 0] += np.bincount(which, minlength=many)
        for place, name in enumerate(_SUMS, 1):
            self._sums[:, place] += np.bincount(which, numbers[AT[name]], many).astype(np.int64)
        first, total = seconds[:2]
        came = ~np.isnan(first)
        self._ttft.add(which[came], first[came])
        tokens = numbers[AT["completion"]]
        paced = came & (numbers[AT["stream"]] != 0) & (tokens > 1)
        self._per_token.add(which[paced], (total[paced] - first[paced]) / (tokens[paced] - 1))
        ours = seconds[_STAGES]
        ran = ours > 0  # one that did not took no time that anyone wants to know
        ran[0] = True
        stages, places = np.nonzero(ran)
        self._stages.add(stages, ours[stages, places])

    def _numbered(self, sheet: Sheet, kinds: Column) -> Column:
        """The number of each row's series."""
        names = self._names
        if names is not self._read or len(self._known) < len(sheet.names):
            self._read = names
            self._known = np.full(2 * len(sheet.names), -1)
        found = self._known[kinds]
        if len(found) and found.min() < 0:
            for kind in np.unique(kinds[found < 0]).tolist():
                self._known[kind] = self._number(sheet.names[kind], names)
            found = self._known[kinds]
        return found

    def _number(self, kind: Kind, names: Names) -> int:
        _, route, category, provider, model, _, cache, outcome, _ = kind
        routes, models, categories = names
        labels: Labels = (
            route if route in routes else OTHER,
            provider,
            model if model in models else OTHER,
            category if category in categories or not category else OTHER,
            cache,
            outcome,
        )
        known = self._numbers
        if labels not in known and len(known) >= SERIES_LIMIT:
            labels = (OTHER, OTHER, OTHER, OTHER, cache, outcome)
        if labels not in known:
            many = len(known) + 1
            self._sums = _grown(self._sums, many)
            self._ttft.grow(many)
            self._per_token.grow(many)
            known[labels] = many - 1
        return known[labels]


def _grown(table: Table, many: int) -> Table:
    """With room for so many rows, and for as many again, so that this is rarely done."""
    if len(table) >= many:
        return table
    return np.concatenate((table, np.zeros_like(table, shape=(many, *table.shape[1:]))))
