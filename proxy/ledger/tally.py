"""Counts of finished exchanges, in memory: what the metrics are read from.

A label's value comes from the configuration (routes, providers, models) or from a closed set;
anything else counts as "other", so that no client can grow the tables.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proxy.exchange import Exchange

# Seconds. The bounds that the OpenTelemetry GenAI conventions advise for time to first token.
TTFT_BOUNDS = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5,
               10.0)  # fmt: skip
TOKEN_BOUNDS = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)
STAGE_BOUNDS = (0.000005, 0.00001, 0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.005, 0.02)
STAGES = ("auth", "classify", "cache")
OTHER = "other"
SERIES_LIMIT = 2000  # label combinations; more than any sane configuration has


@dataclass(slots=True)
class Histogram:
    """Counts per bucket; the last bucket has no bound."""

    bounds: tuple[float, ...]
    counts: list[int] = field(default_factory=list)
    total: float = 0.0

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)

    def observe(self, value: float) -> None:
        """One measurement."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


@dataclass(slots=True)
class Series:
    """What is counted for one combination of labels."""

    requests: int = 0
    attempts: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    ttft: Histogram = field(default_factory=lambda: Histogram(TTFT_BOUNDS))
    per_token: Histogram = field(default_factory=lambda: Histogram(TOKEN_BOUNDS))


Labels = tuple[str, str, str, str, str, str]  # route provider model category cache outcome


class Tally:
    """All series of this process."""

    __slots__ = ("_models", "_routes", "categories", "open", "series", "stages")

    def __init__(self, routes: Iterable[str] = (), models: Iterable[str] = ()) -> None:
        self._routes = frozenset(routes)
        self._models = frozenset(models)
        self.series: dict[Labels, Series] = {}
        self.stages = {stage: Histogram(STAGE_BOUNDS) for stage in STAGES}
        self.open = 0

    def configure(self, routes: Iterable[str], models: Iterable[str]) -> None:
        """The names that may be labels from now on."""
        self._routes = frozenset(routes)
        self._models = frozenset(models)

    def record(self, exchange: Exchange, total_s: float) -> None:
        """Count one finished exchange."""
        labels = (
            exchange.route if exchange.route in self._routes else OTHER,
            exchange.provider,
            exchange.provider_model if exchange.provider_model in self._models else OTHER,
            exchange.category,
            exchange.cache,
            exchange.outcome,
        )
        series = self.series.get(labels) or self._begin(labels)
        series.requests += 1
        series.attempts += exchange.attempts
        first = exchange.first_token_s
        if first is not None:
            series.ttft.observe(first)
        usage = exchange.usage
        if usage is not None:
            series.prompt_tokens += usage.prompt
            series.completion_tokens += usage.completion
            series.cached_tokens += usage.cached
            if exchange.stream and first is not None and usage.completion > 1:
                series.per_token.observe((total_s - first) / (usage.completion - 1))
        stages = self.stages
        stages["auth"].observe(exchange.auth_s)
        if exchange.classify_s:  # a stage that did not run took no time that anyone wants to know
            stages["classify"].observe(exchange.classify_s)
        if exchange.cache_s:
            stages["cache"].observe(exchange.cache_s)

    def _begin(self, labels: Labels) -> Series:
        if len(self.series) >= SERIES_LIMIT:
            labels = (OTHER, OTHER, OTHER, OTHER, labels[4], labels[5])
        return self.series.setdefault(labels, Series())
