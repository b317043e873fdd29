"""Calls that are not completions: aiohttp's client, pointed at the same endpoints.

One session per process. It follows no redirect, keeps no cookie, unpacks nothing, and sends of a
client's request only what the caller of this module hands it. The one place that turns an
Endpoint into a URL and header lines for aiohttp.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeGuard
from urllib.parse import quote

import aiohttp
from aiohttp import hdrs
from multidict import CIMultiDict
from yarl import URL

from proxy.errors import Kind, UpstreamFailure

if TYPE_CHECKING:
    from proxy.upstream.endpoint import Endpoint

CONNECTIONS = 1024  # at most, to all providers together
KEEPALIVE_SECONDS = 30.0  # below what providers and load balancers allow
READ_SECONDS = 300.0  # between two pieces of an answer; batches of audio take their time
HEARTBEAT_SECONDS = 30.0  # a socket whose other end is gone without a word is given up
PIECE_BYTES = 256 * 1024
CLOSE_SECONDS = 2.0  # for a provider to answer our closing a socket
_SILENT = (hdrs.USER_AGENT, hdrs.ACCEPT, hdrs.ACCEPT_ENCODING, hdrs.CONTENT_TYPE)
_SAFE = "%/?&=:@!$'()*+,;~[]"


@dataclass(frozen=True, slots=True)
class Call:
    """One request. path: below the base URL, encoded, with its slash. query: encoded, without
    its question mark. model: the provider's name for it, empty where the call names none.
    length: bytes of a body that streams, where known."""

    method: str
    path: str
    query: str = ""
    model: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | AsyncIterable[bytes] | None = None
    length: int | None = None


class Session:
    """Opens calls to endpoints. Every failure is an UpstreamFailure."""

    def __init__(self) -> None:
        """Needs a running loop."""
        self._client = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=CONNECTIONS, keepalive_timeout=KEEPALIVE_SECONDS, ttl_dns_cache=60
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=_SILENT,
            trust_env=False,
        )

    async def close(self) -> None:
        """Drop every connection."""
        await self._client.close()

    async def send(self, endpoint: Endpoint, call: Call) -> aiohttp.ClientResponse:
        """The head of the answer; its body is still to be read. Raises UpstreamFailure."""
        with translated():
            return await self._client.request(
                call.method,
                await _url(endpoint, call, "http"),
                data=_pieces(call.body) if _is_large(call.body) else call.body,
                headers=_headers(endpoint, call),
                allow_redirects=False,
                ssl=endpoint.pool.tls or True,
                proxy=endpoint.pool.origin.proxy,
                timeout=aiohttp.ClientTimeout(
                    total=None,
                    sock_connect=endpoint.pool.origin.connect_seconds,
                    sock_read=READ_SECONDS,
                ),
            )

    async def connect(
        self, endpoint: Endpoint, call: Call, *, protocols: Iterable[str], limit: int
    ) -> aiohttp.ClientWebSocketResponse:
        """An open WebSocket. limit: bytes of one message. Raises UpstreamFailure."""
        with translated():
            async with asyncio.timeout(endpoint.pool.origin.connect_seconds * 2):
                return await self._client.ws_connect(
                    await _url(endpoint, call, "ws"),
                    protocols=tuple(protocols),
                    headers=_headers(endpoint, call),
                    ssl=endpoint.pool.tls or True,
                    proxy=endpoint.pool.origin.proxy,
                    autoclose=False,
                    heartbeat=HEARTBEAT_SECONDS,
                    max_msg_size=limit,
                    timeout=aiohttp.ClientWSTimeout(ws_receive=None, ws_close=CLOSE_SECONDS),
                )


@contextmanager
def translated() -> Iterator[None]:
    """Turns what aiohttp raises about a provider into an UpstreamFailure."""
    try:
        yield
    except (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError) as error:
        raise UpstreamFailure(Kind.CONNECT, f"cannot connect: {_cause(error)}") from error
    except aiohttp.WSServerHandshakeError as error:
        raise UpstreamFailure(
            _handshake(error.status), "The provider refused the WebSocket.", status=error.status
        ) from error
    except TimeoutError as error:
        raise UpstreamFailure(Kind.STALL, "no answer within the deadline") from error
    except (aiohttp.ClientResponseError, aiohttp.InvalidURL) as error:
        raise UpstreamFailure(Kind.PROTOCOL, "the answer is not HTTP") from error
    except (aiohttp.ClientError, ConnectionError) as error:
        raise UpstreamFailure(Kind.RESET, "the connection ended early") from error


def _cause(error: Exception) -> str:
    cause = getattr(error, "os_error", None)
    if not isinstance(cause, OSError):
        return "no answer in time"
    # A resolver's numbers are negative; of the others asyncio's words hold the address.
    number = cause.errno or 0
    return os.strerror(number) if number > 0 else cause.strerror or "it failed"


def _is_large(body: object) -> TypeGuard[bytes]:
    return isinstance(body, bytes) and len(body) > PIECE_BYTES


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    """A large body, as the socket takes it: one write would hold the loop."""
    for at in range(0, len(body), PIECE_BYTES):
        yield body[at : at + PIECE_BYTES]


def _handshake(status: int) -> Kind:
    if status in (401, 403):
        return Kind.KEY_REFUSED
    if status == 404:
        return Kind.MODEL_UNKNOWN
    if status == 429:
        return Kind.RATE_LIMITED
    return Kind.SERVER if status >= 500 else Kind.REFUSED


async def _url(endpoint: Endpoint, call: Call, scheme: str) -> URL:
    host, port = await endpoint.pool.address()
    shown = f"[{host}]" if ":" in host else host
    secure = "s" if endpoint.pool.origin.tls else ""
    return URL(f"{scheme}{secure}://{shown}:{port}{_target(endpoint, call)}", encoded=True)


def _target(endpoint: Endpoint, call: Call) -> str:
    """What stands in the request line."""
    path = call.path
    if "deployment_path" in endpoint.quirks and call.model:
        path = f"/deployments/{quote(call.model, safe='')}{path}"
    query = call.query
    if endpoint.api_version:
        query = "&".join(filter(None, (query, f"api-version={quote(endpoint.api_version)}")))
    return quote(f"{endpoint.prefix}{path}{'?' if query else ''}{query}", safe=_SAFE)


def _headers(endpoint: Endpoint, call: Call) -> CIMultiDict[str]:
    """The call's own header lines, and the provider's over them."""
    found: CIMultiDict[str] = CIMultiDict(call.headers)
    found["User-Agent"] = "firsttoken"
    lines = endpoint.auth
    if endpoint.sign is not None:
        if not isinstance(call.body, bytes):
            raise UpstreamFailure(
                Kind.REFUSED, "A body for this provider must be JSON: it is signed.", status=400
            )
        origin = endpoint.pool.origin
        plain = origin.port == (443 if origin.tls else 80)
        host = origin.host if plain else f"{origin.host}:{origin.port}"
        lines += endpoint.sign(call.method, host, _target(endpoint, call), call.body)
    for line in lines.decode("latin-1").split("\r\n"):
        name, colon, value = line.partition(": ")
        if colon:
            found[name] = value
    length = len(call.body) if _is_large(call.body) else call.length
    if length is not None:
        found["Content-Length"] = str(length)
    return found
