"""Verdicts as a table: what a gateway survives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from benchmarks.faults.stage import Score, Verdict

MARKS = {Score.PASS: "pass", Score.PARTIAL: "partial", Score.SAFE: "safe", Score.FAIL: "FAIL"}


def totals(verdicts: Mapping[str, Verdict]) -> str:
    counts = Counter(one.score for one in verdicts.values())
    return ", ".join(f"{counts[score]} {score.value}" for score in Score)


def markdown(gateway: str, verdicts: Mapping[str, Verdict], titles: Mapping[str, str]) -> str:
    """One row a scenario."""
    lines = [f"**{gateway}**: {totals(verdicts)}", ""]
    lines += ["| scenario | | verdict | seconds | what happened |", "|---|---|---|---|---|"]
    for name, one in verdicts.items():
        why = one.why.replace("|", "/").replace("\n", " ")
        title = titles.get(name, "")
        lines.append(f"| {name} | {title} | {MARKS[one.score]} | {one.seconds:.2f} | {why} |")
    return "\n".join(lines) + "\n"


def as_json(verdicts: Mapping[str, Verdict]) -> dict[str, dict[str, object]]:
    return {
        name: {"score": one.score.value, "why": one.why, "seconds": round(one.seconds, 3)}
        for name, one in verdicts.items()
    }
