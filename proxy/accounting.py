"""The end of every exchange: counted, logged, written down, and charged to its caller."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from proxy.chat import Usage
from proxy.routing.signals import BYTES_PER_TOKEN

if TYPE_CHECKING:
    from proxy.exchange import Exchange
    from proxy.parts import Memory
    from proxy.timing import Clock


class Accounting:
    """Tells everyone who keeps books: mostly one row, of which others make figures later."""

    def __init__(self, memory: Memory, now: Clock) -> None:
        self._memory = memory
        self._now = now

    def account(self, exchange: Exchange) -> None:
        """An exchange is over, however it ended."""
        memory = self._memory
        total_s = perf_counter() - exchange.started_s
        memory.recorder.record(exchange, total_s)
        if memory.journal.is_on:
            memory.journal.record(exchange, total_s)
        if memory.traces is not None:
            memory.traces.note(exchange, total_s, memory.recorder.cost(exchange))
        if memory.quotas.any:
            usage = exchange.usage
            # A hit took nothing from its caller's limits, and neither did a check behind its back.
            is_free = exchange.cache in ("exact", "semantic") or exchange.lane == "shadow"
            tokens = 0 if usage is None or is_free else usage.total
            cost = memory.recorder.cost(exchange)
            self._charge(exchange, memory.quotas.settle(exchange.id), tokens, cost)

    def lost(self, exchange: Exchange, target: str, waited_s: float) -> None:
        """An attempt was cancelled because another one won: its prompt is billed all the same."""
        usage = Usage(exchange.prompt_bytes // BYTES_PER_TOKEN, estimated=True)
        cost = self._memory.recorder.lost(exchange, target, usage, waited_s)
        if self._memory.quotas.any:
            self._charge(exchange, 0, usage.total, cost)

    def price(self, exchange: Exchange) -> float:
        """USD of an answer as it was used."""
        return self._memory.recorder.price(exchange)

    def _charge(self, exchange: Exchange, estimate: int, tokens: int, cost: int) -> None:
        memory = self._memory
        for alert in memory.quotas.charge(
            exchange.caller.name, exchange.route, estimate, tokens, cost, self._now()
        ):
            memory.alerts.tell(alert)
