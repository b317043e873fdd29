"""Alerts on their way to the operator: a log line each, and a signed POST where one is configured.

The signature covers the time and the body: `x-firsttoken-signature: t=UNIX,v1=HEX`, where HEX is
the HMAC-SHA256 of "UNIX.BODY" under webhook_key. A receiver that checks both refuses replays.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from dataclasses import dataclass

import aiohttp
import orjson

from proxy.state.alerts import Alert, Calm
from proxy.state.periods import iso
from proxy.timing import Clock

log = logging.getLogger("firsttoken")

QUEUE_LIMIT = 100  # alerts waiting to be posted; beyond, they are in the log only
TRIES = 4
FIRST_WAIT_SECONDS = 1.0  # then three times as long, each time
POST_SECONDS = 10.0
SIGNATURE = "x-firsttoken-signature"


@dataclass(frozen=True, slots=True)
class Hook:
    """Where alerts go. key: signs them; empty: unsigned."""

    url: str
    key: str = ""


class Alerts:
    """Takes alerts from anywhere on the loop. hook: where they go; a reload may set another."""

    def __init__(self, now: Clock, wall: Clock, hook: Hook | None = None) -> None:
        self.hook = hook
        self._now = now
        self._wall = wall
        self._calm = Calm()
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(QUEUE_LIMIT)
        self.told = 0
        self.posted = 0
        self.failed = 0

    def tell(self, alert: Alert) -> None:
        """Log it, and queue it for the webhook, unless the same was told lately."""
        for one in self._calm.news(alert, self._now()):
            self.told += 1
            log.warning("alert %s: %s", one.kind, one.words)
            if self.hook is None:
                continue
            try:
                self._waiting.put_nowait(self._body(one))
            except asyncio.QueueFull:
                self.failed += 1

    async def run(self) -> None:
        """Post what is told, one after the other, until cancelled."""
        timeout = aiohttp.ClientTimeout(total=POST_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                body = await self._waiting.get()
                hook = self.hook
                if hook is not None:
                    await self._post(session, hook, body)

    async def _post(self, session: aiohttp.ClientSession, hook: Hook, body: bytes) -> None:
        wait, why = FIRST_WAIT_SECONDS, ""
        for tries_left in reversed(range(TRIES)):
            why = await self._try(session, hook, body)
            if not why:
                self.posted += 1
                return
            if tries_left:
                await asyncio.sleep(wait)
                wait *= 3
        self.failed += 1
        log.warning("an alert could not be posted to the webhook: %s", why)

    async def _try(self, session: aiohttp.ClientSession, hook: Hook, body: bytes) -> str:
        """Why it failed; empty when it did not."""
        headers = {"Content-Type": "application/json", "User-Agent": "firsttoken"}
        if hook.key:
            headers[SIGNATURE] = sign(hook.key, body, int(self._wall()))
        try:
            async with session.post(
                hook.url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                return "" if answer.status < 300 else f"it answered {answer.status}"
        except (aiohttp.ClientError, TimeoutError) as error:
            return type(error).__name__  # its words may hold the URL, and that a secret

    def _body(self, alert: Alert) -> bytes:
        return orjson.dumps(
            {
                "event": alert.kind,
                "subject": alert.subject,
                "message": alert.words,
                "time": iso(self._wall()),
                **alert.figures,
            }
        )


def sign(key: str, body: bytes, at: int) -> str:
    """The value of the signature's header. at: Unix seconds."""
    digest = hmac.new(key.encode(), b"%d.%b" % (at, body), hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"
