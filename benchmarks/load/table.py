"""Results as text: a table for people, rows for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from benchmarks.load.compare import Ratio
from benchmarks.load.plan import Row
from benchmarks.load.tally import Tally

_ROWS = (
    ("first token", "ttft"),
    ("gap between tokens", "gap"),
    ("time per token", "tpot"),
    ("whole answer", "total"),
    ("first byte", "ttfb"),
)
_COLUMNS = ("mean", "p50", "p90", "p95", "p99", "p99.9", "max")


def table(tally: Tally, title: str = "", cost: tuple[float, float] | None = None) -> str:
    """The run for a terminal; times in milliseconds. cost: USD per million tokens in and out."""
    lines = [title] if title else []
    lines.append(
        f"{tally.ok} ok, {tally.failed} failed, {tally.unfinished} unfinished in "
        f"{tally.seconds:.1f} s: {tally.rate:.1f} requests/s"
        + (f", {tally.token_rate:,.0f} tokens/s" if tally.tokens else "")
    )
    lines.append("")
    lines.append(f"{'ms':<20}" + "".join(f"{name:>10}" for name in _COLUMNS))
    for label, field in _ROWS:
        summary = getattr(tally, field).summary()
        if summary is None:
            continue
        lines.append(f"{label:<20}" + "".join(f"{_short(summary[c]):>10}" for c in _COLUMNS))
    speed = tally.speed.summary(1.0)
    if speed is not None:
        lines.append("")
        lines.append(
            f"tokens/s of one stream: p50 {_short(speed['p50'])}, slowest {_short(speed['min'])}"
        )
    lines.extend(_counts(tally, cost))
    lines.extend(f"warning: {one}" for one in tally.warnings())
    return "\n".join(lines) + "\n"


def _counts(tally: Tally, cost: tuple[float, float] | None) -> list[str]:
    lines = []
    if tally.completion_tokens:
        lines.append(
            f"usage as reported: {tally.prompt_tokens:,} tokens in, {tally.completion_tokens:,} out"
        )
    if tally.good:
        lines.append(f"goodput: {tally.goodput:.1f} requests/s, {tally.good} of {tally.ok} answers")
    if cost is not None:
        usd = (tally.prompt_tokens * cost[0] + tally.completion_tokens * cost[1]) / 1e6
        lines.append(f"cost: ${usd:.4f}")
    if tally.cache:
        shares = ", ".join(f"{name} {count}" for name, count in tally.cache.most_common())
        lines.append(f"cache: {shares}")
    lines.append(
        f"received {tally.bytes / 1e6:.1f} MB on {tally.connections} connections; "
        f"client CPU {tally.client_share:.0%}"
    )
    if tally.errors:
        kinds = ", ".join(f"{name} {count}" for name, count in tally.errors.most_common())
        lines.append(f"errors: {kinds}")
        lines.extend(f"  {one}" for one in tally.samples)
    return lines


def ratio_table(a: str, b: str, ratios: Sequence[Ratio]) -> str:
    """B against A; the interval holds the ratio with 95 % confidence."""
    lines = [f"A = {a}", f"B = {b}", ""]
    lines.append(f"{'':<14}{'A':>12}{'B':>12}{'B/A':>9}  {'95 % interval':<18}")
    for one in ratios:
        scale = 1e3 if one.time else 1.0
        interval = f"{one.low:.3f} to {one.high:.3f}"
        note = "" if one.sure else "  no difference shown"
        lines.append(
            f"{one.name:<14}{_short(one.a * scale):>12}{_short(one.b * scale):>12}"
            f"{one.ratio:>9.3f}  {interval:<18}{note}"
        )
    return "\n".join(lines) + "\n"


def csv_rows(rows: Sequence[Row]) -> str:
    """Every request: seconds after the start, tokens, status, error."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["due_s", "ttft_s", "total_s", "lag_s", "tokens", "status", "error"])
    for due, first, end, lag, tokens, status, error in rows:
        ttft = f"{first - due:.6f}" if first == first else ""  # noqa: PLR0124 - nan
        writer.writerow(
            [f"{due:.6f}", ttft, f"{end - due:.6f}", f"{lag:.6f}", tokens, status, error]
        )
    return out.getvalue()


def _short(value: float) -> str:
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 100 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"
