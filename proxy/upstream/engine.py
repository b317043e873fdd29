"""What all races share: time, targets, and what is remembered between requests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from proxy.timing import Clock, Wheel

if TYPE_CHECKING:
    from proxy.errors import Kind
    from proxy.exchange import Exchange
    from proxy.upstream.endpoint import Endpoint


class Breakers(Protocol):
    def starts(self, target: str, now: float) -> None: ...
    def succeeded(self, target: str, now: float) -> None: ...
    def failed(
        self, target: str, kind: Kind, now: float, *, retry_after: float | None = None
    ) -> None: ...
    def abandoned(self, target: str, now: float) -> None: ...


class Latency(Protocol):
    def observe(self, target: str, prompt_bytes: int, seconds: float, now: float) -> None: ...
    def censored(self, target: str, prompt_bytes: int, seconds: float, now: float) -> None: ...
    def deadline(self, target: str, prompt_bytes: int, now: float) -> float: ...


class HedgeBudget(Protocol):
    def request(self, now: float) -> None: ...
    def take(self, now: float) -> bool: ...
    def stalled(self, now: float) -> None: ...
    def brown_out(self, now: float) -> bool: ...


@dataclass(frozen=True, slots=True)
class Step:
    """One target of the plan, ready to be tried. window: tokens of context, where known."""

    name: str  # provider/model
    model: str
    endpoint: Endpoint
    window: int | None = None
    prefill: bool = False  # whether the model goes on from the beginning of an assistant turn


@dataclass(frozen=True, slots=True)
class Terms:
    """How a route wants its races run. Seconds; first_token_s None: adaptive."""

    first_token_s: float | None = None
    between_tokens_s: float = 10.0
    answer_s: float = 120.0
    hedges: bool = True
    continues: bool = True
    stream_upstream: bool = False
    keep_alive_s: float = 15.0  # of silence, before a comment; 0: never
    strict: bool = False  # a parameter that a target has no place for is an error


@dataclass(slots=True)
class Engine:
    """wall: unix seconds. rand: uniform in [0, 1). account hears of every exchange once."""

    wheel: Wheel
    now: Clock
    wall: Clock
    rand: Callable[[], float]
    breakers: Breakers
    latency: Latency
    hedges: HedgeBudget
    account: Callable[[Exchange], None]
    alarm: Callable[[str, Kind], None]
