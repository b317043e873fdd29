from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from embeddings.index import Vector
from proxy.cache.cache import Cache
from proxy.cache.entry import Entry
from proxy.cache.key import Key, key_of
from proxy.cache.policy import Options, Settings
from proxy.cache.shelf import Shelf, Wanted
from proxy.errors import ClientError

DIM = 64


class Clock:
    def __init__(self) -> None:
        self.now_s = 50.0

    def __call__(self) -> float:
        return self.now_s


def key(text: str, tenant: str = "t", system: str = "") -> Key:
    messages = [{"role": "user", "content": text}]
    if system:
        messages.insert(0, {"role": "system", "content": system})
    found = key_of({"model": "m", "messages": messages}, tenant=tenant, route="r", kind="chat")
    assert found is not None
    return found


def vector(*seeds: int) -> Vector:
    """The sum of some fixed directions, at unit length."""
    total = np.zeros(DIM, np.float32)
    for seed in seeds:
        total += np.random.default_rng(seed).standard_normal(DIM).astype(np.float32)
    return total / np.float32(np.linalg.norm(total))


def entry(**fields: Any) -> Entry:
    return Entry(whole=b'{"id":"x"}', **fields)


def forget(cache: Cache, **wanted: str) -> int:
    shelf = Shelf(cache, None, str)
    return asyncio.run(shelf.invalidate(Wanted(**wanted)))["invalidated"]


FRANCE = "What is the capital of France?"
WHICH_CITY = "Which city is the capital of France?"
SPAIN = "What is the capital of Spain?"


def test_the_same_request_is_answered() -> None:
    cache = Cache(Settings(), Clock())
    kept = entry(cost_usd=0.5)
    cache.put(key(FRANCE), None, kept)
    assert cache.find_exact(key(f" {FRANCE} ")) is kept
    assert cache.find_exact(key(SPAIN)) is None
    assert kept.hits == 1
    assert cache.stats()["saved_usd"] == 0.5


def test_a_paraphrase_is_answered_and_another_name_is_not() -> None:
    cache = Cache(Settings(), Clock())
    kept = entry()
    cache.put(key(FRANCE), vector(1, 2, 3), kept)
    hit = cache.find_semantic(key(WHICH_CITY), vector(1, 2, 3, 4))
    assert hit is not None
    assert hit.entry is kept
    assert 0.6 < hit.similarity < 1.0
    assert cache.find_semantic(key(SPAIN), vector(1, 2, 3)) is None
    assert cache.stats()["guarded"] == 0, "another gist: no guard was asked"


def test_the_same_words_in_another_order_are_refused_by_a_guard() -> None:
    cache = Cache(Settings(), Clock())
    cache.put(key("Can a cat eat a dog?"), vector(1), entry())
    assert cache.find_semantic(key("Can a dog eat a cat?"), vector(1)) is None
    assert cache.stats()["guarded"] == 1


def test_a_paraphrase_is_found_among_many_nearer_prompts() -> None:
    """A vector hardly sees a number: the nearest neighbours are all other questions."""
    cache = Cache(Settings(), Clock())
    for number in range(200):
        cache.put(key(f"Summarize report {number}"), vector(1), entry(model=str(number)))
    hit = cache.find_semantic(key("Give me a summary of report 77"), vector(1, 2))
    assert hit is not None
    assert hit.entry.model == "77"


def test_the_nearest_answers_among_many_of_one_gist() -> None:
    cache = Cache(Settings(), Clock())
    for number in range(1, 40):
        polite = " please" * number
        cache.put(key(f"Sort the list of names{polite}"), vector(number), entry(model=str(number)))
    hit = cache.find_semantic(key("Sort the list of names"), vector(25))
    assert hit is not None
    assert hit.entry.model == "25"
    assert forget(cache) == 39
    assert cache.find_semantic(key("Sort the list of names"), vector(25)) is None


def test_a_far_vector_is_not_answered_whatever_the_words() -> None:
    cache = Cache(Settings(), Clock())
    cache.put(key(FRANCE), vector(1), entry())
    assert cache.find_semantic(key(WHICH_CITY), vector(9)) is None


