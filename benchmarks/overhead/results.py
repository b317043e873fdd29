"""Rounds become figures, figures become ratios to a floor, a table and a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from benchmarks.report import svg

Round = Mapping[str, Mapping[str, float]]
"""What one round measured: name of the gateway (or "direct") -> figure -> value."""

# figure -> (heading, digits, best): "min" where only disturbance can add, else the median
FIGURES: dict[str, tuple[str, int, str]] = {
    "cpu_us_per_request": ("CPU µs a request", 1, "min"),
    "one_core_rps": ("requests/s one core", 0, "max"),
    "streams": ("paced streams", 0, "median"),
    "cpu_us_per_token": ("CPU µs a token", 2, "min"),
    "added_c1_p50_ms": ("added p50 ms, c=1", 3, "median"),
    "added_c1_p99_ms": ("added p99 ms, c=1", 3, "median"),
    "added_ttft_p50_ms": ("added first token p50 ms", 2, "median"),
    "added_ttft_p99_ms": ("added first token p99 ms", 2, "median"),
    "gap_p99_ms": ("gap p99 ms", 1, "median"),
    "kb_per_stream": ("kB a stream", 1, "median"),
    "idle_mb": ("idle MB", 1, "median"),
    "start_s": ("start s", 2, "min"),
}
DIRECT = "direct"
DISTURBED = 0.1  # share of the gateway's core that others may take before it matters
_ADDED = ("c1_p50_ms", "c1_p99_ms", "ttft_p50_ms", "ttft_p99_ms")


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
                if figure in _ADDED and figure in direct and name != DIRECT:
                    mine.setdefault(f"added_{figure}", []).append(value - direct[figure])
    return {
        name: {figure: _best(figure, values) for figure, values in figures.items()}
        for name, figures in collected.items()
    }


def _best(figure: str, values: Sequence[float]) -> float:
    kind = FIGURES.get(figure, ("", 0, "median"))[2]
    if kind == "min":
        return min(values)
    return max(values) if kind == "max" else float(median(values))


def ratios(figures: Mapping[str, Mapping[str, float]], floor: str) -> dict[str, dict[str, float]]:
    """Every figure over the floor's; those the floor lacks or has at nought are left out."""
    base = figures.get(floor, {})
    return {
        name: {
            figure: value / base[figure]
            for figure, value in mine.items()
            if figure in FIGURES and base.get(figure, 0) > 0
        }
        for name, mine in figures.items()
    }


def markdown(
    figures: Mapping[str, Mapping[str, float]], floor: str, skipped: Mapping[str, str]
) -> str:
    """One row a figure, one column a gateway; in brackets the ratio to the floor."""
    names = [name for name in figures if name != DIRECT]
    over = ratios(figures, floor)
    lines = [f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for figure, (heading, digits, _) in FIGURES.items():
        cells = []
        for name in names:
            value = figures[name].get(figure)
            if value is None:
                cells.append("-")
                continue
            ratio = over[name].get(figure)
            shown = ratio is not None and name != floor and not figure.startswith("added")
            cells.append(f"{value:,.{digits}f}" + (f" ({ratio:.2f}x)" if shown else ""))
        if any(cell != "-" for cell in cells):
            lines.append(f"| {heading} | {' | '.join(cells)} |")
    others = max((mine.get("others_share", 0.0) for mine in figures.values()), default=0.0)
    if others > DISTURBED:
        lines.append(
            f"\nOther work took up to {others:.0%} of the gateway's core: latencies are not to be "
            "trusted, and CPU is higher than on a quiet machine."
        )
    lines.extend(f"\n{name} skipped: {why}" for name, why in skipped.items())
    return "\n".join(lines) + "\n"


def picture(figures: Mapping[str, Mapping[str, float]]) -> str:
    """CPU per request as bars on a log scale, cheapest first."""
    rows = sorted(
        (mine["cpu_us_per_request"], name)
        for name, mine in figures.items()
        if "cpu_us_per_request" in mine
    )
    bars = [(name, value) for value, name in rows]
    return svg.bars("CPU of the gateway for one request (log scale)", bars, unit=" µs", log=True)


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
