"""What happens now, once a second, as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from proxy.admin.endpoint import Call, Endpoint
from proxy.admin.money import Money
from proxy.admin.whole import added
from proxy.errors import ClientError
from proxy.ledger.recent import Recent
from proxy.timing import Clock

EACH_SECONDS = 1.0
VIEWERS_LIMIT = 100


# The answers of the workers beside this one to a GET of a path, with a request's headers.
Others = Callable[[str, Mapping[str, str]], Awaitable[Sequence[bytes]]]


@dataclass(frozen=True, slots=True)
class Sight:
    """What is looked at. recent: None where there is no ledger. others: None where it is alone."""

    recent: Callable[[], Recent | None]
    gauges: Callable[[], Mapping[str, float]]
    breakers: Callable[[], Mapping[str, Any]]
    draining: Callable[[], bool]
    money: Callable[[], Money]
    wall: Clock
    others: Others | None = None


class Live:
    """Tells everyone who watches; nobody watching costs nothing."""

    def __init__(self, sight: Sight) -> None:
        self._sight = sight
        self.viewers = 0

    def endpoints(self) -> list[Endpoint]:
        """Everything served here."""
        return [
            Endpoint("GET", "/api/live", self.live,
                     "Live figures once a second, after an event `past` with the last minutes.",
                     answers=("text/event-stream",), group="state"),
            Endpoint("GET", "/api/now", lambda _: self.figures(), "The live figures, once.",
                     group="state"),
            Endpoint("GET", "/api/past", lambda _: {"seconds": self.past()},
                     "The figures of the last minutes, second by second.", group="state"),
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
            past = await self._whole(call, "/api/past", {"seconds": self.past()})
            await response.write(b"event: past\ndata: %b\n\n" % past)
            while not self._sight.draining():
                now = await self._whole(call, "/api/now", self.figures())
                await response.write(b"data: %b\n\n" % now)
                await asyncio.sleep(EACH_SECONDS)
            await response.write_eof()
        except ConnectionError:
            return response  # nobody watches any more
        finally:
            self.viewers -= 1
        return response

    async def _whole(self, call: Call, path: str, own: dict[str, Any]) -> bytes:
        """Our figures with those of the workers beside us, as JSON."""
        told = orjson.dumps(own)
        if self._sight.others is None:
            return told
        return added([told, *await self._sight.others(path, call.request.headers)])

    def past(self) -> list[dict[str, Any]]:
        """The last minutes, second by second; nothing where there is no ledger."""
        recent = self._sight.recent()
        if recent is None:
            return []
        return [self._shown(one) for one in recent.past(self._sight.wall())]

    def _shown(self, found: dict[str, Any]) -> dict[str, Any]:
        money = self._sight.money()
        for name in ("cost_per_s", "saved_per_s"):
            found[name] = money.of(found[name])
        return found

    def figures(self) -> dict[str, Any]:
        """What one event says."""
        sight = self._sight
        wall = sight.wall()
        found: dict[str, Any] = {"time": round(wall, 3)}
        recent = sight.recent()
        if recent is not None:
            found |= self._shown(recent.figures(wall))
            found["currency"] = sight.money().currency
        shut = {name: door["state"] for name, door in sight.breakers().items()
                if door["state"] != "CLOSED"}  # fmt: skip
        return {**found, "breakers": shut, "viewers": self.viewers, "gauges": dict(sight.gauges())}
