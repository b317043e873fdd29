"""A hit checked behind the client's back: the same request upstream, for nobody to read.

The verified mode asks for it on a share of its hits (`Hit.check`); the fresh answer goes to
`Cache.learn`.
"""

from __future__ import annotations

from collections.abc import Callable

from proxy.exchange import Exchange

LIMIT = 4  # checks at a time; a hit beyond it goes unchecked


def repeat(exchange: Exchange, started_s: float) -> Exchange:
    """The same request as one of its own: what it costs is accounted, its caller hears nothing."""
    again = Exchange(exchange.kind, exchange.body, exchange.caller, started_s)
    again.lane = "shadow"
    again.model, again.route = exchange.model, exchange.route
    again.category, again.language = exchange.category, exchange.language
    again.reading, again.prompt_bytes = exchange.reading, exchange.prompt_bytes
    again.stream, again.wants_usage = exchange.stream, exchange.wants_usage
    again.beta = exchange.beta
    return again


class Unheard:
    """A sink that nobody reads. over: called once, when the answer has ended."""

    __slots__ = ("_over",)

    def __init__(self, over: Callable[[], None]) -> None:
        self._over = over

    def open(self, status: int, headers: bytes, first: bytes) -> None: ...
    def write(self, data: bytes) -> None: ...

    def end(self, last: bytes = b"") -> None:
        del last
        self._over()

    def whole(self, status: int, headers: bytes, body: bytes) -> None:
        del status, headers, body
        self._over()

    def abort(self) -> None:
        self._over()
