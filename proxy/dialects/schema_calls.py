"""Tool calls of a server that makes none: one that must be made is asked for as JSON.

llama.cpp holds an answer to a JSON schema whatever the model, but calls tools only where the
model's chat template knows how; else it leaves them out without a word. So a call that the client
demands becomes a schema, `{"call_function": NAME, "arguments": {...}}`, and the JSON that comes
becomes the call, its arguments as they arrive. A call that the model may make or not is beyond it:
the tools are named among what was dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from proxy.chat import (
    Answer,
    CallPart,
    ChatRequest,
    Choice,
    Done,
    Event,
    Failed,
    Finished,
    Json,
    Message,
    Opened,
    Text,
    TextPart,
    Tool,
    ToolCall,
)
from proxy.dialects.chunks import ChunkDecoder
from proxy.dialects.content import made_up_id
from proxy.dialects.dialect import Frame, Rendered
from proxy.dialects.loose import mapping, string
from proxy.dialects.openai import OpenAI

_NAME = "call_function"  # of names that were tried the one that a small model calls best with
_OPENING = f'{{"{_NAME}":"'  # without white space
_CALL = re.compile(rf'\s*\{{\s*"{_NAME}"\s*:\s*"([^"\\]*)"\s*,\s*"arguments"\s*:\s*(?=\{{)')
_MARK = re.compile(r'[{}"\\]')
_HEAD_CHARS = 400  # a head that is longer is none
_RULE = (
    "You call functions. Write JSON with the function's name and its arguments, taken from what the"
    " user says.\nFunctions:"
)
_WORDS_CHARS = 200  # of a description: the window is small
_PARAMETERS = 20  # of a tool, likewise
_DEFINITIONS = ("$defs", "definitions")


class SchemaCalls(OpenAI):
    """Chat completions whose calls are JSON. For servers with the quirk calls_by_schema."""

    def render(self, request: ChatRequest, model: str) -> Rendered:
        """See Dialect.render."""
        choice = request.tool_choice or "auto"
        named = choice.removeprefix("function:")
        demanded = [tool for tool in request.tools if choice == "required" or tool.name == named]
        plain = replace(request, tools=(), tool_choice=None, parallel_tool_calls=None)
        if choice == "none":
            return super().render(plain, model)
        if not demanded:
            rendered = super().render(plain, model)
            return replace(rendered, dropped=(*rendered.dropped, "tools"))
        form = {"name": "call", "schema": _schema(demanded)}
        wanted = {"type": "json_schema", "json_schema": form}
        told = replace(plain, messages=_told(demanded, plain.messages), response_format=wanted)
        return super().render(told, model)

    def decoder(self) -> CallDecoder:  # type: ignore[override] # a decoder without a usual event
        """See Dialect.decoder."""
        return CallDecoder()

    def read_answer(self, body: Any) -> Answer:
        """See Dialect.read_answer."""
        answer = super().read_answer(body)
        choices = (_called(_Reader(n, answer.id), one) for n, one in enumerate(answer.choices))
        return replace(answer, choices=tuple(choices))


def _schema(tools: Iterable[Tool]) -> Json:
    """What a call of one of these is. A tool's own definitions are the whole's: pointers to them
    begin at the root."""
    shared: Json = {}
    calls: list[Json] = []
    for tool in tools:
        parameters = dict(tool.parameters or {"type": "object"})
        for where in _DEFINITIONS:
            shared.setdefault(where, {}).update(parameters.pop(where, None) or {})
        calls.append(
            {
                "type": "object",
                "properties": {_NAME: {"const": tool.name}, "arguments": parameters},
                "required": [_NAME, "arguments"],
                "additionalProperties": False,
            }
        )
    whole = calls[0] if len(calls) == 1 else {"anyOf": calls}
    return {**whole, **{name: found for name, found in shared.items() if found}}


def _told(tools: Iterable[Tool], messages: Sequence[Message]) -> tuple[Message, ...]:
    """The conversation, with what the tools are for: a schema alone says only what fits it. Of
    three texts that the embedded model was to read into an object it read none without these
    words, and all with them."""
    words = TextPart(f"{_RULE}\n" + "\n".join(map(_signature, tools)))
    first = messages[0] if messages and messages[0].role in ("system", "developer") else None
    if first is None:
        return (Message("system", (words,)), *messages)
    return (replace(first, parts=(words, TextPart("\n\n"), *first.parts)), *messages[1:])


def _signature(tool: Tool) -> str:
    given = (tool.parameters or {}).get("properties")
    named = [_parameter(name, about) for name, about in mapping(given).items()]
    words = f": {tool.description[:_WORDS_CHARS]}" if tool.description else ""
    return f"- {tool.name}({', '.join(named[:_PARAMETERS])}){words}"


def _parameter(name: str, about: Any) -> str:
    words = string(mapping(about).get("description"))
    return f"{name}: {words[:_WORDS_CHARS]}" if words else name


def _called(reader: _Reader, choice: Choice) -> Choice:
    events = [*reader.read(choice.text), *reader.rest()]
    calls = [event for event in events if isinstance(event, ToolCall)]
    if not calls:
        return choice
    given = "".join(call.arguments for call in calls)
    part = CallPart(calls[0].id, calls[0].name, given)
    return replace(choice, text="", calls=(part,), finish=reader.reason(choice.finish))


class CallDecoder:
    """Chat chunks whose JSON is a call."""

    __slots__ = ("_id", "_inner", "_readers")

    def __init__(self) -> None:
        self._inner = ChunkDecoder()
        self._id = ""
        self._readers: dict[int, _Reader] = {}

    def feed(self, data: bytes) -> list[Frame]:
        """See Decoder.feed."""
        return [Frame(one.raw, tuple(self._told(one.events))) for one in self._inner.feed(data)]

    def close(self) -> list[Frame]:
        """See Decoder.close."""
        return [Frame(one.raw, tuple(self._told(one.events))) for one in self._inner.close()]

    def usual(self) -> None:
        """See Decoder.usual: here a word's meaning is not its own."""

    def _told(self, events: Iterable[Event]) -> Iterator[Event]:
        for event in events:
            match event:
                case Opened(id=stream):
                    self._id = self._id or stream
                    yield event
                case Text(text=text, choice=choice):
                    yield from self._reader(choice).read(text)
                case Finished(reason=reason, choice=choice):
                    reader = self._reader(choice)
                    yield from reader.rest()
                    yield Finished(reader.reason(reason), choice)
                case Done() | Failed():
                    for reader in self._readers.values():
                        yield from reader.rest()
                    yield event
                case _:
                    yield event

    def _reader(self, choice: int) -> _Reader:
        found = self._readers.get(choice)
        if found is None:
            found = self._readers[choice] = _Reader(choice, self._id)
        return found


