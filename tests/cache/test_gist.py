from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from proxy.cache import gist as gists
from proxy.cache.gist import WORDS_MAX, gist
from proxy.cache.guards import passes
from proxy.cache.lexicon import ENGLISH
from proxy.cache.prompt import MAX_CHARS
from proxy.cache.worded import cut
from tests.cache.test_guards import SAME

LETTERS = str.maketrans("0123456789abcdef", "bcdfghjklmnpqrtv")

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"


@pytest.mark.parametrize(("a", "b"), SAME)
def test_what_the_guards_let_pass_has_one_gist(a: str, b: str) -> None:
    assert gist(a) == gist(b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("It cost 1,200 dollars", "it cost 1200 dollars"),
        ("Name three rivers", "Name 3 rivers"),
        ("Name three rivers, three lakes", "Name 3 rivers, three lakes"),
        ("a rock'n'roll song", "A rock'n'roll song!"),
        ("What does the CIA do?", "what does the cia do?"),
        ("L\u2019histoire de l'art", "l'histoire de l\u2019art"),
        ("\u00abParis\u00bb\u00a0?", "Paris ?"),
        ("the first king", "the 1st king"),
    ],
)
def test_spellings_of_one_thing_have_one_gist(a: str, b: str) -> None:
    assert gist(a) == gist(b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Population of Lyon in 2024?", "Population of Lyon in 2025?"),
        ("Name three rivers", "Name four rivers"),
        ("a river of 12 km", "a river of 12.5 km"),
        ("What is the capital of Spain?", "What is the capital of France?"),
        ("foods good for dogs", "foods not good for dogs"),
        ("Why does it work?", "Why doesn't it work?"),
        ("Pourquoi mon chat mange ?", "Pourquoi mon chat ne mange pas ?"),
    ],
)
def test_another_thing_has_another_gist(a: str, b: str) -> None:
    assert gist(a) != gist(b)


def test_a_prompt_too_long_for_the_guards_has_none() -> None:
    assert gist("x" * (MAX_CHARS + 1)) is None
    assert gist("x" * MAX_CHARS) is not None


def test_new_words_do_not_fill_the_memory() -> None:
    given = gists._Given(ENGLISH, frozenset())
    for number in range(WORDS_MAX + 10):
        assert given["zq" + f"{number:x}".translate(LETTERS)]
        assert given[str(10**6 + number)] == f"#{10**6 + number}"
        assert len(given) <= WORDS_MAX
    kept = len(given)
    assert given["y" * 100]
    assert len(given) == kept


@pytest.mark.parametrize(
    "text",
    [
        "",
        "?",
        "What is the fastest way to get to the airport?",
        "Give me some good tips for sleeping better please",
        "What is the distance from Oslo to Bergen in km?",
        "When did WWII end?",
        "Combien de calories contiennent trois pommes ?",
        "À combien s'élève le PIB de la France ?",
    ],
)
def test_a_text_worded_otherwise_gives_the_same(text: str) -> None:
    assert gist(cut(text).text) == gist(text)


@pytest.mark.skipif(not SHARED.exists(), reason="the evaluation data is not part of the repository")
@pytest.mark.parametrize("name", ["cache_hard_dev.jsonl", "cache_qqp_dev.jsonl", "sts_dev.jsonl"])
def test_no_pair_is_lost_and_most_are_settled(name: str) -> None:
    rows = [orjson.loads(line) for line in (SHARED / name).read_bytes().splitlines()]
    pairs = [(row["a"], row["b"]) for row in rows]
    lost = [(a, b) for a, b in pairs if gist(a) != gist(b) and passes(a, b)]
    refused = [gist(a) != gist(b) for a, b in pairs if not passes(a, b)]
    assert lost == []
    assert sum(refused) > 0.8 * len(refused)
