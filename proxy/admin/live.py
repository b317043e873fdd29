"""What happens now, once a second, as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from proxy.admin.endpoint import Call, Endpoint
from proxy.admin.money import Money
from proxy.errors import ClientError
from proxy.ledger.recent import Recent
from proxy.timing import Clock

EACH_SECONDS = 1.0
VIEWERS_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Sight:
    """What is looked at. recent: None where there is no ledger."""

    recent: Callable[[], Recent | None]
    gauges: Callable[[], Mapping[str, float]]
    breakers: Callable[[], Mapping[str, Any]]
    draining: Callable[[], bool]
    money: Callable[[], Money]
    wall: Clock


class Live:
    """Tells everyone who watches; nobody watching costs nothing."""

    def __init__(self, sight: Sight) -> None:
        self._sight = sight
        self.viewers = 0

    def endpoints(self) -> list[Endpoint]:
        """Everything served here."""
        return [
            Endpoint("GET", "/api/live", self.live, "Live figures once a second.",
                     answers=("text/event-stream",), group="state"),
            Endpoint("GET", "/api/now", lambda _: self.figures(), "The live figures, once.",
                     group="state"),
        ]  # fmt: skip

    async def live(self, call: Call) -> web.StreamResponse:
        """Until the client leaves or the proxy goes down."""
        if self.viewers >= VIEWERS_LIMIT:
            raise ClientError(429, "Too many watch already.", "server_error", "too_many_viewers")
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream; charset=utf-8",
                "Cache-Control": "no-cache",
                "X-Accel-Buffering": "no",
                "Server": "firsttoken",
            }
        )
        await response.prepare(call.request)
        self.viewers += 1
        try:
            while not self._sight.draining():
                await response.write(b"data: " + orjson.dumps(self.figures()) + b"\n\n")
                await asyncio.sleep(EACH_SECONDS)
            await response.write_eof()
        except ConnectionError:
            return response  # nobody watches any more
        finally:
            self.viewers -= 1
        return response

    def figures(self) -> dict[str, Any]:
        """What one event says."""
        sight = self._sight
        wall = sight.wall()
        found: dict[str, Any] = {"time": round(wall, 3)}
        recent = sight.recent()
        if recent is not None:
            money = sight.money()
            found |= recent.figures(wall)
            for name in ("cost_per_s", "saved_per_s"):
                found[name] = money.of(found[name])
            found["currency"] = money.currency
        shut = {name: door["state"] for name, door in sight.breakers().items()
                if door["state"] != "CLOSED"}  # fmt: skip
        return {**found, "breakers": shut, "viewers": self.viewers, "gauges": dict(sight.gauges())}
