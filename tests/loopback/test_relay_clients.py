"""Relayed calls as OpenAI's own client makes them, and over TLS."""

from __future__ import annotations

import asyncio
import ssl

import aiohttp
import openai
import pytest
import trustme
from aiohttp import web

from proxy import config
from proxy.app import App
from tests.loopback.provider import SECRET, Provider, relaying, serving

pytestmark = pytest.mark.loopback

ANSWERS = {
    "/v1/audio/transcriptions": {"text": "hello"},
    "/v1/images/generations": {"created": 1, "data": [{"b64_json": "AAAA"}]},
    "/v1/images/edits": {"created": 1, "data": [{"b64_json": "AAAA"}]},
    "/v1/moderations": {"id": "m", "model": "x", "results": []},
    "/v1/files": {
        "id": "file-1", "object": "file", "bytes": 3, "created_at": 1, "filename": "a.jsonl",
        "purpose": "batch", "status": "processed",
    },
}  # fmt: skip


async def openai_s(request, provider):
    seen = await provider.remember(request)
    if request.path == "/v1/audio/speech":
        return web.Response(body=b"\xff\xfbaudio", content_type="audio/mpeg")
    if seen.method == "DELETE":
        return web.json_response({"id": "file-1", "object": "file", "deleted": True})
    return web.json_response(ANSWERS[request.path])


async def test_openai_s_client() -> None:
    async with relaying(openai_s) as house:
        host, port = house.app.address
        base = f"http://{host}:{port}/v1"
        async with openai.AsyncOpenAI(base_url=base, api_key="x", max_retries=0) as client:
            spoken = await client.audio.speech.create(model="one", voice="alloy", input="hi")
            assert spoken.content == b"\xff\xfbaudio"
            heard = await client.audio.transcriptions.create(
                model="one", file=("a.wav", b"RIFF" * 500_000), language="fr"
            )
            assert heard.text == "hello"
            drawn = await client.images.generate(model="one", prompt="a cat")
            assert drawn.data[0].b64_json == "AAAA"
            await client.images.edit(model="one", image=("a.png", b"png"), prompt="a dog")
            await client.moderations.create(model="one", input="hi")
            kept = await client.files.create(file=("a.jsonl", b"{}\n"), purpose="batch")
            assert kept.id == "file-1"
            assert (await client.files.delete("file-1")).deleted
            with pytest.raises(openai.NotFoundError, match="nobody"):
                await client.images.generate(model="nobody", prompt="a cat")
            model = await client.models.retrieve("one")
            assert model.id == "one"
        bodies = {seen.path: seen.body for seen in house.primary.seen}
        for path in ("/v1/audio/transcriptions", "/v1/images/edits"):
            assert b'name="model"\r\n\r\nreal-model\r\n' in bodies[path]
        assert len(bodies["/v1/audio/transcriptions"]) > 2_000_000
        assert all(
            seen.headers["authorization"] == f"Bearer {SECRET}" for seen in house.primary.seen
        )


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_provider_over_tls_is_checked(tmp_path, trusted: bool) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(tls)
    (tmp_path / "ca.pem").write_bytes((authority if trusted else trustme.CA()).cert_pem.bytes())
    async with serving(Provider(), tls) as upstream:
        text = f"""
[server]
port = 0
log = "off"
[routing]
from_environment = false
[local]
enabled = false
[[provider]]
name = "secure"
dialect = "openai"
base_url = "https://localhost:{upstream.port}/v1"
key = "env:KEY"
ca_file = "{tmp_path}/ca.pem"
"""
        environ = {"KEY": SECRET}
        app = App(config.parse(text, "test", environ), environ)
        host, port = await app.open()
        try:
            async with aiohttp.ClientSession(f"http://{host}:{port}") as client:
                async with client.get("/v1/files") as answer:
                    assert answer.status == (200 if trusted else 502)
                    said = await answer.json()
                assert len(upstream.seen) == int(trusted)
                if not trusted:
                    assert said["error"]["code"] == "upstream_connect"
        finally:
            await app.close()
        await asyncio.sleep(0)  # aiohttp's TLS transports end a turn later
