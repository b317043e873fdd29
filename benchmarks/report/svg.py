"""Charts as inline SVG: lines over time, distributions on a log scale, heat maps."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape

WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 30, 40
COLORS = (
    "#3b6fd4", "#d9662b", "#2a9d6f", "#8d5bc2", "#c23b6e", "#6b7280", "#b08a1e", "#1f9bb3",
    "#a0522d", "#7a9a2b",
)  # fmt: skip
LETTER, MARK = 6.6, 20  # pixels of a letter and of the mark before a name, in a legend
LEAST = 0.01  # of a log axis of times, ms: less is two events in one read
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Axis:
    """Maps values to pixels, linearly or by logarithm."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        low, high = self.low, self.high
        if self.log:
            value, low, high = (math.log10(max(v, 1e-12)) for v in (value, low, high))
        share = (value - low) / ((high - low) or 1.0)
        return self.start + min(1.0, max(0.0, share)) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round values: powers of ten, with 2 and 5 where there is room; or steps of 1, 2, 5."""
        if self.log:
            first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
            parts: tuple[int, ...] = (1, 2, 5) if last - first <= 3 else (1,)
            if self.high < 10 * self.low:
                parts = (1, 2, 3, 4, 5, 7)
            values = [part * 10.0**power for power in range(first, last + 1) for part in parts]
        else:
            step = 10.0 ** math.floor(math.log10((self.high - self.low) / 4 or 1.0))
            for factor in (1, 2, 5, 10):
                if (self.high - self.low) / (step * factor) <= 6:
                    step *= factor
                    break
            first = math.ceil(self.low / step)
            values = [n * step for n in range(first, math.floor(self.high / step) + 1)]
        slack = 1e-9 * abs(self.high)
        return [v for v in values if self.low - slack <= v <= self.high + slack]


@dataclass(frozen=True, slots=True)
class Line:
    """One series of a chart."""

    name: str
    points: Sequence[Point]
    color: int = 0
    faint: bool = False


@dataclass(slots=True)
class Chart:
    """A frame with axes, to which marks are added."""

    title: str
    x: Axis
    y: Axis
    x_label: str
    x_text: Callable[[float], str]
    y_text: Callable[[float], str]
    marks: list[str] = field(default_factory=list)
    names: list[tuple[str, str]] = field(default_factory=list)

    def render(self) -> str:
        parts = [
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(self.title)}" '
            'xmlns="http://www.w3.org/2000/svg" font-family="system-ui, sans-serif" '
            'font-size="11" fill="currentColor">',
            f'<text x="{LEFT}" y="16" font-size="13" font-weight="600">{escape(self.title)}</text>',
        ]
        for value in self.y.ticks():
            y = self.y.at(value)
            parts.append(_rule(LEFT, y, WIDTH - RIGHT, y))
            parts.append(_text(LEFT - 6, y + 4, self.y_text(value), "end"))
        for value in self.x.ticks():
            x = self.x.at(value)
            parts.append(_rule(x, TOP, x, HEIGHT - BOTTOM))
            parts.append(_text(x, HEIGHT - BOTTOM + 16, self.x_text(value), "middle"))
        parts.append(_text(WIDTH - RIGHT, HEIGHT - 6, self.x_label, "end"))
        parts.extend(self.marks)
        parts.extend(self._legend())
        return "\n".join([*parts, "</svg>"])

    def _legend(self) -> list[str]:
        """Names beside the title; where they are too long for that, below, and cut to fit."""
        if not self.names:
            return []
        parts = []
        wanted = sum(LETTER * len(name) + MARK for name, _ in self.names)
        beside = WIDTH - RIGHT - LEFT - 8.0 * len(self.title)
        room, y = beside, 17.0
        if wanted > beside:
            room, y = WIDTH - 16.0 - 9.0 * len(self.x_label), HEIGHT - 6.0
        most = max(3, int((room / len(self.names) - MARK) / LETTER))
        if wanted <= room:
            most = max(len(name) for name, _ in self.names)
        x = WIDTH - RIGHT - wanted if room == beside else 8.0
        for whole, color in self.names:
            name = _cut(whole, most)
            box = f'x="{x:.1f}" y="{y - 9:.1f}" width="10" height="10" rx="2"'
            parts.append(f'<rect {box} fill="{color}"><title>{escape(whole)}</title></rect>')
            parts.append(_text(x + 14, y, name, "start"))
            x += LETTER * len(name) + MARK
        return parts


def _cut(name: str, most: int) -> str:
    """The name in so many letters: its start and its end, where names of runs differ."""
    if len(name) <= most:
        return name
    start = most // 2
    return name[:start] + "…" + name[len(name) - (most - start - 1) :]


def lines(
    title: str, series: Sequence[Line], *, unit: str, log: bool = False, x_label: str = "seconds"
) -> str:
    """Values over time."""
    points = [p for one in series for p in one.points if math.isfinite(p[1])]
    if not points:
        return ""
    high = max(y for _, y in points)
    low = min((y for _, y in points if y > 0), default=high) if log else 0.0
    if log:
        low, high = _decades(low, high)
    x = Axis(0.0, max(x for x, _ in points) or 1.0, LEFT, WIDTH - RIGHT)
    y = Axis(low, high * (1.0 if log else 1.05) or 1.0, HEIGHT - BOTTOM, TOP, log)
    chart = Chart(title, x, y, x_label, _plain, lambda v: f"{_plain(v)}{unit}")
    for one in series:
        color = COLORS[one.color % len(COLORS)]
        chart.marks.append(_path(chart, one, color))
        chart.names.append((one.name, color))
    return chart.render()


def distribution(title: str, series: Sequence[Line], *, unit: str = " ms") -> str:
    """Shares over values: the axis of shares shows the tail (nines), that of values is a log."""
    points = [p for one in series for p in one.points]
    if not points:
        return ""
    low, high = _decades(max(LEAST, min(x for x, _ in points)), max(x for x, _ in points))
    x = Axis(low, high, LEFT, WIDTH - RIGHT, log=True)
    # a share s is drawn at 1/(1-s), so that 90, 99 and 99.9 % stand equally far apart
    y = Axis(1.0, 10_000.0, HEIGHT - BOTTOM, TOP, log=True)
    chart = Chart(title, x, y, unit.strip(), _plain, _nines)
    for one in series:
        color = COLORS[one.color % len(COLORS)]
        first = [(value, 0.0) for value, _ in one.points[:1]]  # from nothing, straight up
        shares = [*first, *one.points]
        tail = [(value, 1.0 / max(1e-4, 1.0 - share)) for value, share in shares]
        chart.marks.append(_path(chart, Line(one.name, tail, one.color, one.faint), color))
        chart.names.append((one.name, color))
    return chart.render()


def heat(title: str, cells: Sequence[tuple[float, float, dict[int, int]]], parts: int) -> str:
    """Columns (from, to, row -> count); row r holds values of 2**(r/parts) seconds and up."""
    least = math.floor(math.log2(LEAST / 1e3) * parts)  # what is less shares the lowest row
    cells = [(a, b, _lifted(column, least)) for a, b, column in cells]
    rows = [row for _, _, column in cells for row in column]
    if not rows:
        return ""
    low, high = min(rows), max(rows) + 1
    bounds = [2.0 ** (row / parts) * 1e3 for row in (low, high)]
    x = Axis(0.0, cells[-1][1] or 1.0, LEFT, WIDTH - RIGHT)
    y = Axis(bounds[0], bounds[1], HEIGHT - BOTTOM, TOP, log=True)
    chart = Chart(title, x, y, "seconds", _plain, lambda v: f"{_plain(v)} ms")
    for start, end, column in cells:
        whole, most = sum(column.values()), max(column.values(), default=1)
        for row, count in column.items():
            top, bottom = (y.at(2.0 ** (r / parts) * 1e3) for r in (row + 1, row))
            share = count / most
            chart.marks.append(
                f'<rect x="{x.at(start):.1f}" y="{top:.1f}" width="{x.at(end) - x.at(start):.1f}" '
                f'height="{bottom - top:.1f}" fill="{COLORS[0]}" '
                f'fill-opacity="{0.08 + 0.92 * math.sqrt(share):.2f}">'
                f"<title>{count} of {whole}</title></rect>"
            )
    return chart.render()


def _lifted(column: dict[int, int], least: int) -> dict[int, int]:
    found: dict[int, int] = {}
    for row, count in column.items():
        found[max(row, least)] = found.get(max(row, least), 0) + count
    return found


def _path(chart: Chart, one: Line, color: str) -> str:
    commands = []
    pen = "M"
    for x, y in one.points:
        if not math.isfinite(y):
            pen = "M"
            continue
        commands.append(f"{pen}{chart.x.at(x):.1f} {chart.y.at(y):.1f}")
        pen = "L"
    if len(commands) == 1:  # no line: a dot
        place = commands[0][1:].split()
        return f'<circle cx="{place[0]}" cy="{place[1]}" r="3" fill="{color}"/>'
    opacity = ' opacity="0.55"' if one.faint else ""
    return (
        f'<path d="{" ".join(commands)}" fill="none" stroke="{color}" stroke-width="1.8" '
        f'stroke-linejoin="round"{opacity}>'
        f"<title>{escape(one.name)}</title></path>"
    )


def _decades(low: float, high: float) -> tuple[float, float]:
    """Bounds of a log axis with some room."""
    low = max(low, 1e-9)
    return low * 0.9, max(high * 1.1, low * 2)


def _nines(value: float) -> str:
    return f"{(1 - 1 / value) * 100:.6g}%"


def _plain(value: float) -> str:
    if value >= 10_000:
        return f"{value / 1000:.4g}k"
    return f"{value:.4g}"


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        'stroke="currentColor" stroke-opacity="0.12"/>'
    )
