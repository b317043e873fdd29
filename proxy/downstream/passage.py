"""Every call under /v1/ that is no completion: relayed, unparsed, to the provider that its model
names.

Audio, images, files, moderations, batches, rerank: what the body means is between the client and
the provider. The proxy replaces the model's name and the credentials, and lets bytes pass both
ways as fast as the slower side takes them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from aiohttp import web

from proxy import headers
from proxy.downstream import counting
from proxy.downstream.admit import HOT, options_of
from proxy.downstream.chain import chain_of
from proxy.downstream.meter import Meter
from proxy.downstream.server import head_of, response_headers
from proxy.downstream.upload import FIELD, Upload
from proxy.errors import ClientError, UpstreamFailure
from proxy.exchange import Exchange
from proxy.upstream.errand import Errand, Opened
from proxy.upstream.session import Call, translated

if TYPE_CHECKING:
    from proxy.downstream.house import House
    from proxy.pipeline import Pipeline
    from proxy.upstream.engine import Step
    from proxy.upstream.session import Session

ROOT = "/v1"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")  # GET brings HEAD with it
_OURS = {**{path.decode(): "POST" for path in HOT}, "/v1/models": "GET"}  # answered elsewhere
# What of a client's head a provider may see, and of a provider's head a client.
FORWARDED = (
    "Accept", "Accept-Encoding", "Accept-Language", "Range", "If-None-Match", "If-Modified-Since",
    "Idempotency-Key", "OpenAI-Beta", "anthropic-version", "anthropic-beta",
)  # fmt: skip
RETURNED = (
    "Content-Type", "Content-Encoding", "Content-Disposition", "Content-Range", "Accept-Ranges",
    "ETag", "Last-Modified", "Cache-Control", "openai-processing-ms", "openai-version",
)  # fmt: skip
# Their uploads may be far larger than what is held to look for a model's name, and have none.
_NAMELESS = ("/files", "/uploads", "/containers", "/vector_stores")
_CREDENTIALS = frozenset(("key", "api_key", "api-key", "access_token"))

Work = Callable[[web.Request, Exchange], Awaitable[web.StreamResponse]]


class Passing:
    """A relayed call on its way, as the house sees it when it closes."""

    __slots__ = ("_task", "expired")

    def __init__(self, task: asyncio.Task[object]) -> None:
        self._task = task
        self.expired = False

    def cancel(self) -> None:
        self._task.cancel()

    def expire(self) -> None:
        self.expired = True
        self._task.cancel()

    def nudge(self) -> None:
        """Nothing to say: its bytes are the provider's."""

    def pause(self) -> None:
        """Nothing to do: whoever writes waits for the client."""

    def resume(self) -> None:
        """Likewise."""


class Passage:
    """The handler of relayed calls. pipeline: of the configuration in force; admit: counts a
    call against its caller's limits, and raises ClientError 429 beyond them."""

    def __init__(
        self,
        house: House,
        session: Session,
        pipeline: Callable[[], Pipeline],
        admit: Callable[[Exchange, str], None],
    ) -> None:
        self.house = house
        self.admit = admit
        self.session = session
        self.pipeline = pipeline

    def routes(self) -> list[web.RouteDef]:
        """To be added after every other route: it takes what is left under /v1/."""
        return [web.route(method, ROOT + "/{path:.*}", self.handle) for method in METHODS]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Relay one call."""
        return await self.serve(request, self._relay)

    async def serve(
        self, request: web.Request, work: Work, head: dict[bytes, bytes] | None = None
    ) -> web.StreamResponse:
        """Let somebody in, have the work done, and account for it however it ended. head: where
        the caller's key is, when not in the request's own head."""
        started_s = perf_counter()
        head = head_of(request) if head is None else head
        caller = self.house.service.keys.caller(head.get(b"authorization"), head.get(b"x-api-key"))
        exchange = Exchange("relay", {}, caller, started_s, options_of(None, head))
        exchange.auth_s = perf_counter() - started_s
        exchange.lane = "aiohttp"
        task = asyncio.current_task()
        assert task is not None
        passing = Passing(task)
        self.house.answers.add(passing)
        try:
            response = await work(request, exchange)
            exchange.outcome = exchange.outcome or "ok"
        except ClientError as error:
            raise _told(exchange, error) from None
        except asyncio.CancelledError:
            if passing.expired and not exchange.status:
                task.uncancel()
                closing = ClientError(
                    503, "The proxy is shutting down.", "server_error", "shutting_down"
                )
                raise _told(exchange, closing) from None
            exchange.outcome = exchange.outcome or ("broken" if passing.expired else "cancelled")
            if request.transport is not None:
                request.transport.abort()
            raise
        else:
            return response
        finally:
            self.house.answers.discard(passing)
            if exchange.attempts:
                self.pipeline().engine.account(exchange)

    # ---- one call -----------------------------------------------------------------------------

    async def _relay(self, request: web.Request, exchange: Exchange) -> web.StreamResponse:
        path = path_of(request)
        _refuse_ours(request)
        upload = Upload(request, self.house.service.max_body_bytes)
        await upload.open(names_model=not path.startswith(_NAMELESS))
        if upload.asked is not None:
            exchange.options = options_of(upload.asked, head_of(request))
        # A key with routes may do with a route's provider what names a model in its body, and not
        # look after the account's files by adding ?model= to the call.
        if upload.told or exchange.caller.routes is None:
            exchange.model = upload.model
        exchange.prompt_bytes = upload.size_bytes
        pipeline = self.pipeline()
        also = counting.COUNTABLE if path == counting.PATH else frozenset[str]()
        chain = chain_of(request, exchange, pipeline, path, upload.json, also)
        self.admit(exchange, exchange.route)
        steps = chain.steps
        if path == counting.PATH:
            steps = counting.counting(steps)
            if not steps:
                return counting.estimate(upload.json, chain.steps[0], exchange)
        render = partial(_call, request, path, forwarded(request), upload)
        wait_s = chain.answer_s + (0 if upload.replayable else self.house.limits.body_s)
        errand = Errand(self.session, pipeline.engine, render, upload.replayable, wait_s)
        try:
            opened = await errand.run(exchange, steps)
        except ClientError:
            if upload.error is not None:
                raise upload.error from None
            raise
        return await pass_on(request, exchange, opened)


def _refuse_ours(request: web.Request) -> None:
    """What the proxy answers itself, but not asked like this, goes to no provider."""
    allowed = _OURS.get(request.path.rstrip("/"))
    if allowed is not None:
        if request.path.endswith("/"):
            raise web.HTTPNotFound
        raise web.HTTPMethodNotAllowed(request.method, [allowed])


def _call(
    request: web.Request, path: str, given: dict[str, str], upload: Upload, step: Step
) -> Call:
    """The client's call, as one target is told it."""
    return Call(
        request.method,
        path,
        query_of(request, step.model),
        step.model,
        given,
        upload.body(step.model),
        upload.length(step.model),
    )


