"""What is sent to a target: the client's body, with the target's model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from proxy.dialects.dialect import Dialect
    from proxy.exchange import Exchange
    from proxy.upstream.engine import Step

PATHS = {"openai": "/chat/completions", "completions": "/completions"}  # below the base URL


def counts_itself(exchange: Exchange, step: Step, *, streams: bool) -> bool:
    """Whether usage is asked of the provider though the client did not ask for it."""
    return streams and not exchange.wants_usage and "no_stream_options" not in step.endpoint.quirks


def request_for(exchange: Exchange, step: Step, dialect: Dialect, *, streams: bool) -> bytes:
    """The whole request. Rendering the parsed body again drops what was said twice in it."""
    body = {**exchange.body, "model": step.model}
    if streams:
        body["stream"] = True
        if counts_itself(exchange, step, streams=True):
            body["stream_options"] = {"include_usage": True}
    refused = step.endpoint.drops
    if refused and not refused.isdisjoint(body):
        exchange.dropped = tuple(sorted(refused & body.keys()))
        for name in exchange.dropped:
            del body[name]
    return step.endpoint.request(PATHS[dialect.name], orjson.dumps(body), stream=streams)
