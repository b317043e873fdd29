"""A chat completion request in neutral form.

checks.check_chat has looked at the types that every request has; here every part is understood,
and what cannot be is a ClientError that names its place.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal, cast

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
from proxy.dialects.chunks import thought_signature
from proxy.dialects.custom_tools import CUSTOM
from proxy.dialects.loose import mapping, objects, string
from proxy.dialects.marks import mark_of
from proxy.dialects.media import audio_type, split_data_url
from proxy.errors import ClientError

_SAME = (
    "parallel_tool_calls", "temperature", "top_p", "top_k", "seed", "n", "presence_penalty",
    "frequency_penalty", "logit_bias", "logprobs", "top_logprobs", "response_format",
    "reasoning_effort", "user",
)  # fmt: skip
_UNDERSTOOD = frozenset(
    (*_SAME, "model", "messages", "stream", "stream_options", "tools", "functions", "tool_choice",
     "function_call", "max_tokens", "max_completion_tokens", "stop")
)  # fmt: skip

_TYPES: tuple[tuple[str, type, str], ...] = (
    ("parallel_tool_calls", bool, "a boolean"),
    ("logprobs", bool, "a boolean"),
    ("top_logprobs", int, "an integer"),
    ("top_k", int, "an integer"),
    ("reasoning_effort", str, "a string"),
)


def parse_chat(body: Json) -> ChatRequest:
    """The request, understood. Raises ClientError 400 naming the part that cannot be."""
    for name, kind, words in _TYPES:
        if body.get(name) is not None and type(body[name]) is not kind:
            raise wrong(name, f"must be {words}")
    extra: Json = {
        name: value for name, value in body.items() if name not in _UNDERSTOOD and value is not None
    }
    thinking = _effort(body, extra)
    messages = tuple(
        _message(one, f"messages[{index}]") for index, one in enumerate(body["messages"])
    )
    return ChatRequest(
        model=body["model"],
        messages=messages,
        stream=bool(body.get("stream")),
        tools=allowed(_tools(body, extra), _allowed_in(body)),
        tool_choice=_tool_choice(body, extra),
        max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
        stop=stops(body.get("stop")),
        include_usage=bool((body.get("stream_options") or {}).get("include_usage")),
        extra=extra or None,
        **thinking,
        **{name: body[name] for name in _SAME if body.get(name) is not None},
    )


def _effort(body: Json, extra: Json) -> Json:
    """How much is to be thought, where it is said as OpenRouter's clients do."""
    wish = mapping(body.get("reasoning"))
    effort, budget = wish.get("effort"), wish.get("max_tokens")
    if not isinstance(effort, str) and type(budget) is not int:
        return {}
    del extra["reasoning"]
    if body.get("reasoning_effort") is not None:
        return {}
    if isinstance(effort, str):
        return {"reasoning_effort": effort}
    return {"reasoning_budget": budget}


def stops(stop: Any) -> tuple[str, ...]:
    """Stop sequences, which may be given as one string."""
    return (stop,) if isinstance(stop, str) else tuple(stop or ())


def wrong(param: str, words: str) -> ClientError:
    """What the client is told about a part that cannot be understood."""
    return ClientError(400, f"'{param}' {words}.", code="invalid_value", param=param)


def _message(message: Json, place: str) -> Message:
    role = message["role"]
    name = str(message.get("name") or "")
    content = message.get("content")
    if role == "function":
        result = ResultPart(f"call_{name}", _result(content, place), name=name)
        return Message("tool", (result,))
    if role == "tool":
        call_id = message.get("tool_call_id")
        if not isinstance(call_id, str):
            raise wrong(f"{place}.tool_call_id", "is missing")
        held = _result(content, place)
        mark = mark_of(message) or next((part.cache_mark for part in held if part.cache_mark), "")
        return Message("tool", (ResultPart(call_id, held, name=name, cache_mark=mark),))
    parts: tuple[Part, ...] = content_parts(content, f"{place}.content")
    if parts and not isinstance(parts[-1], ReasoningPart) and (mark := mark_of(message)):
        parts = (*parts[:-1], replace(parts[-1], cache_mark=mark))
    if role == "assistant":
        refusal = message.get("refusal")
        if isinstance(refusal, str) and refusal:
            parts = (*parts, TextPart(refusal))
        parts = (*_thoughts(message), *parts, *_calls(message, place))
    return Message(cast("Literal['user']", role), parts, name)


