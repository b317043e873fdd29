"""Bedrock's Converse streams: messages as events of AWS's event stream."""

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
from proxy.dialects.content import count, json_text, string
from proxy.dialects.dialect import Decoder, Frame
from proxy.dialects.eventstream import Frames, texts

_NOTHING: tuple[Event, ...] = ()
_SERVERS = "server_tool_use"  # a call that Bedrock makes and answers itself

_REASONS: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "refusal": "content_filter",
}
# docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html, errors
STATUS: dict[str, int] = {
    "throttlingException": 429,
    "validationException": 400,
    "accessDeniedException": 403,
    "resourceNotFoundException": 404,
    "modelTimeoutException": 408,
    "modelErrorException": 500,
    "modelStreamErrorException": 500,
    "internalServerException": 500,
    "serviceUnavailableException": 503,
    "modelNotReadyException": 503,
}


class BedrockDecoder(Decoder):
    """Frames of one stream. The first event tells nothing but a role: Bedrock names no model."""

    __slots__ = ("_blocks", "_calls", "_empty", "_frames", "_kinds")

    def __init__(self) -> None:
        self._frames = Frames()
        self._kinds: dict[bytes, str] = {}  # event type by header block: there are a few only
        self._blocks: dict[int, int] = {}  # tool calls by content block
        self._calls = 0
        self._empty: set[int] = set()  # blocks of calls without arguments yet

    def feed(self, data: bytes) -> list[Frame]:
        """See Decoder.feed."""
        return [
            Frame(raw, self._mean(headers, payload))
            for raw, headers, payload in self._frames.feed(data)
        ]

    def close(self) -> list[Frame]:
        """See Decoder.close. A frame that was cut has no meaning."""
        rest = self._frames.close()
        return [Frame(rest, _NOTHING)] if rest else []

    def _mean(self, headers: bytes, payload: bytes) -> tuple[Event, ...]:
        kind = self._kinds.get(headers)
        if kind is None:
            found = texts(headers)
            if found.get(":message-type", "event") != "event":
                return (_failed(found, payload),)
            kind = self._kinds[headers] = found.get(":event-type", "")
            if len(self._kinds) > 64:
                self._kinds.clear()
        try:
            said = orjson.loads(payload)
        except orjson.JSONDecodeError:
            return _NOTHING
        if not isinstance(said, dict):
            return _NOTHING
        if kind == "contentBlockDelta":
            return self._delta(said)
        return self._other(kind, said)

    def _delta(self, said: Json) -> tuple[Event, ...]:
        delta = said.get("delta")
        if not isinstance(delta, dict):
            return _NOTHING
        text = delta.get("text")
        if text is not None:
            return (Text(str(text)),) if text else _NOTHING
        thought = delta.get("reasoningContent")
        if isinstance(thought, dict):
            return _thought(thought)
        call = delta.get("toolUse")
        block = count(said.get("contentBlockIndex"))
        if isinstance(call, dict) and block in self._blocks:
            arguments = string(call.get("input"))
            if not arguments:
                return _NOTHING
            self._empty.discard(block)
            return (ToolCall(self._blocks[block], arguments=arguments),)
        notes = _notes([delta.get("citation")])
        return (Extra("annotations", notes),) if notes else _NOTHING

    def _other(self, kind: str, said: Json) -> tuple[Event, ...]:
        match kind:
            case "messageStart":
                return (Opened(),)
            case "contentBlockStart":
                return self._start(said)
            case "contentBlockStop":
                block = count(said.get("contentBlockIndex"))
                if block in self._empty:
                    self._empty.discard(block)
                    return (ToolCall(self._blocks[block], arguments="{}"),)
                return _NOTHING
            case "messageStop":
                return (Finished(finish_of(said.get("stopReason"))),)
            case "metadata":
                usage = usage_of(said.get("usage"))
                return (Done(),) if usage is None else (Spent(usage), Done())
            case _:
                return _NOTHING

    def _start(self, said: Json) -> tuple[Event, ...]:
        start = said.get("start")
        call = start.get("toolUse") if isinstance(start, dict) else None
        if not isinstance(call, dict) or call.get("type") == _SERVERS:
            return _NOTHING
        block = count(said.get("contentBlockIndex"))
        index = self._blocks[block] = self._calls
        self._calls += 1
        self._empty.add(block)
        return (ToolCall(index, string(call.get("toolUseId")), string(call.get("name"))),)


