"""/v1/messages/count_tokens: asked of Anthropic where a model is theirs, else estimated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from proxy import headers
from proxy.dialects.anthropic import count_answer
from proxy.dialects.estimate import estimate
from proxy.dialects.registry import dialect
from proxy.downstream.passage import forwarded, pass_on, query_of
from proxy.downstream.server import response_headers
from proxy.downstream.upload import Upload
from proxy.errors import ClientError
from proxy.upstream.errand import Errand
from proxy.upstream.session import Call

if TYPE_CHECKING:
    from proxy.downstream.passage import Passage
    from proxy.exchange import Exchange
    from proxy.upstream.engine import Step

ANTHROPIC = "anthropic"
MARK = "x-firsttoken-estimated"
COUNT_SECONDS = 30.0


class Counting:
    """The handler of counts."""

    def __init__(self, passage: Passage) -> None:
        self._passage = passage

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/v1/messages/count_tokens", self.handle)]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one request."""
        return await self._passage.serve(request, self._count)

    async def _count(self, request: web.Request, exchange: Exchange) -> web.StreamResponse:
        passage = self._passage
        upload = Upload(request, passage.house.service.max_body_bytes)
        await upload.open(names_model=True)
        if upload.json is None or not upload.model:
            raise ClientError(400, "'model' is missing.", code="missing_parameter", param="model")
        exchange.model = upload.model
        exchange.prompt_bytes = upload.size_bytes
        pipeline = passage.pipeline()
        rule = pipeline.planner.rule(exchange.model, exchange.caller.routes)
        exchange.route = rule.name
        plan = pipeline.planner.plan(rule, "", upload.size_bytes, pipeline.engine.now())
        steps = pipeline.steps.of(plan.targets)
        if not _counts(steps[0]):
            return _estimated(exchange, steps[0], upload)
        given = forwarded(request)

        def render(step: Step) -> Call:
            query = query_of(request, step.model)
            body = upload.body(step.model)
            return Call("POST", "/messages/count_tokens", query, step.model, given, body)

        errand = Errand(passage.session, pipeline.engine, render, upload.replayable, COUNT_SECONDS)
        opened = await errand.run(exchange, [one for one in steps if _counts(one)])
        return await pass_on(request, exchange, opened)


def _counts(step: Step) -> bool:
    """Whether the provider has this endpoint; Vertex has another."""
    return step.endpoint.family == ANTHROPIC and "raw_predict" not in step.endpoint.quirks


def _estimated(exchange: Exchange, step: Step, upload: Upload) -> web.Response:
    assert upload.json is not None
    anthropic = dialect(ANTHROPIC)
    body = {"max_tokens": 1, **upload.json}  # a count needs none; a message does
    anthropic.check(body)
    exchange.provider = step.endpoint.name
    exchange.provider_model = step.model
    head = response_headers(headers.JSON + headers.about(exchange))
    return web.Response(
        body=count_answer(estimate(anthropic.parse(body))), headers={**head, MARK: "true"}
    )
