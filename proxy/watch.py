"""What is looked at once a second beside the traffic: budgets, breakers, and the health of the
ledger, the cache, the embedder and the GPUs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from proxy.ledger import reports
from proxy.ledger.reports import Period
from proxy.ledger.store import Unavailable
from proxy.state.alerts import Alert
from proxy.state.allowance import DAY, MONTH
from proxy.state.breaker import BY_HAND
from proxy.state.periods import day_after, month_start

if TYPE_CHECKING:
    from embeddings.gpu import Gpu
    from proxy.errors import Kind
    from proxy.parts import Memory
    from proxy.timing import Clock

EACH_SECONDS = 1.0
SYNC_SECONDS = 60.0  # between looks at what other workers spent
HOT_CELSIUS = 90.0  # where data centre GPUs begin to slow themselves down
_ALARM_WORDS = {
    "key_refused": "the provider refuses the configured key; its breaker is open",
    "model_unknown": "the provider does not know the configured model",
}


_EXPECTED = ("ledger_down", "cache_disk_down")  # where it is configured, it is there at once


class Watch:
    """Compares the state of things with a second ago, and tells what changed for the worse."""

    def __init__(self, memory: Memory, now: Clock, wall: Clock) -> None:
        self._memory = memory
        self._now = now
        self._wall = wall
        self._open: frozenset[str] = frozenset()
        self._bands = 0.0
        self._well: dict[str, bool] = {}
        self._gpus: dict[int, Gpu] = {}

    def look(self) -> None:
        """Once a second."""
        memory = self._memory
        now = self._now()
        memory.quotas.tick(now, self._wall())
        self._look_at_breakers(now)
        if memory.store is not None:
            words = f"the ledger cannot be written: {memory.store.failing}"
            self._compare("ledger_down", "ledger", well=not memory.store.failing, words=words)
        self._look_at_cache()
        if memory.embedder.path is not None:
            words = "the embedder does not answer; words in process decide instead"
            self._compare("embedder_down", "embedder", well=memory.embedder.alive, words=words)
        self._look_at_gpus()

    def _compare(self, kind: str, subject: str, *, well: bool, words: str) -> None:
        """Tell of something that was well, or never seen to be, and is not any more."""
        before = self._well.get(kind, kind in _EXPECTED)
        if before and not well:
            self._memory.alerts.tell(Alert(kind, subject, words))
        self._well[kind] = well

    def _look_at_breakers(self, now: float) -> None:
        states = self._memory.breakers.snapshot(now)
        shut = {name for name, one in states.items() if one["state"] != "CLOSED"}
        for name in sorted(shut - self._open):
            why = states[name]["lastFailure"]
            if why != BY_HAND:  # whoever did it knows
                words = f"the breaker of {name} has opened after {why}"
                self._memory.alerts.tell(Alert("breaker_open", name, words, {"failure": why}))
        self._open = frozenset(shut)

    def _look_at_cache(self) -> None:
        stats = self._memory.cache.stats()
        bands = stats.get("open_bands", 0.0)
        if bands < self._bands:
            words = "the semantic cache has closed some similarities: too many hits were wrong"
            figures = {"wrong_hits": stats["wrong_hits"], "open_bands": bands}
            self._memory.alerts.tell(Alert("cache_closed", "cache", words, figures))
        self._bands = bands
        if "disk_up" in stats:
            words = f"the cache is not kept on disk: {self._memory.cache.trouble}"
            self._compare("cache_disk_down", "cache", well=bool(stats["disk_up"]), words=words)
        if "shared_connected" in stats:
            words = "the shared cache is not reached; every node goes on alone"
            self._compare(
                "shared_down", "shared", well=bool(stats["shared_connected"]), words=words
            )

    def _look_at_gpus(self) -> None:
        gpus = {gpu.index: gpu for gpu in self._memory.telemetry.gpus}
        if gpus == self._gpus:
            return
        for index, before in self._gpus.items():
            for words in _trouble(before, gpus.get(index)):
                subject = f"GPU {index} ({before.name})"
                self._memory.alerts.tell(Alert("gpu_trouble", subject, f"{subject} {words}"))
        self._gpus = gpus

    def alarm(self, target: str, kind: Kind) -> None:
        """An attempt failed in a way that somebody must mend."""
        words = _ALARM_WORDS.get(kind.value, kind.value)
        self._memory.alerts.tell(Alert(kind.value, target, f"target {target}: {words}"))

    async def restore(self) -> None:
        """Begin the budgets with what the ledger knows was spent, and keep looking."""
        while True:
            await self._sync()
            await asyncio.sleep(SYNC_SECONDS)

    async def _sync(self) -> None:
        store = self._memory.store
        if store is None or not self._memory.quotas.has_budgets:
            return
        today = int(day_after(self._wall()) // 86_400) - 1
        first = {DAY: today, MONTH: int(month_start(self._wall()) // 86_400)}
        for period, day in first.items():
            wanted = Period(day, today + 1)
            try:
                spent = await asyncio.wrap_future(store.ask(_spent(wanted)))
            except Unavailable:
                continue  # the ledger has said so itself
            self._memory.quotas.restore(period, spent["key"], spent["route"])


def _spent(period: Period) -> Callable[..., dict[str, dict[str, int]]]:
    return lambda connection: reports.spent(connection, period)


def _trouble(before: Gpu, now: Gpu | None) -> Iterator[str]:
    """What became worse of a GPU between two looks."""
    if now is None:
        yield "is not seen any more"
        return
    if (now.ecc_errors or 0) > (before.ecc_errors or 0):
        yield f"has {now.ecc_errors} uncorrected memory errors"
    if (now.temperature_celsius or 0) >= HOT_CELSIUS > (before.temperature_celsius or 0):
        yield f"is at {now.temperature_celsius:g} °C"
