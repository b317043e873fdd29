"""A run as tables and a picture, for the terminal, the results folder and the README."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from benchmarks.overhead.results import DIRECT
from benchmarks.report import bars

Json = dict[str, Any]
DISTURBED = 0.1  # share of the gateway's core that others may take before it matters
GOALS = Path(__file__).with_name("goals.toml")
RESULTS = Path("benchmarks/results")
BEGIN, END = "<!-- overhead: written by bench overhead --publish -->", "<!-- end of overhead -->"
OURS = "firsttoken"
# heading, figure, digits, whether the ratio to the floor is shown
_COLUMNS = (
    ("CPU µs a request", "cpu_us_per_request", 1, True),
    ("requests/s one core", "one_core_rps", 0, False),
    ("CPU µs a token", "cpu_us_per_token", 1, True),
    ("streams", "streams", 0, False),
    ("added p50 ms, c=1", "added_c1_p50_ms", 2, False),
    ("added first token p50 ms", "added_ttft_p50_ms", 2, False),
    ("first token p99 ms", "added_ttft_p99_ms", 1, False),
    ("kB a stream", "kb_per_stream", 1, False),
    ("idle MB", "idle_mb", 0, False),
    ("start s", "start_s", 2, False),
)


def markdown(data: Json) -> str:
    """All tables, and what a reader must know of them."""
    parts = [rivals(data), goals(data), *_notes(data)]
    return "\n".join(part for part in parts if part)


def rivals(data: Json) -> str:
    """One row a gateway, cheapest request first; the ratio to the floor in brackets."""
    figures: Mapping[str, Mapping[str, float]] = data["summary"]
    names = [name for name in figures if name != DIRECT]
    names.sort(key=lambda name: figures[name].get("cpu_us_per_request", float("inf")))
    columns = [one for one in _COLUMNS if any(one[1] in figures[name] for name in names)]
    lines = ["| | " + " | ".join(one[0] for one in columns) + " |"]
    lines.append("|---" + "|--:" * len(columns) + "|")
    for name in names:
        cells = [_cell(data, name, *one[1:]) for one in columns]
        shown = f"**{name}**" if name.startswith(OURS) else name
        lines.append(f"| {shown} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(data: Json, name: str, figure: str, digits: int, with_ratio: bool) -> str:
    value = data["summary"][name].get(figure)
    if value is None:
        return "-"
    ratio = data["ratios"].get(name, {}).get(figure)
    text = f"{value:,.{digits}f}"
    if with_ratio and ratio is not None and name != data["floor"]:
        text += f" ({ratio:.2f}x)"
    return text


def goals(data: Json) -> str:
    """What was set out to be reached, what was measured; empty where nothing of it was, or in
    other sizes than those it was set out for."""
    rows: list[str] = []
    if not data.get("whole"):
        return ""
    for goal in tomllib.loads(GOALS.read_text())["goal"]:
        value = _value(goal, data["summary"])
        if value is not None:
            rows.append(f"| {goal['name']} | {_shown(goal, value)} | {_verdict(goal, value)} |")
    if not rows:
        return ""
    return "\n".join(["| firsttoken | measured | goal |", "|---|--:|---|", *rows]) + "\n"


def _value(goal: Json, figures: Mapping[str, Mapping[str, float]]) -> float | None:
    """The figure, or its ratio to another gateway's; None where one is missing."""
    figure = str(goal["figure"])
    value = figures.get(goal["gateway"], {}).get(figure)
    if value is None or "of" not in goal:
        return value
    base = figures.get(goal["of"], {}).get(str(goal.get("base", figure)))
    return value / base if base else None


def _shown(goal: Json, value: float) -> str:
    if "over" in goal:
        return f"1/{1 / value:,.0f}" if value < 0.1 else f"{value:.2f}x"
    text = f"{value:,.0f}" if value >= 1000 or value == int(value) else f"{value:.3g}"
    return f"{text} {goal.get('unit', '')}".strip()


def _verdict(goal: Json, value: float) -> str:
    for name, word, met in (
        ("over", "at most", value <= goal.get("over", 0)),
        ("most", "at most", value <= goal.get("most", 0)),
        ("least", "at least", value >= goal.get("least", 0)),
    ):
        if name in goal:
            return f"{word} {_shown(goal, float(goal[name]))}" + ("" if met else ": missed")
    return ""


def _notes(data: Json) -> list[str]:
    found = []
    figures: Mapping[str, Mapping[str, float]] = data["summary"]
    others = max((mine.get("others_share", 0.0) for mine in figures.values()), default=0.0)
    if others > DISTURBED:
        found.append(
            f"Other work took up to {others:.0%} of the gateway's core: latencies are not to be "
            "trusted, and CPU is higher than on a quiet machine.\n"
        )
    shares = [
        mine[name]
        for mine in figures.values()
        for name in ("paced_client_share", "tls_paced_client_share")
        if name in mine
    ]
    if max(shares, default=0.0) > 0.7:
        found.append(
            f"The load took up to {max(shares):.0%} of its core while streams were paced: "
            "first-token times hold its own delays, too.\n"
        )
    found.extend(f"{name} skipped: {why}\n" for name, why in data["skipped"].items())
    return found


def about(data: Json) -> str:
    """Where and when, in a sentence."""
    machine = data["machine"]
    rounds = len(data["rounds"])
    versions = [
        f"{name} {said.removeprefix('nginx version: nginx/')}"
        for name, said in data["versions"].items()
        if said and not name.startswith(OURS)
    ]
    return (
        f"{data['when'][:10]}, {machine['cpu']}, {machine['cores']} cores, {machine['kernel']}, "
        f"Python {data['python']}; {rounds} round{'s' if rounds > 1 else ''}, "
        f"`{data.get('command', 'firsttoken bench overhead')}`; {', '.join(versions)}.\n"
    )


def picture(data: Json) -> str:
    """CPU a request and a token as bars, cheapest first, on paper of its own so that it can be
    read on any background."""
    figures: Mapping[str, Mapping[str, float]] = data["summary"]
    charts: list[bars.Chart] = []
    for figure, title in (
        ("cpu_us_per_request", "CPU of the gateway for one whole answer"),
        ("cpu_us_per_token", "CPU of the gateway for one streamed token"),
        ("kb_per_stream", "Memory of the gateway for one open stream"),
    ):
        rows = sorted(
            (mine[figure], name)
            for name, mine in figures.items()
            if name != DIRECT and mine.get(figure, 0) > 0
        )
        unit = " kB" if figure == "kb_per_stream" else " µs"
        if rows:
            charts.append(bars.Chart(title, [(name, value) for value, name in rows], unit))
    return bars.sheet(charts, ours=OURS)


def publish(data: Json, repo: Path) -> None:
    """Writes the results folder, and the README's table between its two marks. Raises OSError
    where the repository is not there, ValueError where the README has no marks."""
    folder = repo / RESULTS
    (folder / "overhead.json").write_bytes(orjson.dumps(data, option=orjson.OPT_INDENT_2))
    (folder / "overhead.md").write_text(about(data) + "\n" + markdown(data))
    (folder / "overhead.svg").write_text(picture(data))
    readme = repo / "README.md"
    text = readme.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{readme} lacks {BEGIN} and {END}")
    image = f"![CPU and memory of gateways]({RESULTS / 'overhead.svg'})\n"
    table = "\n".join([about(data), rivals(data), goals(data), *_notes(data), image])
    readme.write_text(f"{before}{begin}\n{table}{end}{after}")
