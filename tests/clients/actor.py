"""A model that plays its part in every wire format: it calls the tool that it is given, tells what
the tool said, and fills in the object that it is asked for.

It reads the request as its own provider would, so what a client meant must have arrived.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from benchmarks.mock import Step, Turn
from benchmarks.mock.shapes import Json, sse
from benchmarks.mock.turn import LAST_CHUNK, chunk, reply

VALUES = {"city": "Paris", "name": "Ann", "age": 30}
GIVEN, MADE = 17, 9  # tokens
CALL = "call_0001"
PAUSE = 0.001  # seconds between the events


def act(turn: Turn) -> Iterator[Step]:
    """The script, for ScriptedUpstream.script."""
    body = turn.body
    if "input" in body:
        events, whole = _responses(turn.model, *_responses_asked(body))
    elif "anthropic-version" in turn.headers:
        events, whole = _messages(turn.model, *_messages_asked(body))
    else:
        events, whole = _chat(turn.model, *_chat_asked(body))
    if not turn.stream:
        yield reply(200, orjson.dumps(whole))
        return
    yield turn.head()
    for event in events:
        yield chunk(event)
        yield PAUSE
    yield LAST_CHUNK


def _filled(schema: Json) -> str:
    """The arguments or the object that a schema asks for."""
    names = schema.get("properties", {})
    return orjson.dumps({name: VALUES[name] for name in names if name in VALUES}).decode()


def _pieces(text: str, size: int = 4) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


# ---- what is asked: the text to say, or the tool to call with its arguments -------------------

Asked = tuple[str, str | None]  # text or arguments; the tool's name, if it is one


def _text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


def _chat_asked(body: Json) -> Asked:
    last = body["messages"][-1]
    if last["role"] == "tool":
        return f"I heard: {_text_of(last['content'])}.", None
    if tools := body.get("tools"):
        function = tools[0]["function"]
        return _filled(function["parameters"]), function["name"]
    kind = body.get("response_format", {})
    if kind.get("type") == "json_schema":
        return _filled(kind["json_schema"]["schema"]), None
    return (_filled({"properties": VALUES}) if kind else "Hello Ann."), None


def _messages_asked(body: Json) -> Asked:
    last = body["messages"][-1]["content"]
    results = [p for p in last if p["type"] == "tool_result"] if isinstance(last, list) else []
    if results:
        return f"I heard: {_text_of(results[-1]['content'])}.", None
    if tools := body.get("tools"):
        return _filled(tools[0]["input_schema"]), tools[0]["name"]
    wanted = "JSON object" in _text_of(body.get("system", ""))
    return (_filled({"properties": VALUES}) if wanted else "Hello Ann."), None


def _responses_asked(body: Json) -> Asked:
    given = body["input"]
    last = given[-1] if isinstance(given, list) else {}
    if last.get("type") == "function_call_output":
        return f"I heard: {_text_of(last['output'])}.", None
    if tools := body.get("tools"):
        return _filled(tools[0]["parameters"]), tools[0]["name"]
    kind = body.get("text", {}).get("format", {})
    return (_filled(kind["schema"]) if "schema" in kind else "Hello Ann."), None


# ---- how each format says it: its events, and the whole ---------------------------------------


def _chat(model: str, text: str, tool: str | None) -> tuple[list[bytes], Json]:
    base: Json = {"id": "chatcmpl-actor", "created": 1, "model": model}
    usage = {"prompt_tokens": GIVEN, "completion_tokens": MADE, "total_tokens": GIVEN + MADE}
    reason = "tool_calls" if tool else "stop"

    def event(delta: Json, finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return sse({**base, "object": "chat.completion.chunk", "choices": [choice]})

    message: Json = {"role": "assistant", "content": text, "refusal": None}
    deltas: list[Json] = [{"content": piece} for piece in _pieces(text)]
    if tool:
        function = {"name": tool, "arguments": text}
        call = {"id": CALL, "type": "function", "function": function}
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
        begun = {"index": 0, **call, "function": {"name": tool, "arguments": ""}}
        deltas = [{"tool_calls": [begun]}] + [
            {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}
            for piece in _pieces(text)
        ]
    ends = {**base, "object": "chat.completion.chunk", "choices": [], "usage": usage}
    events = [event({"role": "assistant", "content": None if tool else ""}), *map(event, deltas)]
    events += [event({}, reason), sse(ends), sse(b"[DONE]")]
    choice = {"index": 0, "message": message, "finish_reason": reason, "logprobs": None}
    return events, {**base, "object": "chat.completion", "choices": [choice], "usage": usage}


def _messages(model: str, text: str, tool: str | None) -> tuple[list[bytes], Json]:
    usage = {"input_tokens": GIVEN, "output_tokens": MADE}
    empty: Json = {"type": "text", "text": ""}
    block: Json = {"type": "text", "text": text}
    kind, field = "text_delta", "text"
    if tool:
        empty = {"type": "tool_use", "id": CALL, "name": tool, "input": {}}
        block = {**empty, "input": orjson.loads(text)}
        kind, field = "input_json_delta", "partial_json"
    stop = {"stop_reason": "tool_use" if tool else "end_turn", "stop_sequence": None}
    message: Json = {
        "id": "msg_actor",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {**usage, "output_tokens": 1},
    }

    def event(name: str, **fields: Any) -> bytes:
        return sse({"type": name, **fields}, name)

    events = [
        event("message_start", message=message),
        event("content_block_start", index=0, content_block=empty),
        *(
            event("content_block_delta", index=0, delta={"type": kind, field: piece})
            for piece in _pieces(text)
        ),
        event("content_block_stop", index=0),
        event("message_delta", delta=stop, usage=usage),
        event("message_stop"),
    ]
    return events, {**message, "content": [block], **stop, "usage": usage}


def _responses(model: str, text: str, tool: str | None) -> tuple[list[bytes], Json]:
    usage = {
        "input_tokens": GIVEN,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": MADE,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": GIVEN + MADE,
    }
    part: Json = {"type": "output_text", "text": text, "annotations": []}
    item: Json = {"id": "item_1", "type": "message", "role": "assistant", "status": "completed"}
    item["content"] = [part]
    begun = {**item, "status": "in_progress", "content": []}
    kind, where = "output_text", {"item_id": "item_1", "output_index": 0, "content_index": 0}
    if tool:
        kind, where = "function_call_arguments", {"item_id": "item_1", "output_index": 0}
        item = {"id": "item_1", "type": "function_call", "call_id": CALL, "name": tool}
        item |= {"arguments": text, "status": "completed"}
        begun = {**item, "arguments": "", "status": "in_progress"}
    whole: Json = {
        "id": "resp_actor",
        "object": "response",
        "created_at": 1,
        "model": model,
        "status": "completed",
        "output": [item],
        "usage": usage,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "temperature": 1.0,
        "top_p": 1.0,
    }
    began = {**whole, "status": "in_progress", "output": [], "usage": None}
    said = {"arguments": text, "name": tool} if tool else {"text": text, "logprobs": []}
    steps: list[tuple[str, Json]] = [("response.created", {"response": began})]
    steps += [("response.output_item.added", {"output_index": 0, "item": begun})]
    if not tool:
        fresh = {**part, "text": ""}
        steps += [("response.content_part.added", {**where, "part": fresh})]
    more = {} if tool else {"logprobs": []}
    steps += [
        (f"response.{kind}.delta", {**where, "delta": piece, **more}) for piece in _pieces(text)
    ]
    steps += [(f"response.{kind}.done", {**where, **said})]
    if not tool:
        steps += [("response.content_part.done", {**where, "part": part})]
    steps += [("response.output_item.done", {"output_index": 0, "item": item})]
    steps += [("response.completed", {"response": whole})]
    events = [
        sse({"type": name, "sequence_number": number, **fields}, name)
        for number, (name, fields) in enumerate(steps)
    ]
    return events, whole
