"""What a lookup costs while many entries are kept, what they take, and the longest stall."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable
from time import perf_counter, thread_time
from typing import TypeVar

from benchmarks.cache.prompts import entry, key, prompt, said_otherwise
from embeddings.classifier import Classifier
from proxy.cache.cache import Cache
from proxy.cache.policy import Settings

Figures = dict[str, float]
Got = TypeVar("Got")
_HELD_BYTES = 8 << 30
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class _Watch:
    """CPU seconds of calls, one by one."""

    def __init__(self) -> None:
        self.took: list[float] = []
        self.longest_s = 0.0

    def time(self, call: Callable[[], Got]) -> Got:
        began = thread_time()
        found = call()
        took = thread_time() - began
        self.took.append(took)
        self.longest_s = max(self.longest_s, took)
        return found

    def quantile_us(self, share: float) -> float:
        """Of what was timed."""
        ordered = sorted(self.took)
        return ordered[int((len(ordered) - 1) * share)] * 1e6


def measure(count: int, rounds: int, classifier: Classifier) -> Figures:
    """Figures with so many entries kept; *_us are microseconds of CPU."""
    cache = Cache(Settings(max_bytes=_HELD_BYTES, max_entries=2 * count + 10), time.monotonic)
    gc.collect()
    before = _resident_bytes()
    puts = _fill(cache, count, classifier)
    gc.collect()
    answers = sum(len(one.whole) for one in cache.exact.entries())
    held = _resident_bytes() - before - answers
    figures = {"put_p50_us": puts.quantile_us(0.5), "put_mean_us": _mean_us(puts.took)}
    figures["memory_bytes_each"] = held / count
    stalls = [puts.longest_s]
    _ready(cache, classifier)
    for name, watch in _lookups(cache, count, rounds, classifier).items():
        figures[f"{name}_p5_us"] = watch.quantile_us(0.05)
        figures[f"{name}_p50_us"] = watch.quantile_us(0.5)
        figures[f"{name}_p99_us"] = watch.quantile_us(0.99)
        stalls.append(watch.longest_s)
    figures["longest_stall_ms"] = max(stalls) * 1e3
    cache.close()
    return figures


def _fill(cache: Cache, count: int, classifier: Classifier) -> _Watch:
    watch = _Watch()
    read = classifier.read
    for number in range(count):
        text = prompt(number)
        asked, vector, made = key(text), read(text).vector, entry(number)
        watch.time(lambda asked=asked, vector=vector, made=made: cache.put(asked, vector, made))  # type: ignore[misc]
        if number % 64 == 0:
            watch.time(cache.tick)
        if number % 20_000 == 0:
            gc.freeze()  # as the proxy does
    return watch


def _ready(cache: Cache, classifier: Classifier) -> None:
    """Let the index learn and be filled, as idle moments would."""
    text = prompt(0)
    vector = classifier.read(text).vector
    until = perf_counter() + 900.0
    while perf_counter() < until:
        more = cache.tick()
        found = cache.doubtful(key(text), vector)
        if found and not more:
            return
        if not more:
            time.sleep(0.02)


def _lookups(cache: Cache, count: int, rounds: int, classifier: Classifier) -> dict[str, _Watch]:
    """Each kind of lookup in turns, key included where it says so."""
    names = ("key", "exact", "hit", "refused", "nearest")
    watches = {name: _Watch() for name in names}
    step = max(1, count // rounds)
    for turn in range(rounds):
        number = turn * step % count
        text = prompt(number)
        asked = watches["key"].time(lambda text=text: key(text))  # type: ignore[misc]
        watches["exact"].time(lambda asked=asked: cache.find_exact(asked))  # type: ignore[misc]
        for name, words in (("hit", said_otherwise(number)), ("refused", prompt(count + number))):
            near = key(words)
            vector = classifier.read(words).vector
            found = watches[name].time(
                lambda near=near, vector=vector: cache.find_semantic(near, vector, "en")  # type: ignore[misc]
            )
            assert (found is None) is (name == "refused"), words
            if name == "refused":
                watches["nearest"].time(
                    lambda near=near, vector=vector: cache.doubtful(near, vector, "en")  # type: ignore[misc]
                )
    return watches


def _mean_us(took: list[float]) -> float:
    return sum(took) / len(took) * 1e6


def _resident_bytes() -> int:
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * _PAGE_BYTES
