"""How right a subject is, over labelled rows: meaning, use case, complexity, own categories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.classify.subjects import Embedding, Ours, Subject
from embeddings.build.__main__ import COMPLEXITY_PENALTY
from embeddings.build.fit import featurise, fit_ridge, group_words, penalties
from embeddings.build.labels import read_labelled, read_rows
from embeddings.build.prompts import write_prompts
from embeddings.build.score import apgr, bootstrap, spearman
from embeddings.reading import Category

Figure = tuple[float, float]
"""A value and its standard error; 0: not estimated."""

EACH = 20  # prompts of each category and language, of which vector models learn from some
EXAMPLES = 600
FOLDS = 5
TRIALS = ((10, 8), (20, 5), (150, 5))  # own categories, examples each


class Rows:
    """The labelled rows of a folder. most: of each set, 0 for all."""

    def __init__(self, folder: Path, most: int) -> None:
        def some(name: str) -> list[dict[str, Any]]:
            rows = read_rows(folder / name)
            if most and len(rows) > most:
                keep = np.random.default_rng(0).permutation(len(rows))[:most]
                rows = [rows[place] for place in sorted(keep.tolist())]
            return rows

        self.similar = some("sts_dev.jsonl")
        self.cases = some("usecase_dev.jsonl")
        self.graded = some("routing_dev.jsonl")
        self.intents = read_rows(folder / "intents_dev.jsonl")
        self.folder = folder

    @property
    def found(self) -> bool:
        """Whether there is anything to score by."""
        return bool(self.similar or self.cases or self.graded or self.intents)

    def examples(self) -> list[tuple[str, str]]:
        """(text, category) to learn from; none of them is among the cases."""
        labelled = read_labelled(self.folder, 100)
        passages = [text for text, _ in labelled[:200]] or ["The meeting is on Monday."]
        every = write_prompts(passages, EACH)  # shuffled, each category as often as the others
        return [(one.text, one.category) for one in every[:EXAMPLES]]


def score(subject: Subject, rows: Rows) -> dict[str, Figure]:
    """Every figure that this subject can have from these rows."""
    found: dict[str, Figure] = {}
    found |= _similarity(subject, rows.similar)
    if isinstance(subject, Embedding) and rows.cases:
        subject.learn(rows.examples())
    found |= _cases(subject, rows.cases)
    found |= _complexity(subject, rows.graded)
    found |= _own_categories(subject, rows.intents)
    return found


def lengths(rows: Rows) -> dict[str, Figure]:
    """The baseline that every complexity score is beside: the prompt's length, nothing else."""
    return {
        f"apgr_{name}": _apgr(chosen, [float(len(row["prompt"])) for row in chosen])
        for name, chosen in _sets(rows.graded).items()
    }


def _similarity(subject: Subject, rows: Sequence[Mapping[str, Any]]) -> dict[str, Figure]:
    found: dict[str, Figure] = {}
    for language in ("en", "fr"):
        chosen = [row for row in rows if row["lang"] == language]
        if not chosen:
            continue
        first = subject.encode([row["a"] for row in chosen])
        second = subject.encode([row["b"] for row in chosen])
        if first is None or second is None:
            return {}
        cosines = np.einsum("ij,ij->i", first, second).astype(float)
        truth = np.array([float(row["score"]) for row in chosen])

        def measure(
            places: NDArray[np.int64],
            cosines: NDArray[np.float64] = cosines,
            truth: NDArray[np.float64] = truth,
        ) -> float:
            return spearman(cosines[places], truth[places])

        found[f"sts_{language}"] = (spearman(cosines, truth), bootstrap(measure, len(chosen)))
    return found


def _cases(subject: Subject, rows: Sequence[Mapping[str, Any]]) -> dict[str, Figure]:
    if not rows:
        return {}
    said = subject.categories([row["prompt"] for row in rows])
    if said is None:
        return {}
    right = np.array([a == row["category"] for a, row in zip(said, rows, strict=True)], float)
    own = np.array([str(row["source"]).startswith("own") for row in rows])
    found = {"case_all": _share(right)}
    if 0 < own.sum() < len(rows):
        found["case_external"] = _share(right[~own])
    return found


def _share(right: NDArray[np.float64]) -> Figure:
    mean = float(right.mean())
    return mean, float(np.sqrt(mean * (1 - mean) / len(right)))


