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
    scored = Fused(encoder, head).score(text, words)
    found = encoder.add_up(text)
    expected = normalise(found.vector)
    np.testing.assert_allclose(scored[0], expected, atol=1e-5)
    np.testing.assert_allclose(scored[1][: head.outputs],
                               head.score(expected, found, read_signs(text))[: head.outputs],
                               atol=1e-3)  # fmt: skip
    long = Fused(encoder, head).score_long(text)
    np.testing.assert_allclose(long[0], expected, atol=1e-5)
    np.testing.assert_allclose(long[1], head.score(expected, found, read_signs(text)), atol=1e-3)


@pytest.mark.parametrize("text", TEXTS)
def test_one_language_however_a_text_is_read(classifier: Classifier, text: str) -> None:
    fused, head = Fused(classifier.encoder, head_of(classifier)), head_of(classifier)
    scored = fused.score(text, split(text) or [b"\0"])
    short, long = scored[1][head.outputs :], fused.score_long(text)[1][head.outputs :]
    assert len(short) == len(long)
    assert [one > 0.0 for one in short] == [one > 0.0 for one in long]
    assert short.index(max(short)) == long.index(max(long))


def test_a_text_is_read_the_same_again(classifier: Classifier) -> None:
    """Chinese has no spaces: its signs are read one by one, the second time too."""
    for text in (*TEXTS, "请解释一下量子力学的基本原理", "東京の天気はどうですか"):
        first, second = classifier.read(text), classifier.read(text)
        np.testing.assert_array_equal(first.vector, second.vector)
        assert first.category == second.category


def test_no_more_rows_are_kept_than_allowed(classifier: Classifier) -> None:
    fused = Fused(classifier.encoder, head_of(classifier))
    known = [word for word, _ in classifier.encoder.index.words.items()]
    names = [word for word in known if word.isalpha() and word.isascii()][: ROWS_MAX + 2000]
    for start in range(0, len(names), 50):
        words = names[start : start + 50]
        fused.score(b" ".join(words).decode(), words)
        assert len(fused) <= ROWS_MAX
    assert len(names) > ROWS_MAX
    assert len(fused) > ROWS_MAX - 2 * WORDS_MAX


def test_words_that_share_a_row_are_not_kept(classifier: Classifier) -> None:
    """Numbers and words that nobody knows: the first of a row, never the next."""
    fused = Fused(classifier.encoder, head_of(classifier))
    letters = "bcdfghjklmnpqrstvwxz"
    made = ["".join(syllables) * 2 for syllables in product(letters, repeat=3)]
    for start in range(0, len(made), 50):
        text = " ".join(made[start : start + 50])
        fused.score(text, split(text))
    assert len(fused) < len(made) // 3
    kept = len(fused)
    for number in range(10**8, 10**8 + 2000):
        fused.score(f"{number}", [b"%d" % number])
    assert len(fused) <= kept + 1


def test_signs_are_kept_added_up_up_to_a_bound(classifier: Classifier) -> None:
    fused = Fused(classifier.encoder, head_of(classifier))
    for number in range(3000):
        signs = "".join("(?=1:"[int(digit, 36) % 5] for digit in np.base_repr(number, 5))
        fused.score(f"a {signs}", [b"a"])
    assert len(fused._shown) <= 1024


def test_a_vector_of_nothing_points_somewhere(classifier: Classifier) -> None:
    fused = Fused(classifier.encoder, head_of(classifier))
    nothing = np.zeros(fused._columns, np.float32).tobytes()
    fused._tables[0][b"void"] = nothing
    scored = fused.score("void", [b"void"])
    vector = scored[0]
    assert float(np.dot(vector, vector)) == pytest.approx(1.0)
