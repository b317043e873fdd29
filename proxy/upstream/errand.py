"""One relayed call along its chain of targets: until one answers, or nobody is left to ask.

Unlike a race there is no first token to watch and no second lane: a target gets its whole
deadline, and the next one its turn only where the body can be sent again.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from proxy.dialects.registry import dialect
from proxy.errors import MEANING, Kind, UpstreamFailure, telling, to_client
from proxy.headers import kept
from proxy.routing.retry import retry_after
from proxy.routing.signals import BYTES_PER_TOKEN
from proxy.upstream.session import Call, translated

if TYPE_CHECKING:
    from aiohttp import ClientResponse

    from proxy.chat import Usage
    from proxy.exchange import Exchange
    from proxy.upstream.engine import Engine, Step
    from proxy.upstream.session import Session

ERROR_LIMIT_BYTES = 64 * 1024  # of an error answer that is read for its words
_FULL = "The target is at its configured limit. Try again soon."
_CODINGS = {"gzip": 31, "deflate": 15}


@dataclass(slots=True)
class Opened:
    """An answer that began. first: its body's first bytes; the rest is still to be read. close it
    at the end, however it ended."""

    step: Step
    response: ClientResponse
    first: bytes
    engine: Engine

    def close(self, usage: Usage | None = None) -> None:
        """Let go of the connection, unless all was read, and of the place at a limited target."""
        self.response.close()
        leave(self.engine, self.step, usage)


@dataclass(frozen=True, slots=True)
class Errand:
    """replayable: whether the body can be sent to another target. answer_s: for the head and the
    first byte of one target's answer. foreign: dialects that the call is translated to, so that
    their errors are no answer for the client."""

    session: Session
    engine: Engine
    render: Callable[[Step], Call]
    replayable: bool = True
    answer_s: float = 120.0
    foreign: frozenset[str] = frozenset()

    async def run(self, exchange: Exchange, steps: Sequence[Step]) -> Opened:
        """The first answer that may be passed on. Raises ClientError where there is none."""
        failures: list[UpstreamFailure] = []
        waiting = list(steps) if self.replayable else list(steps[:1])
        again = self.replayable
        while waiting:
            step = waiting.pop(0)
            if not self.enters(step, exchange):
                failures.append(full())
                continue
            exchange.attempts += 1
            exchange.provider = step.endpoint.name
            exchange.provider_model = step.model
            began = perf_counter()
            try:
                opened = await self._try(step, alone=len(steps) == 1)
            except UpstreamFailure as failure:
                self.failed(step, failure)
                failures.append(failure)
                if not MEANING[failure.kind].next_target:
                    break
                if failure.kind is Kind.RESET and again and step.model and not waiting:
                    again = False  # perhaps an idle connection that the provider gave up
                    waiting.append(step)
            else:
                exchange.upstream_s = perf_counter() - began
                self.succeeded(step)
                return opened
        raise to_client(telling(failures))

    async def _try(self, step: Step, *, alone: bool) -> Opened:
        response = None
        try:
            call = self.render(step)
            with translated():
                async with asyncio.timeout(self.answer_s):
                    response = await self.session.send(step.endpoint, call)
                    if response.status < 400:
                        return Opened(step, response, await response.content.readany(), self.engine)
                    said = await read_error_answer(response)
            failure = failure_of(step, response, said)
            if step.endpoint.family not in self.foreign and _may_pass(
                step, response, failure, alone=alone
            ):
                return Opened(step, response, said, self.engine)
        except BaseException as error:
            if response is not None:
                response.close()
            if not isinstance(error, UpstreamFailure):
                self.abandoned(step)
            raise
        response.close()
        raise failure

    def enters(self, step: Step, exchange: Exchange) -> bool:
        """A try of this target begins, unless it is at its limit. Ends with one of the next
        three; after succeeded, leave is left to whoever ends the answer."""
        engine = self.engine
        now = engine.now()
        tokens = exchange.prompt_bytes // BYTES_PER_TOKEN
        if step.limited and not engine.limits.admit(step.limited, tokens, now):
            return False
        if step.model:
            engine.breakers.enter(step.name, now, forced=True)
        return True

    def succeeded(self, step: Step) -> None:
        """It answered."""
        if step.model:
            self.engine.breakers.succeeded(step.name, self.engine.now())

    def abandoned(self, step: Step) -> None:
        """Nobody wanted to know any more."""
        leave(self.engine, step)
        if step.model:
            self.engine.breakers.abandoned(step.name, self.engine.now())

    def failed(self, step: Step, failure: UpstreamFailure) -> None:
        """What is remembered of it."""
        leave(self.engine, step)
        if not step.model:
            return
        engine = self.engine
        wait = retry_after(
            failure.headers, engine.wall(), limited=failure.kind is Kind.RATE_LIMITED
        )
        engine.breakers.failed(step.name, failure.kind, engine.now(), retry_after=wait)
        if MEANING[failure.kind].alarm and failure.kind is Kind.KEY_REFUSED:
            engine.alarm(step.name, failure.kind)


def leave(engine: Engine, step: Step, usage: Usage | None = None) -> None:
    """A place at a limited target is free again, and what was used there is counted."""
    if step.limited:
        engine.limits.release(step.limited)
        if usage is not None:
            engine.limits.charge(step.limited, usage.completion, engine.now())


def full() -> UpstreamFailure:
    """What is told of a target that is at its configured limit."""
    return UpstreamFailure(Kind.RATE_LIMITED, _FULL, status=429, code="target_limit_reached")


def failure_of(step: Step, response: ClientResponse, said: bytes) -> UpstreamFailure:
    """An error answer, understood."""
    endpoint = step.endpoint
    reading = dialect(endpoint.family).read_error(
        response.status, _unpacked(response.headers, said)
    )
    kind = reading.kind
    if kind is Kind.MODEL_UNKNOWN and not step.model:
        kind = Kind.REFUSED  # something else was not found
    words = reading.message
    if endpoint.secret:
        words = words.replace(endpoint.secret, "[key]")
    return UpstreamFailure(
        kind,
        words,
        status=response.status,
        code=reading.code or None,
        headers=kept({name.lower(): value for name, value in response.raw_headers}),
    )


def _may_pass(
    step: Step, response: ClientResponse, failure: UpstreamFailure, *, alone: bool
) -> bool:
    """Whether an error answer goes to the client as it is: nobody else can be asked, it is in the
    client's dialect, and it says nothing about our key."""
    if failure.kind is Kind.KEY_REFUSED or "[key]" in failure.detail:
        return False
    if not response.headers.get("Content-Type", "").startswith("application/json"):
        return False
    return alone or not step.model or not MEANING[failure.kind].next_target


async def read_error_answer(response: ClientResponse) -> bytes:
    """Its body, as far as it is read for its words."""
    said = b""
    while len(said) < ERROR_LIMIT_BYTES:
        piece = await response.content.read(ERROR_LIMIT_BYTES - len(said))
        if not piece:
            break
        said += piece
    return said


def _unpacked(headers: Mapping[str, str], said: bytes) -> bytes:
    bits = _CODINGS.get(headers.get("Content-Encoding", "").lower())
    if bits is None:
        return said
    try:
        return zlib.decompressobj(bits).decompress(said, ERROR_LIMIT_BYTES)
    except zlib.error:
        return b""
