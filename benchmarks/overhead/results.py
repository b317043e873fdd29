"""Rounds become figures, and figures ratios to a floor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

Round = Mapping[str, Mapping[str, float]]
"""What one round measured: name of the gateway (or "direct") -> figure -> value."""

# figure -> how rounds become one: "min" where only disturbance can add, else the median
FIGURES: dict[str, str] = {
    "cpu_us_per_request": "min",
    "varied_cpu_us_per_request": "min",
    "hits_cpu_us_per_request": "min",
    "one_core_rps": "max",
    "hits_one_core_rps": "max",
    "streams": "median",
    "cpu_us_per_token": "min",
    "translated_cpu_us_per_token": "min",
    "tls_cpu_us_per_token": "min",
    "added_c1_p50_ms": "median",
    "added_c1_p99_ms": "median",
    "added_ttft_p50_ms": "median",
    "added_ttft_p99_ms": "median",
    "kb_per_stream": "median",
    "idle_mb": "median",
    "start_s": "min",
}
# figures that have no name of their own at the floor: what they are divided by there
_FLOORS = {
    "varied_cpu_us_per_request": "cpu_us_per_request",
    "hits_cpu_us_per_request": "cpu_us_per_request",
    "translated_cpu_us_per_token": "cpu_us_per_token",
    "tls_cpu_us_per_token": "cpu_us_per_token",
}
DIRECT = "direct"
# latency through a gateway -> the direct one it is compared with
_ADDED = {
    name: name.removeprefix("translated_").removeprefix("tls_")
    for name in (
        "c1_p50_ms", "c1_p99_ms", "ttft_p50_ms", "ttft_p99_ms",
        "translated_ttft_p50_ms", "translated_ttft_p99_ms", "tls_ttft_p50_ms", "tls_ttft_p99_ms",
    )
}  # fmt: skip


def summary(rounds: Sequence[Round]) -> dict[str, dict[str, float]]:
    """Per gateway the figures over all rounds. Added latency is a gateway's less the direct
    one of the same round."""
    collected: dict[str, dict[str, list[float]]] = {}
    for one in rounds:
        direct = one.get(DIRECT, {})
        for name, figures in one.items():
            mine = collected.setdefault(name, {})
            for figure, value in figures.items():
                mine.setdefault(figure, []).append(value)
                base = direct.get(_ADDED.get(figure, ""))
                if base is not None and name != DIRECT:
                    mine.setdefault(f"added_{figure}", []).append(value - base)
    return {
        name: {figure: _best(figure, values) for figure, values in figures.items()}
        for name, figures in collected.items()
    }


def _best(figure: str, values: Sequence[float]) -> float:
    kind = FIGURES.get(figure, "median")
    if kind == "min":
        return min(values)
    return max(values) if kind == "max" else float(median(values))


def ratios(figures: Mapping[str, Mapping[str, float]], floor: str) -> dict[str, dict[str, float]]:
    """Every figure over the floor's; those the floor lacks or has at nought are left out."""
    base = figures.get(floor, {})
    return {
        name: {
            figure: value / base[_FLOORS.get(figure, figure)]
            for figure, value in mine.items()
            if figure in FIGURES and base.get(_FLOORS.get(figure, figure), 0) > 0
        }
        for name, mine in figures.items()
    }


def broken(
    over: Mapping[str, Mapping[str, float]], name: str, limits: Mapping[str, float]
) -> list[str]:
    """The limits on ratios that a gateway exceeds, in words."""
    mine = over.get(name, {})
    found = []
    for figure, limit in limits.items():
        if figure not in mine:
            found.append(f"{name}: {figure} was not measured")
        elif mine[figure] > limit:
            found.append(f"{name}: {figure} is {mine[figure]:.2f} times the floor, limit {limit:g}")
    return found
