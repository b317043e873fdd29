"""The bytes of a request: path, headers, signature, and what quirks make of a body."""

from __future__ import annotations

from types import SimpleNamespace

import orjson
import pytest

from proxy import catalog, config
from proxy.dialects.registry import dialect
from proxy.exchange import ANONYMOUS, Exchange
from proxy.upstream.auth import lines, signature
from proxy.upstream.endpoint import Endpoint
from proxy.upstream.engine import Step
from proxy.upstream.pool import Origin
from proxy.upstream.request import counts_itself, request_for

OPENAI = dialect("openai")
BODY = {"model": "asked", "messages": [{"role": "user", "content": "hi"}]}


def endpoint_of(text: str, environ: dict[str, str], name: str) -> Endpoint:
    found = catalog.providers(config.parse(text, "f.toml", environ), environ)[name]
    pool = SimpleNamespace(origin=Origin(found.host, found.port, found.tls))
    return Endpoint(
        found.name, pool, found.dialect, found.path, lines(found), found.quirks,
        found.key.reveal() if found.key else "", found.api_version,
        signature(found, lambda: 1_440_938_160.0),
    )  # fmt: skip


def sent(endpoint: Endpoint, model: str, body=None, *, client=None, streams: bool = False):
    """(request line, headers, body) and the exchange."""
    exchange = Exchange("chat", {**BODY, **(body or {})}, ANONYMOUS, 0.0)
    step = Step(f"{endpoint.name}/{model}", model, endpoint)
    spoken = endpoint.dialect_for(client or OPENAI)
    raw = request_for(exchange, step, spoken, streams=streams, client=client)
    head, _, rest = raw.partition(b"\r\n\r\n")
    first, *others = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in others)}
    assert int(headers["content-length"]) == len(rest)
    return first, headers, orjson.loads(rest), exchange


AZURE = {"AZURE_OPENAI_ENDPOINT": "https://unit.openai.azure.com", "K": "secret-key"}
VERTEX = {"GOOGLE_CLOUD_PROJECT": "p", "K": "secret-key"}
AWS = {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "aws-secret",
       "AWS_SESSION_TOKEN": "session"}  # fmt: skip


def known(name: str, *fields: str) -> str:
    return "\n".join(("[[provider]]", f'name = "{name}"', 'key = "env:K"', *fields, ""))


@pytest.mark.parametrize(
    ("name", "fields", "environ", "line", "auth"),
    [
        ("openai", (), {}, "/v1/chat/completions", ("authorization", "Bearer secret-key")),
        ("azure", (), AZURE, "/openai/v1/chat/completions", ("api-key", "secret-key")),
        ("azure", ('api_version = "preview"',), AZURE,
         "/openai/v1/chat/completions?api-version=preview", ("api-key", "secret-key")),
        ("azure", ('api_version = "2024-10-21"',), AZURE,
         "/openai/deployments/the%2Fmodel%3A1/chat/completions?api-version=2024-10-21",
         ("api-key", "secret-key")),
        ("perplexity", (), {}, "/chat/completions", ("authorization", "Bearer secret-key")),
        ("glm", (), {}, "/api/paas/v4/chat/completions", ("authorization", "Bearer secret-key")),
        ("github", (), {}, "/inference/chat/completions", ("authorization", "Bearer secret-key")),
    ],
)  # fmt: skip
def test_where_a_request_goes(name, fields, environ, line, auth) -> None:
    endpoint = endpoint_of(known(name, *fields), {"K": "secret-key", **environ}, name)
    first, headers, body, _ = sent(endpoint, "the/model:1")
    assert first == f"POST {line} HTTP/1.1"
    assert headers[auth[0]] == auth[1]
    assert headers["accept"] == "application/json"
    assert body["model"] == "the/model:1"


