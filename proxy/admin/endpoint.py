"""What an admin endpoint is: a row that says everything about itself, and the desk that serves it.

Access, the checking of what was sent, the routes and the OpenAPI document all follow from the row.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Literal

import orjson
from aiohttp import web

from proxy.admin.siblings import is_sibling
from proxy.errors import ClientError
from proxy.exchange import ANONYMOUS, Caller
from proxy.ledger.store import Unavailable

Kind = Literal["string", "integer", "number", "boolean", "object", "array", "any"]
Access = Literal["admin", "caller", "public"]

TEXT_LIMIT = 1_000_000  # characters of a text in a body
QUERY_LIMIT = 1000  # characters of one query value
_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,),
    "object": (dict,), "array": (list,),
}  # fmt: skip
_OLD = ("/api/coordination/", "/api/trpc/")  # other routers' paths below /api
_INTEGER = re.compile(r"-?\d{1,18}")
_TRUE, _FALSE = frozenset(("", "1", "true", "yes")), frozenset(("0", "false", "no"))


@dataclass(frozen=True, slots=True)
class Param:
    """One value that a caller may send: in the query, in the path or in the body."""

    name: str
    kind: Kind = "string"
    about: str = ""
    default: Any = None
    required: bool = False
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()
    items: Kind = "any"  # of an array

    def check(self, value: Any) -> Any:
        """A JSON value as it may be used; the default for none. Raises ClientError 400."""
        return _from_json(self, value)


@dataclass(slots=True)
class Call:
    """A checked call. values: query, path and body together; body: as it was sent."""

    request: web.Request
    values: Mapping[str, Any]
    body: dict[str, Any] = field(default_factory=dict)
    caller: Caller = ANONYMOUS

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


Handler = Callable[[Call], Any]  # JSON, a response, or an awaitable of one


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One row. query, path, body: what it takes; open_body: unknown members are allowed."""

    method: str
    path: str
    handle: Handler
    about: str
    query: tuple[Param, ...] = ()
    parts: tuple[Param, ...] = ()
    body: tuple[Param, ...] | None = None
    open_body: bool = False
    access: Access = "admin"
    answers: tuple[str, ...] = ("application/json",)  # content types
    deep: bool = False  # its last part may hold slashes
    group: str = "admin"

    @property
    def open_query(self) -> bool:
        """Whether unknown query parameters are passed over: scrapers and old clients add some. In
        our own API a misspelt one could forget the whole cache."""
        return not self.path.startswith("/api/") or self.path.startswith(_OLD)


class Desk:
    """Serves endpoints. is_admin and caller: the keyring's; signed_in: Sessions.admits."""

    def __init__(
        self,
        is_admin: Callable[[bytes | None, bool], bool],
        caller: Callable[[bytes | None, bytes | None], Caller],
        signed_in: Callable[[web.Request], bool],
    ) -> None:
        self._is_admin = is_admin
        self._caller = caller
        self._signed_in = signed_in

    def routes(self, endpoints: Iterable[Endpoint]) -> list[web.RouteDef]:
        """An aiohttp route for each."""
        found = []
        for one in endpoints:
            path = one.path.removesuffix("}") + ":.+}" if one.deep else one.path
            if one.method == "GET":
                found.append(web.get(path, self._serve(one)))  # and HEAD
            else:
                found.append(web.route(one.method, path, self._serve(one)))
        return found

    def _serve(self, endpoint: Endpoint) -> Callable[[web.Request], Any]:
        async def serve(request: web.Request) -> web.StreamResponse:
            caller = self._let_in(endpoint.access, request)
            call = await self._checked(endpoint, request)
            call.caller = caller
            try:
                result = endpoint.handle(call)
                if inspect.isawaitable(result):
                    result = await result
            except Unavailable as error:
                raise ClientError(
                    503, f"The ledger: {error}.", "server_error", "ledger_unavailable"
                ) from None
            return result if isinstance(result, web.StreamResponse) else answer(result)

        return serve

    def _let_in(self, access: Access, request: web.Request) -> Caller:
        authorization = header(request, "Authorization")
        # Predecessor C's clients send their key in X-API-Key.
        key = header(request, "x-api-key")
        if authorization is None and key is not None:
            authorization = b"Bearer " + key
        if access == "caller":
            if self._is_admin(authorization, False):
                return ANONYMOUS  # older routers knew one key for everything
            return self._caller(authorization, key)
        if access == "admin":
            if authorization is None and self._signed_in(request):
                return ANONYMOUS
            if not self._is_admin(authorization, is_local(request)):
                raise ClientError(
                    401,
                    "This endpoint needs the admin key: 'Authorization: Bearer ADMIN_KEY'.",
                    "authentication_error",
                    "admin_key_required",
                    headers={"www-authenticate": "Bearer"},
                )
        return ANONYMOUS

    async def _checked(self, endpoint: Endpoint, request: web.Request) -> Call:
        values: dict[str, Any] = {}
        if not endpoint.open_query:
            known_here = {param.name for param in endpoint.query}
            if unknown := request.query.keys() - known_here:
                raise bad(min(unknown)[:100], "is not known here")
        for param in endpoint.query:
            text = request.query.get(param.name)
            values[param.name] = param.default if text is None else _from_text(param, text)
            if text is None and param.required:
                raise bad(param.name, "is required")
        for param in endpoint.parts:
            values[param.name] = _from_text(param, request.match_info[param.name])
        if endpoint.body is None:
            return Call(request, values)
        body = await read_object(request)
        known = {param.name: param for param in endpoint.body}
        if not endpoint.open_body and (unknown := body.keys() - known.keys()):
            raise bad(min(unknown)[:100], "is not known here")
        for name, param in known.items():
            values[name] = _from_json(param, body.get(name))
        return Call(request, values, body)


