"""The openai package for Python, pointed at the proxy by its base URL and nothing else."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletion, ChatCompletionChunk

pytestmark = [pytest.mark.loopback, pytest.mark.slow]

HELLO = [{"role": "user", "content": "Say hello to Ann."}]


def client_of(proxy, key: str = "sk-any") -> OpenAI:
    return OpenAI(base_url=proxy.base_url, api_key=key, max_retries=0, timeout=60)


def text_of(chunks: list[ChatCompletionChunk]) -> str:
    return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)


# ---- answers, by the embedded model ----------------------------------------------------------


def test_streams_real_tokens(home, model) -> None:
    with client_of(home) as client:
        chunks = list(
            client.chat.completions.create(
                model=model, messages=HELLO, max_tokens=12, stream=True, temperature=0
            )
        )
    assert text_of(chunks).strip()
    assert len({chunk.id for chunk in chunks}) == 1
    finishes = [c.choices[0].finish_reason for c in chunks if c.choices]
    assert finishes[-1] in ("stop", "length")
    assert set(finishes[:-1]) == {None}
    assert all(chunk.usage is None for chunk in chunks)
    for chunk in chunks:  # strict: no field of another type than the schema's
        ChatCompletionChunk.model_validate(chunk.to_dict(), strict=True)


def test_tells_usage_in_a_last_chunk_when_asked(home, model) -> None:
    with client_of(home) as client:
        chunks = list(
            client.chat.completions.create(
                model=model,
                messages=[{"role": "user", "content": "Count to three."}],
                max_tokens=5,
                stream=True,
                stream_options={"include_usage": True},
            )
        )
    last = chunks[-1]
    assert last.choices == []
    assert last.usage is not None
    assert 0 < last.usage.completion_tokens <= 5
    assert last.usage.total_tokens == last.usage.prompt_tokens + last.usage.completion_tokens


def test_answers_whole(home, model) -> None:
    with client_of(home) as client:
        answer = client.chat.completions.create(model=model, messages=HELLO, max_tokens=10)
    assert isinstance(answer, ChatCompletion)
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].message.content
    assert answer.usage is not None
    assert 0 < answer.usage.completion_tokens <= 10
    assert answer.usage.prompt_tokens > 5


def test_completes_a_prompt(home, model) -> None:
    with client_of(home) as client:
        answer = client.completions.create(model=model, prompt="Once upon a", max_tokens=6)
        texts = [
            chunk.choices[0].text
            for chunk in client.completions.create(
                model=model, prompt="Twice upon a", max_tokens=6, stream=True
            )
            if chunk.choices
        ]
    assert answer.choices[0].text
    assert answer.object == "text_completion"
    assert "".join(texts)


@pytest.mark.parametrize("name", ["auto", "local/smollm2-135m-instruct"])
def test_other_names_lead_to_the_same_model(home, model, name) -> None:
    with client_of(home) as client:
        answer = client.chat.completions.with_raw_response.create(
            model=name, messages=HELLO, max_tokens=3
        )
    assert answer.headers["x-firsttoken-provider"] == "local"
    assert answer.headers["x-firsttoken-model"] == model
    assert answer.parse().choices[0].message.content


def test_lists_models(home, model) -> None:
    with client_of(home) as client:
        models = list(client.models.list())
    assert {"auto", model, f"local/{model}"} <= {one.id for one in models}
    assert {one.object for one in models} == {"model"}
    assert all(one.owned_by and isinstance(one.created, int) for one in models)


def test_asked_again_it_is_answered_from_the_cache(home, model) -> None:
    question = [{"role": "user", "content": "Name a river in Spain."}]
    with client_of(home) as client:
        ask = client.chat.completions.with_raw_response.create
        first = ask(model=model, messages=question, temperature=0)
        second = ask(model=model, messages=question, temperature=0)
    assert first.parse().choices[0].finish_reason == "stop"  # a cut answer is not kept
    assert first.headers["x-firsttoken-cache"] == "miss"
    assert second.headers["x-firsttoken-cache"] == "exact"
    assert first.parse().choices[0].message == second.parse().choices[0].message


async def test_asynchronous_clients_stream_side_by_side(home, model) -> None:
    async with AsyncOpenAI(base_url=home.base_url, api_key="any", max_retries=0) as client:

        async def ask(name: str) -> str:
            stream = await client.chat.completions.create(
                model=model,
                messages=[{"role": "user", "content": f"Say hello to {name}."}],
                max_tokens=8,
                stream=True,
            )
            return "".join([c.choices[0].delta.content or "" async for c in stream if c.choices])

        texts = await asyncio.gather(*(ask(name) for name in ("Bob", "Eve", "Kim", "Lea")))
    assert all(text.strip() for text in texts)


def test_a_stream_helper_of_the_client_understands_it(home, model) -> None:
    with (
        client_of(home) as client,
        client.chat.completions.stream(model=model, messages=HELLO, temperature=0) as stream,
    ):
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()
    assert {"chunk", "content.delta", "content.done"} <= kinds
    assert final.choices[0].message.content


# ---- errors --------------------------------------------------------------------------------------


def test_unknown_model_is_not_found_and_names_close_ones(home, model) -> None:
    with client_of(home) as client, pytest.raises(openai.NotFoundError) as error:
        client.chat.completions.create(model="smollm2-135m-instuct", messages=HELLO)
    assert error.value.code == "model_not_found"
    assert model in error.value.message
    assert error.value.type == "invalid_request_error"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": HELLO, "temperature": "warm"}, "temperature"),
        ({"messages": HELLO, "max_tokens": "many"}, "max_tokens"),
    ],
)
def test_bad_request_names_its_parameter(home, model, body, param, stream) -> None:
    with client_of(home) as client, pytest.raises(openai.BadRequestError) as error:
        client.chat.completions.create(model=model, stream=stream, **body)
    assert error.value.param is not None
    assert error.value.param.startswith(param)
    assert error.value.type == "invalid_request_error"


def test_a_prompt_over_the_window_is_a_bad_request(home, model) -> None:
    with client_of(home) as client, pytest.raises(openai.BadRequestError) as error:
        client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": "word " * 6000}], stream=True
        )
    assert "context" in error.value.message


def test_missing_and_wrong_keys_are_authentication_errors(locked) -> None:
    with (
        client_of(locked, "sk-wrong") as client,
        pytest.raises(openai.AuthenticationError) as error,
    ):
        client.chat.completions.create(model="mock/mock-t2", messages=HELLO)
    assert error.value.code == "invalid_api_key"
    assert "sk-wrong" not in str(error.value)
    with client_of(locked, "sk-wrong") as client, pytest.raises(openai.AuthenticationError):
        client.models.list()
    with client_of(locked, "sk-right") as client:
        assert client.chat.completions.create(model="mock/mock-t2", messages=HELLO).choices


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, openai.BadRequestError),
        (409, openai.ConflictError),
        (422, openai.UnprocessableEntityError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
        (529, openai.InternalServerError),
        (401, openai.InternalServerError),  # our key, not the client's
    ],
)
def test_a_providers_refusal_keeps_its_class(faulty, status, kind, stream) -> None:
    with client_of(faulty) as client, pytest.raises(openai.APIStatusError) as error:
        client.chat.completions.create(
            model=f"mock/mock-e{status}", messages=HELLO, stream=stream, seed=status
        )
    assert type(error.value) is kind
    assert error.value.response.headers["x-request-id"]


def test_retry_after_reaches_the_client(faulty) -> None:
    with client_of(faulty) as client, pytest.raises(openai.RateLimitError) as error:
        client.chat.completions.create(model="mock/fault-429-7", messages=HELLO)
    assert error.value.response.headers["retry-after"] == "7"


@pytest.mark.parametrize(
    "name",
    [
        "fault-reset-before-headers",
        "fault-empty-stream",
        "fault-error-frame-first",
        "fault-reset-mid",
        "fault-error-frame-mid",
        "mock-t8-x4",
    ],
)
def test_a_broken_answer_raises_and_never_looks_finished(faulty, name) -> None:
    seen: list[ChatCompletionChunk] = []
    with client_of(faulty) as client, pytest.raises(openai.APIError):
        seen += client.chat.completions.create(
            model=f"mock/{name}",
            messages=HELLO,
            stream=True,
        )
    assert not any(c.choices and c.choices[0].finish_reason for c in seen)


# ---- leaving -------------------------------------------------------------------------------------


def test_leaving_mid_stream_ends_the_providers_work(faulty, upstream) -> None:
    with client_of(faulty) as client:
        stream = client.chat.completions.create(
            model="mock/mock-t500-i20", messages=HELLO, stream=True
        )
        for number, _ in enumerate(stream):
            if number == 5:
                break
        stream.close()
    record = upstream.requests[-1]
    while not record.ended_at:  # which it does by itself after 10 s, with its last token
        time.sleep(0.005)
    assert record.closed_by_client


def test_leaving_mid_stream_frees_the_embedded_model(home, model) -> None:
    """It gives two answers at a time: with the shorter one still on its way, a third needs the
    place of the longer one, whose client left."""

    def story(client: openai.OpenAI, tokens: int) -> openai.Stream[ChatCompletionChunk]:
        return client.chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": f"Tell a story of {tokens} words."}],
            max_tokens=tokens,
            stream=True,
            extra_body={"ignore_eos": True},
        )

    with client_of(home) as client, ThreadPoolExecutor(1) as beside:
        left, stays = story(client, 600), story(client, 150)
        next(iter(left))
        next(iter(stays))
        whole = beside.submit(lambda: sum(1 for _ in stays))
        left.close()
        client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": "Say yes."}], max_tokens=2
        )
        assert not whole.done()
        assert whole.result() > 50
