"""Tokens and gists compiled and not: the same of any ASCII text."""

from __future__ import annotations

import gc
import sys
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proxy.cache import tokens
from proxy.cache.tokens import LONG, TOKEN, WORDS_MAX, Givens, PlainGivens, split_ascii

compiled_only = pytest.mark.skipif(Givens is PlainGivens, reason="installed without a compiler")

ascii_text = st.text(st.characters(max_codepoint=127), max_size=80)
pieces = st.lists(
    st.sampled_from(
        ["1", "12", "1.5", "1,234.5", "1.", ".5", "st", "nd", "rd", "th", "er", "e", "x", "_", " ",
         "don't", "'", "''", "C++", "C#", "++", "+", "#", "%", "$", ",", "-", "\n", "l'", "12345"]
    ),
    max_size=12,
).map("".join)  # fmt: skip


def learn(token: str) -> tuple[int, str, str]:
    return (token.startswith("l'") - (token == "the"), token.lower(), "f" * (len(token) % 3))


@given(st.one_of(ascii_text, pieces))
@example("12.34x 1.5e 3rd 3rds 1er2 2.x 1,2,3th 1.2.3.x C++x C+x C#_ a'b'c 5e")
def test_a_text_is_cut_as_the_pattern_says(text: str) -> None:
    assert split_ascii(text) == TOKEN.findall(text)
    assert tokens.split_plainly(text) == TOKEN.findall(text)


def test_every_short_text_of_signs_and_figures_is_cut_as_the_pattern_says() -> None:
    for many in range(6):
        for text in map("".join, product("1a.'+_", repeat=many)):
            assert split_ascii(text) == TOKEN.findall(text), text


@given(st.lists(st.one_of(ascii_text, pieces), min_size=1, max_size=6))
def test_gists_are_the_same_compiled_or_not(texts: list[str]) -> None:
    one, other = Givens(learn, 7), PlainGivens(learn, 7)
    for text in texts * 2:
        assert one.gist(text) == other.gist(text)
    assert len(one) == len(other)


def test_a_text_of_many_words_has_a_gist() -> None:
    text = " ".join(f"word{number}x l'a" for number in range(3000))
    assert Givens(learn, 7).gist(text) == PlainGivens(learn, 7).gist(text)


@pytest.mark.parametrize("kind", [Givens, PlainGivens])
def test_what_is_learned_is_asked_once_and_what_is_hardly_seen_again_each_time(kind: type) -> None:
    asked: list[str] = []

    def told(token: str) -> tuple[int, str, str]:
        asked.append(token)
        return learn(token)

    givens = kind(told, 7)
    rare = "x" * (LONG + 1)
    for _ in range(3):
        givens.gist(f"the 1234 12345 {rare}")
    assert sorted(asked) == sorted(["the", "1234", *["12345", rare] * 3])
    assert len(givens) == 2


@pytest.mark.parametrize("kind", [Givens, PlainGivens])
def test_no_more_is_remembered_than_may_be(kind: type) -> None:
    givens = kind(learn, 7)
    for number in range(WORDS_MAX + 5000):
        givens.gist(f"w{number:x}")
        assert len(givens) <= WORDS_MAX
    assert givens.gist("the end") == PlainGivens(learn, 7).gist("the end")


@pytest.mark.parametrize("kind", [Givens, PlainGivens])
def test_what_is_not_ascii_is_refused(kind: type) -> None:
    with pytest.raises(ValueError, match=r"(?i)ascii"):
        kind(learn, 7).gist("é")


@compiled_only
def test_whoever_cannot_learn_leaves_nothing_behind() -> None:
    def fail(token: str) -> tuple[int, str, str]:
        if token == "bad":
            raise LookupError(token)
        return learn(token)

    givens = Givens(fail, 7)
    with pytest.raises(LookupError):
        givens.gist("one two bad three")
    with pytest.raises(TypeError):
        Givens(lambda token: token, 7).gist("one")  # type: ignore[arg-type, return-value]
    assert givens.gist("one two") == PlainGivens(learn, 7).gist("one two")


@compiled_only
def test_what_was_remembered_is_let_go() -> None:
    held = [f"given {number}" for number in range(LONG)]
    before = [sys.getrefcount(one) for one in held]
    givens = Givens(lambda token: (0, held[len(token)], held[0]), 7)
    for size in range(1, LONG):
        givens.gist(f"{'w' * size} {'w' * size}")
    del givens
    gc.collect()
    assert [sys.getrefcount(one) for one in held] == before