def _sets(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    names = sorted({str(row["set"]) for row in rows})
    return {name: [row for row in rows if row["set"] == name] for name in names}


def _complexity(subject: Subject, rows: Sequence[Mapping[str, Any]]) -> dict[str, Figure]:
    found: dict[str, Figure] = {}
    if type(subject) is Ours:  # its own scores were learned from such rows
        fair = dict(zip(map(id, rows), _by_folds(subject, rows), strict=True))
        return {
            f"apgr_{name}": _apgr(chosen, [fair[id(row)] for row in chosen])
            for name, chosen in _sets(rows).items()
        }
    for name, chosen in _sets(rows).items():
        scores = [subject.complexity(row["prompt"]) for row in chosen]
        known = [one for one in scores if one is not None]
        if len(known) == len(chosen):
            found[f"apgr_{name}"] = _apgr(chosen, known)
    return found


def _by_folds(subject: Ours, rows: Sequence[Mapping[str, Any]]) -> list[float]:
    """Scores of each row by a complexity that was learned, as ours is, from the other folds."""
    if not rows:
        return []
    encoder = subject.classifier.encoder
    groups = group_words(encoder.index.words, len(encoder.rows))
    features = featurise(encoder, groups, [row["prompt"] for row in rows])
    gains = np.array([float(row["strong_ok"]) - float(row["weak_ok"]) for row in rows], np.float32)
    fold = np.random.default_rng(0).integers(0, FOLDS, len(rows))
    found = np.zeros(len(rows))
    for number in range(FOLDS):
        out = fold == number
        model = fit_ridge(features[~out], gains[~out], penalties(*COMPLEXITY_PENALTY))
        found[out] = model.score(features[out])[:, 0]
    return [float(one) for one in found]


def _apgr(rows: Sequence[Mapping[str, Any]], scores: Sequence[float]) -> Figure:
    weak = np.array([float(row["weak_ok"]) for row in rows])
    strong = np.array([float(row["strong_ok"]) for row in rows])
    given = np.array(scores)

    def measure(places: NDArray[np.int64]) -> float:
        return apgr(given[places], weak[places], strong[places])

    return apgr(given, weak, strong), bootstrap(measure, len(rows))


def _own_categories(subject: Subject, rows: Sequence[Mapping[str, Any]]) -> dict[str, Figure]:
    by_intent: dict[str, list[str]] = {}
    for row in rows:
        if row["split"] == "train":
            by_intent.setdefault(row["label"], []).append(row["text"])
    tests = [(row["text"], row["label"]) for row in rows if row["split"] == "dev"]
    found: dict[str, Figure] = {}
    names = sorted(by_intent)
    rng = np.random.default_rng(0)
    for kinds, shots in TRIALS:
        if kinds > len(names):
            continue
        chosen = [names[place] for place in rng.permutation(len(names))[:kinds].tolist()]
        taught = {
            name: [by_intent[name][i] for i in rng.permutation(len(by_intent[name]))[:shots]]
            for name in chosen
        }
        asked = [(text, intent) for text, intent in tests if intent in taught]
        for kind, right in (_taught(subject, taught, asked) if asked else {}).items():
            found[f"{kind}_{kinds}x{shots}"] = _share(right)
    return found


def _taught(
    subject: Subject, taught: Mapping[str, Sequence[str]], asked: Sequence[tuple[str, str]]
) -> dict[str, NDArray[np.float64]]:
    """Which of the asked texts a subject gives to the intent that is theirs: "own", the nearest of
    those taught; "read", where the built-in categories may have it too."""
    if type(subject) is Ours:
        classifier = subject.classifier
        for name, examples in taught.items():
            classifier.add(Category(name, examples=tuple(examples)))
        try:
            near = [classifier.nearest_added(a) == b for a, b in asked]
            read = [classifier.read(a).category == b for a, b in asked]
        finally:
            for name in taught:
                classifier.remove(name)
        return {"own": np.array(near, float), "read": np.array(read, float)}
    if not isinstance(subject, Embedding):
        return {}
    subject.learn([(text, name) for name, texts in taught.items() for text in texts])
    said = subject.categories([text for text, _ in asked]) or []
    return {"own": np.array([a == b for a, (_, b) in zip(said, asked, strict=True)], float)}
