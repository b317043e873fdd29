"""Reading the named events of OpenAI's Responses, and whole responses.

A thought may come as a summary in several parts, or as it is; both are reasoning, parts parted by
an empty line. What the provider's own tools do is not told.
"""

from __future__ import annotations

from typing import Any

from proxy.chat import (
    Answer,
    CallPart,
    Choice,
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
)
from proxy.dialects.loose import mapping, objects, string
from proxy.dialects.pieces import PieceDecoder
from proxy.dialects.responses_shapes import annotation, failed, finish_of, usage_of
from proxy.dialects.sse import Splitter, loaded, payload
from proxy.errors import Kind, UpstreamFailure

_NOTHING: tuple[Event, ...] = ()
_DONE = (Done(),)
_WORDS_HEAD = b"event: response.output_text.delta\ndata: "  # how nearly all events begin
_WORDS = frozenset({"response.output_text.delta", "response.refusal.delta"})
_THOUGHTS = frozenset({"response.reasoning_summary_text.delta", "response.reasoning_text.delta"})
_PARTED = "\n\n"


class ResponseDecoder(PieceDecoder):
    """Frames of one stream."""

    __slots__ = ("_calls", "_filled")

    def __init__(self) -> None:
        super().__init__(Splitter())
        self._calls: dict[Any, int] = {}  # output index -> number of the call
        self._filled: set[Any] = set()  # calls whose arguments came in deltas

    def _mean(self, event: bytes) -> tuple[Event, ...]:
        if event.startswith(_WORDS_HEAD):
            told = loaded(event[len(_WORDS_HEAD) :])
            if type(told) is dict:
                return self._delta(told.get("type"), told, b"")
        name, data = payload(event)
        if not data:
            return _NOTHING
        if data == b"[DONE]":
            return _DONE
        told = loaded(data)
        if type(told) is dict:
            return self._delta(told.get("type"), told, name)
        wrong = data.decode(errors="replace")[:500]
        return (Failed(wrong),) if name == b"error" else _NOTHING

    def _delta(self, kind: Any, told: Json, name: bytes) -> tuple[Event, ...]:
        words = told.get("delta")
        if type(words) is str and type(kind) is str:
            if kind in _WORDS:
                if told.get("logprobs"):
                    return (Text(words), Extra("logprobs", _logprobs(objects(told["logprobs"]))))
                return (Text(words),) if words else _NOTHING
            if kind in _THOUGHTS:
                return (Reasoning(words),) if words else _NOTHING
            if kind == "response.function_call_arguments.delta":
                return self._arguments(told.get("output_index"), words)
        return self._rarer(kind, told, name)

    def _rarer(self, kind: Any, told: Json, name: bytes) -> tuple[Event, ...]:
        response = mapping(told.get("response"))
        match kind:
            case "response.created":
                return (_opened(response),)
            case "response.output_item.added":
                return tuple(self._added(told.get("output_index"), told.get("item")))
            case "response.output_item.done":
                return tuple(self._done(told.get("output_index"), told.get("item")))
            case "response.reasoning_summary_part.added" if told.get("summary_index"):
                return (Reasoning(_PARTED),)
            case "response.output_text.annotation.added":
                note = annotation(told.get("annotation"))
                return (Extra("annotations", [note]),) if note else _NOTHING
            case "response.failed":
                return (failed(response.get("error")),)
            case "response.completed" | "response.incomplete":
                return tuple(self._end(response))
            case _ if kind == "error" or name == b"error":
                return (failed(told.get("error") or told),)
            case _:
                return _NOTHING

    def _arguments(self, place: Any, piece: str) -> tuple[Event, ...]:
        number = self._calls.get(place) if type(place) is int else None
        if number is None or not piece:
            return _NOTHING
        self._filled.add(place)
        return (ToolCall(number, arguments=piece),)

    def _added(self, place: Any, item: Any) -> list[Event]:
        if type(item) is not dict or type(place) is not int or item.get("type") != "function_call":
            return []
        number = self._calls[place] = len(self._calls)
        return [_call(number, item, "")]

    def _done(self, place: Any, item: Any) -> list[Event]:
        if type(item) is not dict or type(place) is not int:
            return []
        if item.get("type") == "reasoning" and item.get("encrypted_content"):
            return [Reasoning("", signature=str(item["encrypted_content"]))]
        if item.get("type") != "function_call" or place in self._filled:
            return []
        self._filled.add(place)
        arguments = str(item.get("arguments") or "")
        number = self._calls.get(place)
        if number is not None:
            return [ToolCall(number, arguments=arguments)] if arguments else []
        self._calls[place] = len(self._calls)
        return [_call(self._calls[place], item, arguments)]

    def _end(self, response: Json) -> list[Event]:
        usage = usage_of(response.get("usage"))
        spent = [Spent(usage)] if usage is not None else []
        return [Finished(finish_of(response, called=bool(self._calls))), *spent, *_DONE]


def _logprobs(odds: list[Json]) -> Json:
    return {"content": odds, "refusal": None}


def _opened(response: Json) -> Opened:
    created = response.get("created_at")
    return Opened(
        str(response.get("id") or ""),
        str(response.get("model") or ""),
        int(created) if isinstance(created, int | float) else 0,
    )


def _call(number: int, item: Json, arguments: str) -> ToolCall:
    call_id = str(item.get("call_id") or item.get("id") or "")
    return ToolCall(number, call_id, str(item.get("name") or ""), arguments)


def read_response(body: Any) -> Answer:
    """See Dialect.read_answer."""
    if not isinstance(body, dict):
        raise UpstreamFailure(Kind.PROTOCOL, "the answer is not a JSON object")
    if body.get("error") or body.get("status") == "failed":
        wrong = failed(body.get("error"))
        raise UpstreamFailure(Kind.ERROR_FRAME, wrong.message, status=wrong.status, code=wrong.code)
    output = body.get("output")
    if not isinstance(output, list):
        raise UpstreamFailure(Kind.EMPTY, "the answer has no output")
    opened = _opened(body)
    choice = _choice(objects(output), body)
    usage = usage_of(body.get("usage"))
    return Answer(opened.id, opened.model, opened.created, (choice,), usage)


def _choice(output: list[Json], body: Json) -> Choice:
    text: list[str] = []
    thoughts: list[str] = []
    calls: list[CallPart] = []
    notes: list[Json] = []
    odds: list[Json] = []
    signature = ""
    for item in output:
        kind = item.get("type")
        parts = objects(item.get("content"))
        if kind == "message":
            text.extend(str(one.get("text") or one.get("refusal") or "") for one in parts)
            told = (annotation(note) for one in parts for note in objects(one.get("annotations")))
            notes.extend(note for note in told if note)
            odds.extend(odd for one in parts for odd in objects(one.get("logprobs")))
        elif kind == "reasoning":
            thoughts.append(_thought(item, parts))
            signature = str(item.get("encrypted_content") or "") or signature
        elif kind == "function_call":
            one = _call(0, item, str(item.get("arguments") or "{}"))
            calls.append(CallPart(one.id, one.name, one.arguments))
    extra: Json = {"annotations": notes} if notes else {}
    if odds:
        extra["logprobs"] = _logprobs(odds)
    return Choice(
        text="".join(text),
        reasoning="".join(thoughts),
        reasoning_signature=signature,
        calls=tuple(calls),
        finish=finish_of(body, called=bool(calls)),
        extra=extra or None,
    )


def _thought(item: Json, parts: list[Json]) -> str:
    words = _PARTED.join(string(one.get("text")) for one in objects(item.get("summary")))
    return words + "".join(string(one.get("text")) for one in parts)
