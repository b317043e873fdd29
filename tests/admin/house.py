"""A running proxy in the test's own loop, and a client for what is beside its traffic."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from benchmarks.mock import ScriptedUpstream
from proxy import config
from proxy.app import App

TOML = """
[server]
port = 0
log = "off"
{server}
[local]
enabled = false
[cache]
enabled = {cache}
{ledger}
[[provider]]
name = "primary"
dialect = "openai"
base_url = "{upstream}"
key = "env:PRIMARY_KEY"
[[provider]]
name = "backup"
dialect = "openai"
base_url = "{upstream}"
key = "env:PRIMARY_KEY"
[[model]]
name = "primary/mock-t4-f0-i0"
input_usd_per_mtok = 1.0
output_usd_per_mtok = 2.0
[[model]]
name = "backup/mock-t4-f0-i0"
input_usd_per_mtok = 10.0
output_usd_per_mtok = 20.0
[[route]]
name = "chat"
targets = ["primary/mock-t4-f0-i0", "backup/mock-t4-f0-i0"]
{route}
{extra}
"""
ENVIRON = {"PRIMARY_KEY": "sk-primary-secret", "ADMIN_KEY": "sk-admin-secret", "K": "sk-caller"}


@dataclass(slots=True)
class House:
    app: App
    client: aiohttp.ClientSession
    upstream: ScriptedUpstream

    async def get(self, path: str, **query: Any) -> Any:
        status, body = await self.call("GET", path, params=query)
        assert status == 200, body
        return body

    async def post(self, path: str, body: Any = None) -> Any:
        status, answer = await self.call("POST", path, json=body or {})
        assert status == 200, answer
        return answer

    async def call(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        async with self.client.request(method, path, **more) as answer:
            if answer.content_type == "application/json":
                return answer.status, await answer.json()
            return answer.status, await answer.text()

    async def ask(self, text: str = "hello", **fields: Any) -> Any:
        headers = fields.pop("headers", None)
        messages = [{"role": "user", "content": text}]
        body = {"model": "chat", "messages": messages, **fields}
        status, answer = await self.call("POST", "/v1/chat/completions", json=body, headers=headers)
        assert status == 200, answer
        return answer


@asynccontextmanager
async def house(
    environ: Mapping[str, str] = ENVIRON, path: Any = None, **parts: str
) -> AsyncIterator[House]:
    """path: a file to keep the configuration in; parts: more of the text above."""
    async with ScriptedUpstream() as upstream:
        filled = {"server": "", "cache": "false", "ledger": "", "route": "", "extra": "", **parts}
        text = TOML.format(upstream=upstream.base_url, **filled)
        if path is not None:
            path.write_text(text)
        app = App(config.parse(text, str(path) if path else "test", environ), environ)
        _, port = await app.open()
        try:
            async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
                yield House(app, client, upstream)
        finally:
            app.house.limits = type(app.house.limits)(drain_s=0.2)
            await app.close()
