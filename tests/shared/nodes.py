"""Proxies in the test's own loop that share a server."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import orjson

from benchmarks.mock import ScriptedUpstream
from proxy import config
from proxy.app import App

CONFIG = """
[server]
port = 0
log = "off"
max_lag_ms = 0
{server}
[cache]
enabled = {cache}
[local]
enabled = false
[shared]
url = "env:SHARED_URL"
{shared}
[routing]
breaker_failures = 3
[auth]
admin_key = "env:ADMIN_KEY"
[[auth.key]]
name = "caller"
key = "env:CALLER_KEY"
{key}
[[provider]]
name = "mock"
dialect = "openai"
base_url = "{upstream}"
{provider}
[[provider]]
name = "gone"
dialect = "openai"
base_url = "http://127.0.0.1:9/v1"
[[route]]
name = "chat"
targets = ["mock/mock-t1-f0-i0"]
cache = {cache}
[[route]]
name = "lame"
targets = ["gone/x", "mock/mock-t1-f0-i0"]
cache = false
"""


@dataclass(slots=True)
class Node:
    app: App
    port: int

    async def post(self, body: object, path="/v1/chat/completions", key="caller-key"):
        """Status, headers, body."""
        data = orjson.dumps(body)
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        method = b"GET" if body is None else b"PUT" if path.startswith("/api/routes") else b"POST"
        writer.write(
            b"%b %b HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %b\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b"
            % (method, path.encode(), key.encode(), len(data), data)
        )
        async with asyncio.timeout(20):
            raw = await reader.read()
        writer.close()
        head, _, rest = raw.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:])
        return int(lines[0].split()[1]), headers, rest

    async def ask(self, text="hi", model="chat", **more) -> tuple[int, dict[str, str], bytes]:
        messages = [{"role": "user", "content": text}]
        return await self.post({"model": model, "messages": messages, **more})

    async def burst(self, count: int, **more) -> Counter[int]:
        """So many requests at once: how often each status came."""
        found = await asyncio.gather(*(self.ask(**more) for _ in range(count)))
        return Counter(status for status, _, _ in found)


@asynccontextmanager
async def nodes(url: str, *, count=2, key="", provider="", cache=False, shared="", server=""):
    """So many proxies on one server and one provider; they know of each other already."""
    async with ScriptedUpstream() as upstream:
        text = CONFIG.format(
            key=key, provider=provider, cache="true" if cache else "false", shared=shared,
            server=server, upstream=upstream.base_url,
        )  # fmt: skip
        environ = {"SHARED_URL": url, "CALLER_KEY": "caller-key", "ADMIN_KEY": "admin-key"}
        running = []
        folder = Path(mkdtemp())
        for number in range(count):
            app = App(config.parse(text, str(folder / f"{number}.toml"), environ), environ)
            _, port = await app.open()
            running.append(Node(app, port))
        try:
            await until(lambda: all(one.app.memory.pulse.nodes >= count for one in running), 15)
            await asyncio.sleep(0.1)
            yield running
        finally:
            for one in running:
                one.app.house.limits = type(one.app.house.limits)(drain_s=0.2)
                await one.app.close()
            rmtree(folder)


async def until(true: Callable[[], object], seconds: float = 10.0) -> float:
    """Wait for it; seconds it took."""
    began = time.monotonic()
    while not true() and time.monotonic() - began < seconds:
        await asyncio.sleep(0.005)
    assert true()
    return time.monotonic() - began
