"""What one provider takes and another refuses: cut to size and named, never sent to be refused."""

from __future__ import annotations

import pytest

from proxy.dialects.registry import dialect

ASKED = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
STOPS = ["a", "b", "c", "d", "e", "f"]


def render(name: str, model: str = "m", client: str = "openai", **fields):
    return dialect(name).render(dialect(client).parse({**ASKED, **fields}), model)


@pytest.mark.parametrize(
    ("name", "fields", "place", "told", "dropped"),
    [
        ("bedrock", {"temperature": 1.7}, "inferenceConfig", {"temperature": 1}, ("temperature",)),
        ("bedrock", {"temperature": 1}, "inferenceConfig", {"temperature": 1}, ()),
        ("bedrock", {"stop": ["", "x"]}, "inferenceConfig", {"stopSequences": ["x"]}, ()),
        ("gemini", {"stop": STOPS}, "generationConfig", {"stopSequences": STOPS[:5]}, ("stop",)),
        ("gemini", {"stop": [*STOPS[:5], ""]}, "generationConfig",
         {"stopSequences": STOPS[:5]}, ()),
        ("cohere", {"stop": STOPS}, "stop_sequences", STOPS[:5], ("stop",)),
        ("cohere", {"presence_penalty": -1}, "presence_penalty", 0, ("presence_penalty",)),
        ("cohere", {"frequency_penalty": 2}, "frequency_penalty", 1, ("frequency_penalty",)),
        ("cohere", {"top_p": 1}, "p", 0.99, ()),
        ("cohere", {"top_p": 0}, "p", 0.01, ()),
        ("cohere", {"top_k": 900}, "k", 500, ("top_k",)),
    ],
)  # fmt: skip
def test_what_is_out_of_bounds(name: str, fields, place, told, dropped) -> None:
    rendered = render(name, **fields)
    assert rendered.body[place] == told
    assert rendered.dropped == dropped


@pytest.mark.parametrize(
    ("name", "last"),
    [("bedrock", {"role": "assistant", "content": [{"text": "The answer is"}]}),
     ("anthropic", {"role": "assistant", "content": "The answer is"})],
)  # fmt: skip
def test_the_beginning_of_an_answer_does_not_end_with_a_blank(name: str, last) -> None:
    begun = [*ASKED["messages"], {"role": "assistant", "content": "The answer is \n"}]
    assert render(name, "claude-sonnet-4-5", messages=begun).body["messages"][-1] == last


F = {"type": "function", "function": {"name": "f"}}
G = {"type": "function", "function": {"name": "g"}}
AMONG = {"type": "allowed_tools",
         "allowed_tools": {"mode": "required", "tools": [G, {"type": "web_search"}]}}  # fmt: skip
RESPONSES_AMONG = {"type": "allowed_tools", "mode": "auto",
                   "tools": [{"type": "function", "name": "g"},
                             {"type": "custom", "name": "sh"}]}  # fmt: skip
RESPONSES_TOOLS = [{"type": "function", "name": "f"}, {"type": "function", "name": "g"},
                   {"type": "custom", "name": "sh"}, {"type": "custom", "name": "py"}]  # fmt: skip


@pytest.mark.parametrize("name", ["anthropic", "gemini", "bedrock", "cohere", "responses"])
def test_only_tools_that_are_allowed_are_told(name: str) -> None:
    rendered = render(name, tools=[F, G], tool_choice=AMONG)
    assert '"f"' not in str(rendered.body).replace("'", '"')
    assert "tool_choice" not in rendered.dropped
    request = dialect("openai").parse({**ASKED, "tools": [F, G], "tool_choice": AMONG})
    assert ([one.name for one in request.tools], request.tool_choice) == (["g"], "required")


def test_the_same_for_responses() -> None:
    request = dialect("responses").parse(
        {"model": "m", "input": "hi", "tools": RESPONSES_TOOLS, "tool_choice": RESPONSES_AMONG}
    )
    assert [one.name for one in request.tools] == ["g", "custom__sh"]
    assert (request.tool_choice, request.ignored) == ("auto", ())
