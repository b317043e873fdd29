"""What a lookup costs while many entries are kept, what they take, and the longest stall."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import perf_counter, thread_time
from typing import Any, TypeVar

from benchmarks.cache.prompts import entry, key, prompt, said_otherwise
from embeddings.classifier import Classifier
from proxy.cache.cache import Cache
from proxy.cache.policy import Settings
from proxy.upkeep import FREEZE_ENTRIES

Figures = dict[str, float]
Got = TypeVar("Got")
_HELD_BYTES = 8 << 30
COLLECTOR = (800, 1, 12_500)  # as the proxy has it
_WARMING = 3000  # entries
_READY_SECONDS = 900.0
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


class _Somebody:
    """Has a second opinion, or will have; what it would say costs nothing here."""

    def __init__(self) -> None:
        self.connected = False

    def ask(
        self, texts: Sequence[str], then: Callable[[Any], None], budget_s: float | None = None
    ) -> None:
        del texts, budget_s
        then(None)


def measure(count: int, rounds: int, classifier: Classifier, *, indexed: bool) -> Figures:
    """Figures with so many entries kept; *_us are microseconds of CPU.

    indexed: with what an embedder adds too, an index of what is near, and a look into it.
    """
    gc.set_threshold(*COLLECTOR)
    somebody = _Somebody()
    cache = _empty(count, somebody)
    _warm(classifier)
    before = _resident_bytes()
    puts = _fill(cache, count, classifier)
    gc.collect()
    answers = sum(len(one.whole) for one in cache.exact.entries())
    figures = {"put_p50_us": puts.quantile_us(0.5), "put_mean_us": _mean_us(puts.took)}
    figures["memory_bytes_each"] = (_resident_bytes() - before - answers) / count
    watches = _lookups(cache, count, rounds, classifier)
    figures |= _told(watches)
    stalls = [puts, *watches.values()]
    figures["longest_stall_ms"] = max(one.longest_s for one in stalls) * 1e3
    if indexed:
        somebody.connected = True
        ticks = _ready(cache, count, classifier)
        near = _nearest(cache, count, rounds, classifier)
        figures |= _told({"nearest": near})
        figures["indexing_stall_ms"] = max(ticks.longest_s, near.longest_s) * 1e3
        figures["indexed_bytes_each"] = (_resident_bytes() - before - answers) / count
    cache.close()
    return figures


def _empty(count: int, somebody: _Somebody) -> Cache:
    settings = Settings(max_bytes=_HELD_BYTES, max_entries=2 * count + 10)
    return Cache(settings, time.monotonic, comparer=somebody)


def _warm(classifier: Classifier) -> None:
    """What a process needs once is not an entry's."""
    warm = _empty(_WARMING, _Somebody())
    _fill(warm, _WARMING, classifier)
    for number in range(_WARMING):
        warm.find_semantic(key(said_otherwise(number)), classifier.read(prompt(number)).vector)
    while warm.tick():
        pass
    warm.close()
    gc.collect()


def _told(watches: Mapping[str, _Watch]) -> Figures:
    told: Figures = {}
    for name, watch in watches.items():
        for share in (5, 50, 99):
            told[f"{name}_p{share}_us"] = watch.quantile_us(share / 100)
    return told


def _fill(cache: Cache, count: int, classifier: Classifier) -> _Watch:
    watch = _Watch()
    read = classifier.read
    for number in range(count):
        text = prompt(number)
        asked, vector, made = key(text), read(text).vector, entry(number)
        watch.time(partial(cache.put, asked, vector, made))
        if number % 64 == 0:
            watch.time(cache.tick)
        if number % FREEZE_ENTRIES == 0:
            gc.freeze()  # as the proxy does
    return watch


def _ready(cache: Cache, count: int, classifier: Classifier) -> _Watch:
    """Let the index take in what is kept, learn and be filled, as idle moments would."""
    watch = _Watch()
    until = perf_counter() + _READY_SECONDS
    while perf_counter() < until:
        while watch.time(cache.tick):
            pass
        text = said_otherwise(count - 1)
        if cache.doubtful(key(text), classifier.read(text).vector) and not cache.tick():
            return watch
        time.sleep(0.02)  # a thread is learning
    raise TimeoutError(f"no index of {count} entries in {_READY_SECONDS:.0f} s")


def _nearest(cache: Cache, count: int, rounds: int, classifier: Classifier) -> _Watch:
    """Prompts that were never kept: who might answer all the same."""
    watch = _Watch()
    step = max(1, count // rounds)
    for turn in range(rounds):
        words = prompt(count + turn * step % count)
        asked, vector = key(words), classifier.read(words).vector
        watch.time(partial(cache.doubtful, asked, vector, "en"))
    return watch


def _lookups(cache: Cache, count: int, rounds: int, classifier: Classifier) -> dict[str, _Watch]:
    """Each kind of lookup in turns, key included where it says so."""
    watches = {name: _Watch() for name in ("key", "exact", "hit", "refused")}
    step = max(1, count // rounds)
    for turn in range(rounds):
        number = turn * step % count
        asked = watches["key"].time(partial(key, prompt(number)))
        watches["exact"].time(partial(cache.find_exact, asked))
        for name, words in (("hit", said_otherwise(number)), ("refused", prompt(count + number))):
            near = key(words)
            vector = classifier.read(words).vector
            found = watches[name].time(partial(cache.find_semantic, near, vector, "en"))
            assert (found is None) is (name == "refused"), words
    return watches


def _mean_us(took: list[float]) -> float:
    return sum(took) / len(took) * 1e6


def _resident_bytes() -> int:
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * _PAGE_BYTES
