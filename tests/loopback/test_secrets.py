"""A whole run, with all that can happen to a request: no prompt, answer or key in any log."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import aiohttp
import orjson
import pytest

pytestmark = [pytest.mark.loopback, pytest.mark.slow]

PROMPT = "zebra-prompt-4711"
KEYS = ("sk-provider-4711", "sk-caller-4711", "sk-admin-4711", "sk-wrong-4711")
ANSWER = "tok0001"
TOML = """
[server]
log = "{log}"
[local]
enabled = false
[auth]
admin_key = "env:ADMIN"
[[auth.key]]
name = "web"
key = "env:CALLER"
requests_per_minute = 100
[ledger]
path = "{folder}/ledger.db"
webhook = "http://127.0.0.1:1/hook-4711"
[[provider]]
name = "primary"
dialect = "openai"
base_url = "{base_url}"
key = "env:PROVIDER"
[[route]]
name = "chat"
targets = ["primary/mock-t4-f0-i0"]
"""
MODELS = (
    "chat", "auto", "primary/fault-401-echo-key", "primary/fault-500", "primary/fault-garbage",
    "primary/fault-error-frame-mid", "primary/fault-close-mid", "primary/fault-429",
    "primary/fault-400", f"nobody/{PROMPT}",
)  # fmt: skip

SHOWN = ("/metrics", "/config", "/api/requests", "/api/usage", "/api/providers", "/api/breakers",
         "/api/limits", "/api/now", "/api/routes")  # fmt: skip


def contents(folder: Path) -> list[str]:
    return [one.read_bytes().decode("latin-1") for one in folder.iterdir()]


@pytest.mark.parametrize("log", ["lines", "json"])
async def test_a_whole_run_writes_down_nothing_private(
    proxy_process, upstream, tmp_path: Path, log: str
) -> None:
    text = TOML.format(log=log, folder=tmp_path, base_url=upstream.base_url)
    environ = {"ADMIN": KEYS[2], "CALLER": KEYS[1], "PROVIDER": KEYS[0]}
    proxy = await asyncio.to_thread(proxy_process, text, env=environ, fresh=True)
    own, wrong, admin = ({"Authorization": f"Bearer {key}"} for key in (KEYS[1], KEYS[3], KEYS[2]))
    root = proxy.base_url.removesuffix("/v1")

    async def post(path: str, data: bytes, headers: dict[str, str] = own) -> int:
        async with client.post(f"{root}/v1{path}", data=data, headers=headers) as answer:
            with suppress(aiohttp.ClientPayloadError):  # a stream that was cut
                await answer.read()
            return answer.status

    async def show(path: str) -> str:
        async with client.get(f"{root}{path}", headers=admin) as answer:
            assert answer.status == 200, path
            return await answer.text()

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(30)) as client:
        asked = {"messages": [{"role": "user", "content": PROMPT}]}
        bodies = [orjson.dumps({**asked, "model": model, "stream": stream})
                  for model in MODELS for stream in (True, False)]  # fmt: skip
        await asyncio.gather(*(post("/chat/completions", body) for body in bodies))
        assert await post("/chat/completions", bodies[0], wrong) == 401
        for raw in (PROMPT.encode(), b'{"messages": "' + PROMPT.encode() + b'"}', b"\xff"):
            assert await post("/chat/completions", raw) == 400
        await post(f"/{PROMPT}", bodies[0])
        await post("/embeddings", orjson.dumps({"model": "primary/m", "input": PROMPT}))
        await asyncio.sleep(0.5)
        shown = await asyncio.gather(*map(show, SHOWN))
    assert await asyncio.to_thread(proxy.stop) == 0
    said = proxy.output()
    assert said.count("req_") > 10
    written = await asyncio.to_thread(contents, tmp_path)
    assert written
    for place, content in (("log", said), *(("ledger", one) for one in written)):
        for private in (ANSWER, *KEYS, "hook-4711"):
            assert private not in content, place
        # Only as the name of the model that somebody asked for.
        assert content.replace(f"nobody/{PROMPT}", "").count(PROMPT) == 0, place
    for content in shown:
        for private in (ANSWER, *KEYS):
            assert private not in content
