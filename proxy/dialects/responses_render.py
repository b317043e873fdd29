"""A neutral request as a Responses request: one that leaves nothing stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
from proxy.dialects.content import asks_for_nothing, words_of
from proxy.dialects.dialect import Rendered
from proxy.dialects.media import data_url
from proxy.dialects.openai_models import SAMPLING, own, reasons, refuses_sampling
from proxy.dialects.shapes import effort_of, short_name

_NO_PLACE = (
    "stop", "seed", "n", "presence_penalty", "frequency_penalty", "logit_bias", "top_k",
)  # fmt: skip
_SAME_EXTRA = frozenset(
    {"metadata", "service_tier", "prompt_cache_key", "safety_identifier", "prompt_cache_retention"}
)
_TIERS = ("auto", "default", "flex", "priority", "scale")
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh")
_USER_CHARS = 64  # the API's bound
_LEAST_TOKENS = 16  # what the API takes as a limit
_SEALED = "gAAAA"  # how thoughts begin that OpenAI sealed; it takes no others


def render_response(request: ChatRequest, model: str) -> Rendered:
    """See Translator.render."""
    dropped = [one for one in _NO_PLACE if not asks_for_nothing(one, getattr(request, one))]
    body: Json = {"model": model, "input": _items(request.messages, dropped), "store": False}
    for name in ("temperature", "top_p", "parallel_tool_calls"):
        value = getattr(request, name)
        if value is not None:
            body[name] = value
    if request.user is not None:
        body["user"] = short_name(request.user, _USER_CHARS)
    if request.max_tokens is not None:
        body["max_output_tokens"] = max(_LEAST_TOKENS, request.max_tokens)
    if request.stream:
        body["stream"] = True
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
        if request.tool_choice is not None:
            body["tool_choice"] = _choice(request.tool_choice)
    if request.logprobs:
        body["include"] = ["message.output_text.logprobs"]
        body["top_logprobs"] = request.top_logprobs or 0
    if request.response_format is not None:
        body["text"] = {"format": _format(request.response_format)}
    _think(body, request, model, dropped)
    _add(body, request.extra or {}, dropped)
    return Rendered("/responses", body, tuple(dict.fromkeys(dropped)))


def _add(body: Json, extra: Mapping[str, Any], dropped: list[str]) -> None:
    """What chat completions and Responses say alike, though the neutral form does not."""
    for name, value in extra.items():
        if name == "service_tier" and value not in _TIERS:
            dropped.append(name)  # another provider's word
        elif name in _SAME_EXTRA:
            body[name] = value
        elif name == "verbosity":
            body["text"] = {**body.get("text", {}), "verbosity": value}
        elif not asks_for_nothing(name, value):
            dropped.append(name)


def _think(body: Json, request: ChatRequest, model: str, dropped: list[str]) -> None:
    effort = request.reasoning_effort
    if effort is None and request.reasoning_budget is not None:
        effort = effort_of(request.reasoning_budget) if reasons(model) else ""
    if effort is not None:
        if effort in _EFFORTS and (reasons(model) or not own(model)):
            body["reasoning"] = {"effort": effort}
        else:
            dropped.append("reasoning_effort")
    if reasons(model):
        body["include"] = [*body.get("include", ()), "reasoning.encrypted_content"]
    if refuses_sampling(model, effort):
        dropped.extend(name for name in SAMPLING if body.pop(name, None) is not None)


def _format(form: Any) -> Json:
    about = form.get("json_schema")
    if form.get("type") != "json_schema" or not isinstance(about, dict):
        return {"type": str(form.get("type") or "text")}
    return {"type": "json_schema", "name": "answer", **about}


def _choice(choice: str) -> str | Json:
    if choice.startswith("function:"):
        return {"type": "function", "name": choice.removeprefix("function:")}
    return choice


def _tool(tool: Tool) -> Json:
    told: Json = {
        "type": "function",
        "name": tool.name,
        "parameters": tool.parameters or {"type": "object", "properties": {}},
        "strict": bool(tool.strict),  # strict is what the API takes silence for
    }
    if tool.description:
        told["description"] = tool.description
    return told


def _items(messages: Iterable[Message], dropped: list[str]) -> list[Json]:
    return [item for message in messages for item in _of(message, dropped)]


def _of(message: Message, dropped: list[str]) -> list[Json]:
    if message.role == "assistant":
        return _assistant(message)
    if message.role == "tool":
        return [
            {
                "type": "function_call_output",
                "call_id": part.call_id,
                "output": _content(part.content, dropped),
            }
            for part in message.parts
            if isinstance(part, ResultPart)
        ]
    return [{"role": message.role, "content": _content(message.parts, dropped)}]


def _assistant(message: Message) -> list[Json]:
    """Thoughts, then words, then calls. Only thoughts that OpenAI sealed itself can go back."""
    thoughts = [
        {
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": part.text}] if part.text else [],
            "encrypted_content": part.signature,
        }
        for part in message.parts
        if isinstance(part, ReasoningPart) and part.signature.startswith(_SEALED)
    ]
    text = "".join(part.text for part in message.parts if isinstance(part, TextPart))
    words = [{"role": "assistant", "content": text}] if text else []
    calls = [
        {
            "type": "function_call",
            "call_id": part.id,
            "name": part.name,
            "arguments": part.arguments or "{}",
        }
        for part in message.parts
        if isinstance(part, CallPart)
    ]
    return [*thoughts, *words, *calls]


def _content(parts: Iterable[Part], dropped: list[str]) -> str | list[Json]:
    found = [one for part in parts if (one := _part(part, dropped)) is not None]
    if all(one["type"] == "input_text" for one in found) and len(found) <= 1:
        return str(found[0]["text"]) if found else ""
    return found


def _part(part: Part, dropped: list[str]) -> Json | None:
    match part:
        case TextPart():
            return {"type": "input_text", "text": part.text}
        case ImagePart():
            url = part.url or data_url(part.media_type, part.data)
            return {"type": "input_image", "image_url": url, "detail": part.detail or "auto"}
        case FilePart(kind="audio"):
            dropped.append("input_audio")
            return None
        case FilePart():
            if (words := words_of(part)) is not None:
                return {"type": "input_text", "text": f"{part.name}\n{words}".strip()}
            if part.file_id:
                return {"type": "input_file", "file_id": part.file_id}
            if part.url:
                return {"type": "input_file", "file_url": part.url}
            held = data_url(part.media_type, part.data)
            return {"type": "input_file", "filename": part.name or "document", "file_data": held}
        case _:
            return None
