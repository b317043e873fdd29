"""What all races share: time, targets, and what is remembered between requests."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from proxy.state.budget import Budgets
from proxy.timing import Clock, Wheel

if TYPE_CHECKING:
    from proxy.errors import Kind
    from proxy.exchange import Exchange
    from proxy.upstream.endpoint import Endpoint


class Breakers(Protocol):
    """known: targets that had trouble; of others there is nothing to ask or to tell."""

    @property
    def known(self) -> Container[str]: ...
    def enter(self, target: str, now: float, *, forced: bool = False) -> int | None: ...
    def succeeded(self, target: str, now: float, ticket: int | None = None) -> None: ...
    def failed(
        self,
        target: str,
        kind: Kind,
        now: float,
        *,
        retry_after: float | None = None,
        ticket: int | None = None,
    ) -> None: ...
    def abandoned(self, target: str, now: float, ticket: int | None = None) -> None: ...


class Latency(Protocol):
    def observe(
        self, target: str, prompt_bytes: int, seconds: float, now: float, *, reasoning: bool = False
    ) -> None: ...
    def censored(
        self, target: str, prompt_bytes: int, seconds: float, now: float, *, reasoning: bool = False
    ) -> None: ...
    def deadline(
        self, target: str, prompt_bytes: int, now: float, *, reasoning: bool = False
    ) -> float: ...
    def late(self, target: str, now: float) -> None: ...
    def slow(self, target: str, now: float) -> bool: ...
    def uncertain(self, target: str, following: str, now: float) -> bool: ...


class Gaps(Protocol):
    def observe(
        self, target: str, longest_s: float, now: float, *, pausing: bool = False
    ) -> None: ...
    def censored(
        self, target: str, silent_s: float, now: float, *, pausing: bool = False
    ) -> None: ...
    def deadline(self, target: str, *, pausing: bool = False) -> float: ...


class Limits(Protocol):
    def limits(self, name: str) -> bool: ...
    def admit(self, name: str, tokens: int, now: float) -> bool: ...
    def release(self, name: str) -> None: ...
    def charge(self, name: str, tokens: int, now: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Step:
    """One target of the plan, ready to be tried. window: tokens of context, where known."""

    name: str  # provider/model
    model: str
    endpoint: Endpoint
    window: int | None = None
    prefill: bool = False  # whether the model goes on from the beginning of an assistant turn
    limited: str = ""  # the endpoint's name, where it has limits of its own or is counted


@dataclass(frozen=True, slots=True)
class Terms:
    """How a route wants its races run. Seconds; None: adaptive. hedge_share: of its own."""

    first_token_s: float | None = None
    between_tokens_s: float | None = None
    pausing_s: float | None = None  # likewise, of answers that think or call tools in between
    least_per_s: float | None = None  # tokens; a slower answer counts as stalled
    hedge_share: float | None = None
    answer_s: float = 120.0
    hedges: bool = True
    continues: bool = True
    stream_upstream: bool = False
    keep_alive_s: float = 15.0  # of silence, before a comment; 0: never
    strict: bool = False  # a parameter that a target has no place for is an error


@dataclass(slots=True)
class Engine:
    """wall: unix seconds. rand: uniform in [0, 1). account hears of every exchange once, lost of
    every attempt that was cancelled because another one won: its target, and seconds it ran.
    price: USD of an answer as it was used."""

    wheel: Wheel
    now: Clock
    wall: Clock
    rand: Callable[[], float]
    breakers: Breakers
    latency: Latency
    gaps: Gaps
    limits: Limits
    budgets: Budgets
    account: Callable[[Exchange], None]
    alarm: Callable[[str, Kind], None]
    lost: Callable[[Exchange, str, float], None]
    price: Callable[[Exchange], float]
