"""The complete proxy as an aiohttp application: every endpoint, on the same pipeline.

The lean lane hands over whatever is not a clean hot request; with fast_lane = false everything
comes here. A completion is served by the same service into a sink that this handler empties, so
both lanes answer alike.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from time import perf_counter
from typing import TYPE_CHECKING

from aiohttp import web

from proxy.downstream.admit import BETA, HOT, OPTION_PREFIX, admit
from proxy.downstream.household import too_large
from proxy.errors import ClientError
from proxy.trace import HEADER as TRACE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from proxy.downstream.house import House
    from proxy.downstream.household import Answering
    from proxy.exchange import Share

log = logging.getLogger("firsttoken")

HELD_BYTES = 256 * 1024  # written by an upstream and not yet taken by a slow client
SERVER = "firsttoken"  # a name, never a version
_READ = frozenset((b"authorization", b"x-api-key", b"cache-control", BETA, TRACE))


class AioSink:
    """The answer of one aiohttp request, as a queue of pieces the handler writes out."""

    __slots__ = ("_bytes", "_pieces", "_wake", "aborted", "answering", "ended", "head", "status",
                 "streamed")  # fmt: skip

    def __init__(self) -> None:
        self._pieces: deque[bytes] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()
        self.status = 0
        self.head = b""
        self.streamed = False
        self.ended = False
        self.aborted = False
        self.answering: Answering | None = None

    def open(self, status: int, headers: bytes, first: bytes) -> None:
        self.status, self.head, self.streamed = status, headers, True
        self.write(first)

    def write(self, data: bytes) -> None:
        self._pieces.append(data)
        self._bytes += len(data)
        if self._bytes > HELD_BYTES and self.answering is not None:
            self.answering.pause()
        self._wake.set()

    def end(self, last: bytes = b"") -> None:
        if last:
            self.write(last)
        self.ended = True
        self._wake.set()

    def whole(self, status: int, headers: bytes, body: bytes) -> None:
        self.status, self.head = status, headers
        self._pieces.append(body)
        self.ended = True
        self._wake.set()

    def abort(self) -> None:
        self.aborted = True
        self._wake.set()

    async def take(self) -> bytes | None:
        """Everything written since the last call; None when the answer is over."""
        while not self._pieces:
            if self.ended or self.aborted:
                return None
            self._wake.clear()
            await self._wake.wait()
        data = b"".join(self._pieces)
        self._pieces.clear()
        held, self._bytes = self._bytes, 0
        if held > HELD_BYTES and self.answering is not None:
            self.answering.resume()  # it may write, and be told to pause again
        return data


class Completions:
    """Handlers of the completion endpoints, for requests that came through aiohttp."""

    def __init__(self, house: House) -> None:
        self._house = house

    def routes(self) -> list[web.RouteDef]:
        """One POST route for each hot path."""
        return [web.post(path.decode(), self.handle) for path in HOT]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one completion."""
        started_s = perf_counter()
        kind = HOT[request.path.encode()]
        service = self._house.service
        sink = AioSink()
        share: Share | None = None
        gate = self._house.admission
        try:
            body = await read_body(request, service.max_body_bytes)
            head = head_of(request)
            caller = service.keys.caller(head.get(b"authorization"), head.get(b"x-api-key"))
            wait_s = gate.enter(caller.share)
            if wait_s is not None:
                raise gate.refusal(wait_s)
            share = caller.share
            exchange = admit(kind, caller, head, body, started_s)
            exchange.lane = "aiohttp"
            sink.answering = service.serve(exchange, sink)
            return await self._answer(request, sink)
        except ClientError as error:
            return error_response(error, self._house.refused(error, kind))
        finally:
            sink.answering = None  # it knows its sink: the collector would have to find that
            if share is not None:
                gate.leave(share)

    async def _answer(self, request: web.Request, sink: AioSink) -> web.StreamResponse:
        answering = sink.answering
        if answering is None:
            return await _send(request, sink)
        self._house.giving(request.protocol, answering)
        try:
            return await _send(request, sink)
        except ConnectionError:
            return web.Response()  # nobody is left to read it
        finally:
            self._house.given(request.protocol, answering)
            if not sink.ended:
                answering.cancel()  # the client left: so do we


