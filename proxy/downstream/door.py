"""What a client hears when there is no room: at the door, before anything was read, or inside."""

from __future__ import annotations

import asyncio
import resource
from typing import TYPE_CHECKING

from proxy import headers
from proxy.errors import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

RETRY_SECONDS = 1
LINGER_SECONDS = 1.0  # for a refused client to read its answer
_SPARE_SHARE = 16  # of all descriptors, one part in so many is not for clients
_LEAST_SPARE = 24  # listeners, logs, files, the local model's pipes


def connections(descriptors: int | None = None) -> int:
    """How many clients may be connected: each needs a second descriptor for its provider."""
    if descriptors is None:
        descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    spare = max(_LEAST_SPARE, descriptors // _SPARE_SHARE)
    return max(1, (descriptors - spare) // 2)


def busy(seconds: int) -> ClientError:
    """The refusal of a request that would be served too late."""
    return ClientError(
        503,
        "The proxy is at its limit; try again soon.",
        "overloaded_error",
        "overloaded",
        headers={"retry-after": str(seconds)},
    )


class Full(asyncio.Protocol):
    """One connection beyond the limit: told so at once, and closed when it has heard it.

    What it sends meanwhile is read and dropped: a socket that is closed over unread bytes resets
    the connection, and the answer is lost.
    """

    __slots__ = ("_left", "_transport", "_words")

    def __init__(self, words: bytes, left: Callable[[Full], None]) -> None:
        """words: the body of the refusal. left: called once, when the connection is gone."""
        self._words = words
        self._left = left
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a stream protocol gets a Transport
        assert self._transport is not None
        self._transport.write(
            b"HTTP/1.1 503 Service Unavailable\r\n%bRetry-After: %d\r\nContent-Length: %d\r\n"
            b"Connection: close\r\n\r\n%b"
            % (headers.JSON, RETRY_SECONDS, len(self._words), self._words)
        )
        self._transport.write_eof()

    def data_received(self, data: bytes) -> None:
        """Nobody reads it."""

    def eof_received(self) -> None:
        return None  # it has heard: the transport closes

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._transport = None
        self._left(self)

    def end(self) -> None:
        """It had its time."""
        if self._transport is not None:
            self._transport.abort()
