"""A Responses request: checked in a microsecond, and in neutral form.

A provider that speaks Responses gets the body as it is. Anywhere else the proxy keeps no state:
what refers to something stored is refused with words that say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal, cast

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
from proxy.dialects.content import asks_for_nothing, words_of
from proxy.dialects.custom_tools import CUSTOM, custom_arguments, custom_tool
from proxy.dialects.loose import mapping, objects, string
from proxy.dialects.openai_parse import allowed, file, image, sound, tool_of, wrong
from proxy.dialects.responses_shapes import HIDDEN
from proxy.errors import ClientError

_TYPES: tuple[tuple[str, tuple[type, ...], str], ...] = (
    ("input", (str, list), "a string or a list of items"),
    ("instructions", (str,), "a string"),
    ("stream", (bool,), "a boolean"),
    ("temperature", (int, float), "a number"),
    ("top_p", (int, float), "a number"),
    ("max_output_tokens", (int,), "an integer"),
    ("top_logprobs", (int,), "an integer"),
    ("parallel_tool_calls", (bool,), "a boolean"),
    ("tools", (list,), "a list of objects"),
    ("tool_choice", (str, dict), "a string or an object"),
    ("text", (dict,), "an object"),
    ("reasoning", (dict,), "an object"),
    ("include", (list,), "a list of strings"),
    ("user", (str,), "a string"),
)
# Understood, or of no meaning elsewhere and no loss; anything else is named as ignored.
_UNDERSTOOD = frozenset((*(name for name, _, _ in _TYPES), "model", "stream_options", "store"))
_USUAL = {"truncation": "disabled"}  # the same as silence
_STORED = ("previous_response_id", "conversation", "prompt")
_ROLES = ("user", "assistant", "system", "developer")
_RETURNED = frozenset({"reasoning.encrypted_content", "message.output_text.logprobs"})


def check_response(body: Json) -> None:
    """Raises ClientError 400 naming the first parameter that is wrong."""
    model = body.get("model")
    if type(model) is not str or not model or len(model) > MODEL_LENGTH:
        raise wrong("model", "is missing" if model is None else "must be a model's name")
    for name, kinds, words in _TYPES:
        value = body.get(name)
        if value is not None and type(value) not in kinds:
            raise wrong(name, f"must be {words}")
    most = body.get("max_output_tokens")
    if most is not None and most < 1:
        raise wrong("max_output_tokens", "must be at least 1")
    if body.get("input") is None and not any(body.get(name) for name in _STORED):
        raise wrong("input", "is missing")
    for name in ("input", "tools"):
        value = body.get(name)
        for index, item in enumerate(value if type(value) is list else ()):
            if type(item) is not dict:
                raise wrong(f"{name}[{index}]", "must be an object")


def parse_response(body: Json) -> ChatRequest:
    """See Translator.parse."""
    _refuse_state(body)
    include = [str(one) for one in body.get("include") or ()]
    reasoning, text = body.get("reasoning") or {}, body.get("text") or {}
    ignored = [name for name, value in body.items() if _is_lost(name, value)]
    ignored.extend(f"include.{one}" for one in include if one not in _RETURNED)
    if text.get("verbosity") not in (None, "medium"):
        ignored.append("text.verbosity")
    top = body.get("top_logprobs")
    counted = bool(top) or "message.output_text.logprobs" in include
    effort = reasoning.get("effort")
    return ChatRequest(
        model=body["model"],
        messages=_messages(body, ignored),
        stream=bool(body.get("stream")),
        tools=allowed(_tools(body, ignored), _allowed_in(body)),
        tool_choice=_choice(body.get("tool_choice"), ignored),
        parallel_tool_calls=body.get("parallel_tool_calls"),
        max_tokens=body.get("max_output_tokens"),
        temperature=body.get("temperature"),
        top_p=body.get("top_p"),
        logprobs=True if counted else None,
        top_logprobs=top or None,
        response_format=_format(text.get("format")),
        reasoning_effort=effort if isinstance(effort, str) else None,
        user=body.get("user"),
        include_usage=True,
        ignored=tuple(dict.fromkeys(ignored)),
    )


def _is_lost(name: str, value: Any) -> bool:
    """Whether a parameter is not understood, and asks for something."""
    if name in _UNDERSTOOD or not value or value == _USUAL.get(name):
        return False
    return not asks_for_nothing(name, value)


def _refuse_state(body: Json) -> None:
    for name in _STORED:
        if body.get(name):
            raise ClientError(
                400,
                f"'{name}' refers to something stored, and no model behind this name stores"
                " anything. Send the whole conversation as 'input'.",
                code="unsupported_parameter",
                param=name,
            )
    if body.get("background"):
        words = "'background' is not possible with this model: its answers are not stored."
        raise ClientError(400, words, code="unsupported_parameter", param="background")


def _format(form: Any) -> Json | None:
    if not isinstance(form, dict) or form.get("type") == "text":
        return None
    if form.get("type") != "json_schema":
        return {"type": "json_object"}
    schema = {name: value for name, value in form.items() if name != "type"}
    return {"type": "json_schema", "json_schema": schema}


def _tools(body: Json, ignored: list[str]) -> tuple[Tool, ...]:
    tools: list[Tool] = []
    for index, tool in enumerate(body.get("tools") or ()):
        if tool.get("type") == "function":
            tools.append(tool_of(tool, f"tools[{index}]"))
        elif tool.get("type") == "custom" and isinstance(tool.get("name"), str):
            tools.append(custom_tool(tool))
        else:
            ignored.append(f"tools.{tool.get('type')}")
    return tuple(tools)


def _choice(choice: Any, ignored: list[str]) -> str | None:
    if choice is None or isinstance(choice, str):
        if choice not in (None, "auto", "none", "required"):
            raise wrong("tool_choice", "must be none, auto, required or an object")
        return choice
    if choice.get("type") == "function" and isinstance(choice.get("name"), str):
        return f"function:{choice['name']}"
    if choice.get("type") == "custom" and isinstance(choice.get("name"), str):
        return f"function:{CUSTOM}{choice['name']}"
    if choice.get("type") != "allowed_tools":
        ignored.append("tool_choice")
    return "required" if choice.get("mode") == "required" else "auto"


def _allowed_in(body: Json) -> Json:
    choice = mapping(body.get("tool_choice"))
    return choice if choice.get("type") == "allowed_tools" else {}


def _messages(body: Json, ignored: list[str]) -> tuple[Message, ...]:
    out: list[Message] = []
    instructions = body.get("instructions")
    if instructions:
        out.append(Message("system", (TextPart(instructions),)))
    given = body["input"]
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    for index, item in enumerate(items):
        message = _message(item, f"input[{index}]", ignored)
        if message is None:
            continue
        if message.role == "assistant" and out and out[-1].role == "assistant":
            message = Message("assistant", (*out.pop().parts, *message.parts))
        out.append(message)
    return tuple(out)


def _message(item: Json, place: str, ignored: list[str]) -> Message | None:
    kind = item.get("type") or "message"
    match kind:
        case "message":
            role = item.get("role")
            if role not in _ROLES:
                raise wrong(f"{place}.role", f"must be one of {', '.join(_ROLES)}")
            parts = _parts(item.get("content"), f"{place}.content")
            return Message(cast("Literal['user']", role), parts)
        case "function_call" | "custom_tool_call":
            return Message("assistant", (_call(item, place),))
        case "function_call_output" | "custom_tool_call_output":
            found = _parts(item.get("output"), f"{place}.output")
            kept = tuple(_shown(found, ignored))
            return Message("tool", (ResultPart(str(item.get("call_id") or ""), kept),))
        case "reasoning":
            return Message("assistant", (_thought(item),))
        case "item_reference":
            raise wrong(place, "refers to something stored; send the item itself")
        case _:
            ignored.append(f"input.{kind}")
            return None


def _shown(parts: Iterable[Part], ignored: list[str]) -> Iterator[TextPart | ImagePart]:
    """What a tool's result may hold elsewhere."""
    for part in parts:
        if isinstance(part, TextPart | ImagePart):
            yield part
        elif isinstance(part, FilePart) and (words := words_of(part)) is not None:
            yield TextPart(words)
        else:
            ignored.append("input.function_call_output.input_file")


