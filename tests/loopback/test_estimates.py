"""Answers whose provider counted nothing: their clients hear an estimate that says what it is."""

from __future__ import annotations

import orjson
import pytest
from aiohttp import web
from anthropic.types import Message
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response

from tests.loopback.provider import relaying

pytestmark = pytest.mark.loopback

WORDS = "one two three four five six seven"


def chunk(delta, reason=None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    told = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [choice]}  # fmt: skip
    return b"data: %b\n\n" % orjson.dumps(told)


async def uncounted(request, provider) -> web.StreamResponse:
    seen = await provider.remember(request)
    if not seen.json.get("stream"):
        choice = {"index": 0, "message": {"role": "assistant", "content": WORDS},
                  "finish_reason": "stop"}  # fmt: skip
        return web.json_response({"id": "c", "object": "chat.completion", "created": 1,
                                  "model": "m", "choices": [choice]})  # fmt: skip
    answer = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await answer.prepare(request)
    words = b"".join(chunk({"content": f"{word} "}) for word in WORDS.split())
    await answer.write(words + chunk({}, "stop") + b"data: [DONE]\n\n")
    return answer


CHAT = {"model": "one", "messages": [{"role": "user", "content": "Count to seven, please."}]}
ASKS = {
    "/v1/messages": {**CHAT, "max_tokens": 50},
    "/v1/responses": {"model": "one", "input": "Count to seven, please."},
}


async def asked(house, path: str, *, stream: bool, **more) -> bytes:
    body = {**ASKS.get(path, CHAT), "stream": stream, "firsttoken": {"cache": "bypass"}, **more}
    async with house.client.post(path, json=body) as answer:
        assert answer.status == 200
        return await answer.read()


def events(data: bytes) -> list[dict]:
    lines = [line for line in data.split(b"\n") if line.startswith(b"data: {")]
    return [orjson.loads(line[6:]) for line in lines]


@pytest.mark.parametrize("path", ASKS)
async def test_who_is_always_told_is_told_an_estimate(path: str) -> None:
    async with relaying(uncounted) as house:
        whole = orjson.loads(await asked(house, path, stream=False))
        last = events(await asked(house, path, stream=True))[-2:]
        if path == "/v1/messages":
            Message.model_validate(whole, strict=True)
            streamed = last[0]["usage"]
        else:
            Response.model_validate(whole)
            streamed = last[-1]["response"]["usage"]
    for usage in (whole["usage"], streamed):
        assert 4 <= usage["input_tokens"] <= 30
        assert 4 <= usage["output_tokens"] <= 20
        assert usage["estimated"] is True


QUIRK = 'quirks = ["tool_index"]'  # such streams are told anew


@pytest.mark.parametrize("wants", [True, False])
async def test_a_chat_client_is_told_where_it_asks(wants: bool) -> None:
    async with relaying(uncounted, limits=QUIRK) as house:
        options = {"stream_options": {"include_usage": True}} if wants else {}
        data = await asked(house, "/v1/chat/completions", stream=True, **options)
        row = await house.row()
    told = [one["usage"] for one in events(data) if one.get("usage")]
    for one in events(data):
        ChatCompletionChunk.model_validate(one, strict=True)
    assert len(told) == wants
    assert row.completion > 3
    assert row.marks & 1
    if wants:
        assert told[0]["completion_tokens"] == row.completion
        assert told[0]["estimated"] is True


async def halved(request, provider) -> web.StreamResponse:
    body = rb'{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,'
    body += rb'"message":{"role":"assistant","content":"cut \ud83d"},"finish_reason":"stop"}]}'
    return web.Response(body=body, content_type="application/json")


async def test_an_answer_cut_within_a_character_is_an_answer() -> None:
    async with relaying(halved) as house:
        for stream in (False, True):
            for path in ("/v1/messages", "/v1/responses", "/v1/chat/completions"):
                assert "cut \ufffd" in orjson.dumps(
                    events(await asked(house, path, stream=True)) if stream
                    else orjson.loads(await asked(house, path, stream=False))
                ).decode()  # fmt: skip


async def test_what_passes_unchanged_stays_as_it_is() -> None:
    async with relaying(uncounted) as house:
        whole = orjson.loads(await asked(house, "/v1/chat/completions", stream=False))
        data = await asked(house, "/v1/chat/completions", stream=True)
    ChatCompletion.model_validate(whole, strict=True)
    assert "usage" not in whole
    assert b"usage" not in data
