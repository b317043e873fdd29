"""Which answers can be finished elsewhere, and how the rest is asked for."""

from __future__ import annotations

import pytest

from proxy.chat import Finished, Opened, Reasoning, Text, ToolCall
from proxy.dialects.registry import dialect
from proxy.upstream.continuation import INSTRUCTION, Said, continued, formed, repeats, said

SPOKEN = [Opened("a", "m", 1), Reasoning("hm"), Text("once "), Text("upon")]
SCHEMA = {"type": "json_schema", "schema": {}}


def test_what_was_said() -> None:
    assert said(SPOKEN, {}) == Said("once upon", Opened("a", "m", 1))
    assert said([*SPOKEN, ToolCall(0, "t", "f")], {}) is None
    assert said([*SPOKEN, Finished("stop")], {}) is None
    assert said([Text(" ")], {}) is None
    assert said([Opened("a", "m", 1), Reasoning("hm")], {}) == Said("", Opened("a", "m", 1))
    assert said([Opened("a", "m", 1)], {}) is None


@pytest.mark.parametrize(
    ("body", "can"),
    [
        ({"prompt": "tell"}, True),
        ({"prompt": ["tell", "me"]}, False),
        ({"prompt": {"id": "a template of Responses"}, "input": "tell"}, True),
        ({"response_format": {"type": "json_object"}}, False),
        ({"response_format": {"type": "text"}}, True),
        ({"text": {"format": SCHEMA}}, False),
        ({"text": {"format": {"type": "text"}, "verbosity": "low"}}, True),
        ({"output_config": {"format": SCHEMA}}, False),
        ({"output_config": {"effort": "low"}}, True),
    ],
)
def test_a_form_cannot_be_continued(body, can: bool) -> None:
    assert formed(body) is not can


@pytest.mark.parametrize("body", [{"n": 2}, {"best_of": 2}, {"logprobs": True}, {"echo": True}])
def test_what_has_more_than_one_text_is_not_joined(body) -> None:
    assert said(SPOKEN, body) is None
    assert said(SPOKEN, {"n": 1}) is not None


@pytest.mark.parametrize(
    ("body", "does"),
    [
        ({"seed": 7, "temperature": 0}, True),
        ({"seed": 0, "temperature": 0.0}, True),
        ({"seed": 7}, False),
        ({"temperature": 0}, False),
        ({"seed": 7, "temperature": 0.1}, False),
    ],
)
def test_the_same_is_said_again_with_a_seed_and_no_temperature(body, does: bool) -> None:
    assert repeats(body) is does


def test_a_prompt_grows() -> None:
    asked = continued({"prompt": "tell "}, Said("once", Opened()), prefill=False)
    assert asked == {"prompt": "tell once"}


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
