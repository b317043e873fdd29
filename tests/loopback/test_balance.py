"""Limits of providers, pools of keys, and floors of speed, over real sockets."""

from __future__ import annotations

import asyncio

import pytest

from benchmarks.mock import ScriptedUpstream, expected_text
from proxy import config
from proxy.app import App
from tests.loopback.house import ask, running

pytestmark = pytest.mark.loopback

POOL = """
[server]
port = 0
log = "off"
[cache]
enabled = false
[local]
enabled = false
[ledger]
enabled = false
[[provider]]
name = "pool"
dialect = "openai"
base_url = "{url}"
keys = ["env:K0", "env:K1", "env:K2"]
{limits}
[[provider]]
name = "spare"
dialect = "openai"
base_url = "{url}"
key = "env:SPARE"
[[route]]
name = "pooled-*"
targets = ["pool/*"]
[[route]]
name = "spared-*"
targets = ["pool/*", "spare/*"]
"""
KEYS = {"K0": "sk-0", "K1": "sk-1", "K2": "sk-2", "SPARE": "sk-spare"}


async def asked(port: int, model: str, count: int) -> list:
    return await asyncio.gather(*(ask(port, model, text=f"q{n}") for n in range(count)))


def keys_of(upstream: ScriptedUpstream) -> list[str]:
    return [one.headers["authorization"].removeprefix("Bearer ") for one in upstream.requests]


async def proxied(text: str, count: int, model: str, upstream: ScriptedUpstream) -> list:
    app = App(config.parse(text, "test", KEYS), KEYS)
    _, port = await app.open()
    try:
        return await asked(port, model, count)
    finally:
        app.house.limits = type(app.house.limits)(drain_s=0.2)
        await app.close()


async def test_several_keys_share_the_load() -> None:
    async with ScriptedUpstream() as upstream:
        text = POOL.format(url=upstream.base_url, limits="")
        replies = await proxied(text, 30, "pooled-mock-t4-f50-i0", upstream)
        assert all(reply.text == expected_text("mock-t4-f0-i0") for reply in replies)
        used = keys_of(upstream)
        assert {used.count(key) for key in ("sk-0", "sk-1", "sk-2")} == {10}


async def test_what_finds_no_place_goes_on_to_the_next_target() -> None:
    async with ScriptedUpstream() as upstream:
        text = POOL.format(url=upstream.base_url, limits="max_concurrent = 1")
        replies = await proxied(text, 12, "spared-mock-t4-f20-i0", upstream)
        assert all(reply.text == expected_text("mock-t4-f0-i0") for reply in replies)
        assert "sk-spare" in keys_of(upstream)


async def test_a_full_target_is_waited_for_briefly_and_then_refused() -> None:
    async with ScriptedUpstream() as upstream:
        text = POOL.format(url=upstream.base_url, limits="requests_per_minute = 2")
        replies = await proxied(text, 12, "pooled-mock-t4-f0-i0", upstream)
        refused = [reply for reply in replies if reply.status == 429]
        assert refused
        assert all(int(reply.headers["retry-after"]) >= 1 for reply in refused)
        assert all(reply.error["code"] == "target_limit_reached" for reply in refused)


async def test_a_stream_below_the_floor_of_speed_is_finished_elsewhere() -> None:
    slow = "min_tokens_per_second = 4\nbetween_tokens_ms = 60000"
    async with running(route=slow) as house:
        house.backup.word = "tok"
        reply = await ask(house.port, "chat-mock-t40-f0-i1000")
        assert reply.error is None
        assert reply.headers["x-firsttoken-provider"] == "primary"
        assert len(house.backup.requests) == 1
