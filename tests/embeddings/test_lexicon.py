"""The words of added categories: the very word, its order, and what all of them say."""

from __future__ import annotations

import pytest

from embeddings import lexicon
from embeddings.lexicon import LOOKED_AT, Lexicon, count

SEND, MONEY, TO, MY, BANK, LATE = b"send money to my bank late".split()


def lexicon_of(*categories: list[list[bytes]]) -> Lexicon:
    return Lexicon([count(examples) for examples in categories])


def test_a_category_with_the_word_is_before_one_without() -> None:
    scores = lexicon_of([[SEND, MONEY]], [[LATE, BANK]]).score([LATE, MONEY, LATE])
    assert scores is not None
    assert scores[1] == pytest.approx(scores[0])  # a word of each
    only = lexicon_of([[SEND, MONEY]], [[LATE, BANK]]).score([LATE])
    assert only is not None
    assert only[1] > 0.3
    assert only[0] == 0.0


def test_the_order_of_words_counts() -> None:
    scores = lexicon_of([[MONEY, TO, BANK]], [[BANK, TO, MONEY]]).score([BANK, TO, MONEY])
    assert scores is not None
    assert scores[1] == pytest.approx(1.0)
    assert scores[0] < 0.6


def test_a_word_of_one_category_says_more_than_a_word_of_many() -> None:
    among = lexicon_of([[SEND, MY]], [[LATE, BANK, MY]], [[MONEY, MY]], [[TO, MY]])
    scores = among.score([MY, MONEY])
    assert scores is not None
    assert scores.argmax() == 2
    assert scores[0] < 0.2


@pytest.mark.parametrize("text", [[], [LATE]])
def test_unknown_words_say_nothing(text: list[bytes]) -> None:
    assert lexicon_of([[SEND]], [[MONEY]]).score(text) is None
    assert Lexicon([]).score(text) is None


def test_only_the_beginning_of_a_long_text_is_looked_at() -> None:
    among = lexicon_of([[SEND]], [[MONEY]])
    assert among.score([TO] * LOOKED_AT + [SEND]) is None


def test_too_large_a_table_is_left_to_the_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lexicon, "CELLS", 5)
    assert lexicon_of([[SEND]], [[MONEY]]).score([SEND]) is not None
    assert lexicon_of([[SEND, TO]], [[MONEY]]).score([SEND]) is None
