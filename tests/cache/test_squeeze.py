from __future__ import annotations

import os
import time

from proxy.cache.cache import Cache
from proxy.cache.entry import Entry
from proxy.cache.policy import Settings
from proxy.cache.squeeze import LEAST_BYTES, Squeezer
from tests.cache.test_cache import Clock, key

WORDS = " ".join(f"word{number % 97}" for number in range(2000)).encode()
LARGE = b'{"choices":[{"message":{"content":"' + WORDS + b'"}}]}'
CHUNK = b'data: {"id":"1","choices":[{"delta":{"content":"%s"}}]}\n\n'
STREAM = b"".join(CHUNK % word for word in WORDS.split()) + b"data: [DONE]\n\n"


def wait_for_smaller(cache: Cache, than_bytes: float) -> float:
    until = time.monotonic() + 5
    while cache.stats()["bytes"] >= than_bytes and time.monotonic() < until:
        os.sched_yield()
        cache.tick()
    return cache.stats()["bytes"]


def test_large_answers_are_kept_small_and_given_whole() -> None:
    cache = Cache(Settings(), Clock())
    cache.put(key("whole"), None, Entry(whole=LARGE))
    cache.put(key("stream"), None, Entry(stream=STREAM))
    cache.tick()
    held = wait_for_smaller(cache, 14_000)
    assert held < 14_000
    found = cache.find_exact(key("whole"))
    assert found is not None
    assert cache.whole_of(found) == LARGE
    streamed = cache.find_exact(key("stream"))
    assert streamed is not None
    assert cache.stream_of(streamed, include_usage=False) == STREAM
    for one in (found, streamed):
        counted = one.size_bytes
        one.measure()
        assert one.size_bytes == counted
    cache.exact.drop(found.exact)
    cache.exact.drop(streamed.exact)
    assert cache.stats()["bytes"] == 0
    cache.close()


def test_what_does_not_pay_stays_as_it_is() -> None:
    squeezer = Squeezer()
    small, noise = Entry(whole=b"x" * (LEAST_BYTES - 1)), Entry(whole=os.urandom(50_000))
    squeezer.offer(small)
    squeezer.offer(noise)
    squeezer.close()
    assert squeezer.collect() == []


def test_a_form_made_meanwhile_is_not_replaced() -> None:
    squeezer = Squeezer()
    entry = Entry(whole=LARGE)
    squeezer.offer(entry)
    squeezer.close()
    entry.adopt_whole(LARGE + b" ")
    assert squeezer.collect() == []
    assert entry.whole == LARGE + b" "
