"""Who may answer a relayed call: the targets of its model, or the provider that it names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.downstream.server import spoken_by
from proxy.errors import ClientError
from proxy.routing.plan import turned_away
from proxy.upstream.engine import Step

if TYPE_CHECKING:
    from aiohttp import web

    from proxy.chat import Json
    from proxy.exchange import Exchange
    from proxy.pipeline import Pipeline
    from proxy.upstream.endpoint import Endpoint

PROVIDER_HEADER = "x-firsttoken-provider"
ANSWER_SECONDS = 120.0  # for a call without a route
# (provider's dialect, path): calls that others than OpenAI's kin understand as they are.
_ALSO = frozenset((("cohere", "/rerank"),))


@dataclass(frozen=True, slots=True)
class Chain:
    """Targets in the order in which they are asked. answer_s: how long each may take."""

    steps: Sequence[Step]
    answer_s: float = ANSWER_SECONDS


def chain_of(
    request: web.Request,
    exchange: Exchange,
    pipeline: Pipeline,
    path: str,
    body: Json | None = None,
    also: frozenset[str] = frozenset(),
) -> Chain:
    """The targets of one call. also: dialects that the caller of this can translate to.

    Raises ClientError: 400 where nobody in the chain understands the call, 403 for what is not
    the caller's, 404 for an unknown name, 429 where every target is full.
    """
    named = request.headers.get(PROVIDER_HEADER)
    restricted = exchange.caller.routes is not None
    if restricted and (named or not exchange.model):
        raise ClientError(
            403, "This key may only use its routes: name one of them as the model.",
            "permission_error", "route_not_allowed",
        )  # fmt: skip
    if named:
        return _named(exchange, pipeline.steps.endpoints, named)
    spoken = spoken_by(request)
    if not exchange.model:
        return _first(exchange, pipeline.steps.endpoints, spoken)
    rule = pipeline.planner.rule(exchange.model, exchange.caller.routes)
    exchange.route = rule.name
    now = pipeline.engine.now()
    plan = pipeline.planner.plan(rule, "", exchange.prompt_bytes, now, body, exchange.caller.name)
    if plan.wait_s > 0:
        raise turned_away(plan)
    exchange.why = plan.reason
    steps = _usable(pipeline.steps.of(plan.targets), path, {spoken, *also})
    return Chain(steps, pipeline.terms[rule.terms].answer_s)


def _usable(steps: Sequence[Step], path: str, spoken: Set[str]) -> list[Step]:
    """Those of a plan that understand the call."""
    usable = [
        one
        for one in steps
        if one.endpoint.family in spoken or (one.endpoint.family, path) in _ALSO
    ]
    if not usable:
        families = ", ".join(sorted({one.endpoint.family for one in steps}))
        raise ClientError(
            400, f"/v1{path} cannot be told to a provider that speaks {families}.",
            code="unsupported_by_provider", param="model",
        )  # fmt: skip
    return usable


def _named(exchange: Exchange, endpoints: Mapping[str, Endpoint], name: str) -> Chain:
    """The provider that the client named by header."""
    endpoint = endpoints.get(name)
    if endpoint is None:
        raise ClientError(
            404, f"There is no provider {name[:100]!r}. There are: {', '.join(endpoints)}.",
            code="provider_not_found",
        )  # fmt: skip
    exchange.why = "named by the client"
    return Chain([_step(endpoint, exchange.model.removeprefix(f"{name}/"))])


def _first(exchange: Exchange, endpoints: Mapping[str, Endpoint], spoken: str) -> Chain:
    """The first provider that speaks the client's format, where nothing names one."""
    for endpoint in endpoints.values():
        if endpoint.family == spoken:
            exchange.why = "the first provider"
            return Chain([_step(endpoint, "")])
    raise ClientError(
        404, f"No provider here speaks {spoken}, which this call needs.",
        code="provider_not_found",
    )  # fmt: skip


def _step(endpoint: Endpoint, model: str) -> Step:
    return Step(f"{endpoint.name}/{model}", model, endpoint)
