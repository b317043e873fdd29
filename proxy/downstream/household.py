"""What those who face clients ask of the house, and of those who answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from proxy.errors import ClientError

if TYPE_CHECKING:
    import asyncio

    from proxy.downstream.auth import Keyring
    from proxy.downstream.front import Front
    from proxy.downstream.head import Heads
    from proxy.exchange import Exchange, Sink
    from proxy.outbox import Outbox
    from proxy.state.admission import Admission
    from proxy.timing import Clock


class Answering(Protocol):
    """A request on its way: what the client's side may still ask of it."""

    def cancel(self) -> None: ...
    def expire(self) -> None: ...
    def nudge(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...


class Service(Protocol):
    """What the front needs of the house; one per configuration, swapped on reload."""

    keys: Keyring
    max_body_bytes: int
    fast_lane: bool

    def serve(self, exchange: Exchange, sink: Sink) -> Answering | None: ...
    def refused(self, error: ClientError, kind: str) -> bytes:
        """The body of an error that came before there was an exchange."""
        ...


class House(Protocol):
    """Owns all fronts: the service in force, the clock, and who takes over odd connections."""

    service: Service
    now: Clock
    fronts: set[Front]
    draining: bool
    admission: Admission
    heads: Heads
    outbox: Outbox

    def refused(self, error: ClientError, kind: str = ...) -> bytes: ...
    def no_room(self, wait_s: int, kind: str) -> tuple[bytes, bytes, bytes]: ...
    def hand_over(self, transport: asyncio.Transport, data: bytes) -> None: ...


def too_large(limit: int) -> ClientError:
    """The refusal of a body over the limit, before it is read."""
    return ClientError(
        413, f"The body is larger than the limit of {limit} bytes.", code="body_too_large"
    )