def _call(item: Json, place: str) -> CallPart:
    name = item.get("name")
    if not isinstance(name, str):
        raise wrong(f"{place}.name", "is missing")
    call_id = str(item.get("call_id") or item.get("id") or "")
    if item["type"] == "custom_tool_call":
        return CallPart(call_id, CUSTOM + name, custom_arguments(str(item.get("input") or "")))
    return CallPart(call_id, name, str(item.get("arguments") or ""))


def _thought(item: Json) -> ReasoningPart:
    told = [*objects(item.get("summary")), *objects(item.get("content"))]
    words = "\n\n".join(string(one.get("text")) for one in told)
    sealed = string(item.get("encrypted_content"))
    if sealed.startswith(HIDDEN):
        return ReasoningPart("", redacted=sealed.removeprefix(HIDDEN))
    return ReasoningPart(words, sealed)


def _parts(content: Any, place: str) -> tuple[Part, ...]:
    if content is None or content == "":
        return ()
    if isinstance(content, str):
        return (TextPart(content),)
    if not isinstance(content, list):
        raise wrong(place, "must be a string or a list of parts")
    return tuple(_part(part, f"{place}[{index}]") for index, part in enumerate(content))


def _part(part: Any, place: str) -> Part:
    kind = part.get("type") if isinstance(part, dict) else None
    match kind:
        case "input_text" | "output_text" | "text" | "summary_text":
            if not isinstance(part.get("text"), str):
                raise wrong(f"{place}.text", "must be a string")
            return TextPart(part["text"])
        case "refusal":
            return TextPart(str(part.get("refusal") or ""))
        case "input_image":
            return image(part.get("image_url"), str(part.get("detail") or ""), f"{place}.image_url")
        case "input_file":
            return file(part, place)
        case "input_audio":
            return sound(part.get("input_audio"), f"{place}.input_audio")
        case _:
            raise wrong(place, f"has a type that is not known here: {kind}")