_ENCRYPTED = "reasoning.encrypted"  # OpenRouter's word for what only its provider can read


def _thoughts(message: Json) -> list[ReasoningPart]:
    """What the model thought earlier: with its signature where the client kept it."""
    details = objects(message.get("reasoning_details"))
    thoughts = [
        ReasoningPart(string(one.get("text")), string(one.get("signature")))
        for one in details
        if one.get("type") == "reasoning.text"
    ]
    text = message.get("reasoning_content") or message.get("reasoning")
    text = text if isinstance(text, str) else ""
    if text and not any(one.text for one in thoughts):  # a stream's signature comes by itself
        proofs = [one.signature for one in thoughts if one.signature]
        thoughts = [ReasoningPart(text, proofs[0] if len(proofs) == 1 else "")]
    hidden = [string(one.get("data")) for one in details if one.get("type") == _ENCRYPTED]
    return [*thoughts, *(ReasoningPart("", redacted=one) for one in hidden if one)]


def _calls(message: Json, place: str) -> list[CallPart]:
    found: list[CallPart] = []
    calls = message.get("tool_calls") or []
    if not isinstance(calls, list):
        raise wrong(f"{place}.tool_calls", "must be a list")
    for index, call in enumerate(calls):
        if not isinstance(call, dict):
            raise wrong(f"{place}.tool_calls[{index}]", "must be an object")
        custom = call.get("type") == "custom"
        function = call.get("custom") if custom else call.get("function")
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise wrong(f"{place}.tool_calls[{index}].function", "must be an object with a name")
        arguments = function.get("arguments")
        if custom:
            arguments = {"input": function.get("input")}
        if not isinstance(arguments, str):
            arguments = orjson.dumps(arguments or {}).decode()
        name, call_id = function["name"], str(call.get("id") or "")
        found.append(CallPart(call_id, name, arguments, thought_signature(call)))
    legacy = message.get("function_call")
    if isinstance(legacy, dict):
        name = str(legacy.get("name") or "")
        found.append(CallPart(f"call_{name}", name, str(legacy.get("arguments") or "")))
    return found


def _result(content: Any, place: str) -> tuple[TextPart | ImagePart, ...]:
    return tuple(
        part if isinstance(part, TextPart | ImagePart) else TextPart("[a file]")
        for part in content_parts(content, f"{place}.content")
    )


def content_parts(content: Any, place: str) -> tuple[Part, ...]:
    """The parts of a message's content: a string, or a list that check_chat has seen."""
    if content is None or content == "":
        return ()
    if isinstance(content, str):
        return (TextPart(content),)
    return tuple(_part(part, f"{place}[{index}]") for index, part in enumerate(content))


def _part(part: Json, place: str) -> Part:
    kind = part["type"]
    if kind == "text":
        return TextPart(part["text"], cache_mark=mark_of(part))
    found = _other(part, kind, place)
    mark = mark_of(part)
    return (
        found if not mark or isinstance(found, ReasoningPart) else replace(found, cache_mark=mark)
    )


def _other(part: Json, kind: str, place: str) -> Part:
    if kind == "refusal":
        return TextPart(str(part.get("refusal") or ""))
    if kind == "thinking":
        return _thinking(part)
    value = part.get(kind)
    if kind in ("image_url", "document_url"):
        value = {"url": value} if isinstance(value, str) else value
    if not isinstance(value, dict):
        raise wrong(place, f"has a type that is not known here: {kind}")
    if kind == "image_url":
        return image(value.get("url"), str(value.get("detail") or ""), f"{place}.image_url.url")
    if kind == "document_url" and isinstance(value.get("url"), str):
        return FilePart("file", url=value["url"], name=str(part.get("document_name") or ""))
    if kind == "input_audio":
        return sound(value, f"{place}.input_audio")
    if kind == "file":
        return file(value, f"{place}.file")
    raise wrong(place, f"has a type that is not known here: {kind}")


