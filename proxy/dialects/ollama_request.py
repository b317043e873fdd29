"""Requests in Ollama's /api/chat format, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

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
from proxy.dialects.content import (
    call_names,
    inline,
    json_object,
    json_text,
    made_up_id,
    mentioned,
    own_fields,
    string,
    unplaced,
    wanted_schema,
    with_words,
)
from proxy.dialects.dialect import Rendered

_UNKNOWN = (
    "n",
    "logit_bias",
    "parallel_tool_calls",
    "user",
)
_OWN = frozenset(("keep_alive", "truncate", "shift"))
_OPTIONS: Mapping[str, str] = {
    "max_tokens": "num_predict",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "seed": "seed",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
}
_LEVELS = ("low", "medium", "high")


def render(request: ChatRequest, model: str) -> Rendered:
    """See Dialect.render."""
    names = call_names(request)
    dropped: set[str] = set()
    messages: list[Json] = []
    for message in request.messages:
        messages.extend(_messages(message, names, dropped))
    body: Json = {"model": model, "messages": messages, "stream": request.stream}
    options = {
        theirs: value
        for ours, theirs in _OPTIONS.items()
        if (value := getattr(request, ours)) is not None
    }
    if request.stop:
        options["stop"] = list(request.stop)
    given = (request.extra or {}).get("options")
    if isinstance(given, Mapping):
        options = {**given, **options}
    if options:
        body["options"] = options
    if request.tools and request.tool_choice != "none":
        body["tools"] = [tool_json(tool) for tool in request.tools]
        if request.tool_choice not in (None, "auto"):
            dropped.add("tool_choice")
    wants_json, schema = wanted_schema(request)
    if wants_json:
        body["format"] = dict(schema) if schema is not None else "json"
    if request.logprobs:
        body["logprobs"] = True
        if request.top_logprobs:
            body["top_logprobs"] = request.top_logprobs
    think = _think(request, model)
    if think is not None:
        body["think"] = think
    body.update(own_fields(request, _OWN))
    dropped.update(unplaced(request, _UNKNOWN, _OWN | {"options"}))
    return Rendered("/api/chat", body, tuple(sorted(dropped)))


def _think(request: ChatRequest, model: str) -> bool | str | None:
    """Levels are for gpt-oss; every other model can only be told whether to think."""
    effort = request.reasoning_effort
    if effort is None:
        return None if request.reasoning_budget is None else request.reasoning_budget > 0
    if effort == "none":
        return False
    if "gpt-oss" in model:
        return effort if effort in _LEVELS else "low" if effort == "minimal" else "high"
    return True


def _messages(message: Message, names: Mapping[str, str], dropped: set[str]) -> list[Json]:
    """One message here is one of Ollama's, and one more for each tool result in it."""
    said: Json = {"role": "system" if message.role == "developer" else message.role}
    words: list[str] = []
    images: list[str] = []
    calls: list[Json] = []
    results: list[Json] = []
    for part in message.parts:
        match part:
            case TextPart(text=text):
                words.append(text)
            case ImagePart() | FilePart():
                _media(part, words, images, dropped)
            case ReasoningPart(text=text):
                said["thinking"] = said.get("thinking", "") + text
            case CallPart():
                calls.append(
                    {
                        "id": part.id,
                        "function": {"name": part.name, "arguments": json_object(part.arguments)},
                    }
                )
            case ResultPart():
                results.append(_result(part, names))
                if any(isinstance(one, ImagePart) and not inline(one) for one in part.content):
                    dropped.add("image_url")
    if message.role == "tool":
        return results
    said["content"] = "\n".join(words)
    if images:
        said["images"] = images
    if calls:
        said["tool_calls"] = calls
    return [*results, said] if words or images or calls or not results else results


def _media(
    part: ImagePart | FilePart, words: list[str], images: list[str], dropped: set[str]
) -> None:
    held = inline(part)
    if held is not None and isinstance(part, ImagePart):
        images.append(held[1])
        return
    found = with_words(part)
    words.append(mentioned(part) if found is None else found)
    if found is None:
        dropped.add("image_url" if isinstance(part, ImagePart) else part.kind)


