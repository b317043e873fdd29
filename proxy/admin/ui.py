"""GET /ui: the dashboard and playground, static files that ask the admin API for everything."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from types import MappingProxyType

from aiohttp import web

from proxy.errors import ClientError

TYPES = MappingProxyType(
    {
        "html": "text/html; charset=utf-8",
        "js": "text/javascript; charset=utf-8",
        "css": "text/css; charset=utf-8",
        "svg": "image/svg+xml",
    }
)
# Nothing from outside, nothing inline, no frame around it, and no text that becomes markup.
GUARDS = MappingProxyType(
    {
        "Content-Security-Policy": (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
            "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
            "require-trusted-types-for 'script'; trusted-types 'none'"
        ),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "Cache-Control": "no-cache",  # asked again each time, and answered by its ETag
        "Server": "firsttoken",
    }
)


@dataclass(frozen=True, slots=True)
class Page:
    """One file as it is sent."""

    body: bytes
    content_type: str
    etag: str


def pages() -> dict[str, Page]:
    """Every file of the UI by its name."""
    found = {}
    for file in files("proxy.admin").joinpath("static").iterdir():
        kind = TYPES.get(file.name.rpartition(".")[2])
        if kind is not None:
            body = file.read_bytes()
            found[file.name] = Page(body, kind, f'"{sha256(body).hexdigest()[:32]}"')
    return found


class Ui:
    """Serves the files. They hold nothing secret, so everyone may load them."""

    def __init__(self) -> None:
        self._pages: dict[str, Page] = {}

    def routes(self) -> list[web.RouteDef]:
        """The page itself, and what it is made of."""
        return [
            web.get("/", self.find),
            web.get("/ui", self.serve),
            web.get("/ui/", self.serve),
            web.get("/ui/{name}", self.serve),
        ]

    async def find(self, _: web.Request) -> web.Response:
        """Where it is, for who opens the address that a terminal shows."""
        return web.Response(status=302, headers={**GUARDS, "Location": "/ui"})

    async def serve(self, request: web.Request) -> web.Response:
        """One file. Raises ClientError 404."""
        if not self._pages:
            self._pages = pages()  # read when somebody looks, never while a proxy starts
        page = self._pages.get(request.match_info.get("name", "index.html"))
        if page is None:
            raise ClientError(404, f"There is nothing at {request.path}.", code="not_found")
        fields = {**GUARDS, "ETag": page.etag}
        given = request.headers.get("If-None-Match", "")
        if page.etag in (one.strip().removeprefix("W/") for one in given.split(",")):
            return web.Response(status=304, headers=fields)
        return web.Response(body=page.body, headers={**fields, "Content-Type": page.content_type})
