"""A token that lives for an hour, kept fresh beside the traffic: Google's, for Vertex."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import aiohttp

from proxy.errors import Kind, UpstreamFailure
from proxy.headers import safe

if TYPE_CHECKING:
    from proxy.google import Credentials

EARLY_SECONDS = 300.0  # before it ends, a token is replaced
RETRY_SECONDS = (1.0, 5.0, 15.0, 60.0)  # after a failure; the last one from then on
ASK_SECONDS = 10.0
FIRST_SECONDS = 5.0  # a request waits no longer for the first token
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}

log = logging.getLogger(__name__)


class Refused(Exception):
    """No token was given, and why: the server's words, which hold no secret."""


class Token:
    """The header line of one set of credentials. Nothing until the first token came."""

    def __init__(
        self, credentials: Credentials, wall: Callable[[], float], proxy: str | None
    ) -> None:
        self._credentials = credentials
        self._wall = wall
        self._proxy = proxy
        self.line = b""
        self._came = asyncio.Event()

    async def ready(self) -> None:
        """Wait for the first token: without one no request need be sent. Raises UpstreamFailure."""
        try:
            async with asyncio.timeout(FIRST_SECONDS):
                await self._came.wait()
        except TimeoutError:
            raise UpstreamFailure(Kind.CONNECT, "Google has given no token yet") from None

    def sign(self, method: str, host: str, target: str, body: bytes) -> bytes:
        """See auth.Sign: the same for every request."""
        del method, host, target, body
        return self.line

    def complete(self, request: bytes) -> bytes:
        """A request that was written before the first token came, with it now."""
        head, end, body = request.partition(b"\r\n\r\n")
        if b"\r\nAuthorization: " in head:
            return request
        return head + b"\r\n" + self.line[:-2] + end + body

    async def keep(self) -> None:
        """Renew the token for as long as this runs."""
        failures = 0
        while True:
            try:
                wait_s = await self.renew()
                failures = 0
            except Refused as error:
                wait_s = RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)]
                failures += 1
                log.warning("no token from Google: %s; asked again in %.0f s", error, wait_s)
            await asyncio.sleep(wait_s)

    async def renew(self) -> float:
        """Ask for a token; seconds until the next should be asked for. Raises Refused."""
        try:
            told = await self._ask()
            token, life_s = told["access_token"], float(told.get("expires_in") or 0)
            if not isinstance(token, str) or not token:
                raise Refused("the answer holds no token")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Refused(str(error) or type(error).__name__) from error
        except (ValueError, KeyError, TypeError) as error:
            raise Refused("the answer is not what it should be") from error
        self.line = f"Authorization: Bearer {safe(token)}\r\n".encode()
        self._came.set()
        return max(1.0, life_s - EARLY_SECONDS, life_s / 2)

    async def _ask(self) -> Any:
        credentials = self._credentials
        timeout = aiohttp.ClientTimeout(total=ASK_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout, trust_env=False) as client:
            if credentials.kind == "metadata":
                asked = client.get(credentials.token_uri, headers={"Metadata-Flavor": "Google"})
            else:
                form = credentials.form(self._wall())
                asked = client.post(
                    credentials.token_uri, data=form, headers=_FORM, proxy=self._proxy
                )
            async with asked as answer:
                told = await answer.json(content_type=None)
                if answer.status != 200:
                    words = told.get("error_description") or told.get("error") or ""
                    raise Refused(f"HTTP {answer.status} {str(words)[:200]}")
                return told
