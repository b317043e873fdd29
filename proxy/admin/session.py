"""Signing in to the web UI with the admin key: a cookie that proves it, and what guards it.

A session is stateless, so every worker honours what another one gave: its end and a nonce, sealed
under the admin key. Another admin key ends all of them. A write needs a second seal, which only a
page of ours can read and send as a header (CSRF).
"""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Protocol

from aiohttp import web

from proxy.admin.endpoint import answer, bad, header, is_local, read_object
from proxy.errors import ClientError
from proxy.timing import Clock

COOKIE = "firsttoken_session"
CSRF_HEADER = "x-firsttoken-csrf"
SESSION_SECONDS = 12 * 3600
KEY_LIMIT = 4096  # characters of a key that is tried
TRIES = 10  # wrong keys from one address within TRY_SECONDS
TRY_SECONDS = 60.0
PEERS_LIMIT = 1024  # addresses whose wrong keys are remembered
_SAFE = frozenset(("GET", "HEAD"))


class Keys(Protocol):
    """What is asked of the keyring."""

    def is_admin(self, authorization: bytes | None, *, loopback: bool) -> bool:
        """Whether this is the admin key."""

    def seal(self, message: bytes) -> bytes | None:
        """A proof that only the admin key's owner could make; None without an admin key."""


class Sessions:
    """keys: those in force when they are asked. now: monotonic seconds; wall: Unix seconds."""

    def __init__(self, keys: Callable[[], Keys], now: Clock, wall: Clock) -> None:
        self._keys = keys
        self._now = now
        self._wall = wall
        self._wrong: dict[str, list[float]] = {}

    def routes(self) -> list[web.RouteDef]:
        """Who am I, sign in, sign out."""
        return [
            web.get("/ui/session", self.show),
            web.post("/ui/session", self.sign_in),
            web.delete("/ui/session", self.sign_out),
        ]

    def admits(self, request: web.Request) -> bool:
        """Whether a request carries a session of ours, and for a write its CSRF seal too."""
        token = request.cookies.get(COOKIE)
        if token is None or not self._is_valid(token):
            return False
        if request.method in _SAFE:
            return True
        given = header(request, CSRF_HEADER)
        wanted = self._seal("csrf", token)
        return given is not None and wanted is not None and _same(given, wanted.encode())

    # ---- handlers ---------------------------------------------------------------------------

    async def show(self, request: web.Request) -> web.Response:
        """Whether the page may show something, and the CSRF seal for its writes."""
        needed = self._keys().seal(b"") is not None
        token = request.cookies.get(COOKIE, "")
        if needed and self._is_valid(token):
            return _private(answer({"signed_in": True, "key_needed": True,
                                    "csrf": self._seal("csrf", token)}))  # fmt: skip
        is_open = not needed and is_local(request)
        return _private(answer({"signed_in": is_open, "key_needed": needed, "csrf": None}))

    async def sign_in(self, request: web.Request) -> web.Response:
        """A session for the admin key. Raises ClientError 401 and 429."""
        peer = str(request.remote or "")
        if wait_s := self._wait_s(peer):
            raise ClientError(
                429, f"Too many wrong keys; try again in {wait_s} seconds.", "rate_limit_error",
                "too_many_tries", headers={"retry-after": str(wait_s)},
            )  # fmt: skip
        key = (await read_object(request)).get("key")
        if not isinstance(key, str) or len(key) > KEY_LIMIT:
            raise bad("key", "must be the admin key")
        if not self._keys().is_admin(b"Bearer " + key.encode("utf-8", "replace"), loopback=False):
            self._remember(peer)
            raise ClientError(
                401, "That is not the admin key.", "authentication_error", "invalid_admin_key"
            )
        end = f"{int(self._wall()) + SESSION_SECONDS}.{secrets.token_urlsafe(16)}"
        token = f"{end}.{self._seal('session', end)}"
        response = _private(answer({"signed_in": True, "key_needed": True,
                                    "csrf": self._seal("csrf", token)}))  # fmt: skip
        tls = request.secure or request.headers.get("X-Forwarded-Proto") == "https"
        response.set_cookie(COOKIE, token, max_age=SESSION_SECONDS, path="/", httponly=True,
                            samesite="Strict", secure=tls)  # fmt: skip
        return response

    async def sign_out(self, request: web.Request) -> web.Response:
        """Forget the session in this browser. Raises ClientError 403 without the CSRF seal."""
        if not self.admits(request):
            raise ClientError(403, "There is no session to end.", code="no_session")
        response = _private(answer({"signed_in": False, "key_needed": True, "csrf": None}))
        response.del_cookie(COOKIE, path="/")
        return response

    # ---- inside -----------------------------------------------------------------------------

    def _is_valid(self, token: str) -> bool:
        end, _, seal = token.rpartition(".")
        wanted = self._seal("session", end)
        if wanted is None or not _same(seal.encode("utf-8", "replace"), wanted.encode()):
            return False
        return int(end.partition(".")[0]) > self._wall()  # sealed by us, so it is a number

    def _seal(self, use: str, text: str) -> str | None:
        message = f"firsttoken ui {use} {text}".encode("utf-8", "surrogateescape")
        seal = self._keys().seal(message)
        return None if seal is None else urlsafe_b64encode(seal).decode().rstrip("=")

    def _wait_s(self, peer: str) -> int:
        """Seconds until this address may try again."""
        now = self._now()
        lately = [at for at in self._wrong.get(peer, ()) if now - at < TRY_SECONDS]
        if len(lately) < TRIES:
            return 0
        return int(TRY_SECONDS - (now - lately[0])) + 1

    def _remember(self, peer: str) -> None:
        now = self._now()
        lately = [at for at in self._wrong.pop(peer, ()) if now - at < TRY_SECONDS]
        while len(self._wrong) >= PEERS_LIMIT:
            del self._wrong[next(iter(self._wrong))]
        self._wrong[peer] = [*lately, now]


def _same(given: bytes, wanted: bytes) -> bool:
    return hmac.compare_digest(given, wanted)


def _private(response: web.Response) -> web.Response:
    response.headers["Cache-Control"] = "no-store"
    return response
