"""Checks of a client's body that cost a microsecond: types, before anything is sent anywhere."""

from __future__ import annotations

from typing import Any

from proxy.chat import Json
from proxy.errors import ClientError

ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
MODEL_LENGTH = 256

_NUMBER = (int, float)
_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "stream": ((bool,), "a boolean"),
    "temperature": (_NUMBER, "a number"),
    "top_p": (_NUMBER, "a number"),
    "presence_penalty": (_NUMBER, "a number"),
    "frequency_penalty": (_NUMBER, "a number"),
    "max_tokens": ((int,), "an integer"),
    "max_completion_tokens": ((int,), "an integer"),
    "n": ((int,), "an integer"),
    "seed": ((int,), "an integer"),
    "stop": ((str, list), "a string or a list of strings"),
    "tools": ((list,), "a list"),
    "tool_choice": ((str, dict), "a string or an object"),
    "functions": ((list,), "a list"),
    "response_format": ((dict,), "an object"),
    "stream_options": ((dict,), "an object"),
    "logit_bias": ((dict,), "an object"),
    "metadata": ((dict,), "an object"),
    "user": ((str,), "a string"),
}
_ITEMS: tuple[tuple[str, type, str], ...] = (
    ("stop", str, "strings"),
    ("functions", dict, "objects"),
)
_POSITIVE = ("max_tokens", "max_completion_tokens", "n")


def check_chat(body: Json) -> None:
    """Raises ClientError 400 naming the first parameter that is wrong."""
    _check_common(body)
    messages = body.get("messages")
    if type(messages) is not list:
        raise _wrong("messages", "is missing" if messages is None else "must be a list")
    if not messages:
        raise _wrong("messages", "must not be empty")
    for index, message in enumerate(messages):
        if type(message) is not dict:
            raise _wrong(f"messages[{index}]", "must be an object")
        role = message.get("role")
        if type(role) is not str or role not in ROLES:
            raise _wrong(f"messages[{index}].role", f"must be one of {', '.join(sorted(ROLES))}")
        content = message.get("content")
        if type(content) is str:
            continue
        if type(content) is list:
            _check_parts(content, index)
        elif content is not None or role in ("user", "system", "developer"):
            raise _wrong(f"messages[{index}].content", "must be a string or a list of parts")


def check_completion(body: Json) -> None:
    """Raises ClientError 400 naming the first parameter that is wrong."""
    _check_common(body)
    prompt = body.get("prompt")
    if prompt is None:
        raise _wrong("prompt", "is missing")
    if type(prompt) is not str and type(prompt) is not list:
        raise _wrong("prompt", "must be a string or a list")


def _check_parts(parts: list[Any], index: int) -> None:
    for number, part in enumerate(parts):
        if type(part) is not dict or type(part.get("type")) is not str:
            raise _wrong(f"messages[{index}].content[{number}]", "must be an object with a type")
        if part["type"] == "text" and type(part.get("text")) is not str:
            raise _wrong(f"messages[{index}].content[{number}].text", "must be a string")


def _check_common(body: Json) -> None:
    model = body.get("model")
    if type(model) is not str or not model:
        raise _wrong("model", "is missing" if model is None else "must be a non-empty string")
    if len(model) > MODEL_LENGTH:
        raise _wrong("model", "is too long")
    for name, value in body.items():
        rule = _TYPES.get(name)
        if rule is None or value is None:
            continue
        kinds, words = rule
        if type(value) not in kinds:
            raise _wrong(name, f"must be {words}")
        if name in _POSITIVE and value < 1:
            raise _wrong(name, "must be at least 1")
    tools = body.get("tools")
    if tools and not all(type(tool) is dict and type(tool.get("type")) is str for tool in tools):
        raise _wrong("tools", "must be a list of objects with a type")
    for name, kind, words in _ITEMS:
        value = body.get(name)
        if type(value) is list and not all(type(item) is kind for item in value):
            raise _wrong(name, f"must be a list of {words}")
    options = body.get("stream_options")
    if options is not None and type(options.get("include_usage", False)) is not bool:
        raise _wrong("stream_options.include_usage", "must be a boolean")


def _wrong(param: str, words: str) -> ClientError:
    return ClientError(400, f"'{param}' {words}.", code="invalid_value", param=param)
