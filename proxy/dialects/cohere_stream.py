"""Cohere's v2 streams: named events for blocks of content, tool calls and the message's end."""

from __future__ import annotations

from typing import Any

from proxy.chat import (
    Done,
    Event,
    Extra,
    Failed,
    Finished,
    FinishReason,
    Json,
    Opened,
    Reasoning,
    Spent,
    Text,
    ToolCall,
    Usage,
)
from proxy.dialects.citations import notes_of
from proxy.dialects.content import count, json_text, made_up_id, string
from proxy.dialects.pieces import PieceDecoder
from proxy.dialects.shapes import finish_of
from proxy.dialects.sse import Splitter, loaded, payload

_NOTHING: tuple[Event, ...] = ()
_DONE = (Done(),)
_BROKEN = ("ERROR", "ERROR_LIMIT", "TIMEOUT")


class CohereDecoder(PieceDecoder):
    """Frames of one stream. The plan that comes before tool calls is thought."""

    __slots__ = ("_seed",)

    def __init__(self) -> None:
        super().__init__(Splitter())
        self._seed = ""

    def _mean(self, raw: bytes) -> tuple[Event, ...]:
        if raw.startswith(b"event: content-delta\ndata: {") and raw.count(b"\n") == 3:
            data = raw[27:-2]
        else:
            data = payload(raw)[1]
            if data == b"[DONE]":
                return _DONE
        said = loaded(data)
        if not isinstance(said, dict):
            return _NOTHING
        delta = said.get("delta")
        message = delta.get("message") if isinstance(delta, dict) else None
        match said.get("type"):
            case "content-delta" | "content-start":
                return _content(message)
            case "tool-plan-delta":
                plan = message.get("tool_plan") if isinstance(message, dict) else None
                return (Reasoning(str(plan)),) if plan else _NOTHING
            case "tool-call-start" | "tool-call-delta" as kind:
                return self._call(message, count(said.get("index")), begins=kind[10] == "s")
            case "citation-start":
                cited = message.get("citations") if isinstance(message, dict) else None
                notes = _notes(cited)
                return (Extra("annotations", notes),) if notes else _NOTHING
            case "message-start":
                self._seed = string(said.get("id"))
                return (Opened(self._seed),)
            case "message-end":
                return _ended(delta if isinstance(delta, dict) else {})
            case _:
                return _other(said)

    def _call(self, message: Any, index: int, *, begins: bool) -> tuple[Event, ...]:
        call = message.get("tool_calls") if isinstance(message, dict) else None
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(call, dict) or not isinstance(function, dict):
            return _NOTHING
        arguments = string(function.get("arguments"))
        if not begins:
            return (ToolCall(index, arguments=arguments),) if arguments else _NOTHING
        call_id = string(call.get("id")) or made_up_id(self._seed, index)
        return (ToolCall(index, call_id, string(function.get("name")), arguments),)


def _content(message: Any) -> tuple[Event, ...]:
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, dict):
        return _NOTHING
    text = content.get("text")
    if text:
        return (Text(str(text)),)
    thought = content.get("thinking")
    return (Reasoning(str(thought)),) if thought else _NOTHING


def _ended(delta: Json) -> tuple[Event, ...]:
    events: list[Event] = []
    reason = delta.get("finish_reason")
    if reason in _BROKEN:
        events.append(Failed(string(delta.get("error")) or f"the answer ended with {reason}"))
    elif reason:
        events.append(Finished(finish(reason)))
    usage = usage_of(delta.get("usage"))
    if usage is not None:
        events.append(Spent(usage))
    return tuple(events)


def _other(said: Json) -> tuple[Event, ...]:
    """content-end and its like say nothing; a bare message is an error."""
    if "type" not in said and said.get("message"):
        return (Failed(str(said["message"])),)
    return _NOTHING


def finish(reason: object) -> FinishReason:
    """Why the answer ended, for a reason that is no failure."""
    return "content_filter" if reason == "ERROR_TOXIC" else finish_of(reason) or "stop"


def is_broken(reason: object) -> bool:
    """Whether this finish reason tells of a failure."""
    return reason in _BROKEN


def usage_of(usage: Any) -> Usage | None:
    """What was really read and written; billed units leave templates out."""
    tokens = usage.get("tokens") if isinstance(usage, dict) else None
    if not isinstance(tokens, dict):
        return None
    return Usage(
        prompt=count(tokens.get("input_tokens")),
        completion=count(tokens.get("output_tokens")),
        cached=count(usage.get("cached_tokens")),
        reasoning=count(tokens.get("reasoning_tokens")),
    )


def read_message(message: Json, seed: str, events: list[Event]) -> None:
    """Adds the events of a whole message."""
    plan = message.get("tool_plan")
    if plan:
        events.append(Reasoning(str(plan)))
    content = message.get("content")
    for block in content if isinstance(content, list) else ():
        if isinstance(block, dict):
            events.extend(_content({"content": block}))
    calls = message.get("tool_calls")
    for index, call in enumerate(calls if isinstance(calls, list) else ()):
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict):
            events.append(
                ToolCall(
                    index,
                    string(call.get("id")) or made_up_id(seed, index),
                    string(function.get("name")),
                    json_text(function.get("arguments")),
                )
            )
    notes = _notes(message.get("citations"))
    if notes:
        events.append(Extra("annotations", notes))


def _notes(citations: Any) -> list[Json]:
    """One annotation for each source of each citation, with its place in the text."""
    found: list[Json] = []
    for cited in citations if isinstance(citations, list) else [citations]:
        sources = cited.get("sources") if isinstance(cited, dict) else None
        for source in sources if isinstance(sources, list) else ():
            shown = source.get("document") or source.get("tool_output")
            shown = shown if isinstance(shown, dict) else {}
            url, title = shown.get("url"), shown.get("title") or source.get("id")
            for note in notes_of({"url": url, "title": title, "cited_text": shown.get("text")}):
                place = {
                    "start_index": count(cited.get("start")),
                    "end_index": count(cited.get("end")),
                }
                note["url_citation"].update(place)
                found.append(note)
    return found
