"""A kept answer in the form a caller wants: as a stream or whole, usage marked as cached.

The form that was kept is replayed as it came, id and chunk shapes included; the other one is
made from it by the dialects once, on the first hit that needs it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson

from proxy.cache.entry import Entry
from proxy.chat import Json, Usage
from proxy.dialects.assemble import assemble, events_of
from proxy.dialects.dialect import Dialect
from proxy.dialects.registry import dialect
from proxy.packed import Packed

_GAP = b"\n\n"
_DATA = b"data: "
_END = b"data: [DONE]"
_DIALECTS = {
    "chat": "openai",
    "completions": "completions",
    "messages": "anthropic",
    "responses": "responses",
}
_OBJECTS = {"chat": b"chat.completion.chunk", "completions": b"text_completion"}


def pack(entry: Entry) -> None:
    """Keep a fresh answer's stream in its small form, its usage chunk set apart and marked.

    Microseconds, or tens where it is not packed yet, that no request waits for; a second call does
    nothing.
    """
    if entry.ready:
        return
    entry.ready = True
    stream = entry.small_stream
    if isinstance(stream, Packed):
        tail, entry.usage_frame = take_usage(stream.tail)
        entry.adopt_stream(replace(stream, tail=tail))
    elif stream:
        stream, entry.usage_frame = take_usage(stream)
        entry.adopt_stream(stream)


def stream_of(entry: Entry, *, include_usage: bool) -> bytes:
    """The answer as an SSE body, with the usage chunk only where the caller asked for it."""
    pack(entry)
    if not entry.has_stream:
        entry.adopt_stream(_stream_from_whole(entry))
    stream = entry.stream
    if not include_usage:
        return stream
    head, end, tail = stream.rpartition(_END)
    if not end:
        return stream
    return b"".join((head, entry.usage_frame or _usage_frame(entry, head), end, tail))


def whole_of(entry: Entry) -> bytes:
    """The answer as one JSON body."""
    if not entry.marked:
        pack(entry)
        entry.marked = True
        entry.adopt_whole(mark_whole(entry.whole or _whole_from_stream(entry)))
    return entry.whole


def frames_of(stream: bytes) -> list[bytes]:
    """The stream's events, blank lines included, for a replay at a pace."""
    return [chunk + _GAP for chunk in stream.split(_GAP) if chunk]


def take_usage(stream: bytes) -> tuple[bytes, bytes]:
    """(the stream without its usage chunk, that chunk with its tokens marked as cached).

    Only a chunk of its own is taken out; usage inside another chunk stays where it was.
    """
    end = stream.rfind(_GAP + _END)
    start = stream.rfind(_GAP, 0, end) if end > 0 else -1
    if start < 0:
        return stream, b""
    chunk = stream[start + 2 : end]
    if not chunk.startswith(_DATA) or b'"usage"' not in chunk:
        return stream, b""
    try:
        body = orjson.loads(chunk[len(_DATA) :])
    except orjson.JSONDecodeError:
        return stream, b""
    if not isinstance(body, dict) or body.get("choices") or not isinstance(body.get("usage"), dict):
        return stream, b""
    body["usage"] = mark(body["usage"])
    return stream[:start] + stream[end:], _DATA + orjson.dumps(body) + _GAP


def mark_whole(whole: bytes) -> bytes:
    """A whole answer with its prompt tokens marked as cached; as it is where it has no usage."""
    if b'"usage"' not in whole:
        return whole
    try:
        body = orjson.loads(whole)
    except orjson.JSONDecodeError:
        return whole
    if not isinstance(body, dict) or not isinstance(body.get("usage"), dict):
        return whole
    body["usage"] = mark(body["usage"])
    return orjson.dumps(body)


def mark(usage: Json) -> Json:
    """A usage object whose prompt tokens all came from a cache, in the wire format it is in."""
    if isinstance(usage.get("prompt_tokens"), int):
        return _with_details(usage, "prompt_tokens_details", usage["prompt_tokens"])
    if not isinstance(usage.get("input_tokens"), int):
        return usage
    if "total_tokens" in usage:  # OpenAI's Responses
        return _with_details(usage, "input_tokens_details", usage["input_tokens"])
    read = usage["input_tokens"]
    for name in ("cache_read_input_tokens", "cache_creation_input_tokens"):
        read += usage.get(name) or 0
    return {
        **usage,
        "input_tokens": 0,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": read,
    }


def _with_details(usage: Json, name: str, cached: int) -> Json:
    details = usage.get(name)
    kept = details if isinstance(details, dict) else {}
    return {**usage, name: {**kept, "cached_tokens": cached}}


def _usage_frame(entry: Entry, head: bytes) -> bytes:
    """A usage chunk for a stream that was asked for without one: its first chunk's head fields."""
    first: Any = None
    for chunk in head.split(_GAP, 3)[:3]:
        if chunk.startswith(_DATA):
            try:
                first = orjson.loads(chunk[len(_DATA) :])
            except orjson.JSONDecodeError:
                continue
            break
    body: Json = {}
    if isinstance(first, dict):
        kept = ("id", "object", "created", "model", "system_fingerprint", "service_tier")
        body = {name: first[name] for name in kept if name in first}
    body.setdefault("object", _OBJECTS.get(entry.kind, b"").decode())
    body |= {"choices": [], "usage": usage_json(entry.usage)}
    return _DATA + orjson.dumps(body) + _GAP


def usage_json(usage: Usage) -> Json:
    """OpenAI's usage object for an answer from the cache."""
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.total,
        "prompt_tokens_details": {"cached_tokens": usage.prompt},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }


def _dialect_of(entry: Entry) -> Dialect:
    return dialect(_DIALECTS[entry.kind])


def _stream_from_whole(entry: Entry) -> bytes:
    wire = _dialect_of(entry)
    usage = None  # OpenAI's chunk of counts is added where the caller asked for it
    if entry.kind not in _OBJECTS:
        usage = entry.usage._replace(cached=entry.usage.prompt)
    answer = replace(wire.read_answer(orjson.loads(entry.whole)), usage=usage)
    encoder = wire.encoder(
        id=answer.id, model=answer.model, created=answer.created, include_usage=False
    )
    return encoder.encode(events_of(answer)) + encoder.end()


def _whole_from_stream(entry: Entry) -> bytes:
    wire = _dialect_of(entry)
    decoder = wire.decoder()
    frames = decoder.feed(entry.stream) + decoder.close()
    answer = assemble(event for frame in frames for event in frame.events)
    usage = entry.usage._replace(cached=entry.usage.prompt)
    return wire.write_answer(replace(answer, usage=usage))
