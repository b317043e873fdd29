"""The shipped model: whole, quick to load, right on plain cases, bounded."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from embeddings.build import prompts_en, prompts_fr
from embeddings.build.labels import read_rows
from embeddings.build.puzzles import fill_special
from embeddings.build.score import score_similarity
from embeddings.build.topics import TOPICS
from embeddings.classifier import Classifier
from embeddings.encoder import KEPT_WORDS
from embeddings.modelfile import SHIPPED, BadModelFile, read_model, write_model
from embeddings.reading import Category
from embeddings.static import export_table

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"


@pytest.fixture(scope="module")
def shipped() -> Classifier:
    return Classifier.load()


def test_the_shipped_file_is_whole_and_small(shipped: Classifier) -> None:
    assert shipped.source == "embedding"
    assert SHIPPED.stat().st_size <= 20_000_000
    assert {"code", "reasoning", "analysis", "translation", "web_search"} <= set(shipped.categories)


def test_reading_loads_no_heavy_library() -> None:
    """In a process of its own: other tests of this run do load them."""
    read = (
        "import sys; from embeddings.classifier import Classifier;"
        "Classifier.load().read('Write a short story about a robot in a garden');"
        "print({'torch', 'sentence_transformers', 'faiss'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", read], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("text", "category", "language"),
    [
        ("Write a Python function that merges two sorted lists", "code", "en"),
        ("Écris une fonction Python qui trie une liste", "code", "fr"),
        ("ecris une fonction python qui trie une liste", "code", "fr"),
        ("Traduis ce message en anglais : à demain", "translation", "fr"),
        ("How do you say good morning in Japanese?", "translation", "en"),
        (
            "Summarize the following article in three sentences: the city opened",
            "summarization",
            "en",
        ),
        ("Is this review positive, negative or neutral? I loved it", "classification", "en"),
        ("Extract all the dates and names from the text below", "extraction", "en"),
        ("Write a poem about the sea at night", "creative", "en"),
        ("Raconte une histoire sur un dragon", "creative", "fr"),
        ("hello, how are you today?", "conversation", "en"),
        ("What's the weather in Paris tomorrow?", "web_search", "en"),
        ("Quel temps fera-t-il demain à Lyon ?", "web_search", "fr"),
        ("What is the capital of Australia?", "qa", "en"),
        ("Prove that the sum of two even numbers is even", "reasoning", "en"),
        ("Compare the advantages and disadvantages of remote work for a company", "analysis", "en"),
    ],
)
def test_plain_cases(shipped: Classifier, text: str, category: str, language: str) -> None:
    reading = shipped.read(text)
    assert (reading.category, reading.language) == (category, language)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("什么是量子计算", "zh"),
        ("量子コンピュータとは何ですか", "ja"),
        ("ما هي عاصمة فرنسا؟", "ar"),
        ("Что такое квантовый компьютер?", "ru"),
        ("¿Cuál es la capital de Francia?", "es"),
        ("Was ist die Hauptstadt von Frankreich?", "de"),
    ],
)
def test_languages(shipped: Classifier, text: str, language: str) -> None:
    assert shipped.read(text).language == language


def test_near_meanings_are_near(shipped: Classifier) -> None:
    encode = shipped.encoder.encode
    asked = encode("How can I reset my password?")
    assert float(asked @ encode("I forgot my password, how do I change it?")) > 0.55
    assert float(asked @ encode("Comment réinitialiser mon mot de passe ?")) > 0.5
    assert float(asked @ encode("A recipe for tomato soup")) < 0.3


def test_unknown_words_do_not_fill_memory(shipped: Classifier) -> None:
    before = len(shipped.encoder.index)
    for number in range(KEPT_WORDS // 50 + 100):
        shipped.read(" ".join(f"xq{number}w{place}z" for place in range(50)))
    assert len(shipped.encoder.index) <= before + KEPT_WORDS


def test_a_category_learns_from_examples_while_running(shipped: Classifier) -> None:
    examples = (
        "i lost my credit card",
        "my card was stolen, please block it",
        "report a missing bank card",
        "someone took my debit card",
        "block the card i can't find it",
    )
    shipped.add(Category("lost_card", examples=examples))
    try:
        assert shipped.read("i can't find my card, block it please").category == "lost_card"
        assert shipped.read("Write a Python function that sorts a list").category == "code"
    finally:
        assert shipped.remove("lost_card")


def test_an_explanation_names_words_and_signs(shipped: Classifier) -> None:
    explanation = shipped.explain("Translate this text into German: the house is red")
    assert next(iter(explanation.scores)) == "translation"
    assert "translate" in {word for word, _ in explanation.words}
    assert "colon" in explanation.cues


def test_the_static_export_gives_the_same_directions(shipped: Classifier) -> None:
    tokens, rows = export_table(shipped.encoder)
    mean = rows[[tokens[word] for word in ("the", "red", "house")]].mean(0)
    ours = shipped.encoder.encode("the red house")
    assert float(mean @ ours / np.linalg.norm(mean)) == pytest.approx(1.0, abs=1e-4)


def test_a_changed_byte_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "x.ftm"
    write_model(path, {"a": 1}, {"rows": np.arange(12, dtype=np.int8).reshape(3, 4)})
    assert read_model(path).arrays["rows"].tolist()[2] == [8, 9, 10, 11]
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(BadModelFile, match="SHA-256"):
        read_model(path)


@pytest.mark.parametrize("patterns", [prompts_en.PATTERNS, prompts_fr.PATTERNS])
def test_every_slot_of_the_prompt_patterns_can_be_filled(patterns: dict[str, str]) -> None:
    names = {name for block in patterns.values() for name in re.findall(r"\{(\w+)\}", block)}
    made = names - set(TOPICS) - {"passage", "short_passage"}
    assert all(fill_special(name, random.Random(1)) for name in made)


@pytest.mark.skipif(not SHARED.exists(), reason="the development split is not here")
def test_scores_on_the_development_split(shipped: Classifier) -> None:
    rows = read_rows(SHARED / "usecase_dev.jsonl")
    right = [shipped.read(row["prompt"]).category == row["category"] for row in rows]
    assert np.mean(right) >= 0.85
    similarity = [
        float(line.split()[-1])
        for line in score_similarity(shipped, read_rows(SHARED / "sts_dev.jsonl"))
    ]
    assert similarity[0] >= 0.77
    assert similarity[1] >= 0.71