def _thought(thought: Json) -> tuple[Event, ...]:
    text, signature = string(thought.get("text")), string(thought.get("signature"))
    if text or signature:
        return (Reasoning(text, signature=signature),)
    hidden = string(thought.get("redactedContent"))
    return (Extra(REDACTED, [hidden]),) if hidden else _NOTHING


def _failed(headers: dict[str, str], payload: bytes) -> Failed:
    """An exception inside a stream, or an error that has only headers."""
    kind = headers.get(":exception-type") or headers.get(":error-code", "")
    try:
        said = orjson.loads(payload) if payload else {}
    except orjson.JSONDecodeError:
        said = {}
    words = string(said.get("message")) if isinstance(said, dict) else ""
    if not words and isinstance(said, dict):
        words = string(said.get("Message"))
    message = words or headers.get(":error-message") or kind or "the provider failed"
    lowered = kind[:1].lower() + kind[1:]
    return Failed(message, kind, kind, STATUS.get(lowered))


def finish_of(reason: object) -> FinishReason:
    """Why the answer ended."""
    return _REASONS.get(reason, "stop") if isinstance(reason, str) else "stop"


def usage_of(usage: Any) -> Usage | None:
    """Bedrock's counts; what the cache held and took is prompt too, and counted apart there."""
    if not isinstance(usage, dict):
        return None
    read = count(usage.get("cacheReadInputTokens"))
    written = count(usage.get("cacheWriteInputTokens"))
    return Usage(
        prompt=count(usage.get("inputTokens")) + read + written,
        completion=count(usage.get("outputTokens")),
        cached=read,
        cache_written=written,
    )


def read_content(content: list[Any], events: list[Event]) -> None:
    """Adds the events of a whole message."""
    calls = 0
    for block in content:
        if not isinstance(block, dict):
            continue
        call = block.get("toolUse")
        thought = block.get("reasoningContent")
        cited = block.get("citationsContent")
        if isinstance(block.get("text"), str):
            events.append(Text(block["text"]))
        elif isinstance(thought, dict):
            inner = thought.get("reasoningText")
            events.extend(_thought(inner if isinstance(inner, dict) else thought))
        elif isinstance(call, dict) and call.get("type") != _SERVERS:
            name, arguments = string(call.get("name")), json_text(call.get("input"))
            events.append(ToolCall(calls, string(call.get("toolUseId")), name, arguments))
            calls += 1
        elif isinstance(cited, dict):
            words = cited.get("content")
            events.extend(
                Text(string(one.get("text")))
                for one in (words if isinstance(words, list) else ())
                if isinstance(one, dict)
            )
            notes = _notes(cited.get("citations"))
            if notes:
                events.append(Extra("annotations", notes))


def _notes(citations: Any) -> list[Json]:
    """Bedrock's citations as annotations: an address where the source is a page."""
    found: list[Json] = []
    for cited in citations if isinstance(citations, list) else ():
        if not isinstance(cited, dict):
            continue
        where = cited.get("location")
        page = where.get("web") if isinstance(where, dict) else None
        url = page.get("url") if isinstance(page, dict) else cited.get("source")
        content = cited.get("sourceContent")
        words = [
            string(one.get("text"))
            for one in (content if isinstance(content, list) else ())
            if isinstance(one, dict)
        ]
        told = {"url": url, "title": cited.get("title"), "cited_text": "".join(words)}
        found.extend(notes_of(told))
    return found