def bad(param: str, words: str) -> ClientError:
    """A 400 that names what is wrong."""
    return ClientError(400, f"'{param}' {words}.", code="invalid_value", param=param)


def _from_text(param: Param, text: str) -> Any:
    if len(text) > QUERY_LIMIT:
        raise bad(param.name, f"is longer than {QUERY_LIMIT} characters")
    value: Any = text
    match param.kind:
        case "integer":
            if not _INTEGER.fullmatch(text):
                raise bad(param.name, "must be a whole number")
            value = int(text)
        case "boolean":
            if text.lower() not in _TRUE | _FALSE:
                raise bad(param.name, "must be true or false")
            value = text.lower() in _TRUE
        case _:
            pass
    return _within(param, value)


def _from_json(param: Param, value: Any) -> Any:
    if value is None:
        if param.required:
            raise bad(param.name, "is required")
        return param.default
    if param.kind == "any":
        return value
    if param.kind == "integer" and isinstance(value, float) and value.is_integer():
        value = int(value)  # to JSON 3.0 is a whole number
    types = _TYPES[param.kind]
    if not isinstance(value, types) or (isinstance(value, bool) and param.kind != "boolean"):
        article = "an" if param.kind[0] in "aeio" else "a"
        raise bad(param.name, f"must be {article} {param.kind}")
    return _within(param, value)


def _within(param: Param, value: Any) -> Any:
    if param.choices and value not in param.choices:
        raise bad(param.name, f"must be one of {', '.join(param.choices)}")
    if isinstance(value, str) and len(value) > TEXT_LIMIT:
        raise bad(param.name, f"is longer than {TEXT_LIMIT} characters")
    if isinstance(value, int | float):
        if param.least is not None and value < param.least:
            raise bad(param.name, f"must be at least {param.least:g}")
        if param.most is not None and value > param.most:
            raise bad(param.name, f"must be at most {param.most:g}")
    return value


def texts(name: str, value: Any, most: int = 1000) -> tuple[str, ...]:
    """A list of texts from a body. Raises ClientError."""
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > most:
        raise bad(name, f"must be an array of up to {most} strings")
    if not all(isinstance(one, str) and 0 < len(one) <= TEXT_LIMIT for one in value):
        raise bad(name, f"must hold texts only, of 1 to {TEXT_LIMIT} characters")
    return tuple(value)


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


def header(request: web.Request, name: str) -> bytes | None:
    """A header's value as it came."""
    value = request.headers.get(name)
    return value.encode("utf-8", "surrogateescape") if value is not None else None


async def read_object(request: web.Request) -> dict[str, Any]:
    """A JSON object from the body; empty for none. Raises ClientError 400 and 415."""
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


def answer(value: object, status: int = 200) -> web.Response:
    """A JSON response."""
    return web.Response(
        body=orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS),
        status=status,
        headers={"Content-Type": "application/json", "Server": "firsttoken"},
    )
