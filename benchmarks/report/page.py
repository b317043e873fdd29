"""The HTML report of one or more load runs: one file that can be mailed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from math import isnan

from benchmarks.load.compare import Ratio
from benchmarks.load.slices import HEAT_PARTS, Slice
from benchmarks.load.tally import Tally
from benchmarks.report import svg

LEAST = 0.002  # curves begin at this share: a few odd values would stretch the axis
MAX_COLUMNS = 120  # of a heat map or points of a line; longer runs are joined to this
_STYLE = """
:root { color-scheme: light dark; --line: #8884; --paper: #fff; --ink: #1c2430; --soft: #5b6675; }
@media (prefers-color-scheme: dark) { :root { --paper: #12161c; --ink: #e4e8ee; --soft: #98a3b3; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 1360px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin-top: 2.2rem; }
p.sub { color: var(--soft); margin-top: .2rem; } p.warn { color: #b45309; margin: .2rem 0; }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 520px), 1fr));
  gap: 1rem; margin-bottom: 1rem; }
.card, .wide { overflow-x: auto; } .card svg { min-width: 540px; }
p { overflow-wrap: anywhere; }
.card, .tile { border: 1px solid var(--line); border-radius: 10px; padding: .8rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.6rem, 1fr)); gap: .8rem;
  margin-bottom: 1rem; }
.tile b { display: block; font-size: 1.35rem; } .tile span { color: var(--soft); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .25rem .7rem; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; } svg { width: 100%; height: auto; }
"""
_COLUMNS = ("mean", "p50", "p90", "p95", "p99", "p99.9", "max")
_TIMES = (
    ("First token", "ttft"),
    ("Gap between tokens", "gap"),
    ("Time per token", "tpot"),
    ("Whole answer", "total"),
    ("First byte", "ttfb"),
)


@dataclass(frozen=True, slots=True)
class Named:
    """A run with the words that describe it."""

    name: str
    subtitle: str
    tally: Tally


def page(runs: Sequence[Named], title: str, ratios: Sequence[Ratio] = ()) -> str:
    """A complete document. Works offline, without scripts, in light and dark."""
    runs = _distinct(runs)
    body = [f"<h1>{escape(title)}</h1>"]
    body.extend(f'<p class="sub">{escape(run.name)}: {escape(run.subtitle)}</p>' for run in runs)
    if len(runs) > 1:
        body.append(_overview(runs))
    if ratios:
        body.append(_ratios(runs, ratios))
    for run in runs:
        body.append(f"<h2>{escape(run.name)}</h2>")
        body.append(_tiles(run.tally))
        body.extend(f'<p class="warn">{escape(w)}</p>' for w in run.tally.warnings())
        body.append(_times(run.tally))
        body.append(_errors(run.tally))
    curves = [_curves(runs, label, field) for label, field in _TIMES[:4]]
    if any(curves):
        body.append("<h2>Distributions</h2>" + _grid(curves))
    body.append("<h2>Over time</h2>")
    body.extend(_grid(_over_time(run, many=len(runs) > 1)) for run in runs)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        + "\n".join(body)
        + "</body></html>\n"
    )


def _distinct(runs: Sequence[Named]) -> list[Named]:
    """The same runs, numbered where names repeat: curves must be told apart."""
    names = [run.name for run in runs]
    return [
        replace(run, name=f"{number}. {run.name}") if names.count(run.name) > 1 else run
        for number, run in enumerate(runs, 1)
    ]


def _overview(runs: Sequence[Named]) -> str:
    """All runs beside each other."""
    head = [
        "",
        "requests/s",
        "errors",
        "tokens/s",
        "first token p50",
        "p99",
        "gap p99",
        "whole p99",
    ]
    rows = []
    for run in runs:
        tally = run.tally
        times = [
            tally.ttft.quantile(0.5), tally.ttft.quantile(0.99),
            tally.gap.quantile(0.99), tally.total.quantile(0.99),
        ]  # fmt: skip
        shown = ["" if isnan(one) else f"{one * 1e3:,.2f} ms" for one in times]
        rate, share = f"{tally.rate:,.1f}", f"{tally.error_share:.2%}"
        rows.append([run.name, rate, share, f"{tally.token_rate:,.0f}", *shown])
    return "<h2>Side by side</h2>" + _table(head, rows)


def _tiles(tally: Tally) -> str:
    tiles = [
        (f"{tally.rate:,.1f}", "requests/s"),
        (f"{tally.ok:,}", "good answers"),
        (f"{tally.error_share:.2%}", f"errors ({tally.failed})"),
    ]
    if tally.tokens:
        tiles.append((f"{tally.token_rate:,.0f}", "tokens/s"))
    if tally.ttft.total:
        tiles.append((f"{tally.ttft.quantile(0.5) * 1e3:,.1f} ms", "first token p50"))
        tiles.append((f"{tally.ttft.quantile(0.99) * 1e3:,.1f} ms", "first token p99"))
    if tally.ok:
        tiles.append((f"{tally.total.quantile(0.99) * 1e3:,.1f} ms", "whole answer p99"))
    tiles.append((f"{tally.client_share:.0%}", "client CPU"))
    cells = "".join(f'<div class="tile"><b>{a}</b><span>{escape(b)}</span></div>' for a, b in tiles)
    return f'<div class="tiles">{cells}</div>'


def _times(tally: Tally) -> str:
    found = ((label, getattr(tally, field).summary()) for label, field in _TIMES)
    rows = [[label, *(f"{one[c]:,.2f}" for c in _COLUMNS)] for label, one in found if one]
    return _table(["milliseconds", *_COLUMNS], rows) if rows else ""


def _errors(tally: Tally) -> str:
    if not tally.errors:
        return ""
    rows = [[kind, str(count)] for kind, count in tally.errors.most_common()]
    samples = "".join(f"<p class='warn'>{escape(one)}</p>" for one in tally.samples)
    return _table(["error", "count"], rows) + samples


def _ratios(runs: Sequence[Named], ratios: Sequence[Ratio]) -> str:
    rows = []
    for one in ratios:
        scale = 1e3 if one.time else 1.0
        verdict = "" if one.sure else "no difference shown"
        rows.append(
            [
                one.name,
                f"{one.a * scale:,.2f}",
                f"{one.b * scale:,.2f}",
                f"{one.ratio:.3f}",
                f"{one.low:.3f} to {one.high:.3f}",
                verdict,
            ]
        )
    head = ["", runs[0].name, runs[1].name, "ratio", "95 % interval", ""]
    return "<h2>Comparison</h2>" + _table(head, rows)


def _curves(runs: Sequence[Named], label: str, field: str) -> str:
    series = [
        svg.Line(
            run.name, [(v * 1e3, s) for v, s in getattr(run.tally, field).curve() if s > LEAST], n
        )
        for n, run in enumerate(runs)
    ]
    return svg.distribution(label, [one for one in series if one.points])


def _over_time(run: Named, *, many: bool) -> list[str]:
    slices = _whole(run.tally.slices)
    name = f"{run.name}: " if many else ""
    field = "ttft" if run.tally.ttft.total else "total"
    label = "first token" if field == "ttft" else "whole answer"
    step = max(1, -(-len(slices) // MAX_COLUMNS))
    p50 = [(one.at, getattr(one, f"{field}_p50") * 1e3) for one in slices[::step]]
    p99 = [(one.at, getattr(one, f"{field}_p99") * 1e3) for one in slices[::step]]
    latency = [svg.Line("p50", p50, 0), svg.Line("p99", p99, 1)]
    groups = [slices[start : start + step] for start in range(0, len(slices), step)]
    starts = [0.0, *(group[-1].at for group in groups)]
    spans = [max(1e-6, group[-1].at - start) for group, start in zip(groups, starts, strict=False)]
    ends = [group[-1].at for group in groups]
    ok, failed = (
        [
            sum(getattr(one, kind) for one in group) / span
            for group, span in zip(groups, spans, strict=True)
        ]
        for kind in ("ok", "errors")
    )
    rates = [svg.Line("good", list(zip(ends, ok, strict=True)), 2)]
    if any(failed):
        rates.append(svg.Line("errors", list(zip(ends, failed, strict=True)), 4))
    opened = [(group[-1].at, float(group[-1].open)) for group in groups]
    cells = [
        (start, group[-1].at, _joined(group)) for group, start in zip(groups, starts, strict=False)
    ]
    return [
        svg.lines(f"{name}{label} over time", latency, unit=" ms", log=True),
        svg.lines(f"{name}answers per second", rates, unit=""),
        svg.lines(f"{name}open requests", [svg.Line("open", opened, 3)], unit=""),
        svg.heat(f"{name}gaps between tokens", cells, HEAT_PARTS),
    ]


def _whole(slices: Sequence[Slice]) -> Sequence[Slice]:
    """Without a short last one, whose rate would say nothing."""
    if len(slices) > 2 and slices[-1].at - slices[-2].at < 0.5 * slices[0].at:
        return slices[:-1]
    return slices


def _joined(group: Sequence[Slice]) -> dict[int, int]:
    rows: dict[int, int] = {}
    for one in group:
        for row, count in one.gaps.items():
            rows[row] = rows.get(row, 0) + count
    return rows


def _grid(pictures: Sequence[str]) -> str:
    cards = "".join(f'<div class="card">{one}</div>' for one in pictures if one)
    return f'<div class="grid">{cards}</div>'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    table = f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="wide">{table}</div>'
