"""GET /metrics: the tally as Prometheus text, named after the OpenTelemetry GenAI conventions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from embeddings.gpu import Gpu
    from proxy.ledger.tally import Histogram, Tally

_LABELS = ("route", "gen_ai_provider_name", "gen_ai_request_model", "category", "cache", "outcome")

# What a figure is, where its name does not say it.
_ABOUT: Mapping[str, str] = {
    "turned_away": "Connections refused before a request was read",
    "refused": "Requests refused because too many were open",
    "open_limit": "Requests that may be open at a time now",
    "open_answers": "Answers under way",
    "limited": "Requests refused by a caller's limits or budgets",
    "hedges": "Extra attempts beside a slow one",
    "breakers_open": "Targets that are left alone now",
    "breakers_opened": "Times that failures opened a breaker",
    "alerts": "Alerts told",
    "alerts_failed": "Alerts that the webhook did not take",
    "config_up": "Whether the configuration file is the one in force, and not refused or gone",
    "ledger_up": "Whether the ledger can be written",
    "ledger_rows": "Rows written to the ledger",
    "ledger_rows_dropped": "Rows that the ledger could not keep",
    "ledger_waiting_rows": "Rows that wait for the ledger",
    "cost_usd": "Spent at the providers, by the prices known",
    "saved_usd": "What answers from the cache would have cost",
    "cache_guarded": "Semantic hits that a guard refused",
    "cache_disk_up": "Whether the cache can be kept on disk",
    "embedder_up": "Whether the embedder answers in time",
    "shared_up": "Whether the shared server answers in time",
    "traces": "Exchanges sent as traces",
}
_TOKENS = ("input", "output", "input_cached")  # as Series.tokens


def _about(name: str) -> str:
    if name.startswith("refused_"):
        return "Requests that never went upstream and were answered with this status"
    return _ABOUT.get(name) or name.replace("_", " ").capitalize()


class Exposition(Collector):
    """Reads the tally and a few gauges whenever somebody scrapes."""

    def __init__(
        self,
        tally: Tally,
        gauges: Callable[[], Mapping[str, float]],
        gpus: Callable[[], Sequence[Gpu]] = tuple,
    ) -> None:
        """gauges: name without prefix -> value; a name ending in _total is a counter."""
        self._tally = tally
        self._gauges = gauges
        self._gpus = gpus
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Called by prometheus_client."""
        yield from self._traffic()
        yield from self._hardware()
        for name, value in self._gauges().items():
            if name.endswith("_total"):
                bare = name.removesuffix("_total")
                counter = CounterMetricFamily(f"firsttoken_{bare}", _about(bare))
                counter.add_metric((), value)
                yield counter
            else:
                yield GaugeMetricFamily(f"firsttoken_{name}", _about(name), value=value)

    def _traffic(self) -> Iterator[Metric]:
        """What was asked, by whom it was answered, and how fast."""
        requests = CounterMetricFamily("firsttoken_requests", "Finished exchanges", labels=_LABELS)
        attempts = CounterMetricFamily(
            "firsttoken_attempts", "Upstream attempts, hedges and retries included", labels=_LABELS
        )
        tokens = CounterMetricFamily(
            "gen_ai_client_token_usage",
            "Tokens as reported",
            labels=(*_LABELS, "gen_ai_token_type"),
        )
        ttft = HistogramMetricFamily(
            "gen_ai_server_time_to_first_token",
            "Seconds from the request to its first token",
            labels=_LABELS,
        )
        per_token = HistogramMetricFamily(
            "gen_ai_server_time_per_output_token",
            "Seconds per token after the first",
            labels=_LABELS,
        )
        for labels, series in self._tally.series.items():
            requests.add_metric(labels, series.requests)
            attempts.add_metric(labels, series.attempts)
            for kind, many in zip(_TOKENS, series.tokens, strict=True):
                tokens.add_metric((*labels, kind), many)
            _add(ttft, labels, series.ttft)
            _add(per_token, labels, series.per_token)
        stages = HistogramMetricFamily(
            "firsttoken_stage_seconds", "Our own time per stage of a request", labels=("stage",)
        )
        for stage, histogram in self._tally.stages.items():
            _add(stages, (stage,), histogram)
        yield from (requests, attempts, tokens, ttft, per_token, stages)

    def _hardware(self) -> Iterator[Metric]:
        """One family for each figure that some GPU tells."""
        families: dict[str, GaugeMetricFamily] = {}
        for gpu in self._gpus():
            for name, value in gpu.figures().items():
                family = families.setdefault(
                    name,
                    GaugeMetricFamily(
                        f"firsttoken_gpu_{name}", f"GPU: {_about(name)}", labels=("gpu", "name")
                    ),
                )
                family.add_metric((str(gpu.index), gpu.name), value)
        yield from families.values()

    def as_json(self) -> dict[str, Any]:
        """The same figures for a human or a script that prefers JSON."""
        series = self._tally.series
        total = sum(one.requests for one in series.values())
        ok = sum(one.requests for labels, one in series.items() if labels[5] == "ok")
        by_model: dict[str, int] = {}
        by_category: dict[str, int] = {}
        for labels, one in series.items():
            by_model[labels[2]] = by_model.get(labels[2], 0) + one.requests
            by_category[labels[3]] = by_category.get(labels[3], 0) + one.requests
        return {
            "requests": {"total": total, "success": ok, "failed": total - ok},
            "models": by_model,
            "categories": by_category,
            **self._gauges(),
        }


def _add(family: HistogramMetricFamily, labels: tuple[str, ...], histogram: Histogram) -> None:
    buckets: list[tuple[str, float]] = []
    count = 0
    for bound, number in zip(histogram.bounds, histogram.counts, strict=False):
        count += number
        buckets.append((str(bound), count))
    count += histogram.counts[-1]
    buckets.append(("+Inf", count))
    family.add_metric(labels, buckets, sum_value=histogram.total)
