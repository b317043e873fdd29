from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.cache import key as keys
from proxy.cache.key import Key, key_of

CHAT: dict[str, Any] = {
    "model": "chat",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi."},
        {"role": "user", "content": "What is the capital of France?"},
    ],
}


def chat(tenant: str = "t", route: str = "chat", **fields: Any) -> Key | None:
    return key_of({**CHAT, **fields}, tenant=tenant, route=route, kind="chat")


def last(content: Any, **fields: Any) -> list[Any]:
    return [*CHAT["messages"][:-1], {"role": "user", "content": content, **fields}]


@pytest.mark.parametrize(
    "fields",
    [
        {"stream": True},
        {"stream": True, "stream_options": {"include_usage": True}},
        {"user": "u1"},
        {"metadata": {"a": "b"}},
        {"firsttoken": {"cache": "refresh"}},
        {"temperature": 1},
        {"temperature": 1.0},
        {"top_p": 1.0, "n": 1, "presence_penalty": 0, "frequency_penalty": 0.0},
        {"tools": []},
        {"tools": None},
        {"response_format": {"type": "text"}},
        {"messages": last("  What is the capital of France?\n")},
        {"messages": last([{"type": "text", "text": "What is the capital of France?"}])},
        {
            "messages": [
                {"role": "developer", "content": [{"type": "text", "text": "Be brief."}]},
                {"content": "Hello", "role": "user"},
                {"role": "assistant", "content": "Hi.", "refusal": None, "annotations": []},
                CHAT["messages"][3],
            ]
        },
    ],
)
def test_spellings_of_one_request_are_one(fields: dict[str, Any]) -> None:
    assert chat(**fields) == chat()
    assert chat() is not None


@pytest.mark.parametrize(
    "fields",
    [
        {"tenant": "other"},
        {"route": "other"},
        {"model": "other"},
        {"temperature": 0.2},
        {"seed": 1},
        {"max_tokens": 10},
        {"stop": ["x"]},
        {"response_format": {"type": "json_object"}},
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"messages": CHAT["messages"][1:]},
        {"messages": [{"role": "system", "content": "Be long."}, *CHAT["messages"][1:]]},
        {"messages": last("What is the capital of France?", name="bob")},
        {"unheard_of": 1},
    ],
)
def test_what_shapes_the_answer_parts_the_requests(fields: dict[str, Any]) -> None:
    changed, plain = chat(**fields), chat()
    assert changed is not None
    assert plain is not None
    assert changed.partition != plain.partition
    assert changed.exact != plain.exact


def test_the_last_text_only_changes_the_exact_part() -> None:
    other, plain = chat(messages=last("And of Spain?")), chat()
    assert other is not None
    assert plain is not None
    assert other.partition == plain.partition
    assert other.exact != plain.exact


@pytest.mark.parametrize(
    "pair",
    [
        ({"max_tokens": 5}, {"max_completion_tokens": 5}),
        ({"stop": "a"}, {"stop": ["a"]}),
        ({"temperature": 0}, {"temperature": 0.0}),
    ],
)
def test_equivalent_fields(pair: tuple[dict[str, Any], dict[str, Any]]) -> None:
    assert chat(**pair[0]) == chat(**pair[1])


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("chat", {}),
        ("chat", {"messages": []}),
        ("chat", {"messages": "x"}),
        ("chat", {"messages": ["x"]}),
        ("chat", {"messages": last("   ")}),
        ("chat", {"messages": last(None)}),
        ("chat", {"messages": last([{"type": "image_url", "image_url": {"url": "x"}}])}),
        ("chat", {"messages": last([{"type": "input_audio", "input_audio": {}}])}),
        ("chat", {"messages": [{"role": "tool", "content": "4", "tool_call_id": "c"}]}),
        ("chat", {"messages": [{"role": "assistant", "content": "Once"}]}),
        ("chat", {**CHAT, "n": 2}),
        ("chat", {**CHAT, "tools": 3}),
        ("chat", {**CHAT, "tools": [{"type": "web_search"}]}),
        ("chat", {**CHAT, "web_search_options": {"a": 1}}),
        ("chat", {**CHAT, "audio": {"voice": "x"}}),
        ("chat", {**CHAT, "seed": 1 << 70}),
        ("completions", {"prompt": ["a", "b"]}),
        ("completions", {"prompt": [1, 2]}),
        ("responses", {"input": "x", "previous_response_id": "r"}),
        ("responses", {"input": "x", "background": True}),
        ("embeddings", {"input": "x"}),
    ],
)
def test_what_no_stored_answer_may_stand_for(kind: str, body: dict[str, Any]) -> None:
    assert key_of(body, tenant="t", route="r", kind=kind) is None


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("completions", {"model": "m", "prompt": "Say hi"}),
        ("completions", {"model": "m", "prompt": ["Say hi"]}),
        ("responses", {"model": "m", "input": "Say hi"}),
        ("responses", {"model": "m", "input": [{"role": "user", "content": "Say hi"}]}),
        (
            "responses",
            {
                "model": "m",
                "input": [
                    {
                        "type": "message",
                        "role": "user",
                        "content": [{"type": "input_text", "text": "Say hi"}],
                    }
                ],
            },
        ),
        (
            "messages",
            {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Say hi"}]},
        ),
    ],
)
def test_other_wire_formats(kind: str, body: dict[str, Any]) -> None:
    key = key_of(body, tenant="t", route="r", kind=kind)
    assert key is not None
    assert key.text == "Say hi"


def test_a_system_text_and_its_parts_are_one_for_anthropic() -> None:
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Say hi"}]}
    marked = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    plain = key_of({**body, "system": "Be brief."}, tenant="t", route="r", kind="messages")
    parts = key_of({**body, "system": marked}, tenant="t", route="r", kind="messages")
    assert plain is not None
    assert parts == plain


def test_a_composed_and_a_combining_accent_are_one() -> None:
    assert chat(messages=last("e\u0301t\u00e9\r\nfroid")) == chat(
        messages=last("\u00e9t\u00e9\nfroid")
    )


@given(st.text(min_size=1), st.text(min_size=1))
def test_tenants_never_meet(a: str, b: str) -> None:
    one, other = chat(tenant=a), chat(tenant=b)
    if one is None or other is None:  # a lone surrogate is not JSON
        return
    assert (one.partition == other.partition) == (a == b)


@given(st.text(), st.text(), st.text(), st.text())
def test_no_text_moves_between_tenant_route_and_also(a: str, b: str, c: str, d: str) -> None:
    one = key_of(CHAT, tenant=a, route=b, kind="chat", also="")
    other = key_of(CHAT, tenant=c, route=d, kind="chat", also="")
    if one is None or other is None:
        return
    assert (one == other) == ((a, b) == (c, d))


def test_the_same_surroundings_give_the_same_partition_again() -> None:
    """What was hashed is remembered, up to a bound; a key does not depend on that."""

    def named(system: str, text: str) -> Key:
        messages = [{"role": "system", "content": system}, {"role": "user", "content": text}]
        key = key_of({"messages": messages}, tenant="t", route="r", kind="chat")
        assert key is not None
        return key

    first = named("be brief", "one")
    assert named("be brief", "two").partition == first.partition
    assert named("be long", "one").partition != first.partition
    for number in range(keys._PARTITIONS_MAX + 10):
        named(f"be number {number}", "one")
    assert len(keys._PARTITIONS) == keys._PARTITIONS_MAX
    long = "x" * keys._SHORT_BYTES
    assert named(long, "one").partition == named(long, "two").partition
    assert not any(long.encode() in raw for raw in keys._PARTITIONS)
    assert named("be brief", "one") == first
