from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.cache.idioms import ENGLISH_IDIOMS, FRENCH_IDIOMS, literal
from proxy.cache.worded import cut
from tests.cache.test_pairs import PAIRS, UNSEEN, VARIED

TEXTS = [row[side] for row in (*PAIRS, *VARIED, *UNSEEN) for side in ("a", "same", "other")]


@pytest.mark.parametrize(
    ("text", "french"),
    [
        ("What is a black hole?", False),
        ("C'est quoi un trou noir ?", True),
        ("Quand a-t-on construit la tour ?", True),
        ("Résume Hamlet", True),
        ("Who is Beyoncé?", False),
        ("Hamlet", False),
        ("", False),
        ("?!", False),
    ],
)
def test_the_language_is_known(text: str, french: bool) -> None:
    assert cut(text).french is french


@pytest.mark.parametrize("idioms", [ENGLISH_IDIOMS, FRENCH_IDIOMS])
def test_every_row_is_tried_wherever_it_would_apply(idioms) -> None:
    """What is asked of a text before a row is tried never keeps one from a text that it is for."""
    for row in idioms.rows():
        for text in TEXTS:
            if row.apply(text) != text:
                assert row.is_plausible(text.lower())


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        (r"\bthe name of the\b", "the name of the"),
        (r"\bwhat(?:'s| is) the plot of (.+?)$", " the plot of "),
        (r"colou?r of", "colo"),
        (r"\bone\b|\btwo\b", ""),
        (r"[ab]c(?:d)ef", "ef"),
    ],
)
def test_what_stands_in_every_match(pattern: str, found: str) -> None:
    assert literal(pattern) == found


@pytest.mark.parametrize(
    ("text", "worded"),
    [
        ("What's the best way to learn Spanish?", "how to learn Spanish?"),
        ("What's the quickest way to lose weight?", "how to lose weight quick?"),
        ("Is it okay for dogs to eat grapes?", "can dogs eat grapes?"),
        ("How far is Paris from Lyon?", "what is distance from Lyon to Paris?"),
        ("Who is the author of Dune?", "who wrote Dune?"),
        ("How old do you have to be to vote?", "what is the legal age to vote?"),
        ("Comment s'appelle le PDG de Renault ?", "qui est le PDG de Renault ?"),
        ("Par qui la pénicilline a-t-elle été découverte ?", "qui a découverte la pénicilline ?"),
        ("Donne-moi une recette de crêpes.", "comment faire crêpes."),
        ("The name of the rose", "The name of the rose"),
    ],
)
def test_one_wording_stands_for_all_of_its_kind(text: str, worded: str) -> None:
    assert cut(text).text == worded


@given(st.text(max_size=60))
def test_any_text_can_be_cut(text: str) -> None:
    assert isinstance(cut(text).words, list)
