"""Which answers can be finished elsewhere, and how the rest is asked for."""

from __future__ import annotations

import pytest

from proxy.chat import Finished, Opened, Reasoning, Text, ToolCall
from proxy.dialects.registry import dialect
from proxy.upstream.continuation import INSTRUCTION, Said, continued, said

SPOKEN = [Opened("a", "m", 1), Reasoning("hm"), Text("once "), Text("upon")]
SCHEMA = {"type": "json_schema", "schema": {}}


def test_what_was_said() -> None:
    assert said(SPOKEN, {}) == Said("once upon", Opened("a", "m", 1))
    assert said([*SPOKEN, ToolCall(0, "t", "f")], {}) is None
    assert said([*SPOKEN, Finished("stop")], {}) is None
    assert said([Text(" ")], {}) is None


@pytest.mark.parametrize(
    ("body", "can"),
    [
        ({"n": 2}, False),
        ({"logprobs": True}, False),
        ({"response_format": {"type": "json_object"}}, False),
        ({"response_format": {"type": "text"}}, True),
        ({"text": {"format": SCHEMA}}, False),
        ({"text": {"format": {"type": "text"}, "verbosity": "low"}}, True),
        ({"output_config": {"format": SCHEMA}}, False),
        ({"output_config": {"effort": "low"}}, True),
    ],
)
def test_a_form_cannot_be_continued(body, can: bool) -> None:
    assert (said(SPOKEN, body) is not None) is can


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("openai", {"messages": [{"role": "user", "content": "tell"}]}),
        ("anthropic", {"messages": [{"role": "user", "content": "tell"}], "max_tokens": 9}),
        ("responses", {"input": "tell"}),
        ("responses", {"input": [{"role": "user", "content": "tell"}]}),
    ],
)
def test_the_rest_is_asked_for_in_the_clients_own_format(name, body) -> None:
    before = Said("once upon", Opened())
    for prefill, rest in ((True, []), (False, [("user", INSTRUCTION)])):
        asked = continued({"model": "m", **body}, before, prefill=prefill)
        dialect(name).check(asked)
        turns = dialect(name).parse(asked).messages
        assert [(turn.role, turn.parts[0].text) for turn in turns] == [
            ("user", "tell"), ("assistant", "once upon"), *rest,
        ]  # fmt: skip
