"""Gemini's generateContent requests, understood. Names come in camel case and in snake case."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proxy.chat import (
    CallPart,
    ChatRequest,
    FilePart,
    ImagePart,
    Json,
    Message,
    Part,
    ReasoningPart,
    ResultPart,
    TextPart,
    Tool,
)
from proxy.dialects.content import json_text, made_up_id, string
from proxy.dialects.gemini_request import GENERATION, MODES, NO_SIGNATURE, OWN
from proxy.errors import ClientError


def field(body: Any, name: str) -> Any:
    """A field under its camel-case name, or its snake-case one."""
    if not isinstance(body, dict):
        return None
    if name in body:
        return body[name]
    return body.get("".join(f"_{c.lower()}" if c.isupper() else c for c in name))


def check(body: Json) -> None:
    """Raises ClientError 400 naming the first field that is wrong."""
    contents = body.get("contents")
    if type(contents) is not list or not contents:
        raise _wrong("contents", "must be a list with at least one content")
    for index, content in enumerate(contents):
        parts = content.get("parts") if type(content) is dict else None
        if type(parts) is not list or not all(type(part) is dict for part in parts):
            raise _wrong(f"contents[{index}].parts", "must be a list of objects")
    for name in ("systemInstruction", "generationConfig", "toolConfig"):
        value = field(body, name)
        if value is not None and type(value) is not dict:
            raise _wrong(name, "must be an object")
    tools = body.get("tools") or []
    if type(tools) is not list or not all(type(tool) is dict for tool in tools):
        raise _wrong("tools", "must be a list of objects")


def _wrong(param: str, words: str) -> ClientError:
    return ClientError(400, f"'{param}' {words}.", code="invalid_value", param=param)


def parse(body: Json) -> ChatRequest:
    """See Dialect.parse. The model and stream are the path's: the caller puts them in."""
    generation = field(body, "generationConfig") or {}
    known: Json = {ours: field(generation, theirs) for ours, theirs in GENERATION.items()}
    thinking = field(generation, "thinkingConfig")
    level = field(thinking, "thinkingLevel")
    extra = {name: value for name in OWN if (value := field(body, name)) is not None}
    own_tools = [
        one for one in body.get("tools") or () if field(one, "functionDeclarations") is None
    ]
    if own_tools:
        extra["tools"] = own_tools
    messages: list[Message] = []
    system = field(field(body, "systemInstruction"), "parts") or ()
    words = tuple(TextPart(string(part.get("text"))) for part in system)
    if words:
        messages.append(Message("system", words))
    pending: list[tuple[str, str]] = []  # (name, id) of calls that wait for their results
    for place, content in enumerate(body["contents"]):
        messages.extend(_messages(content, place, pending))
    return ChatRequest(
        model=string(body.get("model")),
        messages=tuple(messages),
        stream=body.get("stream") is True,
        tools=tuple(_tools(body)),
        tool_choice=_choice(body),
        stop=tuple(field(generation, "stopSequences") or ()),
        response_format=_format(generation),
        reasoning_effort=level.lower() if isinstance(level, str) else None,
        reasoning_budget=field(thinking, "thinkingBudget"),
        include_usage=True,
        extra=extra or None,
        **known,
    )


def _format(generation: Json) -> Json | None:
    if field(generation, "responseMimeType") != "application/json":
        return None
    schema = field(generation, "responseJsonSchema") or field(generation, "responseSchema")
    if not isinstance(schema, dict):
        return {"type": "json_object"}
    described = {"name": "answer", "schema": lowered(schema)}
    return {"type": "json_schema", "json_schema": described}


def lowered(schema: Any) -> Any:
    """A schema of Gemini's with its types as JSON Schema spells them: OBJECT is object."""
    if isinstance(schema, list):
        return [lowered(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: value.lower() if name == "type" and isinstance(value, str) else lowered(value)
        for name, value in schema.items()
    }


def _tools(body: Json) -> Iterator[Tool]:
    for group in body.get("tools") or ():
        for one in field(group, "functionDeclarations") or ():
            schema = field(one, "parametersJsonSchema") or one.get("parameters")
            parameters = lowered(schema) if isinstance(schema, dict) else None
            yield Tool(string(one.get("name")), string(one.get("description")), parameters)


def _choice(body: Json) -> str | None:
    calling = field(field(body, "toolConfig"), "functionCallingConfig")
    mode = string(field(calling, "mode")).upper()
    names = field(calling, "allowedFunctionNames")
    if mode == "ANY" and isinstance(names, list) and len(names) == 1:
        return f"function:{names[0]}"
    return next((ours for ours, theirs in MODES.items() if theirs == mode), None)


def _messages(content: Json, place: int, pending: list[tuple[str, str]]) -> Iterator[Message]:
    is_model = content.get("role") == "model"
    parts: list[Part] = []
    results: list[Part] = []
    for index, part in enumerate(content["parts"]):
        call = field(part, "functionCall")
        result = field(part, "functionResponse")
        if isinstance(call, dict):
            name = string(call.get("name"))
            call_id = string(call.get("id")) or made_up_id(place, index, name)
            pending.append((name, call_id))
            signature = string(field(part, "thoughtSignature")).replace(NO_SIGNATURE, "")
            parts.append(CallPart(call_id, name, json_text(call.get("args")), signature))
        elif isinstance(result, dict):
            results.append(_result(result, pending))
        else:
            parts.append(_part(part))
    if results:
        yield Message("tool", tuple(results))
    if parts:
        yield Message("assistant" if is_model else "user", tuple(parts))


def _result(result: Json, pending: list[tuple[str, str]]) -> ResultPart:
    name = string(result.get("name"))
    call_id = string(result.get("id"))
    for waiting in pending:
        if call_id in ("", waiting[1]) and waiting[0] == name:
            pending.remove(waiting)
            call_id = waiting[1]
            break
    response = result.get("response")
    response = response if isinstance(response, dict) else {}
    failed = set(response) == {"error"}
    if len(response) == 1 and isinstance(text := next(iter(response.values())), str):
        return ResultPart(call_id, (TextPart(text),), failed, name)
    return ResultPart(call_id, (TextPart(json_text(response)),), failed, name)


def _part(part: Json) -> Part:
    media = field(part, "inlineData")
    file = field(part, "fileData")
    if not isinstance(media, dict) and not isinstance(file, dict):
        text = string(part.get("text"))
        return ReasoningPart(text) if part.get("thought") is True else TextPart(text)
    held = media if isinstance(media, dict) else file
    kind = string(field(held, "mimeType"))
    data, uri = string(held.get("data")), string(field(held, "fileUri"))
    if kind.startswith("image/"):
        return ImagePart(uri, kind, data)
    return FilePart("audio" if kind.startswith("audio/") else "file", kind, data, uri)
