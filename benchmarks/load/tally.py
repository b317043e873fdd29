"""What a load run saw: distributions, counts, and how they went over time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.load.histogram import Histogram
from benchmarks.load.slices import HEAT_PARTS, Slice, joined

Json = dict[str, Any]
TIMES = ("ttft", "gap", "tpot", "total", "ttfb", "lag")
MAX_SAMPLES = 5  # error texts that are kept


class Tally:
    """Everything counted. Times are seconds from the intended start of a request.

    ttft: to the first token; gap: between two tokens of a stream as they are read; tpot: mean
    time per token after the first, one value a stream; total: to the end; ttfb: to the first
    byte; lag: how late the client itself sent it.
    """

    def __init__(self) -> None:
        self.ttft = Histogram()
        self.gap = Histogram()
        self.tpot = Histogram()
        self.total = Histogram()
        self.ttfb = Histogram()
        self.lag = Histogram()
        self.speed = Histogram()  # tokens a second of one stream after its first token
        self.ok = 0
        self.unfinished = 0
        self.tokens = 0
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self.bytes = 0
        self.seconds = 0.0
        self.client_cpu_s = 0.0
        self.client_wait_s = 0.0  # ready to run, and another process had the core
        self.processes = 1
        self.good = 0  # answers that kept every per-request promise
        self.late_slots = 0  # requests that waited for a free connection
        self.connections = 0
        self.errors: Counter[str] = Counter()
        self.cache: Counter[str] = Counter()
        self.samples: list[str] = []
        self.slices: list[Slice] = []
        self._before = (0, 0, 0)

    def fail(self, kind: str, sample: str = "") -> None:
        self.errors[kind] += 1
        text = f"{kind}: {sample[:300]}"
        if sample and len(self.samples) < MAX_SAMPLES and text not in self.samples:
            self.samples.append(text)

    def cut(self, at: float, still_open: int) -> Slice:
        """Ends a slice; what waits in the histograms becomes part of it."""
        ttft, total = list(self.ttft.pending), list(self.total.pending)
        gaps = np.asarray(self.gap.pending, dtype=np.float64)
        for name in (*TIMES, "speed"):
            getattr(self, name).flush()
        errors = self.errors.total()
        ok, failed, tokens = self._before
        self._before = (self.ok, errors, self.tokens)
        rows = np.floor(np.log2(np.maximum(gaps, 1e-6)) * HEAT_PARTS).astype(int)
        heat = {int(k): int(n) for k, n in zip(*np.unique(rows, return_counts=True), strict=True)}
        one = Slice(
            at=at,
            ok=self.ok - ok,
            errors=errors - failed,
            tokens=self.tokens - tokens,
            open=still_open,
            ttft_p50=_quantile(ttft, 0.5),
            ttft_p99=_quantile(ttft, 0.99),
            total_p50=_quantile(total, 0.5),
            total_p99=_quantile(total, 0.99),
            gaps=heat,
        )
        self.slices.append(one)
        return one

    def merge(self, other: Tally) -> None:
        """Adds a run that another process made at the same time."""
        for name in (*TIMES, "speed"):
            getattr(self, name).merge(getattr(other, name))
        for name in (
            "ok",
            "unfinished",
            "tokens",
            "prompt_tokens",
            "completion_tokens",
            "bytes",
            "client_cpu_s",
            "client_wait_s",
            "good",
            "late_slots",
            "connections",
            "processes",
        ):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.seconds = max(self.seconds, other.seconds)
        self.errors.update(other.errors)
        self.cache.update(other.cache)
        self.samples = (self.samples + other.samples)[:MAX_SAMPLES]
        self.slices = joined(self.slices, other.slices)

    # ---- figures -----------------------------------------------------------------------------

    @property
    def failed(self) -> int:
        return self.errors.total()

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return self.ok / self.seconds if self.seconds else 0.0

    @property
    def token_rate(self) -> float:
        return self.tokens / self.seconds if self.seconds else 0.0

    @property
    def error_share(self) -> float:
        return self.failed / max(1, self.ok + self.failed)

    @property
    def client_share(self) -> float:
        """CPU that the client took, of the cores it had."""
        return self.client_cpu_s / self.seconds / self.processes if self.seconds else 0.0

    @property
    def overloaded(self) -> bool:
        """Whether the client had no CPU to spare: then its figures are its own."""
        return self.client_share > 0.9

    def warnings(self) -> list[str]:
        """Why these figures may be the client's and not the server's."""
        found = []
        if self.overloaded:
            found.append(
                f"the client used {self.client_share:.0%} of its core: it may be the bottleneck; "
                "use --processes"
            )
        waited = self.client_wait_s / self.seconds / self.processes if self.seconds else 0.0
        if waited > 0.1:
            found.append(
                f"other processes kept the client from its core for {waited:.0%} of the time: "
                "latencies hold that, too"
            )
        lag = self.lag.quantile(0.99)
        ttft = self.ttft if self.ttft.total else self.total
        if lag > max(0.005, 0.1 * ttft.quantile(0.5)):
            found.append(f"the client sent its requests late (p99 {lag * 1e3:.1f} ms)")
        if self.late_slots:
            found.append(
                f"{self.late_slots} requests waited for a connection (their wait is counted); "
                "raise --max-concurrency to send them on time"
            )
        return found

    @property
    def goodput(self) -> float:
        """Answers a second that kept every promise made for a single request."""
        return self.good / self.seconds if self.seconds else 0.0

    def bound(self, name: str, q: float) -> float:
        """The time that a share q of all requests kept. What failed or never ended counts as
        endless: a server that refuses half of them is not the faster for it."""
        histogram: Histogram = getattr(self, name)
        histogram.flush()
        if not histogram.total:
            return float("nan")
        lost = self.failed + self.unfinished
        share = q * (histogram.total + lost) / histogram.total
        return histogram.quantile(share) if share <= 1 else float("inf")

    def dump(self) -> Json:
        """Everything as JSON; load() reads it back. Summaries in milliseconds."""
        for name in (*TIMES, "speed"):
            getattr(self, name).flush()
        return {
            "ok": self.ok,
            "errors": dict(self.errors),
            "unfinished": self.unfinished,
            "seconds": self.seconds,
            "requests_per_s": round(self.rate, 2),
            "tokens": self.tokens,
            "tokens_per_s": round(self.token_rate, 1),
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "bytes": self.bytes,
            "cache": dict(self.cache),
            "client_cpu_s": self.client_cpu_s,
            "client_wait_s": self.client_wait_s,
            "good": self.good,
            "processes": self.processes,
            "late_slots": self.late_slots,
            "connections": self.connections,
            "warnings": self.warnings(),
            "error_samples": self.samples,
            **{f"{name}_ms": getattr(self, name).summary() for name in TIMES},
            "speed_tokens_per_s": self.speed.summary(1.0),
            "histograms": {name: getattr(self, name).dump() for name in (*TIMES, "speed")},
            "slices": [
                {field: _finite(getattr(one, field)) for field in Slice.__slots__}
                for one in self.slices
            ],
        }

    @classmethod
    def load(cls, data: Mapping[str, Any]) -> Tally:
        """What dump() wrote. Raises KeyError, TypeError or ValueError for anything else."""
        one = cls()
        for name in (
            "ok",
            "unfinished",
            "seconds",
            "tokens",
            "prompt_tokens",
            "completion_tokens",
            "bytes",
            "client_cpu_s",
            "processes",
            "late_slots",
            "connections",
        ):
            setattr(one, name, data[name])
        one.good = data.get("good", 0)
        one.client_wait_s = data.get("client_wait_s", 0.0)
        one.errors.update(data["errors"])
        one.cache.update(data["cache"])
        one.samples = list(data["error_samples"])
        for name in (*TIMES, "speed"):
            setattr(one, name, Histogram.load(data["histograms"][name]))
        for row in data["slices"]:
            gaps = {int(k): int(v) for k, v in row["gaps"].items()}
            fields: Json = {k: float("nan") if v is None else v for k, v in row.items()}
            fields["gaps"] = gaps
            one.slices.append(Slice(**fields))
        return one


def _quantile(values: list[float], q: float) -> float:
    return float(np.quantile(values, q)) if values else float("nan")


def _finite(value: Any) -> Any:
    """JSON has no nan, and its keys are strings."""
    if isinstance(value, dict):
        return {str(k): v for k, v in value.items()}
    if isinstance(value, float):
        return round(value, 6) if value == value else None  # noqa: PLR0124 - nan
    return value
