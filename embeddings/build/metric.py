"""How categories by examples are told apart: a map of the vectors, learned from labelled intents.

A text goes to the category whose examples' mean is nearest. The map is fitted so that this comes
out right for intents drawn at random, some rows of each as its examples and others as the texts in
question (prototypical networks, Snell et al. 2017). It is held to the identity, the more strongly
the more it should serve intents that it never saw; rows with words left out keep it from learning
sentences by heart.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embeddings.build.fit import Floats
from embeddings.encoder import DIM, Encoder, sequence_vectors

HELD = 3e-3  # the penalty of a squared difference to the identity
STEPS = 600
RATE = 1e-3
INTENTS = 40  # of a step,
EXAMPLES = 5  # with so many rows as examples
ASKED = 8  # and so many in question
SHARPNESS = 10.0  # of the softmax over cosines
FORMS = 4  # of each row: whole, and three with words left out,
LEFT_OUT = 0.2  # this share of them
_KEEP = (0.9, 0.999)  # Adam's


@dataclass(frozen=True, slots=True)
class Metric:
    """weights: (DIM, DIM), for vectors less the mean, (DIM,)."""

    weights: Floats
    mean: Floats


def fit_metric(
    encoder: Encoder, rows: Sequence[tuple[str, str]], *, held: float = HELD, steps: int = STEPS
) -> Metric:
    """From (text, intent). The same rows, the same map. Two CPU seconds for 4,500 of them.

    Raises ValueError where no intent has rows enough.
    """
    forms = _vectors(encoder, rows)
    if not forms:
        raise ValueError(f"no intent has {EXAMPLES + ASKED} rows")
    mean = np.concatenate([one[:, 0] for one in forms]).mean(axis=0)
    chance = np.random.default_rng(0)
    unmoved = np.eye(DIM, dtype=np.float32)
    weights = unmoved.copy()
    first: Floats = np.zeros_like(weights)
    second: Floats = np.zeros_like(weights)
    for step in range(1, steps + 1):
        drawn = chance.permutation(len(forms))[:INTENTS]
        texts = np.stack([_draw(forms[one], chance) for one in drawn]) - mean
        slope = _slope(texts, weights) + 2 * held * (weights - unmoved)
        first += (1 - _KEEP[0]) * (slope - first)
        second += (1 - _KEEP[1]) * (slope * slope - second)
        moved = first / (1 - _KEEP[0] ** step)
        weights = weights - RATE * moved / (np.sqrt(second / (1 - _KEEP[1] ** step)) + 1e-8)
    return Metric(weights.astype(np.float32), mean.astype(np.float32))


def _vectors(encoder: Encoder, rows: Sequence[tuple[str, str]]) -> list[Floats]:
    """For each intent, (rows, FORMS, DIM)."""
    shaken = random.Random(1)
    by_intent: dict[str, list[list[str]]] = {}
    for text, intent in rows:
        by_intent.setdefault(intent, []).append(
            [text, *(_cut(text, shaken) for _ in range(FORMS - 1))]
        )
    found = []
    for intent in sorted(by_intent):
        texts = by_intent[intent]
        if len(texts) >= EXAMPLES + ASKED:
            flat = sequence_vectors(encoder, [form for forms in texts for form in forms])
            found.append(flat.reshape(len(texts), FORMS, DIM))
    return found


def _cut(text: str, chance: random.Random) -> str:
    words = text.split()
    return " ".join([word for word in words if chance.random() > LEFT_OUT] or words)


def _draw(forms: Floats, chance: np.random.Generator) -> Floats:
    """Rows of one intent, each in one of its forms: (EXAMPLES + ASKED, DIM)."""
    places = chance.permutation(len(forms))[: EXAMPLES + ASKED]
    chosen: Floats = forms[places, chance.integers(0, FORMS, len(places))]
    return chosen


def _slope(texts: Floats, weights: Floats) -> NDArray[np.float32]:
    """Of the mean cross-entropy, by the weights. texts: (intents, EXAMPLES + ASKED, DIM)."""
    intents = len(texts)
    mapped = texts @ weights
    lengths = np.linalg.norm(mapped, axis=-1, keepdims=True) + 1e-9
    unit = mapped / lengths
    mean = unit[:, :EXAMPLES].mean(axis=1)
    size = np.linalg.norm(mean, axis=1, keepdims=True) + 1e-9
    prototypes = mean / size
    asked = unit[:, EXAMPLES:].reshape(-1, DIM)
    scores = SHARPNESS * (asked @ prototypes.T)
    wrong = np.exp(scores - scores.max(axis=1, keepdims=True))
    wrong /= wrong.sum(axis=1, keepdims=True)
    wrong[np.arange(len(asked)), np.repeat(np.arange(intents), ASKED)] -= 1.0
    wrong *= SHARPNESS / len(asked)
    by_prototype = wrong.T @ asked
    by_mean = (by_prototype - _along(by_prototype, prototypes)) / size
    by_unit = np.empty_like(unit)
    by_unit[:, :EXAMPLES] = by_mean[:, None] / EXAMPLES
    by_unit[:, EXAMPLES:] = (wrong @ prototypes).reshape(intents, ASKED, DIM)
    by_mapped = (by_unit - _along(by_unit, unit)) / lengths
    slope: NDArray[np.float32] = texts.reshape(-1, DIM).T @ by_mapped.reshape(-1, DIM)
    return slope


def _along(slope: Floats, unit: Floats) -> Floats:
    """The part of a slope that only lengthens a unit vector, and so changes nothing."""
    part: Floats = (slope * unit).sum(axis=-1, keepdims=True) * unit
    return part
