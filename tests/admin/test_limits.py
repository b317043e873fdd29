"""Limits as a client meets them, and alerts as an operator does."""

from __future__ import annotations

import asyncio

import pytest

from proxy.config import ConfigError
from tests.admin.house import House, house
from tests.ledger.test_webhook import receiver

KEY = '[[auth.key]]\nname = "web"\nkey = "env:K"\n'
BEARER = {"Authorization": "Bearer sk-caller"}
BODY = {"model": "chat", "messages": [{"role": "user", "content": "x"}], "max_tokens": 20}


async def ask(it: House, **body) -> tuple[int, dict, dict]:
    sent = {**BODY, **body}
    async with it.client.post("/v1/chat/completions", json=sent, headers=BEARER) as answer:
        text = await answer.read()
        return (
            answer.status,
            {k.lower(): v for k, v in answer.headers.items()},
            {} if not text else await answer.json(),
        )


@pytest.mark.parametrize("lane", ["true", "false"])
async def test_requests_a_minute(lane: str) -> None:
    key = KEY + "requests_per_minute = 2\ntokens_per_minute = 5000\n"
    async with house(server=f"fast_lane = {lane}", extra=key) as it:
        _, first, _ = await ask(it)
        assert first["x-ratelimit-limit-requests"] == "2"
        assert first["x-ratelimit-remaining-requests"] == "1"
        assert 0 < int(first["x-ratelimit-remaining-tokens"]) < 5000
        async with it.client.post(
            "/v1/chat/completions", json={**BODY, "stream": True}, headers=BEARER
        ) as answer:
            assert answer.headers["x-ratelimit-remaining-requests"] == "0"
            assert b"[DONE]" in await answer.read()
        assert (await ask(it))[0] == 429
        _, headers, body = await ask(it)
        assert body["error"]["code"] == "rate_limit_exceeded"
        assert headers["x-ratelimit-remaining-requests"] == "0"
        assert 0 < int(headers["retry-after"]) <= 60
        page = await it.get("/metrics")
        assert "firsttoken_limited_total 2.0" in page
        assert "firsttoken_refused_429_total 2.0" in page


@pytest.mark.parametrize("lane", ["true", "false"])
async def test_what_the_proxy_refuses_itself_is_counted(lane: str) -> None:
    async with house(server=f"fast_lane = {lane}", extra=KEY) as it:
        assert (await ask(it, model="nothing"))[0] == 404
        assert (await ask(it, messages=1))[0] == 400
        for _ in range(2):
            async with it.client.post("/v1/chat/completions", json=BODY) as answer:
                assert answer.status == 401
        async with it.client.get("/v1/nothing/here", headers=BEARER) as answer:
            assert answer.status != 200
        page = await it.get("/metrics")
        assert "firsttoken_refused_400_total 1.0" in page
        assert "firsttoken_refused_401_total 2.0" in page
        assert "firsttoken_refused_404_total" in page


async def test_a_hit_of_the_cache_gives_its_tokens_back() -> None:
    key = KEY + "tokens_per_minute = 100\n"
    async with house(cache="true", extra=key) as it:
        for _ in range(20):
            status, _, _ = await ask(it, temperature=0)
            assert status == 200


async def test_a_relayed_call_is_limited_too_and_gives_nothing_away() -> None:
    key = KEY + "requests_per_minute = 3\ntokens_per_minute = 1000\n"
    async with house(extra=key) as it:
        left = []
        for _ in range(4):
            body = {"model": "primary/mock-embed", "input": "x" * 400}
            async with it.client.post("/v1/embeddings", json=body, headers=BEARER) as answer:
                left.append(answer.status)
        assert left[-1] == 429
        (rate,) = [one for one in (await it.get("/api/limits"))["limits"]
                   if one["kind"] == "tokens_per_minute"]  # fmt: skip
        assert rate["used"] >= 0
        assert not it.app.memory.quotas._held


async def test_a_request_that_comes_no_further_holds_nothing() -> None:
    key = KEY + "tokens_per_minute = 100\n"
    async with house(cache="true", extra=key) as it:
        for _ in range(10):
            status, _, _ = await ask(it, firsttoken={"cache": "only"}, temperature=0)
            assert status == 504
        assert not it.app.memory.quotas._held


async def test_a_budget_stops_a_key_and_the_operator_hears_of_it() -> None:
    async with receiver() as (got, url):
        ledger = f'[ledger]\nwebhook = "{url}"\nwebhook_key = "env:ADMIN_KEY"'
        key = KEY + "budget_usd_per_day = 0.00001\n"
        async with house(ledger=ledger, extra=key) as it:
            statuses = [(await ask(it))[0] for _ in range(4)]
            assert (statuses[0], statuses[-1]) == (200, 429)
            _, headers, body = await ask(it)
            assert body["error"]["code"] == "insufficient_quota"
            assert headers["x-should-retry"] == "false"
            async with asyncio.timeout(5):
                while len(got) < 1:
                    await asyncio.sleep(0.01)
    assert b"budget_exceeded" in got[-1][1]


async def test_a_restart_does_not_give_a_second_budget(tmp_path) -> None:
    ledger = f'[ledger]\npath = "{tmp_path}/ledger.db"'
    key = KEY + "budget_usd_per_month = 0.00001\n"
    for due in ([200, 429], [429, 429]):
        async with house(ledger=ledger, extra=key) as it:
            await asyncio.sleep(0.1)
            assert [(await ask(it))[0] for _ in range(2)] == due


async def test_budgets_without_a_ledger_are_refused() -> None:
    key = KEY + "budget_usd_per_day = 1.0\n"
    with pytest.raises(ConfigError, match="budgets need the ledger"):
        async with house(ledger="[ledger]\nenabled = false", extra=key):
            pass


async def test_a_breaker_that_opens_is_an_alert(caplog) -> None:
    async with house() as it:
        body = {**BODY, "model": "primary/fault-401"}
        await it.call("POST", "/v1/chat/completions", json=body)
        async with asyncio.timeout(5):
            while "breaker_open" not in caplog.text:
                await asyncio.sleep(0.05)
    assert "refuses the configured key" in caplog.text
