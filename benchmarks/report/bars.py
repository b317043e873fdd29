"""Bars on a log scale, several charts beneath each other, as an SVG file with its own paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from benchmarks.report.svg import COLORS, Axis

WIDTH, LEFT, RIGHT = 760, 150, 90
_TOP, _STEP, _THICK = 40, 24, 16
_PAPER, _INK, _SOFT = "#ffffff", "#1c2430", "#5b6675"


@dataclass(frozen=True, slots=True)
class Chart:
    """Rows of (name, value), drawn in their order."""

    title: str
    rows: Sequence[tuple[str, float]]
    unit: str


def sheet(charts: Sequence[Chart], *, ours: str) -> str:
    """A document of its own. Names that begin with `ours` stand out. Readable on any background:
    it brings paper."""
    height = sum(_TOP + _STEP * len(one.rows) for one in charts) + 16
    title = "; ".join(one.title for one in charts)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" '
        f'aria-label="{escape(title)}" xmlns="http://www.w3.org/2000/svg" '
        f'font-family="system-ui, sans-serif" font-size="12" fill="{_INK}">',
        f'<rect width="{WIDTH}" height="{height}" rx="8" fill="{_PAPER}"/>',
    ]
    top = 0
    for one in charts:
        parts.extend(_chart(one, top, ours))
        top += _TOP + _STEP * len(one.rows)
    return "\n".join([*parts, "</svg>\n"])


def _chart(one: Chart, top: int, ours: str) -> list[str]:
    values = [value for _, value in one.rows]
    # room beneath the least value, so that its bar can be seen, too
    axis = Axis(min(values) / 3, max(values), LEFT, WIDTH - RIGHT, log=True)
    parts = [
        f'<text x="16" y="{top + 26}" font-size="14" font-weight="600">{escape(one.title)}'
        f'<tspan font-size="11" font-weight="400" fill="{_SOFT}"> (log scale)</tspan></text>'
    ]
    for number, (name, value) in enumerate(one.rows):
        y = top + _TOP + _STEP * number
        mine = name.startswith(ours)
        color, weight = (COLORS[0], 600) if mine else (COLORS[5], 400)
        width = max(1.0, axis.at(value) - LEFT)
        parts.append(
            f'<text x="{LEFT - 8}" y="{y + 12}" text-anchor="end" font-weight="{weight}">'
            f"{escape(name)}</text>"
            f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{_THICK}" rx="3" '
            f'fill="{color}"/>'
            f'<text x="{LEFT + width + 6:.1f}" y="{y + 12}" font-weight="{weight}">'
            f"{_plain(value)}{escape(one.unit)}</text>"
        )
    return parts


def _plain(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
