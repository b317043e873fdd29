"""A Messages request: checked in a microsecond, and in neutral form."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from typing import Any

import orjson

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
from proxy.dialects.checks import MODEL_LENGTH
from proxy.dialects.content import words_of
from proxy.dialects.marks import mark_of
from proxy.errors import ClientError

_ROLES = ("user", "assistant", "system")
_TYPES: tuple[tuple[str, tuple[type, ...], str], ...] = (
    ("stream", (bool,), "a boolean"),
    ("temperature", (int, float), "a number"),
    ("top_p", (int, float), "a number"),
    ("top_k", (int,), "an integer"),
    ("stop_sequences", (list,), "a list of strings"),
    ("system", (str, list), "a string or a list of blocks"),
    ("tools", (list,), "a list of objects"),
    ("tool_choice", (dict,), "an object"),
    ("thinking", (dict,), "an object"),
    ("metadata", (dict,), "an object"),
    ("output_config", (dict,), "an object"),
)
# Understood, or of no meaning elsewhere and no loss; anything else is named as ignored.
_UNDERSTOOD = frozenset(
    (*(name for name, _, _ in _TYPES), "model", "messages", "max_tokens", "service_tier",
     "cache_control", "output_format")
)  # fmt: skip
_BUDGETS = {"low": 2048, "medium": 8192, "high": 16384, "xhigh": 32768, "max": 32768}
_CHOICES = {"auto": "auto", "any": "required", "none": "none"}


def check_message(body: Json) -> None:
    """Raises ClientError 400 naming the first parameter that is wrong."""
    check_count(body)
    most = body.get("max_tokens")
    if type(most) is not int or most < 0:
        raise _wrong("max_tokens", "is missing" if most is None else "must be an integer")


def check_count(body: Json) -> None:
    """The same for a request to count tokens, which needs no limit."""
    model = body.get("model")
    if type(model) is not str or not model or len(model) > MODEL_LENGTH:
        raise _wrong("model", "is missing" if model is None else "must be a model's name")
    for name, kinds, words in _TYPES:
        value = body.get(name)
        if value is not None and type(value) not in kinds:
            raise _wrong(name, f"must be {words}")
    if not all(type(one) is str for one in body.get("stop_sequences") or ()):
        raise _wrong("stop_sequences", "must be a list of strings")
    for index, tool in enumerate(body.get("tools") or ()):
        if type(tool) is not dict:
            raise _wrong(f"tools.{index}", "must be an object")
    if type(body.get("system")) is list:
        _check_blocks(body["system"], "system")
    _check_turns(body.get("messages"))


def _check_turns(messages: Any) -> None:
    if type(messages) is not list or not messages:
        raise _wrong("messages", "is missing" if messages is None else "must be a list of turns")
    for index, message in enumerate(messages):
        if type(message) is not dict or message.get("role") not in _ROLES:
            raise _wrong(f"messages.{index}.role", "must be user or assistant")
        content = message.get("content")
        if type(content) is list:
            _check_blocks(content, f"messages.{index}.content")
        elif type(content) is not str:
            raise _wrong(f"messages.{index}.content", "must be a string or a list of blocks")


def _check_blocks(blocks: list[Any], place: str) -> None:
    for index, block in enumerate(blocks):
        if type(block) is not dict or type(block.get("type")) is not str:
            raise _wrong(f"{place}.{index}", "must be an object with a type")
        if block["type"] == "text" and type(block.get("text")) is not str:
            raise _wrong(f"{place}.{index}.text", "must be a string")


def _wrong(param: str, words: str) -> ClientError:
    return ClientError(400, f"{param}: {words}.", code="invalid_value", param=param)


def parse_message(body: Json) -> ChatRequest:
    """See Dialect.parse. The provider's own tools and blocks are named in ignored."""
    ignored = [name for name, value in body.items() if name not in _UNDERSTOOD and value]
    choice = body.get("tool_choice") or {}
    thinking = body.get("thinking") or {}
    output = body.get("output_config") or {}
    user = (body.get("metadata") or {}).get("user_id")
    return ChatRequest(
        model=body["model"],
        messages=_messages(body, ignored),
        stream=bool(body.get("stream")),
        tools=_tools(body, ignored),
        tool_choice=_choice(choice),
        parallel_tool_calls=False if choice.get("disable_parallel_tool_use") else None,
        max_tokens=max(1, body["max_tokens"]) if body.get("max_tokens") is not None else None,
        temperature=body.get("temperature"),
        top_p=body.get("top_p"),
        top_k=body.get("top_k"),
        stop=tuple(body.get("stop_sequences") or ()),
        response_format=_format(output.get("format") or body.get("output_format")),
        reasoning_budget=_budget(thinking, output),
        user=user if isinstance(user, str) else None,
        include_usage=True,
        ignored=tuple(dict.fromkeys(ignored)),
    )


def _budget(thinking: Json, output: Json) -> int | None:
    """How many tokens may be thought. Anthropic's clients ask for an effort of any model: told as
    a budget it is a wish, which a model that does not think may pass over."""
    kind, effort = thinking.get("type"), output.get("effort")
    if kind == "enabled" and isinstance(thinking.get("budget_tokens"), int):
        return int(thinking["budget_tokens"])
    if kind == "disabled":
        return None
    if effort is None and kind == "adaptive":
        effort = "high"  # what adaptive thinking is when nothing is said
    return _BUDGETS.get(str(effort))


