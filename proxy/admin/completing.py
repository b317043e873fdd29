"""Completions asked for by an admin endpoint: the same pipeline, the answer collected whole."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from time import perf_counter
from typing import Any, Protocol

import orjson

from proxy.chat import Usage
from proxy.dialects.registry import dialect
from proxy.errors import ClientError
from proxy.exchange import NO_OPTIONS, Caller, Exchange, Options, Sink

_KIND = "openai"
_NO_USAGE = Usage()


class Answering(Protocol):
    """A request on its way."""

    def cancel(self) -> None: ...
    def expire(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Kitchen:
    """What serves. open: the answers being given, so that a shutdown waits for them and ends them.
    knows: whether a model's name means anything now; cost: in USD, of an answer by a target."""

    serve: Callable[[Exchange, Sink], Answering | None]
    open: set[Any]
    knows: Callable[[str], bool]
    cost: Callable[[Usage, str], Decimal | None]


@dataclass(frozen=True, slots=True)
class Completion:
    """A whole answer."""

    content: str
    provider: str
    model: str
    usage: Usage
    cached: bool
    attempts: int
    latency_ms: float
    cost_usd: Decimal
    id: str
    category: str


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked. chain: models' names in order; those that mean nothing here are left out."""

    caller: Caller
    messages: Sequence[Any]
    chain: Sequence[str] = ()
    options: Options = NO_OPTIONS
    params: Mapping[str, Any] = field(default_factory=dict)


class Plate:
    """A sink that keeps everything."""

    __slots__ = ("_over", "body", "status")

    def __init__(self) -> None:
        self._over = asyncio.Event()
        self.status = 0
        self.body = b""

    def open(self, status: int, headers: bytes, first: bytes) -> None:
        del headers
        self.status = status
        self.body = first

    def write(self, data: bytes) -> None:
        self.body += data

    def end(self, last: bytes = b"") -> None:
        self.body += last
        self._over.set()

    def whole(self, status: int, headers: bytes, body: bytes) -> None:
        del headers
        self.status, self.body = status, body
        self._over.set()

    def abort(self) -> None:
        self.status = 502
        self._over.set()

    async def over(self) -> None:
        """Until the answer is complete."""
        await self._over.wait()


class Completer:
    """Asks the pipeline."""

    def __init__(self, kitchen: Kitchen) -> None:
        self._kitchen = kitchen

    async def complete(self, order: Order) -> Completion:
        """The first answer of the chain; `auto` where nothing of it is there. Raises the
        ClientError of the last that failed."""
        known = [name for name in order.chain if self._kitchen.knows(name)] or ["auto"]
        for place, name in enumerate(known):
            try:
                found = await self._one(order, name)
            except ClientError as error:
                if place + 1 == len(known) or error.status < 429:
                    raise
            else:
                # Each name that was given up counts as an attempt of its own.
                return replace(found, attempts=found.attempts + place)
        raise AssertionError("a chain has at least one name")

    async def _one(self, order: Order, model: str) -> Completion:
        started_s = perf_counter()
        body: dict[str, Any] = {"model": model, "messages": list(order.messages)}
        body |= {name: value for name, value in order.params.items() if value is not None}
        dialect(_KIND).check(body)
        exchange = Exchange(_KIND, body, order.caller, started_s, order.options)
        exchange.model = model
        exchange.prompt_bytes = len(orjson.dumps(body))
        plate = Plate()
        answering = self._kitchen.serve(exchange, plate)
        if answering is not None:
            self._kitchen.open.add(answering)
            done = False
            try:
                await plate.over()
                done = True
            finally:
                self._kitchen.open.discard(answering)
                if not done:
                    answering.cancel()  # whoever asked has left
        return self._completion(exchange, plate, (perf_counter() - started_s) * 1e3)

    def _completion(self, exchange: Exchange, plate: Plate, took_ms: float) -> Completion:
        answer = _parsed(plate.body)
        if plate.status != 200:
            error = answer.get("error") or {}
            raise ClientError(
                plate.status or 502,
                str(error.get("message") or "The provider failed."),
                str(error.get("type") or "upstream_error"),
                error.get("code"),
            )
        choices = answer.get("choices") or [{}]
        message = choices[0].get("message") or {}
        usage = exchange.usage or _NO_USAGE
        target = f"{exchange.provider}/{exchange.provider_model}"
        is_hit = exchange.cache in ("exact", "semantic")
        cost = None if is_hit else self._kitchen.cost(usage, target)
        return Completion(
            content=message.get("content") or "",
            provider=exchange.provider,
            model=exchange.provider_model,
            usage=usage,
            cached=is_hit,
            attempts=exchange.attempts,
            latency_ms=round(took_ms, 3),
            cost_usd=cost or Decimal(0),
            id=exchange.id,
            category=exchange.category,
        )


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
