from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from embeddings.classifier import Classifier
from embeddings.encoder import normalise
from embeddings.fused import ROWS_MAX, WORDS_MAX, Fused
from embeddings.head import Head
from embeddings.signs import read_signs
from embeddings.words import split

TEXTS = [
    "?",
    "Hello",
    "What is the capital of France?",
    "Écris un poème « court » sur la mer: 12 vers !",
    'def add(a, b):\n    return a + b\n\nWhy does this fail? It says "NameError"; x = {1: 2}',
    "Which is right?\nA) one\nB) two\nC) three",
    "zxqv blorf 8f3a9c python3",
    " ".join(["how to write a list of words"] * 4),
    " ".join(["explain the meaning of"] * 16),
]


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier.load()


def head_of(classifier: Classifier) -> Head:
    head = classifier._head
    assert head is not None
    return head


@pytest.mark.parametrize("text", TEXTS)
def test_the_same_numbers_as_the_table_and_the_head(classifier: Classifier, text: str) -> None:
    encoder, head = classifier.encoder, head_of(classifier)
    words = split(text) or [b"\0"]
    assert len(words) <= WORDS_MAX
    vector, scores, place = Fused(encoder, head).score(text, words)
    found = encoder.add_up(text)
    expected = normalise(found.vector)
    wanted, wanted_place = head.score(expected, found, read_signs(text))
    np.testing.assert_allclose(vector, expected, atol=1e-5)
    np.testing.assert_allclose(scores, wanted, atol=1e-3)
    assert place == wanted_place


def test_a_text_is_read_the_same_again(classifier: Classifier) -> None:
    """Chinese has no spaces: its signs are read one by one, the second time too."""
    for text in (*TEXTS, "请解释一下量子力学的基本原理", "東京の天気はどうですか"):
        first, second = classifier.read(text), classifier.read(text)
        np.testing.assert_array_equal(first.vector, second.vector)
        assert first.category == second.category


def test_no_more_rows_are_kept_than_allowed(classifier: Classifier) -> None:
    fused = Fused(classifier.encoder, head_of(classifier))
    letters = "bcdfghjklmnpqrstvwxz"
    for syllables in product(letters, repeat=3):
        word = "".join(syllables).encode() * 2
        fused.score(word.decode(), [word])
        assert len(fused) <= ROWS_MAX
        if len(fused) > 300:
            break
    assert len(fused) > 300


def test_a_vector_of_nothing_points_somewhere(classifier: Classifier) -> None:
    fused = Fused(classifier.encoder, head_of(classifier))
    nothing = np.zeros(fused._columns, np.float32).tobytes()
    fused[b"void"] = nothing
    vector, _, _ = fused.score("void", [b"void"])
    assert float(np.dot(vector, vector)) == pytest.approx(1.0)
