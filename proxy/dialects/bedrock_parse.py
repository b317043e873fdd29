"""Bedrock's Converse requests, understood."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson

from proxy.chat import (
    CacheMark,
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
from proxy.dialects.bedrock_request import DOCUMENTS, OWN
from proxy.dialects.content import json_text, string
from proxy.dialects.marks import point_of
from proxy.errors import ClientError

_TYPES = {ending: kind for kind, ending in DOCUMENTS.items()}


def check(body: Json) -> None:
    """Raises ClientError 400 naming the first field that is wrong."""
    messages = body.get("messages")
    if type(messages) is not list or not messages:
        raise _wrong("messages", "must be a list with at least one message")
    for index, message in enumerate(messages):
        if type(message) is not dict or message.get("role") not in ("user", "assistant"):
            raise _wrong(f"messages[{index}].role", "must be user or assistant")
        content = message.get("content")
        if type(content) is not list or not all(type(block) is dict for block in content):
            raise _wrong(f"messages[{index}].content", "must be a list of objects")
    for name in ("inferenceConfig", "toolConfig", "outputConfig", "additionalModelRequestFields"):
        value = body.get(name)
        if value is not None and type(value) is not dict:
            raise _wrong(name, "must be an object")


def _wrong(param: str, words: str) -> ClientError:
    return ClientError(400, f"'{param}' {words}.", code="invalid_value", param=param)


def parse(body: Json) -> ChatRequest:
    """See Dialect.parse. The model and stream are the path's: the caller puts them in."""
    inference: Json = body.get("inferenceConfig") or {}
    messages: list[Message] = []
    words = tuple(_marked(body.get("system")))
    if words:
        messages.append(Message("system", words))
    for message in body["messages"]:
        messages.extend(_messages(message))
    config: Json = body.get("toolConfig") or {}
    return ChatRequest(
        model=string(body.get("model")),
        messages=tuple(messages),
        stream=body.get("stream") is True,
        tools=tuple(_tools(config.get("tools"))),
        tool_choice=_choice(config.get("toolChoice")),
        max_tokens=inference.get("maxTokens"),
        temperature=inference.get("temperature"),
        top_p=inference.get("topP"),
        stop=tuple(inference.get("stopSequences") or ()),
        response_format=_format(body.get("outputConfig")),
        include_usage=True,
        extra={name: body[name] for name in OWN if name in body} or None,
    )


def _marked(blocks: Any) -> Iterator[TextPart]:
    """Texts, each with the cache point that may follow it."""
    held: TextPart | None = None
    for block in blocks if isinstance(blocks, list) else ():
        if held is not None and (mark := point_of(block)):
            held = TextPart(held.text, cache_mark=mark)
        elif isinstance(block.get("text"), str):
            if held is not None:
                yield held
            held = TextPart(block["text"])
    if held is not None:
        yield held


def _tools(given: Any) -> Iterator[Tool]:
    """Tools, each with the cache point that may follow it."""
    held: Tool | None = None
    for one in given if isinstance(given, list) else ():
        if held is not None and (mark := point_of(one)):
            held = replace(held, cache_mark=mark)
        elif isinstance(one.get("toolSpec"), dict):
            if held is not None:
                yield held
            held = _tool(one["toolSpec"])
    if held is not None:
        yield held


def _tool(spec: Json) -> Tool:
    schema = spec.get("inputSchema")
    parameters = schema.get("json") if isinstance(schema, dict) else None
    return Tool(
        string(spec.get("name")),
        string(spec.get("description")),
        parameters if isinstance(parameters, dict) else None,
    )


def _choice(choice: Any) -> str | None:
    if not isinstance(choice, dict):
        return None
    named = choice.get("tool")
    if isinstance(named, dict):
        return f"function:{string(named.get('name'))}"
    return "required" if "any" in choice else "auto" if "auto" in choice else None


def _format(config: Any) -> Json | None:
    found = config
    for name in ("textFormat", "structure", "jsonSchema"):
        found = found.get(name) if isinstance(found, dict) else None
    if not isinstance(found, dict):
        return None
    try:
        schema = orjson.loads(found.get("schema") or "{}")
    except orjson.JSONDecodeError as error:
        raise _wrong("outputConfig", "holds a schema that is not JSON") from error
    described = {"name": string(found.get("name")) or "answer", "schema": schema}
    return {"type": "json_schema", "json_schema": described}


def _messages(message: Json) -> Iterator[Message]:
    results: list[Part] = []
    parts: list[Part] = []
    for block in message["content"]:
        result = block.get("toolResult")
        if isinstance(result, dict):
            results.append(_result(result))
        elif mark := point_of(block):
            _mark(parts or results, mark)
        else:
            parts.extend(_parts(block))
    if results:
        yield Message("tool", tuple(results))
    if parts:
        yield Message(message["role"], tuple(parts))


def _mark(parts: list[Part], mark: CacheMark) -> None:
    """What is meant is the last part."""
    if parts and not isinstance(last := parts[-1], ReasoningPart):
        parts[-1] = replace(last, cache_mark=mark)


def _result(result: Json) -> ResultPart:
    content: list[TextPart | ImagePart] = []
    for block in result.get("content") or ():
        if "json" in block:
            content.append(TextPart(json_text(block["json"])))
        else:
            content.extend(part for part in _parts(block) if isinstance(part, TextPart | ImagePart))
    failed = result.get("status") == "error"
    return ResultPart(string(result.get("toolUseId")), tuple(content), failed)


def _parts(block: Json) -> Iterator[Part]:
    """Nothing for what has no neutral form: guard content, search results."""
    image, document = block.get("image"), block.get("document")
    thought, call = block.get("reasoningContent"), block.get("toolUse")
    cited = block.get("citationsContent")
    if isinstance(block.get("text"), str):
        yield TextPart(block["text"])
    elif isinstance(image, dict):
        data, uri = _source(image)
        yield ImagePart(uri, f"image/{string(image.get('format'))}", data)
    elif isinstance(moving := block.get("audio") or block.get("video"), dict):
        data, uri = _source(moving)
        medium = "audio" if "audio" in block else "video"
        kind = f"{medium}/{string(moving.get('format'))}"
        yield FilePart("audio" if medium == "audio" else "file", kind, data, uri)
    elif isinstance(document, dict):
        data, uri = _source(document)
        kind = _TYPES.get(string(document.get("format")), "text/plain")
        yield FilePart("file", kind, data, uri, name=string(document.get("name")))
    elif isinstance(thought, dict):
        inner = thought.get("reasoningText") or {}
        hidden = string(thought.get("redactedContent"))
        yield ReasoningPart(string(inner.get("text")), string(inner.get("signature")), hidden)
    elif isinstance(call, dict):
        name, arguments = string(call.get("name")), json_text(call.get("input"))
        yield CallPart(string(call.get("toolUseId")), name, arguments)
    elif isinstance(cited, dict):
        for one in cited.get("content") or ():
            yield TextPart(string(one.get("text")))


def _source(media: Json) -> tuple[str, str]:
    """(base64, address) of a medium; a document may be given as its words."""
    source: Json = media.get("source") or {}
    stored: Json = source.get("s3Location") or {}
    words = source.get("text") or "\n".join(one["text"] for one in source.get("content") or ())
    data = source.get("bytes") or b64encode(string(words).encode()).decode()
    return string(data), string(stored.get("uri"))
