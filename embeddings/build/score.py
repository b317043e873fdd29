"""Score the shipped model: `python -m embeddings.build.score --data DIR [--model FILE]`.

Prints one table: sentence similarity, use case, complexity beside prompt length alone (with
bootstrap errors), few-shot categories, speed. The rows of DIR are only read.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embeddings.build.labels import read_rows
from embeddings.classifier import Classifier
from embeddings.modelfile import SHIPPED
from embeddings.reading import Category

Array = NDArray[np.float64]

SHORT = (
    "Write a short story about a lonely robot who discovers a garden on the roof of an abandoned "
    "building and decides to take care of it"
)


def rank(values: Array) -> Array:
    """Ranks from 0, ties at their mean."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    means: Array = np.cumsum(counts) - (counts + 1) / 2.0
    return means[place]


def spearman(first: Array, second: Array) -> float:
    """Spearman's rank correlation."""
    return float(np.corrcoef(rank(first), rank(second))[0, 1])


def apgr(scores: Array, weak: Array, strong: Array) -> float:
    """Average performance gap recovered over all shares of strong calls (RouteLLM, 2406.18665).

    0.5 is random. `weak` and `strong` are 1 where that model is right.
    """
    order = np.argsort(-scores, kind="stable")
    gained = np.concatenate(([0.0], np.cumsum((strong - weak)[order])))
    gap = float(strong.sum() - weak.sum())
    return float(np.mean(gained / gap))


def bootstrap(measure: Callable[[NDArray[np.int64]], float], size: int, rounds: int = 200) -> float:
    """Standard error of a measure over resampled rows."""
    rng = np.random.default_rng(0)
    return float(np.std([measure(rng.integers(0, size, size)) for _ in range(rounds)]))


def score_similarity(classifier: Classifier, rows: Sequence[dict[str, Any]]) -> list[str]:
    """STS: Spearman of the cosine with the human score, for each language."""
    lines = []
    for language in ("en", "fr"):
        chosen = [row for row in rows if row["lang"] == language]
        encode = classifier.encoder.encode
        cosines = np.array([float(encode(row["a"]) @ encode(row["b"])) for row in chosen])
        truth = np.array([float(row["score"]) for row in chosen])
        lines.append(f"STS {language}, Spearman: {spearman(cosines, truth):.3f}")
    return lines


def score_categories(classifier: Classifier, rows: Sequence[dict[str, Any]]) -> list[str]:
    """Accuracy: all, by source, and of the surer share."""
    readings = [classifier.read(row["prompt"]) for row in rows]
    right = np.array([r.category == row["category"] for r, row in zip(readings, rows, strict=True)])
    lines = [f"use case, accuracy: {right.mean():.3f} of {len(rows)}"]
    for source in sorted({row["source"] for row in rows}):
        inside = np.array([row["source"] == source for row in rows])
        lines.append(f"  {source}: {right[inside].mean():.3f} of {inside.sum()}")
    order = np.argsort([-reading.confidence for reading in readings], kind="stable")
    for share in (0.5, 0.7, 0.9):
        kept = order[: int(share * len(order))]
        lines.append(f"  surest {share:.0%}: {right[kept].mean():.3f}")
    return lines


def score_complexity(classifier: Classifier, rows: Sequence[dict[str, Any]]) -> list[str]:
    """APGR beside length alone. On rows that the model was trained on this flatters it."""
    lines = []
    for name in sorted({row["set"] for row in rows}):
        chosen = [row for row in rows if row["set"] == name]
        weak = np.array([float(row["weak_ok"]) for row in chosen])
        strong = np.array([float(row["strong_ok"]) for row in chosen])
        lengths = np.array([float(len(row["prompt"])) for row in chosen])
        found = np.array([classifier.read(row["prompt"]).complexity for row in chosen])
        for label, scores in (("complexity", found), ("length alone", lengths)):

            def measure(rows: NDArray[np.int64], scores: Array = scores) -> float:
                return apgr(scores[rows], weak[rows], strong[rows])  # noqa: B023

            value = apgr(scores, weak, strong)
            error = bootstrap(measure, len(chosen))
            lines.append(f"APGR {name}, {label}: {value:.3f} +- {error:.3f}")
    return lines


def score_few_shot(classifier: Classifier, rows: Sequence[dict[str, Any]]) -> list[str]:
    """Custom categories alone: accuracy among k intents of CLINC150 from n examples each."""
    rng = np.random.default_rng(0)
    by_intent: dict[str, list[str]] = {}
    for row in rows:
        if row["split"] == "train":
            by_intent.setdefault(row["label"], []).append(row["text"])
    tests = [(row["text"], row["label"]) for row in rows if row["split"] == "dev"]
    names = sorted(by_intent)
    lines = []
    for kinds, shots in ((10, 8), (20, 5), (150, 5), (150, 8)):
        if kinds > len(names):
            continue
        chosen = rng.permutation(len(names))[:kinds].tolist()
        for place in chosen:
            examples = by_intent[names[place]]
            picked = tuple(examples[i] for i in rng.permutation(len(examples))[:shots].tolist())
            classifier.add(Category(names[place], examples=picked))
        kept = {names[place] for place in chosen}
        asked = [(text, intent) for text, intent in tests if intent in kept]
        right = [classifier.nearest_added(text) == intent for text, intent in asked]
        lines.append(f"{kinds} added categories, {shots} examples each: {np.mean(right):.3f}")
        for place in chosen:
            classifier.remove(names[place])
    return lines


def score_speed(classifier: Classifier, rounds: int = 3000) -> list[str]:
    """Microseconds of read for a short and a long prompt."""
    lines = []
    for label, text in (("25 words", SHORT), ("2,000 words", " ".join([SHORT] * 80))):
        times = []
        for _ in range(rounds):
            start = time.perf_counter_ns()
            classifier.read(text)
            times.append(time.perf_counter_ns() - start)
        p50, p99 = np.percentile(times, (50, 99)) / 1000.0
        lines.append(f"read, {label}: p50 {p50:.1f} us, p99 {p99:.1f} us")
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="embeddings.build.score", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=SHIPPED)
    options = parser.parse_args(arguments)
    classifier = Classifier.load(options.model)
    lines = score_similarity(classifier, read_rows(options.data / "sts_dev.jsonl"))
    lines += score_categories(classifier, read_rows(options.data / "usecase_dev.jsonl"))
    lines += score_complexity(classifier, read_rows(options.data / "routing_dev.jsonl"))
    lines += score_few_shot(classifier, read_rows(options.data / "intents_dev.jsonl"))
    lines += score_speed(classifier)
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
