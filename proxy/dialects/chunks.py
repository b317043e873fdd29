"""Reading chat chunks, as OpenAI and the providers that follow it really send them.

What differs between them is accepted here (PROVIDERS 5.2): reasoning under two names, content as
a list of parts, usage in any chunk or under x_groq, tool calls without an index, a role in every
chunk, legacy function calls, errors as an object or as an event of their own.
"""

from __future__ import annotations

from typing import Any

import orjson

from proxy.chat import (
    REDACTED,
    Done,
    Event,
    Extra,
    Failed,
    Finished,
    Json,
    Opened,
    Reasoning,
    Spent,
    Text,
    ToolCall,
    Usage,
)
from proxy.dialects.citations import read_sources
from proxy.dialects.numbering import Calls
from proxy.dialects.pieces import PieceDecoder
from proxy.dialects.shapes import BROKEN, finish_of, usage_of
from proxy.dialects.sse import Splitter, loaded, payload
from proxy.errors import Kind, UpstreamFailure

_DONE = (Done(),)
_NOTHING: tuple[Event, ...] = ()
_EXTRAS = frozenset(("error", "x_groq", "citations"))  # what more a chunk may hold beside choices


class ChunkDecoder(PieceDecoder):
    """Frames of one stream."""

    __slots__ = ("_calls",)

    def __init__(self) -> None:
        super().__init__(Splitter())
        self._calls: dict[int, Calls] = {}  # by choice

    def _mean(self, event: bytes) -> tuple[Event, ...]:
        name = b""
        chunk = loaded(event[6:]) if event.startswith(b"data: {") else None
        if chunk is None:  # nothing to read, or in several lines, or broken
            name, data = payload(event)
            if not data:
                return _NOTHING
            if data == b"[DONE]":
                return _DONE
            chunk = loaded(data)
            if chunk is None and name == b"error":
                return (Failed(data.decode(errors="replace")[:500]),)
        if type(chunk) is not dict:
            return _NOTHING
        words = _words(chunk)
        if words is not None:
            if type(words[0]) is ToolCall:
                self._number(words[0])
            return words
        error = chunk.get("error")
        if error or name == b"error":
            return (_failed(error if error else chunk),)
        return tuple(self._events(chunk))

    def _events(self, chunk: Json) -> list[Event]:
        events: list[Event] = []
        choices = chunk.get("choices")
        if isinstance(choices, list):
            for choice in choices:
                if isinstance(choice, dict):
                    self._choice(choice, chunk, events)
        if "citations" in chunk:
            end = next((at for at, one in enumerate(events) if isinstance(one, Finished)), None)
            if end is not None:  # they are in every chunk; once is enough, before the end
                sources: list[Event] = []
                read_sources(chunk, sources)
                events[end:end] = sources
        for event in events:
            if type(event) is ToolCall:
                self._number(event)
        usage = usage_of(chunk.get("usage")) or _elsewhere(chunk)
        if usage is not None:
            events.append(Spent(usage))
        return events

    def _number(self, piece: ToolCall) -> None:
        calls = self._calls.get(piece.choice)
        if calls is None:
            calls = self._calls[piece.choice] = Calls()
        calls.place(piece)

    def _choice(self, choice: Json, chunk: Json, events: list[Event]) -> None:
        index = place_of(choice)
        delta = choice.get("delta")
        if isinstance(delta, dict):
            if delta.get("role") and not delta.get("content"):
                events.append(_opened(chunk))
            read_delta(delta, index, events)
        if choice.get("logprobs"):
            events.append(Extra("logprobs", choice["logprobs"], index))
        said = choice.get("finish_reason")
        reason = finish_of(said)
        if reason is not None:
            events.append(_broken(said) if said in BROKEN else Finished(reason, index))


def _elsewhere(chunk: Json) -> Usage | None:
    """The counts that are not told with the chunk: Groq's beside them, Moonshot's in a choice."""
    beside = chunk.get("x_groq")
    if isinstance(beside, dict):
        return usage_of(beside.get("usage"))
    choices = chunk.get("choices")
    last = choices[-1] if isinstance(choices, list) and choices else None
    return usage_of(last.get("usage")) if isinstance(last, dict) else None


def _broken(reason: str) -> Failed:
    return Failed(f"the answer ended with {reason}", code=reason)


def place_of(choice: Json) -> int:
    """Which choice this is: the first, where nothing tells."""
    index = choice.get("index")
    return index if type(index) is int else 0


def _words(chunk: Json) -> tuple[Event, ...] | None:
    """The meaning of a chunk that says one thing only, as nearly all do: the next piece, that the
    turn begins, that it ends, or what it used. None for any other: it is looked at in full."""
    choices = chunk.get("choices")
    if type(choices) is not list or not _EXTRAS.isdisjoint(chunk):
        return None
    usage = chunk.get("usage")
    if not choices:
        return (Spent(spent),) if (spent := usage_of(usage)) is not None else None
    if usage or len(choices) != 1 or type(choices[0]) is not dict:
        return None
    choice = choices[0]
    delta = choice.get("delta")
    if type(delta) is not dict or choice.get("logprobs"):
        return None
    index, reason = place_of(choice), choice.get("finish_reason")
    if reason is not None:
        end = None if delta or reason in BROKEN or "usage" in choice else finish_of(reason)
        return None if end is None else (Finished(end, index),)
    if len(delta) == 1 or (len(delta) == 2 and "role" in delta):
        text = delta.get("content")
        if type(text) is str and text:
            return (Text(text, index),)
        if not text and delta.get("role") and ("content" in delta or len(delta) == 1):
            return (_opened(chunk),)
    return _lone(delta, index) if len(delta) == 1 else None


