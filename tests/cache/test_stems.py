from __future__ import annotations

import pytest

from proxy.cache.stems import plain, stem


@pytest.mark.parametrize(
    "words",
    [
        "make makes making",
        "plan plans planned planning",
        "create creates created creating",
        "increase increases increased increasing",
        "study studies studied studying",
        "visit visits visited visiting",
        "solve solves solved solving",
        "potato potatoes",
        "box boxes",
        "house houses",
        "remote remotely",
        "easy easily",
    ],
)
def test_forms_of_an_english_word_have_one_stem(words: str) -> None:
    assert len({stem(word, french=False) for word in words.split()}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("plan", "plane"),
        ("win", "wine"),
        ("car", "care"),
        ("tap", "tape"),
        ("rat", "rate"),
        ("hop", "hope"),
        ("organ", "organisation"),
        ("port", "report"),
    ],
)
def test_english_words_that_look_alike_have_two(one: str, other: str) -> None:
    for ones in (one, one + "s"):
        for others in (other, other + "s"):
            assert stem(ones, french=False) != stem(others, french=False)


@pytest.mark.parametrize(
    "words",
    [
        "calculer calcule calculez calculait calculé calculée calculant",
        "heureux heureuse heureuses",
        "actif active actifs actives",
        "premier première premiers premières",
        "journal journaux",
        "légal légale légaux",
        "africain africaine africains",
        "étudier etudier étudie",
    ],
)
def test_forms_of_a_french_word_have_one_stem(words: str) -> None:
    assert len({stem(word, french=True) for word in words.split()}) == 1


def test_accents_may_be_left_out() -> None:
    assert plain("cœur à l'été") == "coeur a l'ete"


@pytest.mark.parametrize("word", ["", "s", "es", "ing", "ed", "ly", "é", "aux", "bb"])
def test_any_word_has_a_stem(word: str) -> None:
    for french in (False, True):
        assert isinstance(stem(word, french=french), str)
