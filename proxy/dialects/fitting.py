"""Tools' names and calls' ids within what a provider's format allows.

Clients bring names that their own format takes (Anthropic: 128 characters) or that a tool server
chose (with dots, slashes, colons), and ids that another provider made. What does not fit is told
with a digest in place of its end, always the same, so that the name is known again in the answer.
An id need not be: the client gives back what it was given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

from proxy.chat import Answer, ChatRequest, Event, Message, Part, ResultPart, ToolCall
from proxy.chat import CallPart as Call
from proxy.dialects.custom_tools import CUSTOM
from proxy.dialects.dialect import Encoder
from proxy.errors import ClientError

_DIGEST = 8  # characters
_STRICT = re.compile(r"[^a-zA-Z0-9_-]")


@dataclass(frozen=True, slots=True)
class _Rule:
    """Characters that a name and an id may not have, and how many they may have."""

    names: re.Pattern[str] = _STRICT
    names_most: int = 64
    ids: re.Pattern[str] | None = None
    ids_most: int = 64


# The APIs' own words in their refusals and references; Ollama takes anything.
_RULES: Mapping[str, _Rule] = {
    "openai": _Rule(ids_most=40),
    "responses": _Rule(),
    "anthropic": _Rule(ids=_STRICT),
    "bedrock": _Rule(ids=_STRICT),
    "gemini": _Rule(re.compile(r"^[^a-zA-Z_]|[^a-zA-Z0-9_.:-]")),
    "cohere": _Rule(),
}


def fitted(request: ChatRequest, dialect: str) -> ChatRequest:
    """The request with names and ids that this dialect takes."""
    rule = _RULES.get(dialect)
    if rule is None or not (request.tools or _has_calls(request)):
        return request
    tools = tuple(
        one if (name := _name(rule, one.name)) == one.name else replace(one, name=name)
        for one in request.tools
    )
    choice = request.tool_choice
    if choice is not None and choice.startswith("function:"):
        choice = f"function:{_name(rule, choice.removeprefix('function:'))}"
    messages = tuple(_message(rule, one) for one in request.messages)
    return replace(request, tools=tools, tool_choice=choice, messages=messages)


def _has_calls(request: ChatRequest) -> bool:
    return any(
        isinstance(part, Call | ResultPart) for one in request.messages for part in one.parts
    )


def _message(rule: _Rule, message: Message) -> Message:
    if not any(isinstance(part, Call | ResultPart) for part in message.parts):
        return message
    return replace(message, parts=tuple(_part(rule, part) for part in message.parts))


def _part(rule: _Rule, part: Part) -> Part:
    if isinstance(part, Call):
        return replace(part, id=_id(rule, part.id), name=_name(rule, part.name))
    if isinstance(part, ResultPart):
        return replace(part, call_id=_id(rule, part.call_id), name=_name(rule, part.name))
    return part


def _name(rule: _Rule, name: str) -> str:
    return _fit(name, rule.names, rule.names_most)


def _id(rule: _Rule, given: str) -> str:
    return _fit(given, rule.ids, rule.ids_most)


def _fit(text: str, unfit: re.Pattern[str] | None, most: int) -> str:
    clean = unfit.sub("_", text) if unfit is not None else text
    if clean == text and len(text) <= most:
        return text
    digest = blake2b(text.encode(errors="replace"), digest_size=_DIGEST // 2).hexdigest()
    return f"{clean[: most - _DIGEST - 1]}_{digest}"


# ---- the way back --------------------------------------------------------------------------------


def asked(body: Mapping[str, Any], dialect: str) -> Mapping[str, str]:
    """The names that this dialect was told another for, by that one. body: the client's."""
    rule = _RULES.get(dialect)
    if rule is None or not (body.get("tools") or body.get("functions")):
        return {}
    names = (_name_in(one) for one in (*(body.get("tools") or ()), *(body.get("functions") or ())))
    return {told: name for name in names if (told := _name(rule, name)) != name}


def _name_in(tool: Any) -> str:
    """The name of a tool in any client's format, as its neutral form has it."""
    inner = tool.get("function") if isinstance(tool.get("function"), dict) else tool
    name = inner.get("name")
    if not isinstance(name, str):
        return ""
    return CUSTOM + name if tool.get("type") == "custom" and "input_schema" not in tool else name


def renamed(answer: Answer, names: Mapping[str, str]) -> Answer:
    """The answer with the names that the client knows."""
    if not names:
        return answer
    choices = (
        replace(
            one,
            calls=tuple(replace(call, name=names.get(call.name, call.name)) for call in one.calls),
        )
        for one in answer.choices
    )
    return replace(answer, choices=tuple(choices))


class Renaming(Encoder):
    """A client's stream with the names that it knows."""

    __slots__ = ("_inner", "_names")

    def __init__(self, inner: Encoder, names: Mapping[str, str]) -> None:
        self._inner = inner
        self._names = names

    def encode(self, events: Sequence[Event]) -> bytes:
        """See Encoder.encode."""
        for event in events:
            if isinstance(event, ToolCall) and event.name in self._names:
                event.name = self._names[event.name]
        return self._inner.encode(events)

    def around(self, event: Event) -> tuple[bytes, bytes] | None:
        """See Encoder.around."""
        return self._inner.around(event)

    def speaker(self, event: Event) -> Callable[[bytes], bytes] | None:
        """See Encoder.speaker."""
        return self._inner.speaker(event)

    def resume(self, sent: bytes) -> None:
        """See Encoder.resume."""
        self._inner.resume(sent)

    def end(self) -> bytes:
        """See Encoder.end."""
        return self._inner.end()

    def fail(self, error: ClientError) -> bytes:
        """See Encoder.fail."""
        return self._inner.fail(error)
