"""Runs `bench classify`: every subject in turn, one table."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import orjson

from benchmarks.classify import embedder, quality, speed
from benchmarks.classify.subjects import Absent, Embedding, Keywords, Ours, Router, Subject, minilm
from benchmarks.classify.subjects import model2vec as model2vec_of
from benchmarks.overhead.process import machine

# figure -> (what it is, digits, what it should be)
FIGURES: Mapping[str, tuple[str, int, str]] = {
    "short_p50_us": ("10 to 60 words, CPU p50, µs", 1, "<= 15"),
    "short_p99_us": ("10 to 60 words, CPU p99, µs", 1, "<= 60"),
    "short_wall_p50_us": ("10 to 60 words, wall p50, µs", 1, ""),
    "short_wall_p99_us": ("10 to 60 words, wall p99, µs", 1, ""),
    "short_least_us": ("10 to 60 words, least, µs", 1, ""),
    "short_new_us": ("10 to 60 words never met before, CPU p50, µs", 1, ""),
    "full_p50_us": ("60 words, CPU p50, µs", 1, ""),
    "full_p99_us": ("60 words, CPU p99, µs", 1, ""),
    "full_least_us": ("60 words, least, µs", 1, ""),
    "long_p50_us": ("2,000 words, CPU p50, µs", 1, "<= 100"),
    "long_p99_us": ("2,000 words, CPU p99, µs", 1, ""),
    "long_wall_p50_us": ("2,000 words, wall p50, µs", 1, ""),
    "long_least_us": ("2,000 words, least, µs", 1, ""),
    "file_mb": ("model file, MB", 1, "<= 20"),
    "load_s": ("load, s", 3, "<= 0.2"),
    "rss_mb": ("resident memory it adds, MB", 1, "<= 80"),
    "heavy": ("torch and the like, loaded", 0, "0"),
    "sts_en": ("STS-B, Spearman, English", 3, ">= 0.77"),
    "sts_fr": ("STS-B, Spearman, French", 3, ">= 0.71"),
    "case_all": ("use case, accuracy", 3, ">= 0.80"),
    "case_external": ("use case, others' prompts only", 3, ">= 0.65"),
    "apgr_mmlu": ("complexity, APGR, MMLU", 3, ">= 0.645"),
    "apgr_gsm8k": ("complexity, APGR, GSM8K", 3, ">= 0.60"),
    "own_10x8": ("10 own categories of 8 examples", 3, ">= 0.85"),
    "own_20x5": ("20 own categories of 5 examples", 3, ">= 0.85"),
    "own_150x5": ("150 own categories of 5 examples", 3, ""),
    "read_10x8": ("10 of 8, built-in categories beside", 3, ""),
    "read_20x5": ("20 of 5, built-in categories beside", 3, ""),
    "single_p50_us": ("embedder, one prompt, p50, µs", 0, ""),
    "single_p99_us": ("embedder, one prompt, p99, µs", 0, ""),
    "near_p50_us": ("embedder, text to category and nearest entry, p50, µs", 0, "<= 250 on a GPU"),
    "near_p99_us": ("embedder, text to category and nearest entry, p99, µs", 0, "<= 500 on a GPU"),
    "near_entries": ("entries searched", 0, ""),
    "batch_us_each": ("embedder, 32 at once, µs each", 1, "<= 10 on a GPU"),
    "per_second": ("embedder, prompts a second", 0, ">= 50,000 on a GPU"),
}
LENGTH = "length alone"
BUSY = 0.7  # processes for each core, at the beginning, that make latencies doubtful
Table = dict[str, dict[str, quality.Figure]]


def run(args: argparse.Namespace) -> int:
    """Measure and report; the exit status."""
    busy = os.getloadavg()[0] / (os.cpu_count() or 1)
    rows = quality.Rows(Path(args.data), args.rows)
    few = quality.Rows(Path(args.data), args.rival_rows)
    skipped: dict[str, str] = {}
    if not rows.found:
        skipped["scores"] = f"no labelled rows in {args.data}"
    table: Table = {}
    for name, make in _makers(args).items():
        try:
            subject = make()
        except Absent as error:
            skipped[name] = str(error)
            continue
        _say(f"{name}: speed")
        mine = _exact(speed.times(subject, args.rounds))
        if type(subject) is Ours:
            mine |= _exact(speed.sizes())
        _say(f"{name}: scores")
        table[name] = mine | quality.score(subject, few if isinstance(subject, Embedding) else rows)
    if rows.graded:
        table[LENGTH] = quality.lengths(rows)
    device = ""
    if not args.no_embedder:
        try:
            _say("embedder")
            figures, device = embedder.measure(args.model, args.device)
            table["embedder"] = _exact(figures)
        except Absent as error:
            skipped["embedder"] = str(error)
    _write(args, table, skipped, device, busy)
    return 0


def _makers(args: argparse.Namespace) -> dict[str, Callable[[], Subject]]:
    def rival_minilm() -> Embedding:
        return minilm(args.model)

    def rival_model2vec() -> Embedding:
        return model2vec_of(args.model2vec)

    def rival_router() -> Router:
        return Router(minilm(args.model))

    rivals: dict[str, Callable[[], Subject]] = {
        "keywords": Keywords,
        "minilm": rival_minilm,
        "model2vec": rival_model2vec,
        "semantic-router": rival_router,
    }
    wanted = list(rivals) if args.rivals is None else args.rivals
    unknown = [name for name in wanted if name not in rivals]
    if unknown:
        raise SystemExit(f"bench classify: no rival {unknown[0]!r}: there are {', '.join(rivals)}")
    return {"firsttoken": Ours, **{name: rivals[name] for name in wanted}}


def _exact(figures: Mapping[str, float]) -> dict[str, quality.Figure]:
    return {name: (value, 0.0) for name, value in figures.items()}


def markdown(table: Table, skipped: Mapping[str, str], device: str, busy: float = 0.0) -> str:
    """One row a figure, one column a subject; +- is one standard error. busy: see below."""
    names = list(table)
    lines = [f"| | goal | {' | '.join(names)} |", "|---" * (len(names) + 2) + "|"]
    for figure, (heading, digits, goal) in FIGURES.items():
        cells = []
        for name in names:
            value, error = table[name].get(figure, (None, 0.0))
            shown = "-" if value is None else f"{value:,.{digits}f}"
            cells.append(shown + (f" +- {error:.{digits}f}" if error else ""))
        if any(cell != "-" for cell in cells):
            lines.append(f"| {heading} | {goal} | {' | '.join(cells)} |")
    lines += ["", "On {cpu}, {cores} cores, {memory_gib} GiB, {kernel}.".format(**machine())]
    if busy > BUSY:
        lines.append(
            f"Other work kept {busy:.1f} processes busy for each core and shared its caches: even"
            " CPU times are too high, and only the least (each text's best round, the middle text)"
            " is near what a quiet machine would show."
        )
    if device:
        lines.append(f"The embedder ran {device}.")
    if any(one.startswith("apgr") for mine in table.values() for one in mine):
        lines.append(
            "firsttoken's APGR is by five folds, each scored by what the others taught: the shipped"
            " weights have seen all of these rows. Use cases of vector models: nearest mean of the"
            " project's own training prompts. No row of the use cases was trained on, but some come"
            " from the same sets as training rows; expect less elsewhere. Vector models were scored"
            " on a sample: their errors say how small. Error bars are one standard error, by"
            " bootstrap for correlations and APGR; length alone is in the same rows."
        )
    lines.extend(f"{name} skipped: {why}" for name, why in skipped.items())
    return "\n".join(lines) + "\n"


def _write(
    args: argparse.Namespace,
    table: Table,
    skipped: Mapping[str, str],
    device: str,
    busy: float,
) -> None:
    text = markdown(table, skipped, device, busy)
    sys.stdout.write(text)
    if args.markdown:
        Path(args.markdown).write_text(text, encoding="utf-8")
    if args.json:
        told = {
            "machine": machine(),
            "busy": round(busy, 2),
            "embedder": device,
            "skipped": dict(skipped),
            "figures": {
                name: {
                    one: {"value": value, "error": error} for one, (value, error) in mine.items()
                }
                for name, mine in table.items()
            },
        }
        Path(args.json).write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2) + b"\n")


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
