from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiocache.base import BaseCache

from proxy.cache.entry import OVERHEAD_BYTES, Entry
from proxy.cache.exact import ExactCache


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def made(clock: Callable[[], float] | None = None, **options: Any) -> ExactCache:
    options.setdefault("max_bytes", 1 << 20)
    return ExactCache(clock=clock or Clock(), **options)


def entry(size: int = 10, **fields: Any) -> Entry:
    return Entry(whole=b"x" * size, **fields)


def test_it_is_an_aiocache_cache_with_its_whole_api() -> None:
    async def use() -> None:
        cache = made(ttl=60)
        assert isinstance(cache, BaseCache)
        await cache.set("a", 1)
        assert await cache.get("a") == 1
        assert await cache.get("b", default=5) == 5
        assert await cache.exists("a")
        await cache.multi_set([("c", b"3"), ("d", [4])])
        assert await cache.multi_get(["c", "d", "e"]) == [b"3", [4], None]
        await cache.add("n", 41)
        with pytest.raises(ValueError, match="already exists"):
            await cache.add("n", 1)
        assert await cache.increment("n") == 42
        with pytest.raises(TypeError):
            await cache.increment("d")
        assert await cache.delete("a") == 1
        assert await cache.delete("a") == 0
        assert await cache.expire("c", 5)
        assert not await cache.expire("missing", 5)
        assert await cache.raw("__contains__", "c")
        assert await cache.clear()
        assert not await cache.exists("c")

    asyncio.run(use())


def test_namespaces_part_the_keys() -> None:
    async def use() -> None:
        cache = made()
        await cache.set("k", 1, namespace="one:")
        await cache.set("k", 2, namespace="two:")
        await cache.clear(namespace="one:")
        assert await cache.get("k", namespace="one:") is None
        assert await cache.get("k", namespace="two:") == 2

    asyncio.run(use())


def test_an_entry_leaves_when_its_time_is_over() -> None:
    clock, gone = Clock(), []
    cache = made(clock, ttl=10, dropped=gone.append)
    kept, short = entry(), entry()
    cache.place(b"kept", kept)
    cache.place(b"short", short, 5)
    clock.now_s += 9.9
    assert cache.peek(b"kept") is kept
    assert cache.peek(b"short") is None
    clock.now_s += 0.1
    assert cache.peek(b"kept") is None
    assert gone == [short, kept]
    assert cache.used_bytes == 0


def test_aiocache_times_are_on_the_same_clock() -> None:
    async def use() -> None:
        clock = Clock()
        cache = made(clock)
        await cache.set("a", 1, ttl=2)
        await cache.set("b", 1)
        await cache.increment("a")
        clock.now_s += 1
        assert await cache.get("a") == 2
        clock.now_s += 1.5
        assert await cache.get("a") is None
        assert await cache.get("b") == 1

    asyncio.run(use())


def test_bytes_are_bounded_and_the_least_used_leaves_first() -> None:
    gone: list[Entry] = []
    clock = Clock()
    cache = made(clock, max_bytes=10 * (OVERHEAD_BYTES + 100), dropped=gone.append)
    entries = [entry(100) for _ in range(10)]
    for number, one in enumerate(entries):
        cache.place(bytes([number]), one)
    clock.now_s += 60
    for number in range(8):
        found = cache.peek(bytes([number]))
        assert found is not None
        found.hits += 1
    cache.place(b"new", entry(100))
    assert gone == [entries[8]]
    assert cache.used_bytes <= cache.max_bytes
    for number in range(50, 90):
        cache.place(bytes([number]), entry(100))
        assert cache.used_bytes <= cache.max_bytes


def test_a_costly_answer_outlives_cheap_ones() -> None:
    cache = made(max_bytes=5 * (OVERHEAD_BYTES + 100))
    costly = entry(100, cost_usd=1.0)
    cache.place(b"costly", costly)
    for number in range(20):
        cache.place(bytes([number]), entry(100, cost_usd=0.001))
    assert cache.peek(b"costly") is costly


def test_of_many_some_leave_at_once_and_the_worthy_stay() -> None:
    clock = Clock()
    cache = made(clock, max_entries=600)
    worthy = {b"%d" % number for number in range(600) if number % 3 == 0}
    for number in range(600):
        key = b"%d" % number
        cache.place(key, entry(cost_usd=1.0 if key in worthy else 0.0))
        clock.now_s += 1
    cache.place(b"new", entry())
    assert len(cache) == 597
    assert cache.evictions == 4
    for number in range(8):
        cache.place(b"another %d" % number, entry())
        assert 597 <= len(cache) <= 600
    assert all(cache.look(key) is not None for key in worthy)


def test_the_number_of_entries_is_bounded_too() -> None:
    cache = made(max_entries=3)
    for number in range(9):
        cache.place(bytes([number]), entry())
    assert len(cache) == 3


def test_what_is_larger_than_everything_is_not_kept() -> None:
    gone: list[Entry] = []
    cache = made(max_bytes=OVERHEAD_BYTES + 300, dropped=gone.append)
    cache.place(b"small", entry(1))
    huge = entry(5000)
    cache.place(b"huge", huge)
    assert cache.peek(b"huge") is None
    assert cache.peek(b"small") is not None
    assert gone == [huge]


def test_replacing_counts_once() -> None:
    cache = made()
    cache.place(b"k", entry(10))
    second = entry(20)
    cache.place(b"k", second)
    assert cache.used_bytes == second.size_bytes
    assert list(cache.entries()) == [second]
    assert cache.drop(b"k") == 1
    assert cache.used_bytes == 0
