"""Which target `auto` means, by whose word, and what the answer says of it."""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import asynccontextmanager
from dataclasses import replace

import aiohttp
import pytest

from benchmarks.mock import ScriptedUpstream
from proxy import config
from proxy.app import App

pytestmark = pytest.mark.loopback

TOML = """
[server]
port = 0
log = "off"
[local]
enabled = false
[cache]
enabled = false
[[provider]]
name = "cheap"
dialect = "openai"
base_url = "{cheap}"
[[provider]]
name = "dear"
dialect = "openai"
base_url = "{dear}"
[[provider]]
name = "small"
dialect = "openai"
base_url = "{small}"
[[model]]
name = "dear/mock-t2-f0-i0"
input_usd_per_mtok = 50.0
output_usd_per_mtok = 100.0
[[model]]
name = "cheap/mock-t2-f0-i0"
input_usd_per_mtok = 0.1
output_usd_per_mtok = 0.2
[[category]]
name = "code"
targets = ["dear/mock-t2-f0-i0", "cheap/mock-t2-f0-i0"]
[[category]]
name = "translation"
targets = ["cheap/mock-t2-f0-i0"]
[[route]]
name = "chat"
targets = ["cheap/mock-t2-f0-i0"]
[[route]]
name = "three"
targets = ["dear/mock-t2-f0-i0", "small/mock-t1-f0-i0", "cheap/mock-t2-f0-i0"]
[[route]]
name = "best"
targets = ["dear/mock-t2-f0-i0"]
[routing]
{routing}
"""
CODE = "Write a Python function that reverses a linked list and explain its code"
VAGUE = "hm"


class Client:
    def __init__(self, app: App, session: aiohttp.ClientSession, small: ScriptedUpstream) -> None:
        self.app = app
        self.session = session
        self.small = small

    async def ask(self, text: str, model: str = "auto", **fields):
        body = {"model": model, "messages": [{"role": "user", "content": text}], **fields}
        async with self.session.post("/v1/chat/completions", json=body) as answer:
            return answer.status, answer.headers, await answer.json(content_type=None)


@asynccontextmanager
async def house(routing: str = "", word: str = "translation"):
    async with (
        ScriptedUpstream() as cheap,
        ScriptedUpstream() as dear,
        ScriptedUpstream(word=word) as small,
    ):
        text = TOML.format(
            cheap=cheap.base_url, dear=dear.base_url, small=small.base_url, routing=routing
        )
        app = App(config.parse(text, "test", {}), {})
        _, port = await app.open()
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            try:
                yield Client(app, session, small)
            finally:
                app.house.limits = type(app.house.limits)(drain_s=0.2)
                await app.close()


async def test_the_category_decides_and_the_answer_says_why() -> None:
    async with house() as it:
        status, headers, _ = await it.ask(CODE)
        assert status == 200
        assert headers["x-firsttoken-provider"] == "dear"
        why = headers["x-firsttoken-why"]
        assert re.fullmatch(r"category code, by embedding \d\.\d\d sure", why)


@pytest.mark.parametrize(
    ("options", "provider", "category", "why"),
    [
        ({"use_case": "code_generation"}, "dear", "code", "as the request says"),
        ({"category": "translation"}, "cheap", "translation", "as the request says"),
        ({"use_case": "simple"}, "cheap", "conversation", "default, as the request says"),
    ],
)
async def test_a_use_case_means_a_category(options, provider, category, why) -> None:
    async with house() as it:
        _, headers, _ = await it.ask(VAGUE, firsttoken=options)
        assert headers["x-firsttoken-provider"] == provider
        assert headers["x-firsttoken-category"] == category
        assert why in headers["x-firsttoken-why"]


async def test_who_is_unsure_takes_the_default() -> None:
    async with house() as it:
        _, headers, _ = await it.ask("zzqx vrrt plonk")
        assert headers["x-firsttoken-why"].startswith("default, ")


@pytest.mark.parametrize(
    ("model", "fields", "provider"),
    [
        ("auto", {}, "dear"),
        ("auto:enterprise", {}, "dear"),
        ("auto:economy", {}, "cheap"),
        ("auto:standard", {"max_tokens": 2}, "dear"),
        ("auto", {"firsttoken": {"budget_tier": "economy"}}, "cheap"),
    ],
)
async def test_a_budget_tier_caps_the_price(model, fields, provider) -> None:
    async with house() as it:
        status, headers, _ = await it.ask(CODE, model, **fields)
        assert (status, headers["x-firsttoken-provider"]) == (200, provider)
        if provider == "cheap":
            assert "over 0.01 USD: dear/mock-t2-f0-i0" in headers["x-firsttoken-why"]


async def test_who_has_no_price_is_said_to_have_none() -> None:
    async with house() as it:
        _, headers, _ = await it.ask("x", "three", firsttoken={"budget_tier": "economy"})
        assert headers["x-firsttoken-why"] == (
            "route; over 0.01 USD: dear/mock-t2-f0-i0; at a price nobody knows: small/mock-t1-f0-i0"
        )


