"""A provider for what is no completion: an aiohttp server that remembers and does as it is told."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace

import aiohttp
import orjson
from aiohttp import web

from proxy import config
from proxy.app import App
from tests.loopback.house import held, hold

SECRET = "sk-provider-secret"


@dataclass(slots=True)
class Seen:
    method: str
    path: str  # with its query, as it was sent
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return orjson.loads(self.body)


@dataclass(slots=True)
class Provider:
    """answer: an async function of the request; absent: an echo of what came, as JSON."""

    answer: object = None
    seen: list[Seen] = field(default_factory=list)
    port: int = 0
    left: int = 0  # requests whose client went away
    sent: int = 0  # bytes of a flood
    closed: int = 0  # the code of a closed socket

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        try:
            if self.answer is not None:
                found = await self.answer(request, self)
                if found is not None:
                    return found
            await self.remember(request)
            return web.json_response({"ok": True, "usage": {"prompt_tokens": 7, "total_tokens": 7}})
        except (ConnectionError, GeneratorExit):
            self.left += 1
            raise
        except BaseException as error:
            if type(error).__name__ == "CancelledError":
                self.left += 1
            raise

    async def remember(self, request: web.Request) -> Seen:
        names = {name.lower(): value for name, value in request.headers.items()}
        seen = Seen(request.method, request.raw_path, names, await request.read())
        self.seen.append(seen)
        return seen


@asynccontextmanager
async def serving(provider: Provider, tls=None):
    application = web.Application(client_max_size=1 << 30)
    application.router.add_route("*", "/{path:.*}", provider.handle)
    runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    provider.port = runner.addresses[0][1]
    try:
        yield provider
    finally:
        await runner.cleanup()


TEXT = """
[server]
port = 0
log = "off"
{server}
[routing]
from_environment = false
[local]
enabled = false
{auth}
[[provider]]
name = "primary"
dialect = "{dialect}"
base_url = "http://127.0.0.1:{primary}/v1"
key = "env:KEY"
{limits}
[[provider]]
name = "backup"
base_url = "http://127.0.0.1:{backup}/v1"
key = "env:KEY"
[[route]]
name = "one"
targets = ["primary/real-model"]
[[route]]
name = "two"
targets = ["primary/real-model", "backup/other-model"]
{more}
"""


@dataclass(slots=True)
class Relayed:
    app: App
    primary: Provider
    backup: Provider
    client: aiohttp.ClientSession

    async def row(self) -> SimpleNamespace:
        """What the ledger was told of the one call so far; it may come after the answer."""
        (row,) = await held(self.app, 1)
        return row


@asynccontextmanager
async def relaying(
    primary=None,
    backup=None,
    *,
    server="",
    auth="",
    more="",
    dialect="openai",
    headers=None,
    limits="",
):
    first, second = Provider(primary), Provider(backup)
    async with serving(first), serving(second):
        text = TEXT.format(
            primary=first.port, backup=second.port, server=server, auth=auth, more=more,
            dialect=dialect, limits=limits,
        )  # fmt: skip
        environ = {"KEY": SECRET, "CLIENT_KEY": "sk-client-1"}
        app = App(config.parse(text, "test", environ), environ)
        host, port = await app.open()
        await hold(app)
        try:
            async with aiohttp.ClientSession(f"http://{host}:{port}", headers=headers) as client:
                yield Relayed(app, first, second, client)
        finally:
            app.house.limits = type(app.house.limits)(drain_s=0.2)
            await app.close()
