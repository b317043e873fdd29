"""What serves: one configuration in force, swapped as a whole by a reload."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.accounts import token_estimate
from proxy.dialects.registry import dialect
from proxy.errors import ClientError
from proxy.headers import lines

if TYPE_CHECKING:
    from proxy.catalog import Catalog
    from proxy.config import Config
    from proxy.downstream.auth import Keyring
    from proxy.downstream.front import Answering
    from proxy.exchange import Exchange, Sink
    from proxy.ledger.traces import Traces
    from proxy.pipeline import Pipeline
    from proxy.state.quotas import Quotas
    from proxy.timing import Clock


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

    def __init__(
        self,
        settings: Config,
        keys: Keyring,
        pipeline: Pipeline,
        book: Catalog,
        reference: str | None = None,
        quotas: Quotas | None = None,
        traces: Traces | None = None,
    ) -> None:
        self.config = settings
        self.book = book
        self.reference = reference
        self.keys = keys
        self.pipeline = pipeline
        self.max_body_bytes = settings.server.max_body_bytes
        self.fast_lane = settings.server.fast_lane
        self.quotas = quotas
        self._traces = traces
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
        self.admit(exchange, pipeline.planner.rule(exchange.model, caller.routes).name)
        stamped = Stamped(sink, quotas, caller.name, pipeline.engine.now)
        try:
            return pipeline.serve(exchange, stamped)
        except ClientError:
            # It came no further: what was held for it is free again.
            held = quotas.settle(exchange.id)
            quotas.charge(caller.name, "", held, 0, 0, pipeline.engine.now())
            raise

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
