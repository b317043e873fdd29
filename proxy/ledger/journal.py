"""One log line an exchange, key=value or JSON, written in batches beside the traffic.

Formatting and writing a line at once would cost more than the relay itself; lines are collected
and written together. Never a prompt, an answer or a key.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, TextIO

import orjson

if TYPE_CHECKING:
    from proxy.exchange import Exchange

HELD_LINES = 10_000  # beyond this, lines are dropped and counted: logs must not eat the memory


class Journal:
    """Lines waiting for their batch. flush is called by the house's timer and at the end."""

    __slots__ = ("_as_json", "_lines", "_out", "dropped", "is_on")

    def __init__(self, out: TextIO | None, *, as_json: bool = False) -> None:
        self._out = out
        self.is_on = out is not None
        self._as_json = as_json
        self._lines: list[str] = []
        self.dropped = 0

    def record(self, exchange: Exchange, total_s: float) -> None:
        """One finished exchange, of a journal that is on."""
        if len(self._lines) >= HELD_LINES:
            self.dropped += 1
            return
        self._lines.append(_json(exchange, total_s) if self._as_json else _line(exchange, total_s))

    def flush(self) -> None:
        """Write what waits."""
        if not self._lines or self._out is None:
            return
        lines, self._lines = self._lines, []
        try:
            self._out.write("\n".join(lines) + "\n")
            self._out.flush()
        except OSError:
            self.dropped += len(lines)  # a full disk or a closed pipe must not stop the service


def _line(exchange: Exchange, total_s: float) -> str:
    usage = exchange.usage
    first = exchange.first_token_s
    return (
        f"exchange id={exchange.id} outcome={exchange.outcome} status={exchange.status}"
        f" route={_word(exchange.route)} category={exchange.category} cache={exchange.cache}"
        f" provider={_word(exchange.provider)} model={_word(exchange.provider_model)}"
        f" attempts={exchange.attempts}"
        f" ttft_ms={first * 1e3 if first is not None else -1:.1f} total_ms={total_s * 1e3:.1f}"
        f" tokens_in={usage.prompt if usage else 0} tokens_out={usage.completion if usage else 0}"
        f" caller={_word(exchange.caller.name)}"
        + (f" error={exchange.error.code}" if exchange.error else "")
    )


@lru_cache(1024)
def _word(value: str) -> str:
    """A value that is one word: a client names models, and must not write our log lines."""
    return value if value.isidentifier() else orjson.dumps(value).decode()


def _json(exchange: Exchange, total_s: float) -> str:
    usage = exchange.usage
    first = exchange.first_token_s
    return orjson.dumps(
        {
            "event": "exchange",
            "id": exchange.id,
            "outcome": exchange.outcome,
            "status": exchange.status,
            "route": exchange.route,
            "category": exchange.category,
            "cache": exchange.cache,
            "provider": exchange.provider,
            "model": exchange.provider_model,
            "attempts": exchange.attempts,
            "ttft_ms": None if first is None else round(first * 1e3, 1),
            "total_ms": round(total_s * 1e3, 1),
            "tokens_in": usage.prompt if usage else 0,
            "tokens_out": usage.completion if usage else 0,
            "caller": exchange.caller.name,
            "error": exchange.error.code if exchange.error else None,
        }
    ).decode()
