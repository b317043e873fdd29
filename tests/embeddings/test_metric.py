"""The map that tells added categories apart: it brings intents together that it never saw."""

from __future__ import annotations

import numpy as np
import pytest

from embeddings.build.metric import ASKED, EXAMPLES, Metric, fit_metric
from embeddings.encoder import DIM, Encoder, sequence_vectors

THINGS = "red blue old new big small good bad warm cold dark light soft hard wet dry".split()  # noqa: SIM905


def rows(first: int, intents: int) -> list[tuple[str, str]]:
    """Texts of a word that is the intent's, and one that tells nothing."""
    each = range(EXAMPLES + ASKED)
    return [
        (f"intent{one} {THINGS[number % len(THINGS)]}", f"i{one:03}")
        for one in range(first, first + intents)
        for number in each
    ]


def apart(metric: Metric, encoder: Encoder, asked: list[tuple[str, str]]) -> float:
    """How much more alike texts of one intent are than texts of two: a difference of cosines."""
    vectors = (
        sequence_vectors(encoder, [text for text, _ in asked]) - metric.mean
    ) @ metric.weights
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    names = np.array([intent for _, intent in asked])
    cosines = vectors @ vectors.T
    alike = names[:, None] == names[None, :]
    return float(cosines[alike].mean() - cosines[~alike].mean())


def test_intents_it_never_saw_gain() -> None:
    encoder = Encoder.without_model()
    metric = fit_metric(encoder, rows(0, 24), steps=30)
    unmoved = Metric(np.eye(DIM, dtype=np.float32), metric.mean)
    unseen = rows(100, 10)
    assert apart(metric, encoder, unseen) > apart(unmoved, encoder, unseen) + 0.01


def test_the_same_rows_give_the_same_map() -> None:
    encoder = Encoder.without_model()
    first, again = (fit_metric(encoder, rows(0, 12), steps=5) for _ in range(2))
    assert np.array_equal(first.weights, again.weights)
    assert not np.allclose(first.weights, np.eye(DIM))


def test_held_hard_it_stays_what_it_was() -> None:
    encoder = Encoder.without_model()
    free = fit_metric(encoder, rows(0, 12), steps=20, held=0.0)
    held = fit_metric(encoder, rows(0, 12), steps=20, held=10.0)
    unmoved = np.eye(DIM)
    assert np.abs(held.weights - unmoved).sum() < 0.5 * np.abs(free.weights - unmoved).sum()


def test_intents_of_few_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="no intent"):
        fit_metric(Encoder.without_model(), [("one row", "a")])
