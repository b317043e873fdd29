"""Every client library against every kind of provider: one list of clients, one of expectations.

The proxy stands before scripted providers that speak chat completions, Anthropic's Messages and
OpenAI's Responses, so clients are both passed through and translated. By default each meets one of
them for each scenario; all, with FIRSTTOKEN_CLIENTS=all in the environment (a minute more).
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field

import pytest

from benchmarks.mock import expected_text

pytestmark = [
    pytest.mark.loopback,
    pytest.mark.slow,
    pytest.mark.timeout(400),  # the first installs what it needs
]

EVERY = os.environ.get("FIRSTTOKEN_CLIENTS") == "all"
CLASSES = {
    400: "BadRequestError",
    401: "AuthenticationError",
    404: "NotFoundError",
    429: "RateLimitError",
    500: "InternalServerError",
}
PYDANTIC_AI = {
    400: "ModelRequestRejectedError",
    401: "ModelAuthenticationError",
    404: "ModelNotFoundError",
    429: "ModelRateLimitError",
    500: "ModelServerError",
}
VERCEL = dict.fromkeys(CLASSES, "APICallError")
BASIC = ("whole", "stream", "tools", "structured", "leave", "error")


@dataclass(frozen=True)
class Client:
    """A library by one of its interfaces."""

    name: str
    driver: str
    flavour: str = ""
    does: tuple[str, ...] = BASIC
    classes: dict[int, str] = field(default_factory=lambda: CLASSES)


ALL = (*BASIC, "whole_async", "stream_async", "leave_async")


def without(scenario: str) -> tuple[str, ...]:
    """All but one."""
    return tuple(one for one in ALL if one != scenario)


LANGCHAIN, LITELLM, LLM = "current/by_langchain", "older/by_litellm", "current/by_llm"
AGENT = ("whole", "whole_async", "stream_async", "tools", "structured", "leave_async", "error")
OBJECTS = ("structured", "structured_async", "partial", "error")
NODE = (*BASIC, "broken", "retry_after")
CLIENTS = [
    Client("openai-chat", "test/by_openai", "", (*ALL, "models", "forced")),
    Client("openai-responses", "test/by_openai", "responses", ALL),
    Client("anthropic", "test/by_anthropic", "", (*without("structured"), "models")),
    Client("langchain-chat", LANGCHAIN, "", ALL),
    Client("langchain-responses", LANGCHAIN, "responses", ALL),
    Client("langchain-anthropic", LANGCHAIN, "anthropic", ALL),
    Client("litellm-chat", LITELLM, "", ALL),
    # it has no way to close these two but the end of their task
    Client("litellm-responses", LITELLM, "responses", without("leave")),
    Client("litellm-anthropic", LITELLM, "anthropic", without("leave")),
    Client("pydantic-ai-chat", "current/by_pydantic_ai", "", AGENT, PYDANTIC_AI),
    Client("pydantic-ai-responses", "current/by_pydantic_ai", "responses", AGENT, PYDANTIC_AI),
    Client("pydantic-ai-anthropic", "current/by_pydantic_ai", "anthropic", AGENT, PYDANTIC_AI),
    Client("llm-chat", LLM, "", (*BASIC, "stream_async")),
    Client("llm-responses", LLM, "responses", (*BASIC, "stream_async")),
    Client("instructor-tools", "older/by_instructor", "", OBJECTS),
    Client("instructor-schema", "older/by_instructor", "schema", OBJECTS),
    Client("instructor-json", "older/by_instructor", "json", OBJECTS),
    Client("instructor-responses", "older/by_instructor", "responses", OBJECTS),
    Client("instructor-anthropic", "older/by_instructor", "anthropic", OBJECTS),
    Client("node-openai-chat", "node/openai", "", (*NODE, "models")),
    Client("node-openai-responses", "node/openai", "responses", NODE),
    Client(
        "node-anthropic",
        "node/anthropic",
        "",
        ("whole", "stream", "tools", "leave", "error", "broken", "models", "count", "retry_after"),
    ),
    Client("vercel-openai", "node/vercel", "responses", NODE, VERCEL),
    Client("vercel-openai-chat", "node/vercel", "chat", NODE, VERCEL),
    Client("vercel-compatible", "node/vercel", "", NODE, VERCEL),
    Client("vercel-anthropic", "node/vercel", "anthropic", NODE, VERCEL),
]
PROVIDERS = ("mock", "claude", "both")  # speaking chat, Messages, and chat with Responses
TEXT = expected_text("mock-t6")


def doing(*scenarios: str, once: bool = False, but: str = "") -> pytest.MarkDecorator:
    """Every client that knows a scenario, with it; once: each library with the first it knows."""
    rows = [
        pytest.param(client, scenario, id=f"{client.name}-{scenario}")
        for client in CLIENTS
        for scenario in scenarios
        if scenario in client.does and client.name != but
    ]
    if once and not EVERY:
        rows = list({row.values[0].driver: row for row in reversed(rows)}.values())[::-1]
    return pytest.mark.parametrize(("client", "scenario"), rows)


def reaching(*scenarios: str) -> pytest.MarkDecorator:
    """Every client that knows a scenario, with it and a provider, in turn; or every provider that
    differs for it."""
    rows = []
    for client in CLIENTS:
        differing = PROVIDERS if client.flavour == "responses" else PROVIDERS[:2]
        for scenario in scenarios:
            if scenario in client.does:
                turn = len(rows) % len(differing)
                for provider in differing if EVERY else (differing[turn],):
                    name = f"{client.name}-{scenario}-{provider}"
                    rows.append(pytest.param(client, scenario, provider, id=name))
    return pytest.mark.parametrize(("client", "scenario", "provider"), rows)


@pytest.fixture
def run(drivers, client):
    """Runs a scenario with the client."""

    def scenario(name, proxy, model, **fields):
        return drivers[client.driver].run(name, proxy, model, flavour=client.flavour, **fields)

    return scenario


@reaching("whole", "whole_async")
def test_answers_whole(run, mixed, provider, client, scenario) -> None:
    got = run(scenario, mixed, f"{provider}/mock-t6")
    assert got["text"] == TEXT
    assert got["usage"] == {"input": 12, "output": 6}


@reaching("stream", "stream_async")
def test_streams_token_by_token_and_tells_usage(run, mixed, provider, client, scenario) -> None:
    got = run(scenario, mixed, f"{provider}/mock-t6-i2")
    assert got["text"] == TEXT
    assert got["pieces"] == 6
    assert got["usage"] == {"input": 12, "output": 6}


@reaching("tools")
@pytest.mark.parametrize("stream", [True, False])
def test_calls_a_tool_and_tells_its_result(run, mixed, provider, stream, client, scenario) -> None:
    got = run(scenario, mixed, f"{provider}/actor", stream=stream)
    assert got["calls"] == [["weather", {"city": "Paris"}]]
    assert got["text"] == "I heard: 22 degrees in Paris."


@reaching("structured", "structured_async", "partial")
def test_gets_the_object_that_it_asked_for(run, mixed, provider, client, scenario) -> None:
    got = run(scenario, mixed, f"{provider}/actor")
    assert got["object"] == {"name": "Ann", "age": 30}
    assert got.get("pieces", 2) > 1


@doing("error")
@pytest.mark.parametrize("status", [400, 404, 429, 500] if EVERY else [404, 429])
def test_a_refusal_has_its_class(run, mixed, status, client, scenario) -> None:
    asked = "structured" if "whole" not in client.does else "whole"
    model = f"mock/mock-e{status}" if status != 404 else "mock-t6-unheard-of"
    got = run(asked, mixed, model)
    assert client.classes[status] in got["thrown"]
    assert got["status"] == status


@doing("error")
def test_a_wrong_key_has_its_class_and_is_not_told(run, locked, client, scenario) -> None:
    asked = "structured" if "whole" not in client.does else "whole"
    got = run(asked, locked, "mock/mock-t6", key="sk-wrong-0123456789")
    assert client.classes[401] in got["thrown"]
    assert "sk-wrong-0123456789" not in got["message"]


@doing("leave", "leave_async")
def test_leaving_mid_stream_ends_the_providers_work(
    run, mixed, upstream, record_property, client, scenario
) -> None:
    """How soon is told by --junitxml (-o junit_family=xunit1); 10 s of the answer are left."""
    got = run(scenario, mixed, "mock/mock-t500-i20")
    record = upstream.requests[-1]
    while not record.ended_at:
        time.sleep(0.005)
    assert record.closed_by_client
    record_property("closed_after_ms", round((record.closed_at - got["left"]) * 1e3, 1))


@doing("broken", "stream", "stream_async")
@pytest.mark.parametrize(
    "model", ["mock-t8-x4", "fault-error-frame-mid"] if EVERY else ["mock-t8-x4"]
)
def test_a_broken_answer_never_looks_finished(run, mixed, model, client, scenario) -> None:
    got = run(scenario, mixed, f"mock/{model}")
    if scenario == "broken":
        assert got["error"]
        assert got["text"]
        assert got["finish"] in (None, "error")
    else:
        assert got["thrown"]


@doing("retry_after")
def test_is_told_when_to_come_again(run, mixed, client, scenario) -> None:
    assert run("whole", mixed, "mock/fault-429-7")["retryAfter"] == "7"


@doing("count")
def test_counts_tokens(run, mixed, client, scenario) -> None:
    assert run(scenario, mixed, "claude/mock-t6")["input_tokens"] == 12
    assert 2 < run(scenario, mixed, "mock/mock-t6")["input_tokens"] < 30


@doing("models")
def test_lists_models(run, home, model, client, scenario) -> None:
    assert {"auto", model} <= set(run(scenario, home, model)["ids"])


# ---- the embedded model: real tokens, in every client's own words --------------------------------


@doing("stream", "stream_async", once=True)
def test_real_tokens_arrive_one_by_one(run, home, model, client, scenario) -> None:
    prompt = f"Say hello to {client.name}."  # no other's answer is kept for it
    got = run(scenario, home, model, prompt=prompt, max_tokens=16)
    assert got["text"].strip()
    assert got["pieces"] > 1
    if client.name != "llm-responses":  # it does not read the usage of an answer that was cut
        assert got["usage"]["input"] > 5
        assert 0 < got["usage"]["output"] <= 16


@doing("forced", "structured", once=True, but="instructor-json")
def test_a_small_model_is_held_to_the_object(run, home, model, client, scenario) -> None:
    """By a schema, and by a tool that must be called; JSON mode alone is too little for it."""
    prompt = f"Ann is 30 years old. She likes {client.name}."
    got = run(scenario, home, model, prompt=prompt, max_tokens=100, temperature=0)
    assert isinstance(got["object"]["name"], str)
    assert isinstance(got["object"]["age"], int)
    assert got.get("pieces", 2) > 1