@pytest.mark.parametrize("other", [{"tenant": "u"}, {"system": "Be brief."}])
def test_nothing_crosses_a_partition(other: dict[str, str]) -> None:
    cache = Cache(Settings(), Clock())
    cache.put(key(FRANCE), vector(1), entry())
    assert cache.find_exact(key(FRANCE, **other)) is None
    assert cache.find_semantic(key(FRANCE, **other), vector(1)) is None


def test_another_language_is_not_answered() -> None:
    cache = Cache(Settings(), Clock())
    cache.put(key("pizza"), vector(1), entry(language="en"))
    assert cache.find_semantic(key("pizza "), vector(1), "fr") is None
    assert cache.find_semantic(key("pizza"), vector(1), "en") is not None


def test_time_runs_out_for_both_ways_of_finding() -> None:
    clock = Clock()
    cache = Cache(Settings(ttl_s=10), clock)
    cache.put(key(FRANCE), vector(1), entry())
    clock.now_s += 10
    assert cache.find_semantic(key(FRANCE), vector(1)) is None
    assert cache.find_exact(key(FRANCE)) is None
    assert cache.stats()["entries"] == 0
    assert cache.stats()["vectors"] == 0


def test_what_is_evicted_is_not_proposed() -> None:
    cache = Cache(Settings(max_bytes=5000), Clock())
    for number in range(40):
        cache.put(key(f"Tell me about number {number}"), vector(number), entry())
    stats = cache.stats()
    assert stats["bytes"] <= 5000
    assert stats["vectors"] == stats["entries"]


def test_an_answer_too_large_leaves_no_vector() -> None:
    cache = Cache(Settings(max_bytes=100), Clock())
    cache.put(key(FRANCE), vector(1), entry())
    assert cache.stats()["vectors"] == 0
    assert cache.find_semantic(key(FRANCE), vector(1)) is None


def test_a_new_answer_replaces_the_old_one() -> None:
    cache = Cache(Settings(), Clock())
    old, new = entry(), entry()
    cache.put(key(FRANCE), vector(1), old)
    cache.put(key(FRANCE), vector(1), new)
    hit = cache.find_semantic(key(FRANCE), vector(1))
    assert hit is not None
    assert hit.entry is new
    assert cache.stats()["vectors"] == 1


def test_options_and_settings_close_the_doors() -> None:
    cache = Cache(Settings(), Clock())
    cache.put(key(FRANCE), vector(1), entry())
    closed = Options(read=False)
    assert cache.find_exact(key(FRANCE), closed) is None
    assert cache.find_semantic(key(FRANCE), vector(1), "", closed) is None
    exact_only = Cache(Settings(semantic=False), Clock())
    exact_only.put(key(FRANCE), vector(1), entry())
    assert exact_only.find_semantic(key(FRANCE), vector(1)) is None
    assert exact_only.find_exact(key(FRANCE)) is not None


def test_vectors_of_another_model_are_ignored() -> None:
    cache = Cache(Settings(), Clock())
    cache.put(key(FRANCE), vector(1), entry())
    short = np.ones(8, np.float32) / np.float32(np.sqrt(8))
    assert cache.find_semantic(key(FRANCE), short) is None
    cache.put(key(SPAIN), short, entry())
    assert cache.find_exact(key(SPAIN)) is not None


@pytest.mark.parametrize(
    ("wish", "gone"),
    [
        ({}, 3),
        ({"pattern": "*capital*"}, 2),
        ({"pattern": "*CAPITAL of s*"}, 1),
        ({"category": "code"}, 1),
        ({"tag": "x"}, 2),
        ({"tag": "x", "category": "code"}, 1),
        ({"pattern": "nothing"}, 0),
    ],
)
def test_invalidation(wish: dict[str, str], gone: int) -> None:
    cache = Cache(Settings(), Clock())
    cache.put(key(FRANCE), vector(1), entry(tags=("x",)))
    cache.put(key(SPAIN), vector(2), entry(tags=("x", "y"), category="code"))
    cache.put(key("Hello"), vector(3), entry())
    assert forget(cache, **wish) == gone
    assert cache.stats()["entries"] == cache.stats()["vectors"] == 3 - gone