@pytest.mark.parametrize(("asked", "told"), [("code_generation", "code"), ("gossip", "gossip")])
async def test_a_route_tells_what_a_use_case_means_too(asked: str, told: str) -> None:
    async with house() as it:
        _, headers, _ = await it.ask(VAGUE, "chat", firsttoken={"use_case": asked})
        assert headers["x-firsttoken-category"] == told


async def test_no_client_names_a_metric() -> None:
    async with house() as it:
        for name in ("gossip", "rumour", "code"):
            await it.ask(VAGUE, firsttoken={"category": name})
        async with it.session.get("/metrics") as answer:
            told = await answer.text()
    assert 'category="code"' in told
    assert 'category="other"' in told
    assert "gossip" not in told


async def test_what_nobody_does_for_that_price_is_refused() -> None:
    async with house() as it:
        options = {"firsttoken": {"budget_tier": "ultra_economy"}}
        status, _, body = await it.ask(CODE, "best", **options)
        assert (status, body["error"]["code"]) == (400, "budget_tier_exceeded")
        status, _, body = await it.ask(CODE, firsttoken={"budget_tier": "royal"})
        assert (status, body["error"]["code"]) == (400, "unknown_budget_tier")
        status, _, body = await it.ask(CODE, "auto:royal")
        assert (status, body["error"]["code"]) == (404, "model_not_found")


async def test_a_strong_share_of_none_spares_the_first_target() -> None:
    async with house("strong_share = 0.0") as it:
        _, headers, _ = await it.ask(CODE)
        assert headers["x-firsttoken-provider"] == "cheap"
        assert "spared the strong model" in headers["x-firsttoken-why"]


LLM = 'mode = "llm"\nrouter_model = "small/{model}"\nrouter_ms = {ms}'


@pytest.mark.parametrize("stream", [False, True])
async def test_a_model_decides(stream: bool) -> None:
    async with house(LLM.format(model="mock-t1-f0-i0", ms=2000)) as it:
        for _ in range(2):
            body = {"model": "auto", "messages": [{"role": "user", "content": CODE}]}
            body["stream"] = stream
            async with it.session.post("/v1/chat/completions", json=body) as answer:
                await answer.read()
                assert answer.headers["x-firsttoken-category"] == "translation"
                assert "by the router model" in answer.headers["x-firsttoken-why"]
        assert len(it.small.requests) == 1, "the same words are asked once"


async def test_a_late_model_costs_its_budget_and_no_more() -> None:
    async with house(LLM.format(model="mock-t1-f600-i0", ms=100)) as it:
        for number in range(5):
            began = time.perf_counter()
            _, headers, _ = await it.ask(f"{CODE} in {number} lines")
            took = time.perf_counter() - began
            assert headers["x-firsttoken-provider"] == "dear"
            assert took < 0.5
            if number > 2:
                assert took < 0.1, "what is always late is no more waited for"
        await asyncio.sleep(0.8)
        _, headers, _ = await it.ask(f"{CODE} in 0 lines")
        assert headers["x-firsttoken-category"] == "translation", "the late word is remembered"


async def test_a_broken_model_costs_nothing() -> None:
    async with house(LLM.format(model="fault-401", ms=1000)) as it:
        began = time.perf_counter()
        _, headers, _ = await it.ask(CODE)
        assert headers["x-firsttoken-provider"] == "dear"
        assert time.perf_counter() - began < 1.5


async def test_what_only_fails_is_no_more_waited_for_and_is_heard_once_it_speaks() -> None:
    async with house(LLM.format(model="fault-500", ms=1000)) as it:
        waited = it.app._serving.pipeline.chooser.adviser
        for number in range(3):
            assert waited.waits
            await it.ask(f"{CODE} in {number} lines")
        assert not waited.waits
        heard: list[str | None] = []
        waited._step = replace(waited._step, model="mock-t1-f0-i0")
        async with asyncio.timeout(5):
            while not waited.waits:
                waited.ask(f"{CODE} in 9 lines", heard.append)
                await asyncio.sleep(0.02)
        assert heard[-1] == "translation"


async def test_hybrid_asks_only_where_it_is_unsure() -> None:
    text = (
        LLM.format(model="mock-t1-f0-i0", ms=2000).replace("llm", "hybrid") + "\nrouter_below = 0.7"
    )
    async with house(text) as it:
        _, headers, _ = await it.ask(CODE)
        assert "by embedding" in headers["x-firsttoken-why"]
        _, headers, _ = await it.ask("zzqx vrrt plonk")
        assert "by the router model" in headers["x-firsttoken-why"]


async def test_a_client_that_leaves_while_it_waits_is_let_go() -> None:
    async with house(LLM.format(model="mock-t1-f900-i0", ms=900)) as it:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(it.ask(CODE), 0.15)
        await asyncio.sleep(0.1)
        assert not it.app.house.answers
        status, _, _ = await it.ask(CODE, "chat")
        assert status == 200


async def test_keywords_decide_where_that_is_the_mode() -> None:
    async with house('mode = "keywords"') as it:
        _, headers, _ = await it.ask(CODE)
        assert "by keywords" in headers["x-firsttoken-why"]
