"""A neutral request as a chat completion request.

Models of OpenAI's own are known by their names: they refuse what the servers that follow OpenAI's
format take (PROVIDERS 5.3), and the other way round.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

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
from proxy.dialects.content import mentioned, words_of
from proxy.dialects.dialect import Rendered
from proxy.dialects.marks import marked
from proxy.dialects.media import audio_format, data_url
from proxy.dialects.openai_models import SAMPLING, habit, own, reasons, refuses_sampling
from proxy.dialects.shapes import effort_of, short_name

_TAKES_EFFORT = re.compile(r"(?:.*/)?(?:gpt-oss|grok-3-mini|gemini-(?:2\.5|[3-9]))")
# Models that want their earlier thoughts back; other servers refuse a field they do not know.
_WANTS_THOUGHTS = re.compile(r".*(?:deepseek|kimi-(?!k2-instruct)|glm-|minimax|claude)", re.I)
_SIGNS_CALLS = re.compile(r".*gemini")
_CACHES_BY_MARK = re.compile(r".*(?:claude|anthropic)")
_STOPS = 4  # OpenAI's bound
_USER_CHARS = 64  # likewise

_SAME = (
    "parallel_tool_calls", "temperature", "top_p", "seed", "n", "presence_penalty",
    "frequency_penalty", "logit_bias", "logprobs", "top_logprobs", "response_format",
    "reasoning_effort", "user",
)  # fmt: skip


def render_chat(request: ChatRequest, model: str) -> Rendered:
    """See Dialect.render."""
    dropped: list[str] = []
    body: Json = {
        "model": model,
        "messages": _messages(request.messages, model, dropped),
        **common(request, model),
    }
    if request.tools:
        marks = _CACHES_BY_MARK.match(model) is not None
        body["tools"] = [
            marked(_tool(tool), tool.cache_mark) if marks else _tool(tool) for tool in request.tools
        ]
        if request.tool_choice is not None:
            body["tool_choice"] = _choice(request.tool_choice)
    else:
        body.pop("parallel_tool_calls", None)  # refused, and of no meaning, without tools
    _think(body, request, model, dropped)
    form = body.get("response_format") or {}
    if isinstance(form.get("json_schema"), dict) and "name" not in form["json_schema"]:
        named = {"name": "answer", **form["json_schema"]}  # OpenAI demands a name, others do not
        body["response_format"] = {**form, "json_schema": named}
    for name, value in (request.extra or {}).items():
        body[name] = [*body.get("tools", ()), *value] if name == "tools" else value
    _fit(body, request, model, dropped)
    return Rendered("/chat/completions", body, tuple(dict.fromkeys(dropped)))


def common(request: ChatRequest, model: str) -> Json:
    """The parameters that chat and text completions write alike."""
    body: Json = {name: value for name in _SAME if (value := getattr(request, name)) is not None}
    if request.user is not None:
        body["user"] = short_name(request.user, _USER_CHARS)
    if request.max_tokens is not None:
        field = "max_completion_tokens" if reasons(model) else "max_tokens"
        body[field] = request.max_tokens
    if request.stop:
        body["stop"] = list(request.stop)
    if request.stream:
        body["stream"] = True
        if request.include_usage:
            body["stream_options"] = {"include_usage": True}
    return body


def _think(body: Json, request: ChatRequest, model: str, dropped: list[str]) -> None:
    """A budget of thinking tokens becomes an effort, where the model is known to take one."""
    asked = request.reasoning_effort is not None
    takes = reasons(model) or (_TAKES_EFFORT.match(model) is not None)
    if not takes and (own(model) or not asked):
        body.pop("reasoning_effort", None)
        if asked or request.reasoning_budget is not None:
            dropped.append("reasoning_effort")
    elif not asked and request.reasoning_budget is not None:
        body["reasoning_effort"] = effort_of(request.reasoning_budget)


def _fit(body: Json, request: ChatRequest, model: str, dropped: list[str]) -> None:
    if request.top_k is not None:
        if own(model):
            dropped.append("top_k")
        else:
            body["top_k"] = request.top_k
    if refuses_sampling(model, body.get("reasoning_effort")):
        dropped.extend(name for name in SAMPLING if body.pop(name, None) is not None)
    if habit(model) == "always" and body.pop("stop", None) is not None:
        dropped.append("stop")
    elif len(request.stop) > _STOPS and own(model):
        body["stop"] = list(request.stop[:_STOPS])
        dropped.append("stop")


def _choice(choice: str) -> str | Json:
    if choice.startswith("function:"):
        return {"type": "function", "function": {"name": choice.removeprefix("function:")}}
    return choice


def _tool(tool: Tool) -> Json:
    function: Json = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    if tool.parameters is not None:
        function["parameters"] = tool.parameters
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _messages(messages: Iterable[Message], model: str, dropped: list[str]) -> list[Json]:
    out: list[Json] = []
    pictures: list[Part] = []  # of tool results, which may hold text only
    for message in messages:
        if message.role == "tool":
            marks = _CACHES_BY_MARK.match(model) is not None
            results = [part for part in message.parts if isinstance(part, ResultPart)]
            out.extend(_result(part, pictures, marks=marks) for part in results)
            continue
        if pictures:
            out.append({"role": "user", "content": _content(pictures, model, dropped)})
            pictures = []
        if message.role == "assistant":
            out.append(_assistant(message, model))
            continue
        role = message.role
        if role == "developer" and not own(model):
            role = "system"
        turn: Json = {"role": role, "content": _content(message.parts, model, dropped)}
        if message.name:
            turn["name"] = message.name
        out.append(turn)
    if pictures:
        out.append({"role": "user", "content": _content(pictures, model, dropped)})
    return out


def _assistant(message: Message, model: str) -> Json:
    text = "".join(part.text for part in message.parts if isinstance(part, TextPart))
    calls = [part for part in message.parts if isinstance(part, CallPart)]
    turn: Json = {"role": "assistant", "content": text or (None if calls else "")}
    if message.name:
        turn["name"] = message.name
    thoughts = [part for part in message.parts if isinstance(part, ReasoningPart)]
    if thoughts and _WANTS_THOUGHTS.match(model):
        turn["reasoning_content"] = "".join(part.text for part in thoughts)
        if any(part.signature or part.redacted for part in thoughts):
            turn["reasoning_details"] = [_thought(part) for part in thoughts]
    if calls:
        signs = _SIGNS_CALLS.match(model) is not None
        turn["tool_calls"] = [_call(call, signs=signs) for call in calls]
    return turn


def _thought(part: ReasoningPart) -> Json:
    if part.redacted:
        return {"type": "reasoning.encrypted", "data": part.redacted}
    return {"type": "reasoning.text", "text": part.text, "signature": part.signature}


def _call(call: CallPart, *, signs: bool) -> Json:
    told: Json = {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments or "{}"},
    }
    if call.signature and signs:
        told["extra_content"] = {"google": {"thought_signature": call.signature}}
    return told


def _result(part: ResultPart, pictures: list[Part], *, marks: bool) -> Json:
    text = "\n".join(one.text for one in part.content if isinstance(one, TextPart))
    seen = [one for one in part.content if isinstance(one, ImagePart)]
    if seen:
        pictures.append(TextPart(f"The picture that the tool call {part.call_id} returned:"))
        pictures.extend(seen)
        text = text or "[the picture follows]"
    turn: Json = {"role": "tool", "tool_call_id": part.call_id, "content": text}
    if part.cache_mark and marks:
        turn["content"] = [marked({"type": "text", "text": text}, part.cache_mark)]
    if part.name:
        turn["name"] = part.name
    return turn


def _content(parts: Iterable[Part], model: str, dropped: list[str]) -> str | list[Json]:
    marks = bool(_CACHES_BY_MARK.match(model))
    found = [one for part in parts if (one := _part(part, dropped, marks=marks)) is not None]
    if not found:
        return ""
    if len(found) == 1 and found[0].keys() == {"type", "text"}:
        return str(found[0]["text"])
    return found


def _part(part: Part, dropped: list[str], *, marks: bool) -> Json | None:
    match part:
        case TextPart():
            text: Json = {"type": "text", "text": part.text}
            return marked(text, part.cache_mark) if marks else text
        case ImagePart():
            image = {"url": part.url or data_url(part.media_type, part.data)}
            if part.detail:
                image["detail"] = part.detail
            told: Json = {"type": "image_url", "image_url": image}
            return marked(told, part.cache_mark) if marks else told
        case FilePart(kind="audio"):
            sound = {"data": part.data, "format": audio_format(part.media_type)}
            return {"type": "input_audio", "input_audio": sound}
        case FilePart():
            if part.file_id:
                return {"type": "file", "file": {"file_id": part.file_id}}
            if (words := words_of(part)) is not None:
                return {"type": "text", "text": f"{part.name}\n{words}".strip()}
            if part.data:
                held = {"file_data": data_url(part.media_type, part.data)}
                return {"type": "file", "file": {"filename": part.name or "document", **held}}
            dropped.append("file_url")
            return {"type": "text", "text": mentioned(part)}
        case _:
            return None
