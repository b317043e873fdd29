"""Chat requests in Cohere's v2 format, both ways."""

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
    count,
    first_stops,
    inline,
    json_text,
    mentioned,
    own_fields,
    string,
    unplaced,
    wanted_schema,
    with_words,
)
from proxy.dialects.dialect import Rendered

_UNKNOWN = ("n", "logit_bias", "logprobs", "top_logprobs", "parallel_tool_calls", "user")
_OWN = frozenset(("documents", "citation_options", "safety_mode", "strict_tools", "priority"))
_SAME: Mapping[str, str] = {
    "max_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "p",
    "top_k": "k",
    "seed": "seed",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
}
# docs.cohere.com/v2/reference/chat
_BOUNDS: Mapping[str, tuple[float, float]] = {
    "top_p": (0.01, 0.99),
    "top_k": (0, 500),
    "presence_penalty": (0, 1),
    "frequency_penalty": (0, 1),
}
_NEARLY = 0.02  # so little that it need not be told
_STOPS_MOST = 5
_QUIET = ("none", "minimal")


def render(request: ChatRequest, model: str) -> Rendered:
    """See Dialect.render."""
    dropped: set[str] = set()
    messages: list[Json] = []
    for message in request.messages:
        messages.extend(_messages(message, dropped))
    body: Json = {"model": model, "messages": messages, "stream": request.stream}
    for ours, theirs in _SAME.items():
        value = getattr(request, ours)
        if value is not None:
            least, most = _BOUNDS.get(ours, (value, value))
            body[theirs] = min(max(value, least), most)
            if abs(body[theirs] - value) > _NEARLY:
                dropped.add(ours)
    if request.stop:
        body["stop_sequences"] = first_stops(request, _STOPS_MOST, dropped)
    tools = request.tools
    choice = request.tool_choice
    if choice is not None and choice.startswith("function:"):  # one by name: the others are hidden
        tools = tuple(one for one in tools if one.name == choice.removeprefix("function:"))
        choice = "required"
    if tools:
        body["tools"] = [_tool(one) for one in tools]
        if choice in ("required", "none"):
            body["tool_choice"] = choice.upper()
    wants_json, schema = wanted_schema(request)
    if wants_json:
        body["response_format"] = {"type": "json_object"}
        if schema is not None:
            body["response_format"]["json_schema"] = dict(schema)
    thinking = _thinking(request)
    if thinking:
        body["thinking"] = thinking
    body.update(own_fields(request, _OWN))
    dropped.update(unplaced(request, _UNKNOWN, _OWN))
    return Rendered("/chat", body, tuple(sorted(dropped)))


def _thinking(request: ChatRequest) -> Json:
    if request.reasoning_budget is not None:
        if request.reasoning_budget == 0:
            return {"type": "disabled"}
        return {"type": "enabled", "token_budget": request.reasoning_budget}
    if request.reasoning_effort is None:
        return {}
    return {"type": "disabled" if request.reasoning_effort in _QUIET else "enabled"}


def _tool(tool: Tool) -> Json:
    function: Json = {"name": tool.name, "parameters": tool.parameters or {"type": "object"}}
    if tool.description:
        function["description"] = tool.description
    return {"type": "function", "function": function}


def _messages(message: Message, dropped: set[str]) -> list[Json]:
    """One message here is one of Cohere's, and one more for each tool result in it."""
    content: list[Json] = []
    calls: list[Json] = []
    results: list[Json] = []
    for part in message.parts:
        match part:
            case TextPart(text=text):
                content.append({"type": "text", "text": text})
            case ImagePart() | FilePart():
                content.append(_media(part, dropped))
            case CallPart(id=id, name=name, arguments=arguments):
                function = {"name": name, "arguments": arguments or "{}"}
                calls.append({"id": id, "type": "function", "function": function})
            case ResultPart(call_id=call_id, content=shown):
                text = "\n".join(one.text for one in shown if isinstance(one, TextPart))
                results.append({"role": "tool", "tool_call_id": call_id, "content": text})
                if any(isinstance(one, ImagePart) for one in shown):
                    dropped.add("image_url")  # a result holds words only
            case ReasoningPart():
                pass  # thoughts of earlier turns are not read again
    if message.role == "tool" or (results and not content):
        return results
    role = "system" if message.role == "developer" else message.role
    plain = len(content) == 1 and content[0]["type"] == "text"
    said: Json = {"role": role, "content": content[0]["text"] if plain else content}
    if calls:
        said["tool_calls"] = calls
        if not content:
            del said["content"]
    return [*results, said]


