"""What serves: one configuration in force, swapped as a whole by a reload."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.accounts import token_estimate
from proxy.dialects.registry import dialect

if TYPE_CHECKING:
    from proxy.catalog import Catalog
    from proxy.config import Config
    from proxy.downstream.auth import Keyring
    from proxy.downstream.front import Answering
    from proxy.errors import ClientError
    from proxy.exchange import Exchange, Sink
    from proxy.pipeline import Pipeline
    from proxy.state.quotas import Quotas


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
    ) -> None:
        self.config = settings
        self.book = book
        self.reference = reference
        self.keys = keys
        self.pipeline = pipeline
        self.max_body_bytes = settings.server.max_body_bytes
        self.fast_lane = settings.server.fast_lane
        self.quotas = quotas
        self.serve = pipeline.serve if quotas is None else self._serve_limited

    def _serve_limited(self, exchange: Exchange, sink: Sink) -> Answering | None:
        """Pipeline.serve for callers with limits. Raises ClientError 429 beyond them."""
        pipeline, quotas = self.pipeline, self.quotas
        assert quotas is not None
        caller = exchange.caller
        route = pipeline.planner.rule(exchange.model, caller.routes).name
        now = pipeline.engine.now()
        refusal = quotas.admit(caller.name, route, token_estimate(exchange), now)
        if refusal is not None:
            raise refusal
        return pipeline.serve(exchange, sink)

    def refused(self, error: ClientError, kind: str) -> bytes:
        """An error body in the dialect of the path that was asked."""
        return dialect(kind or "openai").write_error(error)
