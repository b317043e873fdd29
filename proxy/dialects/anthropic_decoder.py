"""Reading Anthropic's stream of named events, and its whole answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson

from proxy.chat import (
    REDACTED,
    Answer,
    Choice,
    Done,
    Event,
    Extra,
    Finished,
    Json,
    Opened,
    Reasoning,
    Spent,
    Text,
    ToolCall,
)
from proxy.dialects.anthropic_shapes import ANSWER_TOOL, failed, finish_reason, usage_of
from proxy.dialects.assemble import assemble
from proxy.dialects.citations import annotation
from proxy.dialects.loose import objects, string
from proxy.dialects.pieces import PieceDecoder
from proxy.dialects.sse import Splitter, loaded, payload
from proxy.errors import Kind, UpstreamFailure

_NOTHING: tuple[Event, ...] = ()
_DONE = (Done(),)
_DELTA = b"event: content_block_delta\ndata: "  # how nearly all events begin
_TEXT = -1  # in place of a call's number: what streams into this block is the answer's text
_UNTOLD = -2  # the provider's own tools: their input is nobody's business


class MessageDecoder(PieceDecoder):
    """Frames of one stream."""

    __slots__ = ("_blocks", "_calls", "_counts")

    def __init__(self) -> None:
        super().__init__(Splitter())
        self._counts: Json = {}
        self._blocks: dict[Any, int] = {}  # block -> number of its call, _TEXT or _UNTOLD
        self._calls = 0

    def _mean(self, event: bytes) -> tuple[Event, ...]:
        if event.startswith(_DELTA):
            told = loaded(event[len(_DELTA) :])
            if type(told) is dict:
                return self._delta(told, told.get("delta"))
        name, data = payload(event)
        if not data:
            return _NOTHING
        told = loaded(data)
        if type(told) is dict:
            return self._rarer(told, name)
        return (failed(data.decode(errors="replace")),) if name == b"error" else _NOTHING

    def _rarer(self, told: Json, name: bytes) -> tuple[Event, ...]:
        kind = told.get("type")
        if kind == "content_block_delta":
            return self._delta(told, told.get("delta"))
        if kind == "content_block_start":
            return tuple(self._block(told.get("index"), told.get("content_block")))
        if kind == "message_start":
            return self._start(told.get("message"))
        if kind == "message_delta":
            return tuple(self._end(told))
        if kind == "message_stop":
            return _DONE
        if kind == "error" or name == b"error":
            return (failed(told.get("error") or told),)
        return _NOTHING

    def _delta(self, told: Json, delta: Any) -> tuple[Event, ...]:
        if type(delta) is not dict:
            return _NOTHING
        kind = delta.get("type")
        if kind == "text_delta":
            text = delta.get("text")
            return (Text(text),) if text and type(text) is str else _NOTHING
        if kind == "input_json_delta":
            return self._input(told.get("index"), delta.get("partial_json"))
        if kind == "thinking_delta":
            text = delta.get("thinking")
            return (Reasoning(text),) if text and type(text) is str else _NOTHING
        if kind == "signature_delta":
            return (Reasoning("", signature=string(delta.get("signature"))),)
        if kind == "citations_delta":
            note = annotation(delta.get("citation"))
            return (Extra("annotations", [note]),) if note else _NOTHING
        return _NOTHING

    def _input(self, block: Any, piece: Any) -> tuple[Event, ...]:
        number = self._blocks.get(block, _UNTOLD) if type(block) is int else _UNTOLD
        if not piece or type(piece) is not str or number == _UNTOLD:
            return _NOTHING
        return (Text(piece),) if number == _TEXT else (ToolCall(number, arguments=piece),)

    def _block(self, place: Any, block: Any) -> list[Event]:
        if type(block) is not dict or type(place) is not int:
            return []
        kind = block.get("type")
        if kind != "tool_use":
            self._blocks[place] = _UNTOLD
            return _said(block, 0)
        if block.get("name") == ANSWER_TOOL:
            self._blocks[place] = _TEXT
        else:
            self._blocks[place] = self._calls
            self._calls += 1
        return _said(block, self._blocks[place])

    def _start(self, message: Any) -> tuple[Event, ...]:
        if type(message) is not dict:
            return _NOTHING
        self._count(message.get("usage"))
        return (Opened(str(message.get("id") or ""), str(message.get("model") or "")),)

    def _end(self, told: Json) -> list[Event]:
        events: list[Event] = []
        delta = told.get("delta")
        reason = finish_reason(delta.get("stop_reason")) if type(delta) is dict else None
        if reason == "tool_calls" and not self._calls:
            reason = "stop"  # only the reserved tool was called
        if reason is not None:
            events.append(Finished(reason))
        if self._count(told.get("usage")):
            events.append(Spent(usage_of(self._counts)))
        return events

    def _count(self, usage: Any) -> bool:
        """Counts are cumulative; those that the end leaves out stand as the start told them."""
        if type(usage) is not dict:
            return False
        self._counts.update((name, value) for name, value in usage.items() if value is not None)
        return True


def _said(block: Json, number: int) -> list[Event]:
    """What a block says by itself: all of it in a whole answer, the start of it in a stream."""
    kind = block.get("type")
    if kind == "text":
        cited = map(annotation, objects(block.get("citations")))
        notes = [note for note in cited if note]
        words = string(block.get("text"))
        text: list[Event] = [Text(words)] if words else []
        return [*text, Extra("annotations", notes)] if notes else text
    if kind == "thinking":
        thought, signature = string(block.get("thinking")), string(block.get("signature"))
        return [Reasoning(thought, signature=signature)] if thought or signature else []
    if kind == "redacted_thinking":
        hidden = string(block.get("data"))
        return [Extra(REDACTED, [hidden])] if hidden else []
    if kind != "tool_use":
        return []
    given = block.get("input")
    arguments = orjson.dumps(given).decode() if given else ""
    if number == _TEXT:
        return [Text(arguments)] if arguments else []
    return [ToolCall(number, str(block.get("id") or ""), str(block.get("name") or ""), arguments)]


def read_message(body: Any) -> Answer:
    """See Dialect.read_answer."""
    if not isinstance(body, dict):
        raise UpstreamFailure(Kind.PROTOCOL, "the answer is not a JSON object")
    if body.get("type") == "error" or body.get("error"):
        wrong = failed(body.get("error"))
        raise UpstreamFailure(Kind.ERROR_FRAME, wrong.message, status=wrong.status, code=wrong.code)
    content = body.get("content")
    if not isinstance(content, list):
        raise UpstreamFailure(Kind.EMPTY, "the answer has no content")
    events: list[Event] = []
    calls = 0
    for block in content:
        if isinstance(block, dict):
            answers = block.get("name") == ANSWER_TOOL
            events.extend(_said(block, _TEXT if answers else calls))
            calls += block.get("type") == "tool_use" and not answers
    return Answer(
        str(body.get("id") or ""),
        str(body.get("model") or ""),
        0,
        (_choice(events, body.get("stop_reason")),),
        usage_of(body["usage"]) if isinstance(body.get("usage"), dict) else None,
    )


def _choice(events: list[Event], reason: Any) -> Choice:
    said = assemble(events).choices[0]
    calls = tuple(replace(one, arguments=one.arguments or "{}") for one in said.calls)
    finish = finish_reason(reason)
    return replace(
        said, calls=calls, finish="stop" if finish == "tool_calls" and not calls else finish
    )
