"""What the cache needs beside the traffic: its disk, its way to other nodes, a look in time."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from proxy.parts import cache_disk
from proxy.together import share_of

if TYPE_CHECKING:
    from proxy import config
    from proxy.cache.cache import Cache
    from proxy.shared.address import Address
    from proxy.timing import Wheel

TICK_SECONDS = 0.1  # between looks at the cache, each under a millisecond
SHARED_TICK_SECONDS = 0.025  # the same, where other nodes wait to hear of what is kept
LOAD_SECONDS = 0.002  # the same, while the cache reads what an earlier process kept
MANY_ENTRIES = 20_000  # in the cache: a full collection looks at every one, 0.1 s for 100,000,
FREEZE_ENTRIES = 5_000  # so it is told to leave them alone after so many new ones,
AGAIN = 16  # and looks at all of them every so many times


class CacheUpkeep:
    """Looks after a cache for as long as its loop runs. where: of the other nodes, if any."""

    def __init__(self, cache: Cache, where: Address | None, wheel: Wheel) -> None:
        self._cache = cache
        self._where = where
        self._wheel = wheel
        self._frozen = 0  # answers stored when the collector was last told so,
        self._times = 0  # which was as often

    def begin(
        self, settings: config.Config, spawn: Callable[[Coroutine[Any, Any, None]], object]
    ) -> None:
        """Open the cache's disk and its way to other nodes, if any, and look after it."""
        cache, wall = self._cache, time.time  # noqa: TID251 - a monotonic clock dies with us
        path = settings.cache.path
        if path is not None:
            cache.attach(cache_disk(path, wall), wall)
        if self._where is not None:
            share = share_of(self._where, settings, cache)
            cache.share(share, wall)
            spawn(share.run())
        self._tick()

    def _tick(self) -> None:
        cache = self._cache
        more = cache.tick()
        stored = cache.counts.stored
        if stored - self._frozen >= FREEZE_ENTRIES and len(cache.exact) >= MANY_ENTRIES:
            self._frozen = stored
            self._freeze()
        pause_s = TICK_SECONDS if self._where is None else SHARED_TICK_SECONDS
        self._wheel.arm(LOAD_SECONDS if more else pause_s, self._tick)

    def _freeze(self) -> None:
        """Spare the collector what is kept. What is frozen is never collected: so what is garbage
        already has to go before, and what was in use then and is garbage now, some time later."""
        self._times += 1
        if self._times % AGAIN == 0:
            gc.unfreeze()
        gc.collect()
        gc.freeze()