def _thinking(part: Json) -> ReasoningPart:
    inner = part.get("thinking")
    pieces = inner if isinstance(inner, list) else [{"text": inner}]
    text = "".join(str(one.get("text") or "") for one in pieces if isinstance(one, dict))
    return ReasoningPart(text, str(part.get("signature") or ""))


def image(url: Any, detail: str, place: str) -> ImagePart:
    """A picture by its URL, taken apart where that holds the picture itself."""
    if not isinstance(url, str) or not url:
        raise wrong(place, "must be a URL")
    inside = split_data_url(url)
    if inside is None:
        return ImagePart(url=url, detail=detail)
    return ImagePart(media_type=inside[0], data=inside[1], detail=detail)


def sound(value: Any, place: str) -> FilePart:
    """A recording: its data and its format's name."""
    data, name = mapping(value).get("data"), mapping(value).get("format")
    if not isinstance(data, str) or not isinstance(name, str):
        raise wrong(place, "must have data and a format")
    return FilePart("audio", audio_type(name), data)


def file(value: Json, place: str) -> FilePart:
    """A document as data, by the provider's id, or by its URL."""
    name = str(value.get("filename") or "")
    data = value.get("file_data")
    if isinstance(data, str) and data:
        media_type, data = split_data_url(data) or ("application/pdf", data)
        return FilePart("file", media_type, data, name=name)
    file_id, url = string(value.get("file_id")), string(value.get("file_url"))
    if file_id or url:
        return FilePart("file", url="" if file_id else url, file_id=file_id, name=name)
    raise wrong(place, "must have file_data or file_id")


def _tools(body: Json, extra: Json) -> tuple[Tool, ...]:
    tools: list[Tool] = []
    foreign: list[Json] = []
    for index, tool in enumerate(body.get("tools") or ()):
        if tool["type"] == "function":
            function = tool_of(tool.get("function"), f"tools[{index}].function")
            mark = mark_of(tool) or mark_of(tool["function"])
            tools.append(replace(function, cache_mark=mark) if mark else function)
        else:
            foreign.append(tool)
    for index, function in enumerate(body.get("functions") or ()):
        tools.append(tool_of(function, f"functions[{index}]"))
    if foreign:
        extra["tools"] = foreign
    return tuple(tools)


def tool_of(function: Any, place: str) -> Tool:
    """A function that the model may call."""
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise wrong(place, "must be an object with a name")
    parameters = function.get("parameters")
    if parameters is not None and not isinstance(parameters, dict):
        raise wrong(f"{place}.parameters", "must be an object")
    return Tool(
        function["name"],
        str(function.get("description") or ""),
        parameters,
        function.get("strict") if isinstance(function.get("strict"), bool) else None,
    )


def _tool_choice(body: Json, extra: Json) -> str | None:
    choice = body.get("tool_choice")
    if choice is None:
        choice = body.get("function_call")
        choice = {"function": choice} if isinstance(choice, dict) else choice
    if choice is None:
        return None
    if isinstance(choice, str):
        if choice == "any":
            return "required"
        if choice not in ("auto", "none", "required"):
            raise wrong("tool_choice", "must be none, auto, required or an object")
        return choice
    function = choice.get("function")
    if isinstance(function, dict) and isinstance(function.get("name"), str):
        return f"function:{function['name']}"
    if choice.get("type") in ("auto", "none", "required"):
        return str(choice["type"])
    if among := _allowed_in(body):
        return "required" if among.get("mode") == "required" else "auto"
    extra["tool_choice"] = choice
    return "auto"


def _allowed_in(body: Json) -> Json:
    """The choice among some of the tools, if that was made."""
    return mapping(mapping(body.get("tool_choice")).get("allowed_tools"))


def allowed(tools: tuple[Tool, ...], choice: Json) -> tuple[Tool, ...]:
    """The functions that may be called: only OpenAI is told of those that may not."""
    if not choice:
        return tools
    among = objects(choice.get("tools"))
    names = {
        (CUSTOM if one.get("type") == "custom" else "")
        + string(one.get("name") or mapping(one.get("function")).get("name"))
        for one in among
    }
    return tuple(one for one in tools if one.name in names)
