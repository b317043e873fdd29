"""Counts of tokens: Anthropic's own, or an estimate."""

from __future__ import annotations

import anthropic
import pytest
from aiohttp import web

from tests.loopback.provider import relaying

pytestmark = pytest.mark.loopback

ASKED = {"model": "one", "messages": [{"role": "user", "content": "What is the capital of Spain?"}]}


async def test_a_provider_of_this_format_counts_itself() -> None:
    async def count(request, provider):
        await provider.remember(request)
        return web.json_response({"input_tokens": 4321})

    async with (
        relaying(count, dialect="anthropic") as house,
        house.client.post("/v1/messages/count_tokens", json=ASKED) as answer,
    ):
        assert await answer.json() == {"input_tokens": 4321}
        assert house.primary.seen[0].json["model"] == "real-model"


async def test_any_other_provider_s_count_is_an_estimate() -> None:
    async with relaying() as house:
        async with house.client.post("/v1/messages/count_tokens", json=ASKED) as answer:
            assert answer.status == 200
            assert 10 < (await answer.json())["input_tokens"] < 20
            assert answer.headers["x-firsttoken-provider"] == "primary"
            assert answer.headers["x-firsttoken-route"] == "one"
        assert house.primary.seen == []
        base = str(house.client._base_url)
        async with anthropic.AsyncAnthropic(base_url=base, api_key="k", max_retries=0) as client:
            counted = await client.messages.count_tokens(**ASKED)
            assert 10 < counted.input_tokens < 20


@pytest.mark.parametrize(
    ("body", "word"),
    [({"model": "one"}, "messages"), ({**ASKED, "system": 3}, "system"),
     ({**ASKED, "model": "none"}, "none")],
)  # fmt: skip
async def test_what_cannot_be_counted_is_refused_in_this_format(body, word: str) -> None:
    async with (
        relaying() as house,
        house.client.post("/v1/messages/count_tokens", json=body) as answer,
    ):
        assert answer.status in (400, 404)
        told = await answer.json()
        assert told["type"] == "error"
        assert word in told["error"]["message"]
