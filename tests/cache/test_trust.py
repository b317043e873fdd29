from __future__ import annotations

import random
from typing import Any

import numpy as np
import orjson
import pytest

from proxy.cache.answers import agree, text_of
from proxy.cache.cache import Cache
from proxy.cache.entry import Entry
from proxy.cache.key import Key, key_of
from proxy.cache.policy import Settings
from proxy.cache.trust import Trust, wilson


def entry(number: int = 0) -> Entry:
    made = Entry(whole=b"{}")
    made.exact = number.to_bytes(16, "big")
    return made


@pytest.mark.parametrize(
    ("errors", "checks", "low", "high"),
    [(0, 0, 0.0, 1.0), (0, 100, 0.0, 0.0370), (5, 100, 0.0215, 0.1118), (50, 100, 0.4038, 0.5962)],
)
def test_the_interval_is_wilsons(errors: int, checks: int, low: float, high: float) -> None:
    """Expected values: the formula worked by hand for z = 1.96."""
    assert wilson(errors, checks, 1.96) == pytest.approx((low, high), abs=2e-4)


def test_nothing_is_given_before_it_is_known_to_be_right() -> None:
    trust = Trust(0.02, lambda: 1.0)
    one = entry()
    for _ in range(100):
        assert not trust.gives(one, 0.96)
        trust.learn(one, 0.96, True)
    for _ in range(400):
        trust.learn(one, 0.96, True)
    assert trust.gives(one, 0.96)
    assert not trust.gives(one, 0.75)  # another band
    assert trust.estimate()["open_bands"] == 1


def test_errors_close_what_was_open() -> None:
    trust = Trust(0.02, lambda: 1.0)
    for number in range(500):
        trust.learn(entry(number), 0.96, True)
    assert trust.gives(entry(), 0.96)
    for number in range(12):
        trust.learn(entry(number), 0.96, False)
    assert not trust.gives(entry(600), 0.96)
    assert trust.estimate()["open_bands"] == 0


def test_an_entry_that_was_wrong_asks_for_more() -> None:
    trust = Trust(0.1, lambda: 1.0)
    for number in range(1, 500):
        trust.learn(entry(number), 0.955, True)
        trust.learn(entry(number), 0.99, True)
    bad = entry(1000)
    trust.learn(bad, 0.955, False)
    assert not trust.gives(bad, 0.96)
    assert trust.gives(bad, 0.99)
    assert trust.gives(entry(1), 0.96)
    trust.forget(bad)
    assert trust.gives(bad, 0.96)


@pytest.mark.parametrize("seed", range(20))
def test_a_stream_of_ten_thousand_stays_under_its_bound(seed: int) -> None:
    """Synthetic traffic: the nearer, the likelier right, and some entries are bad for good."""
    chance = random.Random(seed)
    bound = 0.02
    trust = Trust(bound, chance.random)
    entries = [entry(number) for number in range(500)]
    bad = {one.exact for one in entries if chance.random() < 0.03}
    given = wrong = 0
    for _ in range(10_000):
        one = chance.choice(entries)
        near = chance.uniform(0.6, 1.0)
        harm = 0.4 if one.exact in bad else 0.0
        right = chance.random() >= min(1.0, 0.5 * (1.0 - near) ** 1.5 + harm * (1.0 - near))
        if trust.gives(one, near):
            given += 1
            wrong += not right
            if trust.samples():
                trust.learn(one, near, right)
        else:
            trust.learn(one, near, right)
    assert given > 500
    assert wrong <= bound * given


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("Paris.", " paris. ", True),
        ("The capital is Paris.", "The capital is Madrid.", False),
        ("It is 42.", "It is 43.", False),
        ("Yes, it is legal.", "Yes, it is illegal.", False),
        ("You should not do it.", "You should do it.", False),
        (" ".join(map(str, range(99))), " ".join(map(str, range(98))), True),
        ("one two three " * 40, "four five six " * 40, False),
    ],
)
def test_agreement_of_answers(a: str, b: str, same: bool) -> None:
    assert agree(a, b) is same
    assert agree(b, a) is same


def test_an_encoder_may_decide() -> None:
    assert agree("a b c d", "e f g h", lambda _a, _b: 0.95)
    assert not agree("a b c d", "a b c e", lambda _a, _b: 0.1)


def whole(text: str) -> bytes:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    head: dict[str, Any] = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"}
    return orjson.dumps({**head, "choices": [choice]})


def key(text: str) -> Key:
    body = {"messages": [{"role": "user", "content": text}]}
    found = key_of(body, tenant="t", route="r", kind="chat")
    assert found is not None
    return found


def test_the_cache_learns_from_what_it_did_not_give() -> None:
    cache = Cache(Settings(max_error_rate=0.05), lambda: 0.0, chance=lambda: 0.0)
    unit = np.full(64, 0.125, np.float32)
    asked = "What is the capital of France?"
    cache.put(key(asked), unit, Entry(whole=whole("Paris.")))
    for number in range(300):
        other = key("Which city is the capital of France" + "?" * (number + 1))
        hit = cache.find_semantic(other, unit)
        if hit is not None:
            break
        cache.put(other, None, Entry(whole=whole("Paris.")))
    assert hit is not None
    assert hit.check
    assert text_of(hit.entry) == "Paris."
    stats = cache.stats()
    assert stats["doubted"] == stats["checks"] > 50
    assert stats["wrong_hits"] == 0.0
    for _ in range(20):
        assert not cache.learn(hit, Entry(whole=whole("Lyon.")))
    assert cache.find_semantic(key("Tell me the capital of France"), unit) is None