class _Reader:
    """The text of one choice: held until it is a call or cannot be one."""

    __slots__ = ("_choice", "_depth", "_held", "_id", "_plain", "_quoted", "_skip", "called")

    def __init__(self, choice: int, stream: str) -> None:
        self._choice = choice
        self._id = stream  # so that no two calls of a conversation have the same
        self._held = ""
        self._plain = False
        self.called = False
        self._depth = 0  # of braces in the arguments; 0 again: they are complete
        self._quoted = False
        self._skip = False  # the next character is escaped

    def read(self, text: str) -> Iterator[Event]:
        """What these characters tell."""
        if self.called:
            yield from self._arguments(text)
            return
        if self._plain:
            yield Text(text, self._choice)
            return
        self._held += text
        found = _CALL.match(self._held)
        if found is not None:
            self.called = True
            call = made_up_id(self._id, self._choice, found[1])
            yield ToolCall(0, call, found[1], "", self._choice)
            yield from self._arguments(self._held[found.end() :], begins=True)
        elif not self._may_be_a_call():
            yield from self.rest()

    def rest(self) -> Iterator[Event]:
        """What was held and is no call."""
        if not self.called and not self._plain:
            self._plain = True
            if self._held:
                yield Text(self._held, self._choice)

    def reason(self, given: Any) -> Any:
        """Why the answer ended: a complete call is why, where the server saw a usual end."""
        return "tool_calls" if self.called and given == "stop" else given

    def _may_be_a_call(self) -> bool:
        if len(self._held) > _HEAD_CHARS:
            return False
        said = "".join(self._held.split())
        return said.startswith(_OPENING) or _OPENING.startswith(said)

    def _arguments(self, text: str, *, begins: bool = False) -> Iterator[Event]:
        """The arguments' object; the brace that closes the whole is not theirs."""
        if not begins and not self._depth:
            return
        start = 0
        if self._skip and text:
            self._skip, start = False, 1
        while (mark := _MARK.search(text, start)) is not None:
            start = mark.end()
            match mark[0]:
                case '"':
                    self._quoted = not self._quoted
                case "\\":
                    self._skip = start == len(text)
                    start += 1
                case "{" if not self._quoted:
                    self._depth += 1
                case "}" if not self._quoted:
                    self._depth -= 1
                    if not self._depth:
                        text = text[:start]
                case _:
                    pass
        if text:
            yield ToolCall(0, arguments=text, choice=self._choice)