def _lone(delta: Json, index: int) -> tuple[Event, ...] | None:
    """A piece of a thought or of one call."""
    thought = delta.get("reasoning_content")
    if type(thought) is str and thought:
        return (Reasoning(thought, index),)
    calls = delta.get("tool_calls")
    if type(calls) is list and len(calls) == 1 and type(calls[0]) is dict:
        return (_call(calls[0], 0, index),)
    return None


def read_delta(delta: Json, index: int, events: list[Event]) -> None:
    """The events of one delta, reasoning before text, as models think before they speak. Calls that
    it does not number have -1, -2, ... by their place."""
    _read_thought(delta, index, events)
    content = delta.get("content")
    if isinstance(content, str):
        if content:
            events.append(Text(content, index))
    elif isinstance(content, list):
        _read_parts(content, index, events)
    refusal = delta.get("refusal")
    if isinstance(refusal, str) and refusal:
        events.append(Text(refusal, index))
    calls = delta.get("tool_calls")
    if isinstance(calls, list):
        for place, call in enumerate(calls):
            if isinstance(call, dict):
                events.append(_call(call, place, index))
    notes = delta.get("annotations")
    if isinstance(notes, list) and notes:
        _read_notes(notes, index, events)
    legacy = delta.get("function_call")
    if isinstance(legacy, dict):
        events.append(_call({"function": legacy}, 0, index))


def _read_thought(delta: Json, index: int, events: list[Event]) -> None:
    thought = delta.get("reasoning_content") or delta.get("reasoning")
    if isinstance(thought, str) and thought:
        events.append(Reasoning(thought, index))
    details = delta.get("reasoning_details")
    if isinstance(details, list):
        for one in details:
            if isinstance(one, dict) and one.get("signature"):
                events.append(Reasoning("", index, str(one["signature"])))
            elif isinstance(one, dict) and one.get("data"):
                events.append(Extra(REDACTED, [str(one["data"])], index))


def _read_notes(notes: list[Any], index: int, events: list[Event]) -> None:
    """Citations of addresses; a router's other notes (files it read) are its own."""
    cited = [
        note for note in notes if isinstance(note, dict) and note.get("type") == "url_citation"
    ]
    if cited:
        events.append(Extra("annotations", cited, index))


def _read_parts(parts: list[Any], index: int, events: list[Event]) -> None:
    for part in parts:
        if not isinstance(part, dict):
            continue
        if part.get("type") == "thinking":
            inner = part.get("thinking")
            pieces = inner if isinstance(inner, list) else [{"text": inner}]
            text = "".join(str(one.get("text") or "") for one in pieces if isinstance(one, dict))
            if text:
                events.append(Reasoning(text, index))
        elif part.get("text"):
            events.append(Text(str(part["text"]), index))


def _call(call: Json, place: int, index: int) -> ToolCall:
    function = call.get("function")
    function = function if isinstance(function, dict) else {}
    arguments = function.get("arguments")
    if isinstance(arguments, dict):
        arguments = orjson.dumps(arguments).decode()
    number = call.get("index")
    return ToolCall(
        index=number if type(number) is int and number >= 0 else -1 - place,
        id=str(call.get("id") or ""),
        name=str(function.get("name") or ""),
        arguments=str(arguments or ""),
        choice=index,
        signature=thought_signature(call),
    )


def thought_signature(call: Json) -> str:
    """Gemini's proof of the thought behind a call, where its OpenAI-compatible API puts it."""
    extra = call.get("extra_content")
    google = extra.get("google") if isinstance(extra, dict) else None
    return str(google.get("thought_signature") or "") if isinstance(google, dict) else ""


def _opened(chunk: Json) -> Opened:
    created = chunk.get("created")
    return Opened(
        str(chunk.get("id") or ""),
        str(chunk.get("model") or ""),
        created if isinstance(created, int) else 0,
    )


def _failed(error: Any) -> Failed:
    if not isinstance(error, dict):
        return Failed(str(error))
    code = error.get("code")
    status = error.get("status_code") or code
    return Failed(
        str(error.get("message") or "the provider failed"),
        str(error.get("type") or ""),
        str(code or ""),
        status if isinstance(status, int) and 400 <= status < 600 else None,
    )


def answer_choices(body: Any) -> list[Json]:
    """The choices of a whole answer. Raises UpstreamFailure: PROTOCOL, ERROR_FRAME or EMPTY."""
    if not isinstance(body, dict):
        raise UpstreamFailure(Kind.PROTOCOL, "the answer is not a JSON object")
    if body.get("error"):
        failed = _failed(body["error"])
        raise UpstreamFailure(Kind.ERROR_FRAME, failed.message, status=failed.status)
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise UpstreamFailure(Kind.EMPTY, "the answer has no choices")
    reason = choices[0].get("finish_reason")
    if isinstance(reason, str) and reason in BROKEN:
        raise UpstreamFailure(Kind.ERROR_FRAME, _broken(reason).message, code=reason)
    return choices