async def _send(request: web.Request, sink: AioSink) -> web.StreamResponse:
    first = await sink.take()
    if not sink.streamed:
        return web.Response(
            status=sink.status, body=first or b"", headers=response_headers(sink.head)
        )
    response = web.StreamResponse(status=sink.status, headers=response_headers(sink.head))
    if request.version >= (1, 1):
        response.enable_chunked_encoding()
    await response.prepare(request)
    data = first
    while data is not None:
        await response.write(data)
        data = await sink.take()
    if sink.aborted and request.transport is not None:
        request.transport.abort()
    await response.write_eof()
    return response


def response_headers(block: bytes) -> dict[str, str]:
    """Our header lines, as aiohttp takes them."""
    found: dict[str, str] = {"Server": SERVER}
    for line in block.split(b"\r\n"):
        name, colon, value = line.partition(b": ")
        if colon:
            found[name.decode()] = value.decode()
    return found


def head_of(request: web.Request) -> dict[bytes, bytes]:
    """The headers that admit looks at. Raises ClientError for one that may not be repeated."""
    head: dict[bytes, bytes] = {}
    for raw_name, value in request.raw_headers:
        name = raw_name.lower()
        if name in _READ or name.startswith(OPTION_PREFIX):
            if name in head and name not in (b"cache-control", BETA):
                raise ClientError(400, "A header that may occur once was repeated.")
            head[name] = value
    return head


async def read_body(request: web.Request, limit: int) -> bytes:
    """A request's body, bounded. Raises ClientError 413 or 415."""
    if request.content_length is not None and request.content_length > limit:
        raise too_large(limit)
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise ClientError(415, "Compressed request bodies are not accepted.")
    parts: list[bytes] = []
    size = 0
    async for part in request.content.iter_any():
        size += len(part)
        if size > limit:
            raise too_large(limit)
        parts.append(part)
    return b"".join(parts)


def error_response(error: ClientError, body: bytes) -> web.Response:
    """An error in the caller's dialect."""
    response = web.Response(status=error.status, body=body, content_type="application/json")
    response.headers.update(error.headers)
    response.headers["Server"] = SERVER
    if error.status == 413:
        response.force_close()  # what is left of the body is not worth reading
    return response


def errors(house: House) -> Callable[..., Awaitable[web.StreamResponse]]:
    """Middleware: every failure is an error object, never a page or a traceback."""

    @web.middleware
    async def render(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        try:
            response = await handler(request)
        except ClientError as error:
            found = error
        except web.HTTPNotFound:
            found = ClientError(404, f"There is nothing at {request.path}.", code="not_found")
        except web.HTTPMethodNotAllowed as error:
            allowed = ", ".join(sorted(error.allowed_methods))
            found = ClientError(
                405, f"Use {allowed} here.", code="method_not_allowed", headers={"Allow": allowed}
            )
        except web.HTTPRequestEntityTooLarge:
            found = too_large(house.service.max_body_bytes)
        except web.HTTPException as error:
            found = ClientError(error.status, error.reason)
        except Exception:
            log.exception("a request could not be served")
            found = ClientError(500, "Internal error.", "server_error", "internal_error")
        else:
            return await _sent(house, request, response)
        found.__traceback__ = None  # its exchange may know it: a cycle
        kind = spoken_by(request)
        refusal = error_response(found, house.refused(found, kind))
        return await _sent(house, request, refusal)

    return render


def spoken_by(request: web.Request) -> str:
    """The dialect in which a client expects its answer, where no completion is asked for."""
    if request.path.startswith("/v1/messages") or "anthropic-version" in request.headers:
        return "anthropic"
    return "openai"


async def _sent(
    house: House, request: web.Request, response: web.StreamResponse
) -> web.StreamResponse:
    """Send the whole answer, and say so: what else was asked on the connection waits for it."""
    try:
        await response.prepare(request)
        await response.write_eof()
    except ConnectionError:
        return response  # nobody is left to read it
    house.answered(request.protocol)
    return response
