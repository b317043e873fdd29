"""Fitting the head: softmax regression for the category, ridge for complexity, calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embeddings.cues import GROUPS, index_pairs, index_words
from embeddings.encoder import DIM, Encoder, Words, normalise
from embeddings.head import END_WORDS, LANGUAGES, find_pairs
from embeddings.language import STOP_WORDS
from embeddings.signs import SIGNS, read_signs
from embeddings.words import cut, split

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Linear:
    """scores = features @ weights + bias."""

    weights: Floats
    bias: Floats

    def score(self, features: Floats) -> Floats:
        """(n, outputs)."""
        scores: Floats = np.dot(features, self.weights) + self.bias
        return scores


PARTS: tuple[tuple[str, int], ...] = (
    ("unit vector", DIM),
    ("first words", DIM),
    ("last words", DIM),
    ("first cues", len(GROUPS)),
    ("last cues", len(GROUPS)),
    ("signs", len(SIGNS)),
)
FEATURES = sum(size for _, size in PARTS)
END_SCALE = 0.35
"""Brings the sums of the words at either end to about the size of a unit vector."""


def group_words(word_rows: Words, rows: int) -> Floats:
    """(rows, cue groups): 1 where the word of a row is in a group."""
    found = np.zeros((rows, len(GROUPS)), dtype=np.float32)
    for word, groups in index_words().items():
        row = word_rows.get(word)
        if row is not None:
            found[row, list(groups)] = 1.0
    return found


def featurise(encoder: Encoder, groups: Floats, texts: Sequence[str]) -> Floats:
    """What the head is linear in, for many texts, unfolded; the columns are PARTS."""
    pairs = index_pairs()
    keys = frozenset(pairs)
    out = np.zeros((len(texts), FEATURES), dtype=np.float32)
    for row, text in enumerate(texts):
        shown = cut(text)
        found = encoder.add_up(shown)
        first, last = found.rows[:END_WORDS], found.rows[-END_WORDS:]
        cues = [groups[first].sum(0), groups[last].sum(0)]
        for ending, group in find_pairs(found.words, pairs, keys):
            cues[ending][group] += 1.0
        signs = np.zeros(len(SIGNS))
        signs[read_signs(shown)] = 1.0
        ends = [END_SCALE * _add(encoder, part) for part in (first, last)]
        out[row] = np.concatenate((normalise(found.vector), *ends, *cues, signs))
    return out


def fold(encoder: Encoder, word_rows: Words, head: Linear) -> NDArray[np.float16]:
    """The table of hints of head.py, out of weights over featurise's columns."""
    unit, first, last, first_cues, last_cues, signs = split_parts(head.weights)
    del unit
    rows, outputs = len(encoder.rows), head.weights.shape[1]
    groups = group_words(word_rows, rows)
    hints = np.zeros(
        (rows + 2 * len(GROUPS) + len(SIGNS), 2 * outputs + len(LANGUAGES)), np.float32
    )
    vectors = encoder.rows.astype(np.float32) * (END_SCALE * encoder.scales[:, None])
    hints[:rows, :outputs] = vectors @ first + groups @ first_cues
    hints[:rows, outputs : 2 * outputs] = vectors @ last + groups @ last_cues
    pair, sign = rows, rows + 2 * len(GROUPS)
    hints[pair : pair + len(GROUPS), :outputs] = first_cues
    hints[pair + len(GROUPS) : sign, outputs : 2 * outputs] = last_cues
    hints[sign:, :outputs] = signs
    for place, language in enumerate(LANGUAGES):
        for stop in split(STOP_WORDS[language]):
            row = word_rows.get(stop)
            if row is not None:
                hints[row, 2 * outputs + place] = 1.0
    return hints.astype(np.float16)


def split_parts(weights: Floats) -> list[Floats]:
    """The rows of the weights by PARTS."""
    return np.split(weights, np.cumsum([size for _, size in PARTS])[:-1])


