"""What is looked at once a second beside the traffic: budgets, breakers, the ledger's health."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from proxy.ledger import reports
from proxy.ledger.reports import Period
from proxy.ledger.store import Unavailable
from proxy.state.alerts import Alert
from proxy.state.allowance import DAY, MONTH
from proxy.state.periods import day_after, month_start

if TYPE_CHECKING:
    from proxy.errors import Kind
    from proxy.parts import Memory
    from proxy.timing import Clock

EACH_SECONDS = 1.0
SYNC_SECONDS = 60.0  # between looks at what other workers spent
_ALARM_WORDS = {
    "key_refused": "the provider refuses the configured key; its breaker is open",
    "model_unknown": "the provider does not know the configured model",
}


class Watch:
    """Compares the state of things with a second ago, and tells what changed for the worse."""

    def __init__(self, memory: Memory, now: Clock, wall: Clock) -> None:
        self._memory = memory
        self._now = now
        self._wall = wall
        self._open: frozenset[str] = frozenset()
        self._failing = False

    def look(self) -> None:
        """Once a second."""
        memory = self._memory
        now = self._now()
        memory.quotas.tick(now, self._wall())
        states = memory.breakers.snapshot(now)
        opened = frozenset(name for name, one in states.items() if one["state"] != "CLOSED")
        for name in sorted(opened - self._open):
            why = states[name]["lastFailure"]
            words = f"the breaker of {name} has opened after {why}"
            memory.alerts.tell(Alert("breaker_open", name, words, {"failure": why}))
        self._open = opened
        failing = memory.store is not None and bool(memory.store.failing)
        if failing and not self._failing and memory.store is not None:
            words = f"the ledger cannot be written: {memory.store.failing}"
            memory.alerts.tell(Alert("ledger_down", "ledger", words))
        self._failing = failing

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
