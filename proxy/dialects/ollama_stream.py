"""Ollama's streams: one JSON object a line, the last one with done:true and the counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

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
from proxy.dialects.content import (
    count,
    json_object,
    json_text,
    likely,
    logprobs_json,
    made_up_id,
    string,
)
from proxy.dialects.dialect import Encoder
from proxy.dialects.ndjson import Lines
from proxy.dialects.pieces import PieceDecoder
from proxy.errors import ClientError

_NOTHING: tuple[Event, ...] = ()


class OllamaDecoder(PieceDecoder):
    """Frames of one stream. Ollama says stop where it called tools; here that is tool_calls."""

    __slots__ = ("_calls", "_opened", "_seed")

    def __init__(self) -> None:
        super().__init__(Lines())
        self._opened = False
        self._seed = ""
        self._calls = 0

    def _mean(self, line: bytes) -> tuple[Event, ...]:
        try:
            said = orjson.loads(line)
        except orjson.JSONDecodeError:
            return _NOTHING
        if not isinstance(said, dict):
            return _NOTHING
        error = said.get("error")
        if error:
            return (failed(error),)
        events: list[Event] = []
        if not self._opened:
            self._opened = True
            self._seed = string(said.get("created_at"))
            events.append(Opened("", string(said.get("model")), unix_seconds(self._seed)))
        message = said.get("message")
        if isinstance(message, dict):
            self._calls = read_message(message, events, self._seed, self._calls)
        elif said.get("response"):
            events.append(Text(str(said["response"])))  # /api/generate
        read_logprobs(said.get("logprobs"), events)
        if said.get("done"):
            events.append(Finished(finish(said, calls=self._calls > 0)))
            if "eval_count" in said or "prompt_eval_count" in said:
                events.append(Spent(counts(said)))
            events.append(Done())
        return tuple(events)


def read_message(message: Json, events: list[Event], seed: str, calls: int) -> int:
    """Adds the events of a message, thought first; the number of calls so far."""
    thought = message.get("thinking")
    if thought:
        events.append(Reasoning(str(thought)))
    content = message.get("content")
    if content:
        events.append(Text(str(content)))
    found = message.get("tool_calls")
    if isinstance(found, list):
        for call in found:
            function = call.get("function") if isinstance(call, dict) else None
            if isinstance(function, dict):
                name, arguments = string(function.get("name")), json_text(function.get("arguments"))
                call_id = string(call.get("id")) or made_up_id(seed, calls, name, arguments)
                events.append(ToolCall(calls, call_id, name, arguments))
                calls += 1
    return calls


def read_logprobs(tokens: Any, events: list[Event]) -> None:
    """Adds what is said about the probability of these tokens."""
    if not isinstance(tokens, list) or not tokens:
        return
    told = [
        (
            likely(one, "token", "logprob"),
            [likely(top, "token", "logprob") for top in one.get("top_logprobs") or ()],
        )
        for one in tokens
        if isinstance(one, dict)
    ]
    events.append(Extra("logprobs", logprobs_json(told)))


def finish(said: Json, *, calls: bool) -> FinishReason:
    """Why the answer ended."""
    if said.get("done_reason") == "length":
        return "length"
    return "tool_calls" if calls else "stop"


def counts(said: Json) -> Usage:
    """Ollama's counts; a prompt that was still in its cache is not counted again by some."""
    return Usage(count(said.get("prompt_eval_count")), count(said.get("eval_count")))


def failed(error: Any) -> Failed:
    """An error in the stream: a text, or an object with a message."""
    if isinstance(error, dict):
        return Failed(string(error.get("message")) or "the provider failed")
    return Failed(str(error))


def unix_seconds(stamp: str) -> int:
    """An RFC 3339 time, nanoseconds and all; 0 for anything else."""
    head, dot, rest = stamp.partition(".")
    zone = rest.lstrip("0123456789") if dot else ""
    try:
        return int(datetime.fromisoformat(head + zone).timestamp())
    except ValueError:
        return 0


def stamp_of(created: int) -> str:
    """The reverse."""
    return datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class OllamaEncoder(Encoder):
    """Lines from events. Calls are told whole, when their arguments are complete."""

    __slots__ = ("_calls", "_head", "_reason", "_usage")

    def __init__(self, *, model: str, created: int) -> None:
        self._head = orjson.dumps({"model": model, "created_at": stamp_of(created)})[:-1]
        self._calls: dict[int, list[str]] = {}
        self._reason: FinishReason = "stop"
        self._usage = Usage()

    def encode(self, events: Sequence[Event]) -> bytes:
        """See Encoder.encode."""
        out: list[bytes] = []
        for event in events:
            match event:
                case Text(text=text):
                    out.append(self._line({"role": "assistant", "content": text}))
                case Reasoning(text=text) if text:
                    out.append(self._line({"role": "assistant", "content": "", "thinking": text}))
                case ToolCall():
                    call = self._calls.setdefault(event.index, ["", "", ""])
                    call[0] = call[0] or event.id
                    call[1] = call[1] or event.name
                    call[2] += event.arguments
                case Finished(reason=reason):
                    self._reason = reason
                case Spent(usage=usage):
                    self._usage = usage
                case _:
                    pass
        return b"".join(out)

    def resume(self, sent: bytes) -> None:
        """See Encoder.resume: nothing opens a stream of lines."""

    def end(self) -> bytes:
        """See Encoder.end."""
        out = b""
        if self._calls:
            calls = [call_json(*call) for _, call in sorted(self._calls.items())]
            out = self._line({"role": "assistant", "content": "", "tool_calls": calls})
        return out + b"%b,%b}\n" % (
            self._head,
            orjson.dumps(ending(self._reason, self._usage))[1:-1],
        )

    def fail(self, error: ClientError) -> bytes:
        """See Encoder.fail."""
        return orjson.dumps({"error": error.message}) + b"\n"

    def _line(self, message: Json) -> bytes:
        return b'%b,"message":%b,"done":false}\n' % (self._head, orjson.dumps(message))


def call_json(id: str, name: str, arguments: str) -> Json:
    """A call as Ollama writes it."""
    return {"id": id, "function": {"name": name, "arguments": json_object(arguments)}}


def ending(reason: FinishReason, usage: Usage) -> Json:
    """The fields of a last line or a whole answer."""
    return {
        "message": {"role": "assistant", "content": ""},
        "done": True,
        "done_reason": "length" if reason == "length" else "stop",
        "prompt_eval_count": usage.prompt,
        "eval_count": usage.completion,
    }