def penalties(*strengths: float) -> Floats:
    """L2 strength of each feature, from one number for each of PARTS."""
    sizes = [size for _, size in PARTS]
    return np.repeat(np.array(strengths, dtype=np.float32), sizes)


def _add(encoder: Encoder, rows: NDArray[np.intp]) -> Floats:
    vectors = encoder.rows.take(rows, 0).astype(np.float32)
    total: Floats = np.dot(encoder.scales.take(rows), vectors)
    return total


def fit_softmax(
    features: Floats, labels: NDArray[np.int64], classes: int, penalty: Floats, epochs: int = 60
) -> Linear:
    """Softmax regression by Adam in shuffled batches, class weights evened out, seed fixed."""
    rng = np.random.default_rng(3)
    weights = np.zeros((features.shape[1], classes), dtype=np.float32)
    bias = np.zeros(classes, dtype=np.float32)
    share = np.bincount(labels, minlength=classes) / len(labels)
    importance = (1.0 / (classes * np.maximum(share, 1e-6)))[labels].astype(np.float32)
    moments = [
        np.zeros_like(weights),
        np.zeros_like(weights),
        np.zeros_like(bias),
        np.zeros_like(bias),
    ]
    step, size = 0, 512
    total = epochs * max(1, len(labels) // size)
    for _ in range(epochs):
        order = rng.permutation(len(labels))
        for begin in range(0, len(order) - min(size, len(order)) + 1, size):
            chosen = order[begin : begin + size]
            step += 1
            slope = _softmax(features[chosen] @ weights + bias)
            slope[np.arange(len(chosen)), labels[chosen]] -= 1.0
            slope *= importance[chosen, None] / len(chosen)
            rate = 0.02 * (1.0 - step / (total + 1))
            down = features[chosen].T @ slope + penalty[:, None] * weights
            _adam(weights, down, moments[0], moments[1], rate, step)
            _adam(bias, slope.sum(0), moments[2], moments[3], rate, step)
    return Linear(weights, bias)


def fit_ridge(features: Floats, wanted: Floats, penalty: Floats) -> Linear:
    """Ridge regression with an unpenalised bias; `wanted` is (n,) or (n, outputs)."""
    targets = wanted.reshape(len(wanted), -1).astype(np.float64)
    mean, middle = features.mean(0).astype(np.float64), targets.mean(0)
    centred = features.astype(np.float64) - mean
    square = centred.T @ centred / len(centred) + np.diag(penalty.astype(np.float64))
    weights = np.linalg.solve(square, centred.T @ (targets - middle) / len(centred))
    return Linear(weights.astype(np.float32), (middle - mean @ weights).astype(np.float32))


def calibrate(
    shares: NDArray[np.float64], right: NDArray[np.bool_], bins: int = 12
) -> list[list[float]]:
    """Increasing points (share, chance of being right), by pooling neighbours that disagree."""
    order = np.argsort(shares, kind="stable")
    blocks = [
        [float(shares[part].mean()), float(right[part].mean()), float(len(part))]
        for part in np.array_split(order, bins)
    ]
    place = 0
    while place + 1 < len(blocks):
        if blocks[place][1] <= blocks[place + 1][1]:
            place += 1
            continue
        (x0, y0, n0), (x1, y1, n1) = blocks[place], blocks[place + 1]
        size = n0 + n1
        blocks[place : place + 2] = [[(x0 * n0 + x1 * n1) / size, (y0 * n0 + y1 * n1) / size, size]]
        place = max(0, place - 1)
    return [[round(x, 4), round(y, 4)] for x, y, _ in blocks]


def _softmax(scores: Floats) -> Floats:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=1, keepdims=True)
    return shares


def _adam(
    values: Floats, slope: Floats, mean: Floats, square: Floats, rate: float, step: int
) -> None:
    mean += 0.1 * (slope - mean)
    square += 0.001 * (slope * slope - square)
    values -= rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
