from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from embeddings.classifier import Classifier
from embeddings.head import share_of
from embeddings.reading import Category
from embeddings.words import split

PIRATE = Category(
    name="pirate",
    description="questions about ships",
    examples=("where is the captain of the ship", "raise the sail and load the cannon"),
    keywords=("treasure chest",),
)


@pytest.fixture(scope="module")
def fallback(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    return Classifier.load(tmp_path_factory.mktemp("none") / "words.ftm")


def test_a_missing_model_warns_once_and_keywords_decide(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        classifier = Classifier.load(tmp_path / "words.ftm")
        classifier.read("hello")
        classifier.read("hello again")
    assert len(caplog.records) == 1
    assert classifier.source == "keywords"


def test_a_damaged_model_never_raises(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "words.ftm"
    path.write_bytes(b"FTWORDS1 but then rubbish")
    path.with_suffix(".ftm.sha256").write_text("0" * 64)
    with caplog.at_level(logging.WARNING):
        classifier = Classifier.load(path)
    assert classifier.read("write a poem").category == "creative"
    assert "SHA-256" in caplog.text


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("Write a Python function that sorts a list", "code"),
        ("Traduis ceci en anglais : bonjour", "translation"),
        ("Résume cet article en trois phrases", "summarization"),
        ("resume cet article en trois phrases", "summarization"),
        ("Hello, how are you?", "conversation"),
        ("Write a short poem about autumn", "creative"),
        ("Quelle est la météo à Paris aujourd'hui ?", "web_search"),
    ],
)
def test_keywords_find_plain_cases(fallback: Classifier, text: str, category: str) -> None:
    reading = fallback.read(text)
    assert reading.category == category
    assert reading.source == "keywords"
    assert 0.0 < reading.confidence <= 1.0


@pytest.mark.parametrize(
    "text",
    ["", " ", "\x00", "?!", "\ud800", "a" * 5000, "mot " * 3000, "é" * 3000, "\u4f60" * 2000],
)
def test_any_text_gives_a_unit_vector(fallback: Classifier, text: str) -> None:
    reading = fallback.read(text)
    assert reading.vector.dtype == np.float32
    assert float(np.linalg.norm(reading.vector)) == pytest.approx(1.0, abs=1e-5)
    assert 0.0 <= reading.complexity <= 1.0


def test_equal_texts_have_equal_vectors_and_different_ones_differ(fallback: Classifier) -> None:
    first = fallback.read("what is photosynthesis").vector
    again = fallback.read("What is photosynthesis?").vector
    other = fallback.read("book me a flight to Tokyo").vector
    assert float(first @ again) == pytest.approx(1.0, abs=1e-5)
    assert float(first @ other) < 0.6


def test_a_category_can_come_and_go(fallback: Classifier) -> None:
    fallback.add(PIRATE)
    assert fallback.categories[-1] == "pirate"
    assert fallback.read("where is the captain of the ship").category == "pirate"
    assert fallback.read("there is a treasure chest here").category == "pirate"
    assert fallback.read("Write a Python function").category == "code"
    assert fallback.remove("pirate")
    assert not fallback.remove("pirate")
    assert fallback.read("where is the captain of the ship").category != "pirate"


def test_an_empty_category_is_refused(fallback: Classifier) -> None:
    with pytest.raises(ValueError, match="needs examples"):
        fallback.add(Category(name="empty"))
    with pytest.raises(ValueError, match="needs a name"):
        fallback.add(Category(name=" ", keywords=("x",)))
    assert "empty" not in fallback.categories


def test_an_explanation_says_why(fallback: Classifier) -> None:
    explanation = fallback.explain("Write a short poem about autumn")
    assert next(iter(explanation.scores)) == "creative"
    assert sum(explanation.scores.values()) == pytest.approx(1.0)
    assert explanation.words[0][0] == "poem"
    assert "creative" in explanation.cues


def test_a_category_is_as_wide_as_its_examples() -> None:
    """Alike examples leave less room than varied ones; one example says nothing of it."""
    shipped = Classifier.load()
    shipped.add(Category("narrow", examples=("pay my bill", "pay the bill", "pay a bill")))
    shipped.add(Category("wide", examples=("pay my bill", "is it going to snow", "book a table")))
    shipped.add(Category("single", examples=("pay my bill",)))
    custom = shipped._custom
    assert custom.accept("wide", 0.35) > 0.5 > custom.accept("narrow", 0.35)
    assert custom.accept("single", 0.41) > 0.5 > custom.accept("single", 0.39)


def test_scores_out_of_all_range_are_still_ashare_of() -> None:
    assert share_of(900.0, [900.0, -900.0]) == pytest.approx(1.0)
    assert share_of(-900.0, [-900.0, -900.0]) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("请翻译成英文你好", "zh"),
        ("ما هي عاصمة فرنسا؟", "ar"),
        ("Что такое квантовый компьютер?", "ru"),
        ("量子コンピュータとは何ですか", "ja"),
    ],
)
def test_what_is_not_understood_is_not_claimed(text: str, language: str) -> None:
    """Another script is told by its signs; its words are not in the table, so nothing is sure."""
    reading = Classifier.load().read(text)
    assert reading.language == language
    assert reading.abstains


@pytest.mark.parametrize("text", ["", "???", " \n", "…"])
def test_a_text_without_words_decides_nothing(text: str) -> None:
    shipped = Classifier.load()
    assert shipped.read(text).abstains
    assert shipped.read(text).category == "conversation"
    assert shipped.explain(text).reading.abstains


def test_an_added_category_shows_the_example_that_decided() -> None:
    shipped = Classifier.load()
    shipped.add(PIRATE)
    why = shipped.explain("where is the captain of this ship")
    assert why.reading.category == "pirate"
    assert why.like is not None
    assert why.like[0] == PIRATE.examples[0]
    assert next(iter(why.scores)) == "pirate"
    assert sum(why.scores.values()) == pytest.approx(1.0)
    assert shipped.explain("Write a poem").like is None


def test_signs_of_scripts_without_spaces_are_words() -> None:
    assert split("写Python代码") == ["写".encode(), b"python", "代".encode(), "码".encode()]
    assert split("เวลา a") == [*(sign.encode() for sign in "เวลา"), b"a"]
    assert split("naïve « été »") == ["naïve".encode(), "été".encode()]
    assert split("हिन्दी में") == ["हिन्दी".encode(), "में".encode()]
