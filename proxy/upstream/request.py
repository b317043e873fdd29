"""What is sent to a target: the client's body with the target's model, or its translation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from proxy.chat import ChatRequest
    from proxy.dialects.dialect import Dialect
    from proxy.exchange import Exchange
    from proxy.upstream.engine import Step

PATHS = {"openai": "/chat/completions", "completions": "/completions"}  # below the base URL


@dataclass(frozen=True, slots=True)
class Sending:
    """The bytes of a request. passes: the answer is in the client's dialect already."""

    request: bytes
    passes: bool
    strip_usage: bool


class Requester:
    """Renders one exchange for any target; the neutral form is made once, when first needed."""

    __slots__ = ("_dialect", "_exchange", "_neutral", "_streams")

    def __init__(self, exchange: Exchange, dialect: Dialect, *, streams: bool) -> None:
        self._exchange = exchange
        self._dialect = dialect
        self._streams = streams
        self._neutral: ChatRequest | None = None

    def for_step(self, step: Step) -> Sending:
        """Raises ClientError where the request cannot be said in the target's format."""
        endpoint = step.endpoint
        if endpoint.dialect is self._dialect:
            return self._passing(step)
        if self._neutral is None:
            self._neutral = self._dialect.parse({**self._exchange.body, "stream": self._streams})
        rendered = endpoint.dialect.render(self._neutral, step.model, endpoint.quirks)
        self._exchange.dropped = rendered.dropped
        request = endpoint.request(
            rendered.path,
            orjson.dumps(rendered.body),
            stream=self._streams,
            headers=rendered.headers,
        )
        return Sending(request, passes=False, strip_usage=False)

    def _passing(self, step: Step) -> Sending:
        exchange = self._exchange
        body = {**exchange.body, "model": step.model}
        strips = False
        if self._streams:
            body["stream"] = True
            if not exchange.wants_usage and "no_stream_options" not in step.endpoint.quirks:
                body["stream_options"] = {"include_usage": True}
                strips = True
        path = PATHS[self._dialect.name]
        request = step.endpoint.request(path, orjson.dumps(body), stream=self._streams)
        return Sending(request, passes=True, strip_usage=strips)
