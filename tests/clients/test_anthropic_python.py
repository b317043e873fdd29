"""The anthropic package for Python, pointed at the proxy by its base URL and nothing else.

No provider behind it speaks Anthropic's format: every answer is a translation.
"""

from __future__ import annotations

import time

import anthropic
import pytest
from anthropic import Anthropic
from anthropic.types import Message

pytestmark = [pytest.mark.loopback, pytest.mark.slow]

HELLO = [{"role": "user", "content": "Say hello to Ann."}]


def client_of(proxy, key: str = "sk-any") -> Anthropic:
    base = proxy.base_url.removesuffix("/v1")  # this client adds it itself
    return Anthropic(base_url=base, api_key=key, max_retries=0, timeout=60)


def test_answers_whole(home, model) -> None:
    with client_of(home) as client:
        answer = client.messages.create(model=model, messages=HELLO, max_tokens=10)
    Message.model_validate(answer.to_dict(), strict=True)
    assert answer.content[0].type == "text"
    assert answer.content[0].text
    assert answer.stop_reason in ("end_turn", "max_tokens")
    assert 0 < answer.usage.output_tokens <= 10
    assert answer.usage.input_tokens > 5


def test_streams_real_tokens(home, model) -> None:
    with (
        client_of(home) as client,
        client.messages.stream(
            model=model, messages=HELLO, max_tokens=12, system="Be brief."
        ) as stream,
    ):
        events = list(stream)
        final = stream.get_final_message()
    kinds = [event.type for event in events]
    assert kinds[0] == "message_start"
    assert kinds[1] == "content_block_start"
    assert kinds[-1] == "message_stop"
    assert kinds.count("content_block_start") == kinds.count("content_block_stop") == 1
    texts = [event.text for event in events if event.type == "text"]
    assert "".join(texts) == final.content[0].text
    assert len(texts) > 1
    assert final.usage.input_tokens > 5
    assert 0 < final.usage.output_tokens <= 12


def test_stop_sequences_and_limits_arrive(home, model) -> None:
    with client_of(home) as client:
        answer = client.messages.create(
            model=model,
            messages=[{"role": "user", "content": "Count from one to twenty."}],
            max_tokens=4,
        )
    assert answer.stop_reason == "max_tokens"
    assert answer.usage.output_tokens <= 4


def test_a_conversation_with_tools_is_understood(home, model) -> None:
    """The small model calls nothing; what counts is that it is asked in its own format."""
    tool = {"name": "clock", "description": "Tells the time", "input_schema": {"type": "object"}}
    with client_of(home) as client:
        answer = client.messages.create(
            model=model,
            max_tokens=8,
            tools=[tool],
            messages=[
                {"role": "user", "content": "What time is it?"},
                {"role": "assistant", "content": [
                    {"type": "tool_use", "id": "t", "name": "clock", "input": {}}]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "t", "content": "Noon."}]},
            ],
        )  # fmt: skip
    assert answer.role == "assistant"
    assert answer.content


# ---- errors --------------------------------------------------------------------------------------


def test_unknown_model_is_not_found(home) -> None:
    with client_of(home) as client, pytest.raises(anthropic.NotFoundError) as error:
        client.messages.create(model="smollm2-135m-instuct", messages=HELLO, max_tokens=5)
    assert error.value.body["type"] == "error"
    assert error.value.body["error"]["type"] == "not_found_error"


@pytest.mark.parametrize(
    ("fields", "word"),
    [({"max_tokens": -1}, "max_tokens"), ({"messages": []}, "messages"),
     ({"extra_body": {"temperature": "warm"}}, "temperature")],
)  # fmt: skip
def test_bad_request_names_its_parameter(home, model, fields, word: str) -> None:
    asked = {"model": model, "messages": HELLO, "max_tokens": 5, **fields}
    with client_of(home) as client, pytest.raises(anthropic.BadRequestError) as error:
        client.messages.create(**asked)
    assert error.value.body["error"]["type"] == "invalid_request_error"
    assert word in error.value.body["error"]["message"]


def test_wrong_keys_are_authentication_errors(locked) -> None:
    with client_of(locked, "sk-wrong") as client, pytest.raises(anthropic.AuthenticationError):
        client.messages.create(model="mock/mock-t2", messages=HELLO, max_tokens=5)
    with client_of(locked, "sk-right") as client:
        answer = client.messages.create(model="mock/mock-t2", messages=HELLO, max_tokens=5)
    assert answer.content[0].text


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, anthropic.BadRequestError),
        (409, anthropic.ConflictError),
        (422, anthropic.UnprocessableEntityError),
        (429, anthropic.RateLimitError),
        (500, anthropic.InternalServerError),
        (529, anthropic.APIStatusError),
        (401, anthropic.InternalServerError),  # our key, not the client's
    ],
)
def test_a_providers_refusal_keeps_its_class(faulty, status, kind, stream) -> None:
    with client_of(faulty) as client, pytest.raises(kind) as error:
        client.messages.create(
            model=f"mock/mock-e{status}", messages=HELLO, max_tokens=5, stream=stream
        )
    assert error.value.body["type"] == "error"


@pytest.mark.parametrize(
    "name",
    ["fault-reset-before-headers", "fault-empty-stream", "fault-error-frame-first",
     "fault-reset-mid", "fault-error-frame-mid", "mock-t8-x4"],
)  # fmt: skip
def test_a_broken_answer_raises_and_never_looks_finished(faulty, name) -> None:
    seen = []
    with client_of(faulty) as client, pytest.raises(anthropic.APIError):
        seen += client.messages.create(
            model=f"mock/{name}", messages=HELLO, max_tokens=50, stream=True
        )
    assert not {"message_delta", "message_stop"} & {event.type for event in seen}


def test_leaving_mid_stream_ends_the_providers_work(faulty, upstream) -> None:
    with client_of(faulty) as client:
        stream = client.messages.create(
            model="mock/mock-t500-i20", messages=HELLO, max_tokens=500, stream=True
        )
        for number, _ in enumerate(stream):
            if number == 8:
                break
        stream.close()
    record = upstream.requests[-1]
    while not record.ended_at:  # which it does by itself after 10 s, with its last token
        time.sleep(0.005)
    assert record.closed_by_client
