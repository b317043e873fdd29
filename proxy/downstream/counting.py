"""Counts of tokens, as Anthropic's clients ask for them before they send.

A provider that speaks Anthropic's format counts itself; for any other the count is an estimate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aiohttp import web

from proxy import headers
from proxy.dialects.anthropic import count_answer
from proxy.dialects.anthropic_parse import check_count
from proxy.dialects.registry import NAMES, dialect
from proxy.downstream.server import response_headers
from proxy.errors import ClientError
from proxy.tokens import count_prompt

if TYPE_CHECKING:
    from proxy.chat import Json
    from proxy.exchange import Exchange
    from proxy.upstream.engine import Step

PATH = "/messages/count_tokens"
MARK = "x-firsttoken-estimated"
COUNTABLE = NAMES  # dialects that such a request can be translated to


def counting(steps: Sequence[Step]) -> list[Step]:
    """The targets that count themselves; none where the first one asked would not."""
    own = [one for one in steps if one.endpoint.family == "anthropic"]
    # Vertex counts Claude's tokens under another path and another model.
    first = steps[0]
    return own if first in own and "raw_predict" not in first.endpoint.quirks else []


def estimate(body: Json | None, step: Step, exchange: Exchange) -> web.Response:
    """The answer for a target that does not count. Raises ClientError 400."""
    if body is None:
        raise ClientError(400, "The body must be a JSON object.", code="invalid_type")
    check_count(body)
    tokens = count_prompt(dialect("anthropic").parse(body), step.model)
    exchange.status = 200
    exchange.provider, exchange.provider_model = step.endpoint.name, step.model
    return web.Response(
        body=count_answer(tokens),
        content_type="application/json",
        headers={**response_headers(headers.about(exchange)), MARK: "true"},
    )
