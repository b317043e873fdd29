"""Custom tools of Responses, asked of models that know functions only."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from proxy.chat import CallPart, Finished, ResultPart, ToolCall
from proxy.dialects.assemble import assemble
from proxy.dialects.registry import dialect
from tests.dialects.recorded import payloads

RESPONSES = dialect("responses")
STRICT = TypeAdapter(ResponseStreamEvent)
TOOL = {
    "type": "custom",
    "name": "apply_patch",
    "description": "Changes files.",
    "format": {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"},
}
PATCH = '*** Begin Patch\n+"é"\n*** End Patch'


def asked(**more):
    return RESPONSES.parse({"model": "m", "input": "go", "tools": [TOOL], **more})


@pytest.mark.parametrize("provider", ["openai", "anthropic", "gemini", "ollama"])
def test_a_custom_tool_is_a_function_with_one_text(provider: str) -> None:
    choice = {"type": "custom", "name": "apply_patch"}
    body = orjson.dumps(dialect(provider).render(asked(tool_choice=choice), "m").body).decode()
    assert '"custom__apply_patch"' in body
    assert "lark grammar:" in body
    assert '"input":{"type":"string"' in body
    assert not asked().ignored


def test_its_calls_and_their_results_come_back() -> None:
    call = {"type": "custom_tool_call", "call_id": "c1", "name": "apply_patch", "input": PATCH}
    result = {"type": "custom_tool_call_output", "call_id": "c1", "output": "Done!"}
    turns = asked(input=[{"role": "user", "content": "go"}, call, result]).messages
    assert turns[1].parts == (
        CallPart("c1", "custom__apply_patch", orjson.dumps({"input": PATCH}).decode()),
    )
    assert isinstance(turns[2].parts[0], ResultPart)


@settings(deadline=None, max_examples=40)
@given(text=st.text(), size=st.integers(1, 9))
def test_a_streamed_call_has_the_input_that_was_meant(text: str, size: int) -> None:
    arguments = orjson.dumps({"input": text}).decode()
    pieces = [arguments[at : at + size] for at in range(0, len(arguments), size)]
    events = [ToolCall(0, "c1", "custom__apply_patch"), *(ToolCall(0, arguments=p) for p in pieces)]
    encoder = RESPONSES.encoder(id="r", model="m", created=1, include_usage=True)
    stream = b"".join(encoder.encode([one]) for one in [*events, Finished("tool_calls")])
    told = payloads((stream + encoder.end()).decode())
    for one in told:
        STRICT.validate_python(one, strict=True)
    kinds = [one["type"] for one in told]
    assert "response.function_call_arguments.delta" not in kinds
    assert told[kinds.index("response.custom_tool_call_input.done")]["input"] == text
    item = told[-1]["response"]["output"][0]
    assert (item["type"], item["name"], item["input"]) == ("custom_tool_call", "apply_patch", text)
    whole = orjson.loads(RESPONSES.write_answer(assemble(events)))
    Response.model_validate(whole)
    assert whole["output"][-1]["input"] == text


@pytest.mark.parametrize(
    ("arguments", "given"),
    [("", ""), ("{}", ""), ('{"input":5}', ""), ("[1]", "[1]"), ("not JSON", "not JSON")],
)
def test_a_model_that_calls_it_wrongly_is_still_told(arguments: str, given: str) -> None:
    call = ToolCall(0, "c1", "custom__t", arguments)
    whole = orjson.loads(RESPONSES.write_answer(assemble([call])))
    assert whole["output"][-1]["input"] == given