def _media(part: ImagePart | FilePart, dropped: set[str]) -> Json:
    if (words := with_words(part)) is not None:
        return {"type": "text", "text": words}
    held = inline(part)
    if isinstance(part, ImagePart) and (held or part.url):
        image: Json = {"url": f"data:{held[0]};base64,{held[1]}" if held else part.url}
        if part.detail:
            image["detail"] = part.detail
        return {"type": "image_url", "image_url": image}
    dropped.add("image_url" if isinstance(part, ImagePart) else part.kind)
    return {"type": "text", "text": mentioned(part)}


# ---- reading ------------------------------------------------------------------------------------


def parse(body: Json) -> ChatRequest:
    """See Dialect.parse."""
    known: dict[str, Any] = {ours: body.get(theirs) for ours, theirs in _SAME.items()}
    thinking = body.get("thinking")
    thinking = thinking if isinstance(thinking, dict) else {}
    choice = body.get("tool_choice")
    return ChatRequest(
        model=body["model"],
        messages=tuple(_message(one) for one in body["messages"]),
        stream=body.get("stream") is True,
        tools=tuple(_read_tool(one.get("function")) for one in body.get("tools") or ()),
        tool_choice=choice.lower() if isinstance(choice, str) else None,
        stop=tuple(body.get("stop_sequences") or ()),
        response_format=_format(body.get("response_format")),
        reasoning_effort=_effort(thinking),
        reasoning_budget=count(thinking.get("token_budget")) or None,
        include_usage=True,
        extra={name: body[name] for name in _OWN if name in body} or None,
        **known,
    )


def _effort(thinking: Json) -> str | None:
    if thinking.get("token_budget"):
        return None
    return {"enabled": "medium", "disabled": "none"}.get(string(thinking.get("type")))


def _format(wanted: Any) -> Json | None:
    if not isinstance(wanted, dict) or wanted.get("type") != "json_object":
        return None
    schema = wanted.get("json_schema") or wanted.get("schema")
    if not isinstance(schema, dict):
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


def _read_tool(function: Any) -> Tool:
    function = function if isinstance(function, dict) else {}
    parameters = function.get("parameters")
    return Tool(
        string(function.get("name")),
        string(function.get("description")),
        parameters if isinstance(parameters, dict) else None,
    )


def _message(one: Json) -> Message:
    role: Literal["system", "user", "assistant", "tool"] = one["role"]
    content = one.get("content")
    blocks = content if isinstance(content, list) else [{"type": "text", "text": content or ""}]
    if role == "tool":
        texts = tuple(TextPart(_words(block)) for block in blocks)
        return Message("tool", (ResultPart(string(one.get("tool_call_id")), texts),))
    parts: list[Part] = []
    if one.get("tool_plan"):
        parts.append(ReasoningPart(string(one["tool_plan"])))
    calls = one.get("tool_calls") or ()
    for block in blocks:
        image = block.get("image_url")
        if block.get("type") == "thinking":
            parts.append(ReasoningPart(string(block.get("thinking"))))
        elif isinstance(image, dict):
            url, detail = string(image.get("url")), string(image.get("detail"))
            parts.append(ImagePart(url=url, detail=detail))
        elif _words(block) or not calls:
            parts.append(TextPart(_words(block)))
    for call in calls:
        function = call.get("function") or {}
        name, arguments = string(function.get("name")), json_text(function.get("arguments"))
        parts.append(CallPart(string(call.get("id")), name, arguments))
    return Message(role, tuple(parts))


def _words(block: Json) -> str:
    document = block.get("document")
    if isinstance(document, dict):
        return json_text(document.get("data"))
    return string(block.get("text"))