@pytest.mark.parametrize(
    ("name", "fields", "streams", "line", "accept"),
    [
        ("gemini", (), True, "/v1beta/models/m%2B1:streamGenerateContent?alt=sse",
         "text/event-stream"),
        ("gemini", (), False, "/v1beta/models/m%2B1:generateContent", "application/json"),
        ("vertex", (), False, "/v1beta1/projects/p/locations/us-central1/publishers/google/models/"
         "m%2B1:generateContent", "application/json"),
        ("cohere", (), True, "/v2/chat", "text/event-stream"),
        ("ollama", ('dialect = "ollama"',), True, "/api/chat", "application/x-ndjson"),
        ("bedrock", (), True, "/model/m%2B1/converse-stream",
         "application/vnd.amazon.eventstream"),
    ],
)  # fmt: skip
def test_where_a_translated_request_goes(name, fields, streams, line, accept) -> None:
    endpoint = endpoint_of(known(name, *fields), VERTEX, name)
    client = SimpleNamespace(name="openai", parse=lambda body: dialect("ollama").parse(body))
    wished = {"metadata": {"a": "b"}}
    first, headers, body, _ = sent(endpoint, "m+1", wished, client=client, streams=streams)
    assert first == f"POST {line} HTTP/1.1"
    assert headers["accept"] == accept
    assert "hi" in orjson.dumps(body).decode()
    assert "metadata" not in body


def test_bedrock_signs_what_it_sends() -> None:
    endpoint = endpoint_of("", AWS, "bedrock")
    client = SimpleNamespace(name="openai", parse=lambda body: dialect("ollama").parse(body))
    _, headers, body, _ = sent(endpoint, "a:0", client=client)
    assert headers["x-amz-date"] == "20150830T123600Z"
    assert headers["x-amz-security-token"] == "session"
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AK/20150830/us-east-1/")
    assert "aws-secret" not in str(headers)
    assert body["messages"][0]["content"] == [{"text": "hi"}]
    _, bearer, _, _ = sent(endpoint_of(known("bedrock"), {"K": "abskey123"}, "bedrock"), "a:0",
                           client=client)  # fmt: skip
    assert bearer["authorization"] == "Bearer abskey123"
    assert "x-amz-date" not in bearer


def test_anthropic_is_told_its_version() -> None:
    headers = lines(catalog.Provider("a", "anthropic", "h", 443, tls=True, path=""))
    assert headers == b"anthropic-version: 2023-06-01\r\n"
    own = catalog.Provider("a", "anthropic", "h", 443, tls=True, path="",
                           headers={"Anthropic-Version": "2"})  # fmt: skip
    assert lines(own) == b"Anthropic-Version: 2\r\n"


def test_claude_at_vertex_has_its_model_in_the_path() -> None:
    endpoint = endpoint_of(known("vertex", 'dialect = "anthropic"'), VERTEX, "vertex")
    anthropic = SimpleNamespace(name="anthropic", stream_type=b"text/event-stream")
    exchange = Exchange("chat", {**BODY, "max_tokens": 5}, ANONYMOUS, 0.0)
    step = Step("vertex/c", "claude@1", endpoint)
    raw = request_for(exchange, step, anthropic, streams=True)
    assert raw.startswith(
        b"POST /v1/projects/p/locations/us-central1/publishers/anthropic/models/claude@1"
        b":streamRawPredict HTTP/1.1\r\n"
    )
    body = orjson.loads(raw.partition(b"\r\n\r\n")[2])
    assert body == {"messages": BODY["messages"], "max_tokens": 5, "stream": True,
                    "anthropic_version": "vertex-2023-10-16"}  # fmt: skip


# ---- what quirks make of a body -----------------------------------------------------------------

WISHED = {"max_tokens": 5, "seed": 1, "user": "u", "temperature": 0.5, "stop": ["x"]}


