"""The openai package's Responses, pointed at the proxy by its base URL and nothing else.

The providers behind it speak chat completions: every answer is a translation.
"""

from __future__ import annotations

import openai
import pytest
from openai import OpenAI
from openai.types.responses import Response

pytestmark = [pytest.mark.loopback, pytest.mark.slow]


def client_of(proxy) -> OpenAI:
    return OpenAI(base_url=proxy.base_url, api_key="sk-any", max_retries=0, timeout=60)


def test_answers_whole(home, model) -> None:
    with client_of(home) as client:
        answer = client.responses.create(
            model=model, input="Say hello to Ann.", instructions="Be brief.", max_output_tokens=10
        )
    Response.model_validate(answer.to_dict(), strict=True)
    assert answer.output_text
    assert answer.status in ("completed", "incomplete")
    assert answer.usage is not None
    assert 0 < answer.usage.output_tokens <= 10


def test_streams_real_tokens(home, model) -> None:
    with (
        client_of(home) as client,
        client.responses.stream(
            model=model, input="Say hello to Bob.", max_output_tokens=16
        ) as stream,
    ):
        events = list(stream)
    final = events[-1].response
    kinds = [event.type for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] in ("response.completed", "response.incomplete")
    assert [event.sequence_number for event in events] == list(range(len(events)))
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == final.output_text
    assert len(deltas) > 1
    assert final.usage is not None
    assert final.usage.output_tokens > 0


def test_a_conversation_is_given_whole(home, model) -> None:
    with client_of(home) as client:
        answer = client.responses.create(
            model=model,
            max_output_tokens=16,
            input=[
                {"role": "user", "content": "My name is Ann."},
                {"role": "assistant", "content": "Hello Ann."},
                {"role": "user", "content": [{"type": "input_text", "text": "What is my name?"}]},
            ],
        )
    assert answer.output_text


def test_what_needs_a_memory_is_refused_in_plain_words(home, model) -> None:
    with client_of(home) as client, pytest.raises(openai.BadRequestError) as error:
        client.responses.create(model=model, input="hi", previous_response_id="resp_1")
    assert error.value.param == "previous_response_id"
    assert "stored" in error.value.message


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, openai.BadRequestError), (429, openai.RateLimitError),
     (503, openai.InternalServerError)],
)  # fmt: skip
def test_a_providers_refusal_keeps_its_class(faulty, status, kind, stream) -> None:
    with client_of(faulty) as client, pytest.raises(kind):
        client.responses.create(model=f"mock/mock-e{status}", input="hi", stream=stream)


@pytest.mark.parametrize("name", ["fault-reset-mid", "fault-error-frame-mid", "mock-t8-x4"])
def test_a_broken_answer_raises_and_never_looks_finished(faulty, name) -> None:
    seen = []
    with client_of(faulty) as client, pytest.raises(openai.APIError):
        seen += client.responses.create(model=f"mock/{name}", input="hi", stream=True)
    assert not any(event.type == "response.completed" for event in seen)