def test_explain_has_the_contracts_shape() -> None:
    class Reading:
        vector = np.ones(4, np.float32) / np.float32(2)

    class Reader:
        def read(self, text: str) -> Reading:
            return Reading()

    cache = Shelf(Cache(Settings(), Clock()), Reader(), str)
    said = cache.explain({"a": "GDP in 2024", "b": "GDP in 2025"})
    assert said["hit"] is False
    assert said["similarity"] == pytest.approx(1.0)
    assert {"name": "numbers", "pass": False, "why": "2024 / 2025"} in said["guards"]
    assert cache.explain({"a": FRANCE, "b": WHICH_CITY})["hit"] is True
    whole = {"model": "m", "messages": [{"role": "user", "content": FRANCE}]}
    other = {**whole, "temperature": 0.1}
    assert cache.explain({"a": whole, "b": whole})["hit"] is True
    parted = cache.explain({"a": whole, "b": other})
    assert parted["hit"] is False
    assert parted["guards"][-1]["name"] == "partition"
    with pytest.raises(ClientError, match="'b' must be"):
        cache.explain({"a": "x"})


def test_a_million_lookups_never_cross_tenants() -> None:
    """Every tenant asks the same few questions; an answer carries its owner's name."""
    chance = random.Random(6)
    cache = Cache(Settings(max_bytes=300_000), Clock())
    texts = [FRANCE, WHICH_CITY, SPAIN, "How do I sort a list in Rust?", "Sort a list in Rust"]
    spaces = [vector(number) for number in range(len(texts))]
    keys = {(t, n): key(text, f"tenant-{t}") for t in range(40) for n, text in enumerate(texts)}
    crossed = found = 0
    for _ in range(1_000_000):
        tenant, number = chance.randrange(40), chance.randrange(len(texts))
        asked = keys[tenant, number]
        entry_ = cache.find_exact(asked)
        if entry_ is None:
            hit = cache.find_semantic(asked, spaces[chance.randrange(len(texts))])
            entry_ = hit.entry if hit is not None else None
        if entry_ is not None:
            found += 1
            crossed += entry_.provider != f"tenant-{tenant}"
        elif chance.random() < 0.5:
            cache.put(asked, spaces[number], entry(provider=f"tenant-{tenant}"))
        else:
            forget(cache, pattern="*list*") if chance.random() < 0.001 else None
    assert crossed == 0
    assert found > 10_000


def test_a_prompt_is_not_even_read_where_nothing_is_kept() -> None:
    cache = Cache(Settings(), Clock())
    asked = key(FRANCE)
    unread = asked._gist
    assert cache.find_semantic(asked, vector(1)) is None
    assert asked._gist == unread
    assert cache.stats()["misses"] == 1
    cache.put(key(SPAIN), vector(1), entry())
    assert cache.find_semantic(asked, vector(1)) is None
    assert asked._gist != unread


class Nobody:
    """Might have an opinion, but has none."""

    def __init__(self, *, connected: bool = True) -> None:
        self.connected = connected

    def ask(
        self, texts: Sequence[str], then: Callable[[Any], None], budget_s: float | None = None
    ) -> None:
        del texts, budget_s
        then(None)


def test_what_was_kept_before_there_was_anybody_to_ask_is_found_too() -> None:
    somebody = Nobody(connected=False)
    cache = Cache(Settings(), Clock(), comparer=somebody)
    cache.put(key("Remove duplicates from a list of names please"), vector(1), entry())
    asked = key("How can I remove duplicates from a list of names?")
    for _ in range(3):
        cache.tick()
    assert cache.doubtful(asked, vector(1)) == []
    somebody.connected = True
    while cache.tick():
        pass
    (doubt,) = cache.doubtful(asked, vector(1))
    assert doubt.entry.text == "Remove duplicates from a list of names please"
    cache.close()


def test_a_search_puts_in_order_what_was_never_searched() -> None:
    cache = Cache(Settings(), Clock(), comparer=Nobody())
    count = 4300  # more than a ring holds
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((count, DIM)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for number in range(count):
        asked = Key(b"p" * 16, number.to_bytes(16, "big"), f"What is in drawer {number}?")
        cache.put(asked, vectors[number], entry())
    while cache.tick():
        pass
    asked = Key(b"p" * 16, b"a" * 16, "What is in drawer 4200?")
    for _ in range(2000):
        if cache.doubtful(asked, vectors[4200]):
            break
        while cache.tick():
            pass
        time.sleep(0.01)
    assert [doubt.entry.text for doubt in cache.doubtful(asked, vectors[4200])][:1] == [asked.text]
    cache.close()
