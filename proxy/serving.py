"""What serves: one configuration in force, swapped as a whole by a reload."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from proxy.accounts import token_estimate
from proxy.asking import Deferred
from proxy.dialects.registry import dialect
from proxy.errors import ClientError
from proxy.headers import lines
from proxy.state.quotas import HeldElsewhere

if TYPE_CHECKING:
    from proxy.catalog import Catalog
    from proxy.config import Config
    from proxy.downstream.auth import Keyring
    from proxy.downstream.household import Answering
    from proxy.exchange import Exchange, Sink
    from proxy.ledger.traces import Traces
    from proxy.pipeline import Pipeline
    from proxy.state.quotas import Quotas
    from proxy.timing import Clock


class Waits(Protocol):
    """Who knows when parts of shared limits have moved. is_stale: what others last told may not be
    true any more."""

    @property
    def is_stale(self) -> bool: ...

    def wait(self, ready: Callable[[], bool], then: Callable[[], None]) -> bool:
        """Call ready until it is true or time is up, and then then; False: nothing will move."""
        ...


class Stamped:
    """A sink that tells a caller what is left of its limits, in the answer's headers."""

    __slots__ = ("_key", "_now", "_quotas", "_sink", "abort", "end", "write")

    def __init__(self, sink: Sink, quotas: Quotas, key: str, now: Clock) -> None:
        self._sink = sink
        self._quotas = quotas
        self._key = key
        self._now = now
        # Tokens go the straight way: only an answer's head comes by here.
        self.write = sink.write
        self.end = sink.end
        self.abort = sink.abort

    def open(self, status: int, headers: bytes, first: bytes) -> None:
        self._sink.open(status, self._stamp(headers), first)

    def whole(self, status: int, headers: bytes, body: bytes) -> None:
        self._sink.whole(status, self._stamp(headers), body)

    def _stamp(self, headers: bytes) -> bytes:
        if b"x-ratelimit-" in headers:
            return headers  # a provider's own refusal, under its own names
        return headers + lines(self._quotas.headers(self._key, self._now()))


class Service:
    """One configuration, serving. Implements what the front asks of the house."""

    def __init__(  # noqa: PLR0913 - one configuration's parts, set once
        self,
        settings: Config,
        keys: Keyring,
        pipeline: Pipeline,
        book: Catalog,
        *,
        reference: str | None = None,
        quotas: Quotas | None = None,
        traces: Traces | None = None,
        pulse: Waits | None = None,
    ) -> None:
        """pulse: where processes share limits, who says when their parts have moved."""
        self.config = settings
        self.book = book
        self.reference = reference
        self.keys = keys
        self.pipeline = pipeline
        self.max_body_bytes = settings.server.max_body_bytes
        self.fast_lane = settings.server.fast_lane
        self.quotas = quotas
        self._traces = traces
        self._pulse = pulse
        self._answer = pipeline.serve if quotas is None else self._serve_limited
        self.serve = self._answer if traces is None else self._serve_traced

    def _serve_traced(self, exchange: Exchange, sink: Sink) -> Answering | None:
        """Its answer, and its attempts, in a trace. Raises ClientError."""
        assert self._traces is not None
        self._traces.begin(exchange)
        return self._answer(exchange, sink)

    def _serve_limited(self, exchange: Exchange, sink: Sink) -> Answering | None:
        """Pipeline.serve for callers with limits. Raises ClientError 429 beyond them."""
        pipeline, quotas = self.pipeline, self.quotas
        assert quotas is not None
        caller = exchange.caller
        route = pipeline.planner.rule(exchange.model, caller.routes).name
        stamped = Stamped(sink, quotas, caller.name, pipeline.engine.now)
        try:
            self.admit(exchange, route)
        except HeldElsewhere as held:
            if self._pulse is None or not (held.likely or self._pulse.is_stale):
                raise
            return self._wait(self._pulse, exchange, stamped, route)
        return self._serve_admitted(exchange, stamped)

    def _serve_admitted(self, exchange: Exchange, sink: Sink) -> Answering | None:
        pipeline, quotas = self.pipeline, self.quotas
        assert quotas is not None
        try:
            return pipeline.serve(exchange, sink)
        except ClientError:
            # It came no further: what was held for it is free again.
            held = quotas.settle(exchange.id)
            quotas.charge(exchange.caller.name, "", held, 0, 0, pipeline.engine.now())
            raise

    def _wait(self, pulse: Waits, exchange: Exchange, sink: Sink, route: str) -> Answering | None:
        """Serve as soon as this process has its part of the limit; refuse where that takes long."""
        refusal: ClientError | None = None

        def ready() -> bool:
            nonlocal refusal
            try:
                if not pending.over:
                    self.admit(exchange, route)
            except ClientError as error:
                refusal = error
                return not (isinstance(error, HeldElsewhere) and error.likely)
            refusal = None
            return True

        def go() -> Answering | None:
            if refusal is not None:
                raise refusal
            return self._serve_admitted(exchange, sink)

        pending = Deferred(exchange, sink, self.pipeline.engine, go)
        if not pulse.wait(ready, pending.decided):
            self.admit(exchange, route)
        return pending

    def admit(self, exchange: Exchange, route: str) -> None:
        """Count a request against its caller's, its route's and everyone's limits. Raises
        ClientError 429 beyond them."""
        quotas = self.quotas
        if quotas is not None:
            now = self.pipeline.engine.now()
            tokens = token_estimate(exchange)
            refusal = quotas.admit(exchange.caller.name, route, tokens, now, exchange.id)
            if refusal is not None:
                raise refusal

    def refused(self, error: ClientError, kind: str) -> bytes:
        """An error body in the dialect of the path that was asked."""
        return dialect(kind or "openai").write_error(error)
