"""/v1/realtime: a WebSocket to the model's provider, its messages passed both ways unread.

The provider's side is opened first, so that a refusal is still an HTTP answer and the next target
may take over. Nothing is queued here: a message is read when the one before it was taken, and
aiohttp stops reading a socket whose messages wait.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import ClientWebSocketResponse, WSCloseCode, WSMsgType, web

from proxy import headers
from proxy.chat import Usage
from proxy.downstream.chain import chain_of
from proxy.downstream.meter import usage_in
from proxy.downstream.passage import forwarded, query_of
from proxy.downstream.server import head_of, response_headers
from proxy.downstream.upload import model_in
from proxy.errors import ClientError, UpstreamFailure, telling, to_client
from proxy.upstream.errand import Errand, full, leave
from proxy.upstream.session import CLOSE_SECONDS, HEARTBEAT_SECONDS, Call

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from proxy.downstream.passage import Passage
    from proxy.exchange import Exchange
    from proxy.upstream.engine import Step

PATH = "/realtime"
KEY_PREFIX = "openai-insecure-api-key."  # how a browser, which can set no header, sends its key
_OURS = (KEY_PREFIX, "openai-organization.", "openai-project.")
_NOT_SENT = (1005, 1006, 1015)  # RFC 6455 7.4.1: told by a library, never by a peer
_LOST: Mapping[int, str] = {
    WSCloseCode.GOING_AWAY: "cancelled",
    WSCloseCode.INTERNAL_ERROR: "broken",
}
_USAGE_EVENT = '"response.done"'

Socket = web.WebSocketResponse | ClientWebSocketResponse


class Realtime:
    """The handler of WebSockets."""

    def __init__(self, passage: Passage) -> None:
        self._passage = passage

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/v1" + PATH, self.handle)]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection until either side ends it."""
        head = head_of(request)
        if b"authorization" not in head and b"x-api-key" not in head:
            for name in _offered(request):
                if name.startswith(KEY_PREFIX):
                    head[b"x-api-key"] = name.removeprefix(KEY_PREFIX).encode()
        return await self._passage.serve(request, self._connect, head)

    async def _connect(self, request: web.Request, exchange: Exchange) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() != "websocket":
            raise ClientError(
                426, "This is a WebSocket.", code="upgrade_required",
                headers={"Upgrade": "websocket"},
            )  # fmt: skip
        exchange.model = model_in(request.query_string)
        exchange.stream = True
        chain = chain_of(request, exchange, self._passage.pipeline(), PATH)
        self._passage.admit(exchange, exchange.route)
        step, upstream = await self._open(request, exchange, chain.steps)
        limit = self._passage.house.service.max_body_bytes
        client = web.WebSocketResponse(
            protocols=(upstream.protocol,) if upstream.protocol else (),
            autoclose=False,
            heartbeat=HEARTBEAT_SECONDS,
            timeout=CLOSE_SECONDS,
            max_msg_size=limit,
            compress=False,
        )
        client.headers.update(response_headers(headers.about(exchange)))
        try:
            await client.prepare(request)
            exchange.status = 101
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(exchange, client, upstream, WSCloseCode.GOING_AWAY))
                group.create_task(_pump(exchange, upstream, client, WSCloseCode.INTERNAL_ERROR))
        finally:
            leave(self._passage.pipeline().engine, step, exchange.usage)
            # Closing again, where it is closed already, does nothing.
            await upstream.close(code=WSCloseCode.GOING_AWAY)
            if client.prepared:
                await client.close(code=WSCloseCode.GOING_AWAY)
        return client

    async def _open(
        self, request: web.Request, exchange: Exchange, steps: Sequence[Step]
    ) -> tuple[Step, ClientWebSocketResponse]:
        """The first target that takes the connection. Raises ClientError."""
        passage = self._passage
        given = forwarded(request)
        protocols = [one for one in _offered(request) if not one.startswith(_OURS)]

        def render(step: Step) -> Call:
            return Call("GET", PATH, query_of(request, step.model), step.model, given)

        errand = Errand(passage.session, passage.pipeline().engine, render)
        failures: list[UpstreamFailure] = []
        for step in steps:
            if not errand.enters(step, exchange):
                failures.append(full())
                continue
            exchange.attempts += 1
            exchange.provider = step.endpoint.name
            exchange.provider_model = step.model
            try:
                upstream = await passage.session.connect(
                    step.endpoint,
                    render(step),
                    protocols=protocols,
                    limit=passage.house.service.max_body_bytes,
                )
            except UpstreamFailure as failure:
                errand.failed(step, failure)
                failures.append(failure)
            except BaseException:
                errand.abandoned(step)
                raise
            else:
                errand.succeeded(step)
                return step, upstream
        raise to_client(telling(failures))


async def _pump(exchange: Exchange, source: Socket, sink: Socket, lost: int) -> None:
    """Messages from one side to the other, and the close too. lost: the code for a side that
    vanished. What the provider's messages say was used is added up."""
    counts = isinstance(source, ClientWebSocketResponse)
    code, reason = lost, b""
    try:
        while True:
            message = await source.receive()
            if message.type is WSMsgType.TEXT:
                if counts and _USAGE_EVENT in message.data[:512]:
                    _add(exchange, message.data)
                await sink.send_str(message.data)
            elif message.type is WSMsgType.BINARY:
                await sink.send_bytes(message.data)
            else:
                if message.type is WSMsgType.CLOSE:
                    code, reason = message.data, (message.extra or "").encode()
                    exchange.outcome = exchange.outcome or "ok"  # whatever becomes of the rest
                else:
                    exchange.outcome = exchange.outcome or _LOST[lost]
                break
    except ConnectionError:
        code = lost
    if code in _NOT_SENT:
        code = WSCloseCode.OK if code == 1005 else lost
    await sink.close(code=code, message=reason)


def _add(exchange: Exchange, message: str) -> None:
    found = usage_in(message.encode())
    if found is not None:
        known = exchange.usage or Usage()
        exchange.usage = Usage(
            known.prompt + found.prompt,
            known.completion + found.completion,
            known.cached + found.cached,
        )


def _offered(request: web.Request) -> list[str]:
    """The subprotocols that the client offers."""
    lines = request.headers.getall("Sec-WebSocket-Protocol", ())
    return [one.strip() for line in lines for one in line.split(",") if one.strip()]
