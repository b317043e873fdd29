"""`firsttoken check --live`: which keys work, and never a key on the screen."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import orjson
import pytest
from aiohttp import web

from benchmarks.mock import ScriptedUpstream
from proxy import config, live
from proxy.live import check, table
from tests.conftest import ROOT
from tests.loopback.provider import Provider, serving

pytestmark = pytest.mark.loopback

KEYS = {"GOOD": "sk-good-0123456789", "OTHER": "sk-other-0123456789"}


def provider(name: str, port: int, dialect: str = "openai", keys: str = 'key = "env:GOOD"') -> str:
    return f"""
[[provider]]
name = "{name}"
dialect = "{dialect}"
base_url = "http://127.0.0.1:{port}/v1"
{keys}
[[route]]
name = "r-{name}"
targets = ["{name}/mock-t3-f20-i0"]
"""


NOTHING_ELSE = "[routing]\nfrom_environment = false\n[local]\nenabled = false\n"


async def verdicts(text: str) -> list[live.Line]:
    lines = await check(config.parse(NOTHING_ELSE + text, "test", KEYS), KEYS)
    shown = "\n".join(table(lines)) + orjson.dumps([one.as_json() for one in lines]).decode()
    assert not any(key in shown for key in KEYS.values())
    return lines


@pytest.mark.parametrize("dialect", ["openai", "anthropic", "gemini", "ollama"])
async def test_a_key_that_works(dialect: str) -> None:
    async with ScriptedUpstream() as upstream:
        (line,) = await verdicts(provider("a", upstream.port, dialect))
        assert line.verdict.state == "works", line
        assert line.verdict.first_token_ms >= 20
        assert line.verdict.latency_ms > 0
        assert line.works
        asked = [one for one in upstream.requests if one.method == "POST"]
        assert len(asked) == 1
        assert len(upstream.requests) <= 2


async def test_a_dialect_without_a_list_is_asked_for_a_token() -> None:
    said = b"""event: content-delta
data: {"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"Hi"}}}}

"""

    async def speak(request, provider):
        await provider.remember(request)
        return web.Response(body=said, content_type="text/event-stream")

    async with serving(Provider(speak)) as upstream:
        (line,) = await verdicts(provider("a", upstream.port, "cohere"))
        assert line.verdict.state == "works", line
        assert line.verdict.latency_ms == line.verdict.first_token_ms
        (seen,) = upstream.seen
        assert (seen.path, seen.json["max_tokens"]) == ("/v1/chat", 1)


async def test_each_key_of_a_provider_has_its_line() -> None:
    async def one_is_good(request, provider):
        await provider.remember(request)
        if "good" not in request.headers["Authorization"]:
            said = {"error": {"message": f"bad {request.headers['Authorization']}"}}
            return web.json_response(said, status=401)
        return web.json_response({"data": []})

    async with serving(Provider(one_is_good)) as upstream:
        text = provider("a", upstream.port, keys='keys = ["env:GOOD", "env:OTHER"]')
        good, other = await verdicts(text.replace("mock-t3-f20-i0", "*").replace("r-a", "r-*"))
        assert (good.key, good.verdict.state) == (1, "works")
        assert (other.key, other.verdict.state, other.works) == (2, "refused", False)
        assert [one.method for one in upstream.seen] == ["GET", "GET"]


async def test_a_list_that_is_public_proves_nothing() -> None:
    async def refuse(request, provider):
        if request.method == "GET":
            return web.json_response({"data": []})
        return web.json_response({"error": {"message": "no"}}, status=403)

    async with serving(Provider(refuse)) as upstream:
        (line,) = await verdicts(provider("a", upstream.port))
        assert (line.verdict.state, line.verdict.note) == (
            "refused", "HTTP 403: the key is not accepted",
        )  # fmt: skip


@pytest.mark.parametrize(
    ("status", "code", "state"),
    [
        (429, "rate_limit_exceeded", "works"),
        (429, "insufficient_quota", "refused"),
        (402, "payment", "works"),
        (500, "oops", "unreachable"),
        (503, "busy", "unreachable"),
        (401, "x", "refused"),
    ],
)
async def test_what_a_status_means(status: int, code: str, state: str) -> None:
    async def answer(request, provider):
        error = {"message": f"words of {KEYS['GOOD']}", "code": code}
        return web.json_response({"error": error}, status=status)

    async with serving(Provider(answer)) as upstream:
        (line,) = await verdicts(provider("a", upstream.port))
        assert line.verdict.state == state


async def test_who_has_no_list_is_asked_for_a_token() -> None:
    async with ScriptedUpstream() as upstream:
        text = provider("a", upstream.port).replace("/v1", "/v1/other")
        (line,) = await verdicts(text)
        assert line.verdict.state == "works", line
        assert [one.method for one in upstream.requests] == ["GET", "POST"]


async def test_who_does_not_answer(monkeypatch) -> None:
    monkeypatch.setattr(live, "DEADLINE_SECONDS", 0.4)

    async def stall(request, provider):
        await asyncio.sleep(30)

    async with serving(Provider(stall)) as upstream, ScriptedUpstream() as slow:
        text = (
            provider("a", upstream.port)
            + provider("b", 1)
            + provider("c", slow.port).replace("mock-t3-f20-i0", "fault-stall-before-headers")
        )
        began = asyncio.get_running_loop().time()
        stalled, refused, silent = await verdicts(text)
        assert asyncio.get_running_loop().time() - began < 2
        assert stalled.verdict.state == "unreachable"
        assert "0.4 s" in stalled.verdict.note
        assert refused.verdict.state == "unreachable"
        assert "connect" in refused.verdict.note
        assert silent.verdict.state == "works"
        assert "no token" in silent.verdict.note


def test_the_command(upstream, tmp_path) -> None:
    file = tmp_path / "firsttoken.toml"
    port = upstream.scripted.port
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **KEYS}

    def run(text: str, *more: str) -> subprocess.CompletedProcess[str]:
        file.write_text(NOTHING_ELSE + text)
        return subprocess.run(
            [sys.executable, "-m", "proxy", "check", "--live", "--config", str(file), *more],
            env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    done = run(provider("good", port) + provider("gone", 1))
    assert done.returncode == 1, done.stderr
    head, good, gone = done.stdout.splitlines()
    assert head.split()[:4] == ["provider", "key", "state", "latency"]
    assert good.split()[:3] == ["good", "1", "works"]
    assert gone.split()[:3] == ["gone", "1", "unreachable"]
    done = run(provider("good", port), "--json")
    assert done.returncode == 0, done.stderr
    (row,) = orjson.loads(done.stdout)
    assert row["state"] == "works"
    assert row["model"] == "mock-t3-f20-i0"
    assert not any(key in done.stdout + done.stderr for key in KEYS.values())
    done = run("")
    assert (done.returncode, done.stdout.count("\n")) == (0, 1)
