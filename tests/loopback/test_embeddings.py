"""/v1/embeddings and counts of tokens, whoever the provider is."""

from __future__ import annotations

import anthropic
import openai
import pytest
from aiohttp import web

from tests.loopback.provider import SECRET, relaying

pytestmark = pytest.mark.loopback

OPENAI = {
    "object": "list",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -1.0]}],
    "model": "real-model",
    "usage": {"prompt_tokens": 9, "total_tokens": 9},
}
OTHERS = {
    "gemini": (
        "/v1/models/real-model:batchEmbedContents",
        {"embeddings": [{"values": [0.5, -1.0]}], "usageMetadata": {"promptTokenCount": 9}},
    ),
    "cohere": (
        "/v1/embed",
        {"embeddings": {"float": [[0.5, -1]]}, "meta": {"billed_units": {"input_tokens": 9}}},
    ),
    "ollama": ("/v1/api/embed", {"embeddings": [[0.5, -1]], "prompt_eval_count": 9}),
}
MESSAGES = [{"role": "user", "content": "What is the capital of France?"}]


def saying(body, status=200):
    async def answer(request, provider):
        await provider.remember(request)
        return web.json_response(body, status=status)

    return answer


def sdk(house) -> openai.AsyncOpenAI:
    host, port = house.app.address
    return openai.AsyncOpenAI(base_url=f"http://{host}:{port}/v1", api_key="x", max_retries=0)


@pytest.mark.parametrize("dialect", ["openai", *OTHERS])
@pytest.mark.parametrize("encoding", ["float", "base64", None])
async def test_every_provider_embeds_for_openai_s_client(dialect: str, encoding) -> None:
    path, body = OTHERS.get(dialect, ("/v1/embeddings", OPENAI))
    async with relaying(saying(body), dialect=dialect) as house, sdk(house) as client:
        more = {"encoding_format": encoding} if encoding else {}
        found = await client.embeddings.create(model="one", input=["hello"], **more)
        (seen,) = house.primary.seen
        assert seen.path == path
        assert SECRET in " ".join(seen.headers.values())
        if dialect != "openai" and encoding == "base64":
            assert found.data[0].embedding == "AAAAPwAAgL8="
        else:
            assert found.data[0].embedding == [0.5, -1.0]
        assert found.usage.prompt_tokens == 9
        row = await house.row()
        assert (row.prompt, row.model, row.outcome) == (9, "real-model", "ok")


@pytest.mark.parametrize("dialect", ["openai", *OTHERS])
async def test_the_next_target_embeds_where_one_fails(dialect: str) -> None:
    bad = saying({"error": {"message": "busy"}}, 503)
    async with relaying(bad, saying(OPENAI), dialect=dialect) as house, sdk(house) as client:
        found = await client.embeddings.with_raw_response.create(model="two", input="hello")
        assert found.headers["x-firsttoken-provider"] == "backup"
        assert house.backup.seen[0].json["model"] == "other-model"


@pytest.mark.parametrize("dialect", [*OTHERS])
async def test_a_foreign_refusal_is_told_in_openai_s_words(dialect: str) -> None:
    bad = saying({"message": "no such input", "error": {"message": "no such input"}}, 400)
    async with relaying(bad, dialect=dialect) as house, sdk(house) as client:
        with pytest.raises(openai.BadRequestError, match="no such input"):
            await client.embeddings.create(model="one", input="hello")


@pytest.mark.parametrize("dialect", ["anthropic", "bedrock"])
async def test_who_has_no_embeddings_says_so(dialect: str) -> None:
    async with relaying(dialect=dialect) as house, sdk(house) as client:
        with pytest.raises(openai.BadRequestError, match=f"a provider that speaks {dialect}"):
            await client.embeddings.create(model="one", input="hello")


async def test_tokens_go_only_to_openai_s_kin() -> None:
    async with relaying(backup=saying(OPENAI), dialect="gemini") as house, sdk(house) as client:
        with pytest.raises(openai.BadRequestError, match="must be text"):
            await client.embeddings.create(model="one", input=[1, 2])
        found = await client.embeddings.create(model="two", input=[1, 2])
        assert found.data[0].embedding == [0.5, -1.0]
        assert house.primary.seen == []


async def test_embeddings_need_a_model() -> None:
    async with relaying() as house:
        for body in ({"input": "x"}, {"input": "x", "model": 3}, []):
            async with house.client.post("/v1/embeddings", json=body) as answer:
                assert answer.status == 400


async def test_anthropic_counts_its_own_tokens() -> None:
    own = saying({"input_tokens": 4711})
    async with relaying(own, dialect="anthropic") as house:
        host, port = house.app.address
        async with anthropic.AsyncAnthropic(
            base_url=f"http://{host}:{port}", api_key="x", max_retries=0
        ) as client:
            found = await client.messages.with_raw_response.count_tokens(
                model="one", messages=MESSAGES
            )
        assert (await found.parse()).input_tokens == 4711
        assert "x-firsttoken-estimated" not in found.headers
        (seen,) = house.primary.seen
        assert seen.path == "/v1/messages/count_tokens"
        assert seen.json == {"model": "real-model", "messages": MESSAGES}
        assert seen.headers["anthropic-version"] == "2023-06-01"
        assert seen.headers.get("x-api-key") != "x"


async def test_others_tokens_are_estimated() -> None:
    async with relaying() as house:
        host, port = house.app.address
        async with anthropic.AsyncAnthropic(
            base_url=f"http://{host}:{port}", api_key="x", max_retries=0
        ) as client:
            found = await client.messages.with_raw_response.count_tokens(
                model="one", messages=MESSAGES
            )
            assert 10 <= (await found.parse()).input_tokens <= 20
            assert found.headers["x-firsttoken-estimated"] == "true"
            assert found.headers["x-firsttoken-provider"] == "primary"
            tools = [{"name": "f", "input_schema": {"type": "object", "properties": {}}}]
            image = {"type": "base64", "media_type": "image/png", "data": "A" * 100_000}
            seen = [{"type": "image", "source": image}]
            more = await client.messages.count_tokens(
                model="one", messages=[{"role": "user", "content": seen}], tools=tools
            )
            assert 1000 < more.input_tokens < 2000
            with pytest.raises(anthropic.NotFoundError):
                await client.messages.count_tokens(model="nobody", messages=MESSAGES)
            with pytest.raises(anthropic.BadRequestError):
                await client.messages.count_tokens(model="one", messages=[{"role": "x"}])
        assert house.primary.seen == []


async def test_batches_of_messages_go_to_anthropic() -> None:
    async with relaying(dialect="anthropic") as house:
        async with house.client.get("/v1/messages/batches?limit=3") as answer:
            assert answer.status == 200
        async with house.client.get("/v1/files", headers={"anthropic-version": "x"}) as answer:
            assert answer.headers["x-firsttoken-provider"] == "primary"
        async with house.client.get("/v1/files") as answer:
            assert answer.headers["x-firsttoken-provider"] == "backup"
        assert [one.path for one in house.primary.seen] == [
            "/v1/messages/batches?limit=3", "/v1/files",
        ]  # fmt: skip
