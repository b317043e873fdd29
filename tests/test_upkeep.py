"""The collector is spared the cache's entries, and nothing that is garbage is spared with them."""

from __future__ import annotations

import gc
import weakref
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from proxy.upkeep import AGAIN, FREEZE_ENTRIES, MANY_ENTRIES, CacheUpkeep


class Knot:
    """Garbage that only the collector finds."""

    def __init__(self) -> None:
        self.itself = self


@dataclass
class Shelf:
    """What upkeep sees of a cache."""

    exact: range = range(0)
    counts: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(stored=0))

    def tick(self) -> bool:
        return False


@pytest.fixture
def upkeep():
    """One with its cache; the collector is as before afterwards."""
    shelf = Shelf()
    wheel = SimpleNamespace(arm=lambda *_: None)
    gc.collect()
    yield CacheUpkeep(shelf, None, wheel), shelf  # type: ignore[arg-type]
    gc.unfreeze()
    gc.collect()
    gc.freeze()  # as tests/conftest.py left it


def test_a_small_cache_is_left_to_the_collector(upkeep) -> None:
    keeper, shelf = upkeep
    before = gc.get_freeze_count()
    shelf.exact, shelf.counts.stored = range(MANY_ENTRIES - 1), 10 * FREEZE_ENTRIES
    keeper._tick()
    assert gc.get_freeze_count() <= before


def test_what_is_garbage_is_not_kept_for_ever(upkeep) -> None:
    keeper, shelf = upkeep
    shelf.exact, shelf.counts.stored = range(MANY_ENTRIES), FREEZE_ENTRIES
    gc.disable()
    try:
        old = weakref.ref(Knot())
        assert old() is not None
        keeper._tick()
        assert old() is None
        assert gc.get_freeze_count() > 0
    finally:
        gc.enable()


def test_what_became_garbage_later_goes_some_time(upkeep) -> None:
    keeper, shelf = upkeep
    shelf.exact = range(MANY_ENTRIES)
    knot = Knot()
    seen = weakref.ref(knot)
    for number in range(1, AGAIN + 1):
        shelf.counts.stored = number * FREEZE_ENTRIES
        keeper._tick()
        if number == 1:
            del knot
            gc.collect()
            assert seen() is not None, "it was frozen"
    assert seen() is None