@pytest.mark.parametrize(
    ("name", "model", "body", "dropped"),
    [
        ("openai", "gpt-4o", {"max_completion_tokens": 5, "seed": 1, "user": "u",
                              "temperature": 0.5, "stop": ["x"]}, ()),
        ("openai", "o3-mini", {"max_completion_tokens": 5, "seed": 1, "user": "u"},
         ("stop", "temperature")),
        ("openai", "gpt-5", {"max_completion_tokens": 5, "seed": 1, "user": "u"},
         ("stop", "temperature")),
        ("openai", "gpt-5.4-mini", {"max_completion_tokens": 5, "seed": 1, "user": "u",
                                    "temperature": 0.5, "stop": ["x"]}, ()),
        ("mistral", "m", {"max_tokens": 5, "random_seed": 1, "temperature": 0.5, "stop": ["x"]},
         ("user",)),
        ("groq", "openai/gpt-oss-120b", {"max_tokens": 5, "seed": 1, "temperature": 0.5,
                                         "stop": ["x"]}, ("user",)),
    ],
)  # fmt: skip
def test_quirks_change_parameters(name, model, body, dropped) -> None:
    endpoint = endpoint_of(known(name), {"K": "secret-key"}, name)
    _, _, told, exchange = sent(endpoint, model, WISHED)
    del told["model"], told["messages"]
    assert told == body
    assert exchange.dropped == dropped


@pytest.mark.parametrize(
    ("model", "effort", "kept"),
    [
        ("gpt-5.4-mini", {"reasoning_effort": "none"}, True),
        ("gpt-5.4-mini", {"reasoning_effort": "high"}, False),
        ("gpt-5.4-mini", {"reasoning": {"effort": "low"}}, False),  # as Responses says it
        ("gpt-6-luna", {}, False),
        ("gpt-6-luna", {"reasoning_effort": "none"}, True),
        ("gpt-4o", {"reasoning_effort": "high"}, True),
        ("o3", {"reasoning_effort": "none"}, False),
    ],
)
def test_a_model_that_reasons_cannot_be_told_how_to_sample(model, effort, kept) -> None:
    endpoint = endpoint_of(known("openai"), {"K": "secret-key"}, "openai")
    _, _, told, exchange = sent(endpoint, model, {"temperature": 0.5, **effort})
    assert ("temperature" in told) is kept
    assert ("temperature" in exchange.dropped) is not kept


def test_what_asks_for_nothing_is_left_out_without_a_word() -> None:
    endpoint = endpoint_of(known("glm"), {"K": "secret-key"}, "glm")
    nothing = {"n": 1, "user": None, "presence_penalty": 0, "logprobs": False, "seed": None,
               "parallel_tool_calls": True, "response_format": {"type": "text"}}  # fmt: skip
    _, _, told, exchange = sent(endpoint, "m", nothing)
    assert told.keys() == {"model", "messages"}
    assert exchange.dropped == ()
    assert sent(endpoint, "m", {**nothing, "n": 2})[3].dropped == ("n",)


def test_counts_are_not_lost_where_they_cannot_be_asked_for() -> None:
    endpoint = endpoint_of(known("mistral"), {"K": "secret-key"}, "mistral")
    wish = {"stream_options": {"include_usage": True}}
    _, _, told, exchange = sent(endpoint, "m", wish, streams=True)
    assert "stream_options" not in told
    assert exchange.dropped == ()
    wish = {"stream_options": {"include_obfuscation": False}}
    assert sent(endpoint, "m", wish, streams=True)[3].dropped == ("stream_options",)


def test_what_else_a_stream_was_asked_for_stays_beside_its_counts() -> None:
    endpoint = endpoint_of(known("openai"), {"K": "secret-key"}, "openai")
    wish = {"stream_options": {"include_obfuscation": False, "include_usage": None}}
    told = sent(endpoint, "gpt-4o", wish, streams=True)[2]
    assert told["stream_options"] == {"include_obfuscation": False, "include_usage": True}
    told = sent(endpoint, "gpt-4o", {"stream_options": None}, streams=True)[2]
    assert told["stream_options"] == {"include_usage": True}


def test_a_newer_name_becomes_the_older_one() -> None:
    endpoint = endpoint_of(known("deepseek"), {"K": "secret-key"}, "deepseek")
    assert sent(endpoint, "m", {"max_completion_tokens": 7})[2]["max_tokens"] == 7
    both = {"max_completion_tokens": 7, "max_tokens": 9}
    assert sent(endpoint, "m", both)[2]["max_tokens"] == 9
    null = {"max_completion_tokens": 7, "max_tokens": None}
    assert sent(endpoint, "m", null)[2]["max_tokens"] == 7