def _format(given: Any) -> Json | None:
    if not isinstance(given, dict) or given.get("type") != "json_schema":
        return None
    schema = {"name": "answer", "schema": given.get("schema") or {}, "strict": True}
    return {"type": "json_schema", "json_schema": schema}


def _choice(choice: Json) -> str | None:
    if choice.get("type") == "tool":
        return f"function:{choice.get('name') or ''}"
    return _CHOICES.get(str(choice.get("type")))


def _tools(body: Json, ignored: list[str]) -> tuple[Tool, ...]:
    tools: list[Tool] = []
    for index, tool in enumerate(body.get("tools") or ()):
        if tool.get("type") not in (None, "custom"):
            ignored.append(f"tools.{tool['type']}")
            continue
        name, schema = tool.get("name"), tool.get("input_schema")
        if not isinstance(name, str) or not isinstance(schema, dict | None):
            raise _wrong(f"tools.{index}", "must have a name and an input_schema")
        strict = tool.get("strict")
        tools.append(
            Tool(
                name,
                str(tool.get("description") or ""),
                schema,
                strict if isinstance(strict, bool) else None,
                mark_of(tool),
            )
        )
    return tuple(tools)


def _messages(body: Json, ignored: list[str]) -> tuple[Message, ...]:
    out: list[Message] = []
    if body.get("system"):
        out.append(Message("system", _parts(body["system"], "system", ignored)))
    for index, message in enumerate(body["messages"]):
        role = message["role"]
        rest: list[Part] = []
        for part in _parts(message["content"], f"messages.{index}.content", ignored):
            if isinstance(part, ResultPart):
                out.append(Message("tool", (part,)))
            else:
                rest.append(part)
        if rest or not message["content"]:
            out.append(Message(role, tuple(rest)))
    return tuple(out)


def _parts(content: str | list[Any], place: str, ignored: list[str]) -> tuple[Part, ...]:
    if isinstance(content, str):
        return (TextPart(content),) if content else ()
    found = (
        _part(block, f"{place}.{index}", ignored)
        for index, block in enumerate(content)
        if isinstance(block, dict)
    )
    return tuple(part for part in found if part is not None)


def _part(block: Json, place: str, ignored: list[str]) -> Part | None:
    match block.get("type"):
        case "text":
            return TextPart(str(block.get("text")), cache_mark=mark_of(block))
        case "image":
            return replace(_image(block.get("source"), place), cache_mark=mark_of(block))
        case "document":
            return replace(_document(block, place), cache_mark=mark_of(block))
        case "search_result":
            words = _texts(block.get("content"))
            return TextPart(f"{block.get('title') or ''} ({block.get('source') or ''})\n{words}")
        case "thinking":
            return ReasoningPart(
                str(block.get("thinking") or ""), str(block.get("signature") or "")
            )
        case "redacted_thinking":
            return ReasoningPart("", redacted=str(block.get("data") or ""))
        case "tool_use":
            name = block.get("name")
            if not isinstance(name, str):
                raise _wrong(f"{place}.name", "is missing")
            arguments = orjson.dumps(block.get("input") or {}).decode()
            call_id = str(block.get("id") or "")
            return CallPart(call_id, name, arguments, cache_mark=mark_of(block))
        case "tool_result":
            return _result(block, place, ignored)
        case kind:
            ignored.append(f"content.{kind}")
            return None


def _result(block: Json, place: str, ignored: list[str]) -> ResultPart:
    content = block.get("content") or ""
    if not isinstance(content, str | list):
        raise _wrong(f"{place}.content", "must be a string or a list of blocks")
    found = _parts(content, f"{place}.content", ignored)
    kept: list[TextPart | ImagePart] = []
    for part in found:
        if isinstance(part, TextPart | ImagePart):
            kept.append(part)
        elif isinstance(part, FilePart) and (words := words_of(part)) is not None:
            kept.append(TextPart(words))
        else:
            ignored.append("content.tool_result.document")
    mark = mark_of(block) or next((part.cache_mark for part in kept if part.cache_mark), "")
    return ResultPart(
        str(block.get("tool_use_id") or ""),
        tuple(kept),
        error=block.get("is_error") is True,
        cache_mark=mark,
    )


def _image(source: Any, place: str) -> ImagePart:
    match source:
        case {"type": "base64", "media_type": str(media_type), "data": str(data)}:
            return ImagePart(media_type=media_type, data=data)
        case {"type": "url", "url": str(url)}:
            return ImagePart(url=url)
        case _:
            raise _wrong(f"{place}.source", "must be a picture's data or URL for this model")


def _document(block: Json, place: str) -> FilePart | TextPart:
    name = str(block.get("title") or "")
    match block.get("source"):
        case {"type": "base64", "media_type": str(media_type), "data": str(data)}:
            return FilePart("file", media_type, data, name=name)
        case {"type": "url", "url": str(url)}:
            return FilePart("file", url=url, name=name)
        case {"type": "file", "file_id": str(file_id)}:
            return FilePart("file", file_id=file_id, name=name)
        case {"type": "text", "data": str(text)}:
            return FilePart("file", "text/plain", b64encode(text.encode()).decode(), name=name)
        case {"type": "content", "content": content}:
            return TextPart(f"{name}\n{_texts(content)}" if name else _texts(content))
        case _:
            raise _wrong(f"{place}.source", "is of no type that is known here")


def _texts(content: Any) -> str:
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    return "\n".join(str(one.get("text") or "") for one in blocks if isinstance(one, dict))
