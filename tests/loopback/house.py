"""A whole proxy in the test's own event loop, between two scripted providers and a raw client."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace

import orjson

from benchmarks.mock import ScriptedUpstream
from proxy import config
from proxy.app import App
from tests.ledger.books import rows
from tests.waiting import until

ROUTE = """
[server]
port = 0
log = "off"
fast_lane = {fast}
{server}
[cache]
enabled = {cache}
{kept}
[local]
enabled = false
[[provider]]
name = "primary"
dialect = "openai"
base_url = "{primary}"
key = "env:PRIMARY_KEY"
[[provider]]
name = "backup"
dialect = "openai"
base_url = "{backup}"
key = "env:PRIMARY_KEY"
[[route]]
name = "chat-*"
targets = ["primary/*", "backup/mock-t4-f0-i0"]
first_token_ms = {deadline}
{route}
[[route]]
name = "alone-*"
targets = ["primary/*"]
first_token_ms = {deadline}
{route}
"""


@dataclass(slots=True)
class Running:
    app: App
    primary: ScriptedUpstream
    backup: ScriptedUpstream
    port: int

    async def rows(self, count: int) -> list[SimpleNamespace]:
        """So many exchanges as they were written down, of a proxy that holds them."""
        return await held(self.app, count)


async def hold(app: App) -> None:
    """Let what is written down wait where tests look at it: else a thread takes it away."""
    await asyncio.to_thread(app.memory.store.close)


async def held(app: App, count: int) -> list[SimpleNamespace]:
    """The rows that wait, when there are so many: they may come after the answers."""
    recorder = app.memory.recorder
    assert await until(lambda: recorder.waiting >= count)
    return rows(recorder)


@asynccontextmanager
async def running(
    *, lane="fast", deadline=300, route="", server="", cache=False, kept="", holds=False
):
    """holds: whether its rows can be asked for."""
    async with ScriptedUpstream() as primary, ScriptedUpstream(word="alt") as backup:
        text = ROUTE.format(
            fast="true" if lane == "fast" else "false",
            cache="true" if cache else "false",
            kept=kept,
            primary=primary.base_url,
            backup=backup.base_url,
            deadline=deadline,
            route=route,
            server=server,
        )
        environ = {"PRIMARY_KEY": "sk-primary-secret"}
        app = App(config.parse(text, "test", environ), environ)
        _, port = await app.open()
        if holds:
            await hold(app)
        try:
            yield Running(app, primary, backup, port)
        finally:
            app.house.limits = type(app.house.limits)(drain_s=0.2)
            await app.close()


@dataclass(slots=True)
class Reply:
    """One answer as a client reads it. seconds: until its first byte."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float
    cut: bool  # the connection ended before the answer's framing did

    @property
    def events(self) -> list[bytes]:
        return [one for one in self.body.split(b"\n\n") if one]

    @property
    def text(self) -> str:
        """What a chat client would show."""
        shown = ""
        for event in re.split(rb"\r\n\r\n|\n\n|\r\r", self.body):
            lines = re.split(rb"\r\n|\n|\r", event.removeprefix(b"\xef\xbb\xbf"))
            data = b"\n".join(
                line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:")
            )
            if data and data != b"[DONE]":
                try:
                    chunk = orjson.loads(data)
                except orjson.JSONDecodeError:
                    continue
                for choice in chunk.get("choices") or ():
                    shown += (choice.get("delta") or {}).get("content") or ""
        return shown

    @property
    def error(self):
        for event in self.events:
            if event.startswith(b'data: {"error"'):
                return orjson.loads(event[6:])["error"]
        return orjson.loads(self.body).get("error") if self.status >= 400 else None


async def ask(
    port: int,
    model: str,
    *,
    stream=True,
    text="hi",
    path="/v1/chat/completions",
    control="",
    **more,
):
    """One request on a connection of its own, read to its end. control: its Cache-Control."""
    body = orjson.dumps(
        {"model": model, "stream": stream, "messages": [{"role": "user", "content": text}], **more}
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = asyncio.get_running_loop().time()
    writer.write(
        b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"%bContent-Length: %d\r\nConnection: close\r\n\r\n%b"
        % (
            path.encode(),
            b"Cache-Control: %b\r\n" % control.encode() if control else b"",
            len(body),
            body,
        )
    )
    try:
        async with asyncio.timeout(10):
            first = await reader.read(65536)
            seconds = asyncio.get_running_loop().time() - began
            raw = first + await reader.read()
    except ConnectionError:
        return Reply(0, {}, b"", 0.0, cut=True)
    finally:
        writer.close()
    return parse(raw, seconds)


def parse(raw: bytes, seconds: float = 0.0) -> Reply:
    head, _, rest = raw.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(": ")
        headers[name.lower()] = value
    status = int(lines[0].split(" ")[1]) if lines[0] else 0
    if headers.get("transfer-encoding") != "chunked":
        cut = len(rest) < int(headers.get("content-length", "0"))
        return Reply(status, headers, rest, seconds, cut)
    body = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        if length == 0:
            return Reply(status, headers, body, seconds, cut=False)
        body += rest[:length]
        rest = rest[length + 2 :]
    return Reply(status, headers, body, seconds, cut=True)