def _result(part: ResultPart, names: Mapping[str, str]) -> Json:
    told: Json = {
        "role": "tool",
        "content": "\n".join(one.text for one in part.content if isinstance(one, TextPart)),
        "tool_call_id": part.call_id,
    }
    name = part.name or names.get(part.call_id, "")
    if name:
        told["tool_name"] = name
    images = [
        held[1] for one in part.content if isinstance(one, ImagePart) and (held := inline(one))
    ]
    if images:
        told["images"] = images
    return told


def tool_json(tool: Tool) -> Json:
    """A tool as OpenAI and Ollama describe it."""
    function: Json = {"name": tool.name, "parameters": tool.parameters or {"type": "object"}}
    if tool.description:
        function["description"] = tool.description
    return {"type": "function", "function": function}


# ---- reading ------------------------------------------------------------------------------------


def parse(body: Json) -> ChatRequest:
    """See Dialect.parse."""
    options = body["options"] if isinstance(body.get("options"), dict) else {}
    known: dict[str, Any] = {ours: options.get(theirs) for ours, theirs in _OPTIONS.items()}
    stop = options.get("stop") or ()
    think = body.get("think")
    rest = {k: v for k, v in options.items() if k not in {*_OPTIONS.values(), "stop"}}
    extra = {name: body[name] for name in _OWN if name in body}
    if rest:
        extra["options"] = rest
    pending: list[str] = []  # ids of calls that wait for their result
    return ChatRequest(
        model=body["model"],
        messages=tuple(_message(one, place, pending) for place, one in enumerate(body["messages"])),
        stream=body.get("stream") is not False,
        tools=tuple(_tool(one) for one in body.get("tools") or ()),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        response_format=_format(body.get("format")),
        reasoning_effort=_effort(think),
        include_usage=True,
        logprobs=body.get("logprobs"),
        top_logprobs=body.get("top_logprobs"),
        extra=extra or None,
        **known,
    )


def _effort(think: object) -> str | None:
    if isinstance(think, str):
        return think
    return {True: "medium", False: "none"}.get(think) if isinstance(think, bool) else None


def _format(wanted: object) -> Json | None:
    if wanted == "json":
        return {"type": "json_object"}
    if isinstance(wanted, dict) and wanted:
        return {"type": "json_schema", "json_schema": {"name": "answer", "schema": wanted}}
    return None


def _tool(one: Json) -> Tool:
    function = one.get("function")
    function = function if isinstance(function, dict) else {}
    parameters = function.get("parameters")
    return Tool(
        string(function.get("name")),
        string(function.get("description")),
        parameters if isinstance(parameters, dict) else None,
    )


def _message(one: Json, place: int, pending: list[str]) -> Message:
    role: Literal["system", "user", "assistant", "tool"] = one["role"]
    content = string(one.get("content"))
    images: tuple[Part, ...] = tuple(
        ImagePart(media_type=_image_type(data), data=data) for data in one.get("images") or ()
    )
    if role == "tool":
        call_id = string(one.get("tool_call_id")) or (pending.pop(0) if pending else "")
        name = string(one.get("tool_name"))
        return Message("tool", (ResultPart(call_id, (TextPart(content),), name=name),))
    parts: list[Part] = []
    if one.get("thinking"):
        parts.append(ReasoningPart(string(one["thinking"])))
    if content or not one.get("tool_calls"):
        parts.append(TextPart(content))
    for index, call in enumerate(one.get("tool_calls") or ()):
        function: dict[str, Any] = dict(call.get("function") or {})
        call_id = string(call.get("id")) or made_up_id(place, index)
        pending.append(call_id)
        parts.append(
            CallPart(call_id, string(function.get("name")), json_text(function.get("arguments")))
        )
    return Message(role, (*parts, *images))


def _image_type(data: str) -> str:
    """From the first bytes in base64: Ollama's images carry no type."""
    kinds = {"iVBOR": "image/png", "R0lGOD": "image/gif", "UklGR": "image/webp"}
    return next((kind for start, kind in kinds.items() if data.startswith(start)), "image/jpeg")