async def pass_on(request: web.Request, exchange: Exchange, opened: Opened) -> web.StreamResponse:
    """A provider's answer to the client, piece by piece."""
    answer = opened.response
    response = web.StreamResponse(status=answer.status)
    response.headers.update(returned(exchange, opened))
    if answer.content_length is not None:
        response.content_length = answer.content_length
    meter = Meter(answer.headers)
    try:
        await response.prepare(request)
        exchange.status = answer.status
        data = opened.first
        while data:
            meter.feed(data)
            await response.write(data)
            with translated():
                data = await answer.content.readany()
        await response.write_eof()
        exchange.outcome = "ok" if answer.status < 400 else "error"
    except UpstreamFailure:
        exchange.outcome = "broken"
        if request.transport is not None:
            request.transport.abort()  # the client must see that there was more
    except ConnectionError:
        exchange.outcome = "cancelled"
    finally:
        exchange.usage = meter.usage()
        opened.close(exchange.usage)
    return response


def path_of(request: web.Request) -> str:
    """The path below /v1, as the client encoded it. Raises ClientError for one that climbs."""
    path = request.rel_url.raw_path.removeprefix(ROOT)
    steps = unquote(path).replace("\\", "/").split("/")
    if ".." in steps or "." in steps:
        raise ClientError(400, "The path must not hold '.' or '..'.", code="invalid_path")
    return path


def query_of(request: web.Request, model: str) -> str:
    """The query as it came, with the target's model, and without what may be a credential."""
    kept: list[str] = []
    for pair in request.rel_url.raw_query_string.split("&"):
        name = unquote(pair.partition("=")[0].replace("+", " "))
        if name == FIELD and model:
            kept.append(f"{FIELD}={quote(model, safe='')}")
        elif pair and name.lower() not in _CREDENTIALS:
            kept.append(pair)
    return "&".join(kept)


def forwarded(request: web.Request) -> dict[str, str]:
    """The client's header lines that a provider may see. Raises ClientError."""
    found: dict[str, str] = {}
    for name in FORWARDED:
        value = ", ".join(request.headers.getall(name, ()))
        if value and value.isascii() and value.isprintable():
            found[name] = value
    kinds = request.headers.getall("Content-Type", [])
    if len(kinds) > 1 or not "".join(kinds).isprintable():
        raise ClientError(400, "The Content-Type is not valid.", code="invalid_header")
    if kinds and request.body_exists:
        found["Content-Type"] = kinds[0]
    return found


def returned(exchange: Exchange, opened: Opened) -> dict[str, str]:
    """The header lines of a relayed answer."""
    answer = opened.response
    found = response_headers(headers.about(exchange))
    found |= headers.kept({name.lower(): value for name, value in answer.raw_headers})
    for name in RETURNED:
        value = answer.headers.get(name, "")
        if value and value.isprintable():
            found[name] = value
    return found


def _told(exchange: Exchange, error: ClientError) -> ClientError:
    """An error with the story of its exchange in its headers."""
    exchange.outcome = "error"
    exchange.error = error
    exchange.status = error.status
    error.headers = {**response_headers(headers.about(exchange)), **error.headers}
    return error
