"""Checks of a client's body that cost a microsecond: types, before anything is sent anywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from proxy.chat import Json
from proxy.errors import ClientError

ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
MODEL_LENGTH = 256

_Deep = Callable[[str, Any], None]  # looks inside a value of the right type


def _positive(name: str, value: Any) -> None:
    if value < 1:
        raise _wrong(name, "must be at least 1")


def _tools(name: str, value: Any) -> None:
    if not all(type(tool) is dict and type(tool.get("type")) is str for tool in value):
        raise _wrong(name, "must be a list of objects with a type")


def _objects(name: str, value: Any) -> None:
    if not all(type(item) is dict for item in value):
        raise _wrong(name, "must be a list of objects")


def _stops(name: str, value: Any) -> None:
    if type(value) is list and not all(type(item) is str for item in value):
        raise _wrong(name, "must be a list of strings")


def _stream_options(name: str, value: Any) -> None:
    if type(value.get("include_usage") or False) is not bool:
        raise _wrong(f"{name}.include_usage", "must be a boolean")


_NUMBER = frozenset({int, float})
_INTEGER = frozenset({int})
_TEXT = frozenset({str})
_LIST = frozenset({list})
_OBJECT = frozenset({dict})
_PARTS = frozenset({"image_url", "input_audio", "file"})
_TEXT_OR_OBJECT = frozenset({dict, str})  # vLLM takes an image's URL without an object around it
_RULES: Mapping[str, tuple[frozenset[type], str, _Deep | None]] = {
    "stream": (frozenset({bool}), "a boolean", None),
    "temperature": (_NUMBER, "a number", None),
    "top_p": (_NUMBER, "a number", None),
    "presence_penalty": (_NUMBER, "a number", None),
    "frequency_penalty": (_NUMBER, "a number", None),
    "max_tokens": (_INTEGER, "an integer", _positive),
    "max_completion_tokens": (_INTEGER, "an integer", _positive),
    "n": (_INTEGER, "an integer", _positive),
    "seed": (_INTEGER, "an integer", None),
    "stop": (frozenset({str, list}), "a string or a list of strings", _stops),
    "tools": (_LIST, "a list", _tools),
    "tool_choice": (frozenset({str, dict}), "a string or an object", None),
    "functions": (_LIST, "a list", _objects),
    "response_format": (_OBJECT, "an object", None),
    "stream_options": (_OBJECT, "an object", _stream_options),
    "logit_bias": (_OBJECT, "an object", None),
    "metadata": (_OBJECT, "an object", None),
    "user": (_TEXT, "a string", None),
}


def check_chat(body: Json) -> None:
    """Raises ClientError 400 naming the first parameter that is wrong."""
    _check_common(body)
    messages = body.get("messages")
    if type(messages) is not list:
        raise _wrong("messages", "is missing" if messages is None else "must be a list")
    if not messages:
        raise _wrong("messages", "must not be empty")
    if not _are_plain(messages):
        _check_messages(messages)


def check_completion(body: Json) -> None:
    """Raises ClientError 400 naming the first parameter that is wrong."""
    _check_common(body)
    prompt = body.get("prompt")
    if prompt is None:
        raise _wrong("prompt", "is missing")
    if type(prompt) is not str and type(prompt) is not list:
        raise _wrong("prompt", "must be a string or a list")


def _are_plain(messages: list[Any]) -> bool:
    """Whether each is an object with a known role, a text and nothing to look into: most are."""
    roles = ROLES
    try:
        for message in messages:
            if type(message["content"]) is not str or message["role"] not in roles:
                return False
            if "tool_calls" in message:
                return False
    except (TypeError, KeyError):
        return False
    return True


def _check_messages(messages: list[Any]) -> None:
    for index, message in enumerate(messages):
        if type(message) is not dict:
            raise _wrong(f"messages[{index}]", "must be an object")
        role = message.get("role")
        if type(role) is not str or role not in ROLES:
            raise _wrong(f"messages[{index}].role", f"must be one of {', '.join(sorted(ROLES))}")
        if (calls := message.get("tool_calls")) is not None:
            _check_calls(calls, index)
        content = message.get("content")
        if type(content) is str:
            continue
        if type(content) is list:
            _check_parts(content, index)
        elif content is not None or role in ("user", "system", "developer"):
            raise _wrong(f"messages[{index}].content", "must be a string or a list of parts")


def _check_calls(calls: Any, index: int) -> None:
    """What the assistant called before: its arguments are text, Ollama's an object."""
    place = f"messages[{index}].tool_calls"
    if type(calls) is not list:
        raise _wrong(place, "must be a list")
    for number, call in enumerate(calls):
        if type(call) is not dict:
            raise _wrong(f"{place}[{number}]", "must be an object")
        for kind, text in (("function", "arguments"), ("custom", "input")):
            said = call.get(kind)
            if said is not None and type(said) is not dict:
                raise _wrong(f"{place}[{number}].{kind}", "must be an object")
            if said and said.get(text) is not None and type(said[text]) not in _TEXT_OR_OBJECT:
                raise _wrong(f"{place}[{number}].{kind}.{text}", "must be a string")


def _check_parts(parts: list[Any], index: int) -> None:
    for number, part in enumerate(parts):
        if type(part) is not dict or type(part.get("type")) is not str:
            raise _wrong(f"messages[{index}].content[{number}]", "must be an object with a type")
        if part["type"] == "text" and type(part.get("text")) is not str:
            raise _wrong(f"messages[{index}].content[{number}].text", "must be a string")
        said = part.get(part["type"])
        if said is not None and part["type"] in _PARTS and type(said) not in _TEXT_OR_OBJECT:
            place = f"messages[{index}].content[{number}].{part['type']}"
            raise _wrong(place, "must be an object")


def _check_common(body: Json) -> None:
    model = body.get("model")
    if type(model) is not str or not model:
        raise _wrong("model", "is missing" if model is None else "must be a non-empty string")
    if len(model) > MODEL_LENGTH:
        raise _wrong("model", "is too long")
    rules = _RULES
    for name in body:
        if name in rules and (value := body[name]) is not None:
            kinds, words, deep = rules[name]
            if type(value) not in kinds:
                raise _wrong(name, f"must be {words}")
            if deep is not None:
                deep(name, value)


def _wrong(param: str, words: str) -> ClientError:
    return ClientError(400, f"'{param}' {words}.", code="invalid_value", param=param)
