"""The endpoints beside the traffic: liveness, metrics, models, the configuration in force."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from proxy.admin.siblings import is_sibling
from proxy.errors import ClientError

if TYPE_CHECKING:
    from proxy.admin.metrics import Exposition

JsonHandler = Callable[[Mapping[str, Any]], Any]


@dataclass(slots=True)
class Views:
    """What the admin endpoints show; each a plain call into its owner."""

    exposition: Exposition
    models: Callable[[], Sequence[Mapping[str, Any]]]
    config: Callable[[], Mapping[str, Any]]
    ready: Callable[[], tuple[bool, str]]
    cache_stats: Callable[[], Mapping[str, float]]
    cache_explain: JsonHandler
    cache_invalidate: JsonHandler
    classify: JsonHandler
    breakers: Callable[[], Mapping[str, Any]]
    reset_breaker: Callable[[str | None], None]
    deadlines: Callable[[], Any]
    is_admin: Callable[[bytes | None, bool], bool]
    check_caller: Callable[[bytes | None, bytes | None], None]


class Api:
    """aiohttp handlers over the views."""

    def __init__(self, views: Views) -> None:
        self._views = views

    def swap(self, views: Views) -> None:
        """A reload built new views."""
        self._views = views

    def routes(self) -> list[web.RouteDef]:
        """Everything served here."""
        return [
            web.get("/health", self.health),
            web.get("/metrics", self.metrics),
            web.get("/v1/models", self.models),
            web.get("/models", self.models),
            web.get("/config", self.config),
            web.get("/api/breakers", self.breakers),
            web.post("/api/breakers/reset", self.reset_breakers),
            web.get("/api/deadlines", self.deadlines),
            web.get("/api/cache", self.cache_stats),
            web.post("/api/cache/explain", self.cache_explain),
            web.post("/api/cache/invalidate", self.cache_invalidate),
            web.post("/api/classify", self.classify),
        ]

    async def health(self, request: web.Request) -> web.Response:
        """Liveness for everyone; readiness with ?ready."""
        if "ready" not in request.query:
            return _json({"status": "ok"})
        ready, why = self._views.ready()
        return _json({"status": "ready" if ready else why}, status=200 if ready else 503)

    async def metrics(self, request: web.Request) -> web.Response:
        """Prometheus text, or JSON where it is asked for."""
        self._admin(request)
        if "application/json" in request.headers.get("Accept", ""):
            return _json(self._views.exposition.as_json())
        return web.Response(
            body=self._views.exposition.text(),
            headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
        )

    async def models(self, request: web.Request) -> web.Response:
        """What a client may ask for, in OpenAI's shape."""
        self._views.check_caller(_authorization(request), _api_key(request))
        return _json({"object": "list", "data": list(self._views.models())})

    async def config(self, request: web.Request) -> web.Response:
        """The configuration in force, without its secrets."""
        self._admin(request)
        return _json(self._views.config())

    async def breakers(self, request: web.Request) -> web.Response:
        """Each target's breaker."""
        self._admin(request)
        return _json(self._views.breakers())

    async def reset_breakers(self, request: web.Request) -> web.Response:
        """Close one target's breaker, or all."""
        self._admin(request)
        body = await _object(request)
        target = body.get("target")
        if target is not None and not isinstance(target, str):
            raise ClientError(400, "'target' must be a string.", param="target")
        self._views.reset_breaker(target)
        return _json(self._views.breakers())

    async def deadlines(self, request: web.Request) -> web.Response:
        """The first-token deadlines learned so far."""
        self._admin(request)
        return _json(self._views.deadlines())

    async def cache_stats(self, request: web.Request) -> web.Response:
        """Counts and sizes of the cache."""
        self._admin(request)
        return _json(self._views.cache_stats())

    async def cache_explain(self, request: web.Request) -> web.Response:
        """Whether one prompt would be answered with another's answer, and why."""
        return await self._call(request, self._views.cache_explain)

    async def cache_invalidate(self, request: web.Request) -> web.Response:
        """Forget entries by pattern, category or tag."""
        return await self._call(request, self._views.cache_invalidate)

    async def classify(self, request: web.Request) -> web.Response:
        """A text's category, and what decided it."""
        return await self._call(request, self._views.classify)

    async def _call(self, request: web.Request, view: JsonHandler) -> web.Response:
        self._admin(request)
        return _json(view(await _object(request)))

    def _admin(self, request: web.Request) -> None:
        if not self._views.is_admin(_authorization(request), is_local(request)):
            raise ClientError(
                401,
                "This endpoint needs the admin key: 'Authorization: Bearer ADMIN_KEY'.",
                "authentication_error",
                "admin_key_required",
                headers={"www-authenticate": "Bearer"},
            )


def is_local(request: web.Request) -> bool:
    """Whether a request comes from this machine itself, and not from a page of another site.

    A browser names the page's origin on cross-site requests, and the host it believes to talk
    to: a foreign name that resolves to loopback (DNS rebinding) is not local.
    """
    if is_sibling(request.transport):
        return True  # it has asked the client already, and repeats what it may
    peer = request.transport.get_extra_info("peername") if request.transport else None
    if not peer or not ip_address(str(peer[0]).partition("%")[0]).is_loopback:
        return False
    host = request.host.rsplit(":", 1)[0].strip("[]").lower()
    if host not in ("localhost", "127.0.0.1", "::1"):
        return False
    origin = request.headers.get("Origin")
    return origin is None or origin.split("://", 1)[-1] == request.host


def _authorization(request: web.Request) -> bytes | None:
    value = request.headers.get("Authorization")
    return value.encode("utf-8", "surrogateescape") if value is not None else None


def _api_key(request: web.Request) -> bytes | None:
    value = request.headers.get("x-api-key")
    return value.encode("utf-8", "surrogateescape") if value is not None else None


async def _object(request: web.Request) -> dict[str, Any]:
    if request.content_type not in ("application/json", "application/octet-stream"):
        raise ClientError(415, "Send JSON with 'Content-Type: application/json'.")
    raw = await request.read()
    try:
        body = orjson.loads(raw) if raw else {}
    except orjson.JSONDecodeError as error:
        raise ClientError(
            400, f"The body is not valid JSON: {error}", code="invalid_json"
        ) from None
    if not isinstance(body, dict):
        raise ClientError(400, "The body must be a JSON object.", code="invalid_type")
    return body


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(
        body=orjson.dumps(value, default=str),
        status=status,
        headers={"Content-Type": "application/json", "Server": "firsttoken"},
    )
