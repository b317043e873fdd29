from __future__ import annotations

import gc
import random
import tracemalloc

import numpy as np
import pytest

from embeddings import gather
from embeddings.classifier import Classifier
from embeddings.encoder import NOTHING, Encoder
from embeddings.gather import Gather, PlainGather, build_gather
from embeddings.head import LANGUAGES, Head
from embeddings.shown import SignRows
from embeddings.words import split

TEXTS = [
    "?",
    "Hello",
    "What is the capital of France?",
    "Écris un poème « court » sur la mer: 12 vers !",
    'def add(a, b):\n    return a + b\n\nWhy does this fail? It says "NameError"; x = {1: 2}',
    "Which is right?\nA) one\nB) two\nC) three",
    "zxqv blorf 8f3a9c python3",
    "请解释一下量子力学的基本原理",
    " ".join(["how to write a list of words"] * 4),
    " ".join(["explain the meaning of"] * 16),
    " ".join(["can you please fix the bug in my code"] * 40),
]

compiled_only = pytest.mark.skipif(gather.compiled is None, reason="installed without a compiler")


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier.load()


@pytest.fixture(scope="module")
def head(classifier: Classifier) -> Head:
    assert classifier._head is not None
    return classifier._head


@pytest.fixture(scope="module")
def either(classifier: Classifier, head: Head) -> tuple[Gather, PlainGather]:
    return build_gather(classifier.encoder, head), PlainGather(classifier.encoder, head)


def check_alike(either: tuple[Gather, PlainGather], words: list[bytes], signs: bytes) -> None:
    vectors = [np.full(256, 7.0, np.float32) for _ in either]
    found = [one.read(words, signs, to) for one, to in zip(either, vectors, strict=True)]
    np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-5)
    assert float(vectors[0].dot(vectors[0])) == pytest.approx(1.0, abs=1e-4)
    assert found[0][:2] == found[1][:2]
    np.testing.assert_allclose(found[0][2:], found[1][2:], atol=1e-3)


@compiled_only
@pytest.mark.parametrize("text", TEXTS)
def test_compiled_or_not_the_same_numbers(either, head: Head, text: str) -> None:
    check_alike(either, split(text) or [NOTHING], SignRows(head).of(text))


@compiled_only
def test_the_same_numbers_at_every_length(classifier: Classifier, either, head: Head) -> None:
    """The first words, the last, and those between count differently."""
    known = [word for word, _ in classifier.encoder.index.words.items()]
    pairs = [word for pair in head.pairs for word in pair]
    drawn = random.Random(7)
    signs = SignRows(head).of("Why?")
    for size in (*range(1, 80), 200, 400):
        words = [drawn.choice(known if drawn.random() < 0.5 else pairs) for _ in range(size)]
        check_alike(either, words, signs)


@compiled_only
def test_words_that_cancel_each_other_out_point_somewhere(head: Head) -> None:
    rows = np.zeros((len(head.hints), 256), np.int8)
    encoder = Encoder({b"void": 0}, rows, np.ones(len(rows), np.float32))
    signs = SignRows(head).of("void")
    check_alike((build_gather(encoder, head), PlainGather(encoder, head)), [b"void"], signs)


@compiled_only
@pytest.mark.parametrize(
    ("words", "signs", "columns", "error"),
    [
        ([], 12, 256, ValueError),
        ([b"a"] * 513, 12, 256, ValueError),
        ((b"a",), 12, 256, TypeError),
        ([["a"]], 12, 256, TypeError),
        ([b"a"], 11, 256, ValueError),
        ([b"a"], 12, 255, ValueError),
    ],
)
def test_what_is_not_words_is_an_error(either, words, signs, columns, error) -> None:
    with pytest.raises(error):
        either[0].read(words, bytes(4 * signs), np.zeros(columns, np.float32))


@compiled_only
def test_tables_that_do_not_fit_are_an_error(classifier: Classifier, head: Head) -> None:
    encoder = classifier.encoder
    short = Encoder(encoder.index.words, encoder.rows, encoder.scales[:-1])
    with pytest.raises(ValueError, match="scales"):
        build_gather(short, head)


@compiled_only
def test_a_row_that_is_not_there_is_an_error(classifier: Classifier, head: Head) -> None:
    own = Encoder({b"far": 10**9}, classifier.encoder.rows, classifier.encoder.scales)
    with pytest.raises(IndexError):
        build_gather(own, head).read([b"far"], bytes(48), np.zeros(256, np.float32))


@compiled_only
def test_reading_and_making_leave_nothing_behind(classifier: Classifier, head: Head) -> None:
    signs, vector = SignRows(head).of("Why?"), np.zeros(256, np.float32)

    def once() -> None:
        made = build_gather(classifier.encoder, head)
        for text in TEXTS:
            made.read(split(text) or [NOTHING], signs, vector)
        with pytest.raises(ValueError, match="words"):
            made.read([], signs, vector)

    once()
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(20):
            once()
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - before < 20_000
    finally:
        tracemalloc.stop()


def test_without_a_compiler_numpy_reads(classifier: Classifier, monkeypatch) -> None:
    monkeypatch.setattr(gather, "compiled", None)
    plain = Classifier.load()
    assert isinstance(plain._gather, PlainGather)
    for text in TEXTS:
        one, other = classifier.read(text), plain.read(text)
        assert (one.category, one.language) == (other.category, other.language)
        assert one.confidence == pytest.approx(other.confidence, abs=0.01)
        assert one.complexity == pytest.approx(other.complexity, abs=0.01)
        assert one.language in {*LANGUAGES, "und", "zh"}


def test_a_text_is_read_the_same_again(classifier: Classifier) -> None:
    """Chinese has no spaces: its signs are read one by one, the second time too."""
    for text in (*TEXTS, "東京の天気はどうですか"):
        first, second = classifier.read(text), classifier.read(text)
        np.testing.assert_array_equal(first.vector, second.vector)
        assert first.category == second.category


def test_signs_are_kept_added_up_up_to_a_bound(head: Head) -> None:
    rows = SignRows(head)
    for number in range(3000):
        signs = "".join("(?=1:"[int(digit, 36) % 5] for digit in np.base_repr(number, 5))
        text = f"a {signs}"
        assert rows.of_ascii(text, text.encode()) == rows.of(text)
    assert len(rows) == 1024