def test_a_developer_is_the_system_where_nobody_knows_developers() -> None:
    asked = {"messages": [{"role": "developer", "content": "a"}, {"role": "user", "content": "b"}]}
    for name, role in (("deepseek", "system"), ("openai", "developer")):
        endpoint = endpoint_of(known(name), {"K": "secret-key"}, name)
        assert sent(endpoint, "m", asked)[2]["messages"][0]["role"] == role
    assert asked["messages"][0]["role"] == "developer"


def test_mistral_gets_ids_such_as_it_makes_itself() -> None:
    function = {"name": "f", "arguments": "{}"}
    turns = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "", "tool_calls": [
            {"id": one, "type": "function", "function": function}
            for one in ("call_abc-1", "call_abc-2", "D681PevKs")]},
        *({"role": "tool", "tool_call_id": one, "content": "r"}
          for one in ("call_abc-1", "call_abc-2", "D681PevKs")),
    ]  # fmt: skip
    endpoint = endpoint_of(known("mistral"), {"K": "secret-key"}, "mistral")
    _, calling, *results = sent(endpoint, "m", {"messages": turns})[2]["messages"]
    ids = [one["id"] for one in calling["tool_calls"]]
    assert all(len(one) == 9 and one.isalnum() for one in ids)
    assert len(set(ids)) == 3
    assert ids[2] == "D681PevKs"
    assert [one["tool_call_id"] for one in results] == ids
    assert turns[1]["tool_calls"][0]["id"] == "call_abc-1"
    other = endpoint_of(known("openai"), {"K": "secret-key"}, "openai")
    assert sent(other, "m", {"messages": turns})[2]["messages"] == turns


@pytest.mark.parametrize(
    ("name", "counts"), [("openai", True), ("mistral", False), ("gemini", False)]
)
def test_usage_is_asked_for_where_it_can_be(name: str, counts: bool) -> None:
    endpoint = endpoint_of(known(name), {"K": "secret-key"}, name)
    exchange = Exchange("chat", BODY, ANONYMOUS, 0.0)
    step = Step(f"{name}/m", "m", endpoint)
    assert counts_itself(exchange, step, streams=True) is counts
    assert not counts_itself(exchange, step, streams=False)
    if endpoint.family == "openai":
        asked = sent(endpoint, "m", streams=True)[2]
        assert asked.get("stream_options") == ({"include_usage": True} if counts else None)


def test_a_clients_model_cannot_write_headers() -> None:
    text = '[[provider]]\nname = "p"\nbase_url = "http://[::1]:9/a%20b"\n'
    endpoint = endpoint_of(text, {}, "p")
    raw = endpoint.request("/x\r\nEvil: 1/ä?q=1", b"{}", stream=False)
    assert raw.startswith(b"POST /a%20b/x%0D%0AEvil:%201/%C3%A4?q=1 HTTP/1.1\r\nHost: [::1]:9\r\n")


def test_what_is_kept_for_models_is_bounded() -> None:
    endpoint = endpoint_of(known("openai"), {"K": "secret-key"}, "openai")
    for number in range(3000):
        endpoint.request(f"/{number}", b"", stream=True)
        endpoint.learn(str(number))
    assert len(endpoint._heads[True]) <= 513
    assert len(endpoint.wants) <= 513


def test_what_another_format_has_no_place_for_is_noted() -> None:
    body = {
        "max_tokens": 5,
        "tools": [{"type": "web_search_20250305", "name": "web_search"}],
        "thinking": {"type": "adaptive"},
    }
    endpoint = endpoint_of(known("openai"), {"K": "secret-key"}, "openai")
    exchange = sent(endpoint, "gpt-4o", body, client=dialect("anthropic"))[3]
    assert exchange.dropped == ("reasoning_effort", "tools.web_search_20250305")
