"""/v1/embeddings: relayed where the provider speaks OpenAI's format, else translated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from aiohttp import web

from proxy import headers
from proxy.dialects import vectors
from proxy.downstream.admit import options_of
from proxy.downstream.chain import chain_of
from proxy.downstream.passage import forwarded, pass_on, query_of
from proxy.downstream.server import head_of, response_headers
from proxy.downstream.upload import Upload
from proxy.errors import ClientError, Kind, UpstreamFailure, to_client
from proxy.upstream.errand import Errand, Opened
from proxy.upstream.session import Call, translated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.chat import Json
    from proxy.downstream.passage import Passage
    from proxy.exchange import Exchange
    from proxy.upstream.engine import Step

PATH = "/embeddings"
ANSWER_LIMIT_BYTES = 128 * 1024 * 1024  # of an answer that is translated: it is read whole


class Embeddings:
    """The handler of embeddings."""

    def __init__(self, passage: Passage) -> None:
        self._passage = passage

    def routes(self) -> list[web.RouteDef]:
        return [web.post(f"{prefix}{PATH}", self.handle) for prefix in ("/v1", "")]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one request."""
        return await self._passage.serve(request, self._embed)

    async def _embed(self, request: web.Request, exchange: Exchange) -> web.StreamResponse:
        passage = self._passage
        upload = Upload(request, passage.house.service.max_body_bytes)
        await upload.open(names_model=True)
        if upload.asked is not None:
            exchange.options = options_of(upload.asked, head_of(request))
        body = upload.json
        if body is None or not upload.model:
            raise ClientError(400, "'model' is missing.", code="missing_parameter", param="model")
        exchange.model = upload.model
        exchange.prompt_bytes = upload.size_bytes
        pipeline = passage.pipeline()
        chain = chain_of(request, exchange, pipeline, PATH, None, vectors.NAMES)
        passage.admit(exchange, exchange.route)
        steps, wish = _understood(chain.steps, body)
        given = forwarded(request)

        def render(step: Step) -> Call:
            if wish is None or step.endpoint.family not in vectors.NAMES:
                query = query_of(request, step.model)
                told = upload.body(step.model)
                return Call("POST", PATH, query, step.model, given, told)
            path, asked = vectors.render(wish, step.endpoint.family, step.model)
            head = {"Content-Type": "application/json", "Accept": "application/json"}
            return Call("POST", path, "", step.model, head, orjson.dumps(asked))

        errand = Errand(
            passage.session,
            pipeline.engine,
            render,
            upload.replayable,
            chain.answer_s,
            vectors.NAMES,
        )
        opened = await errand.run(exchange, steps)
        if wish is None or opened.step.endpoint.family not in vectors.NAMES:
            return await pass_on(request, exchange, opened)
        return await _translated(exchange, opened, wish)


def _understood(steps: Sequence[Step], body: Json) -> tuple[Sequence[Step], vectors.Wish | None]:
    """The targets that can take this request, and its neutral form if any of them needs it."""
    if all(one.endpoint.family not in vectors.NAMES for one in steps):
        return steps, None
    try:
        return steps, vectors.parse(body)
    except ClientError:
        own = [one for one in steps if one.endpoint.family not in vectors.NAMES]
        if not own:
            raise
        return own, None


async def _translated(exchange: Exchange, opened: Opened, wish: vectors.Wish) -> web.Response:
    try:
        said = await _whole(opened)
        found = vectors.read(opened.step.endpoint.family, wish, said)
    except UpstreamFailure as failure:
        raise to_client(failure) from None
    exchange.usage = found.usage
    exchange.status = 200
    head = headers.JSON + headers.about(exchange)
    return web.Response(
        body=vectors.write(found, wish, opened.step.model), headers=response_headers(head)
    )


async def _whole(opened: Opened) -> bytes:
    """The whole answer. Raises UpstreamFailure."""
    content = opened.response.content
    pieces = [opened.first]
    left = ANSWER_LIMIT_BYTES
    try:
        with translated():
            while left > 0 and (piece := await content.readany()):
                pieces.append(piece)
                left -= len(piece)
    finally:
        opened.close()
    if left <= 0:
        raise UpstreamFailure(Kind.PROTOCOL, "the answer is too large")
    return b"".join(pieces)
