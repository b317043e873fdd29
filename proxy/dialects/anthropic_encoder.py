"""Writing Anthropic's stream of named events, and its whole answers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import orjson

from proxy.chat import (
    REDACTED,
    Answer,
    CallPart,
    Choice,
    Done,
    Event,
    Extra,
    Failed,
    Finished,
    FinishReason,
    Json,
    Reasoning,
    Spent,
    Text,
    ToolCall,
    Usage,
)
from proxy.dialects.anthropic_shapes import error_body, stop_reason, usage_json
from proxy.dialects.citations import citation
from proxy.dialects.dialect import Encoder
from proxy.dialects.serial import Serial
from proxy.dialects.sse import Splitter, payload
from proxy.errors import ClientError

_STOPPED = (
    b"event: content_block_stop\n"
    b'data: {"type":"content_block_stop","index":%d}\n\n'
)  # fmt: skip
_DELTA = (
    b"event: content_block_delta\n"
    b'data: {"type":"content_block_delta","index":%d,"delta":{"type":"%b","%b":'
)
_FIELDS = {
    "text": (b"text_delta", b"text"),
    "thinking": (b"thinking_delta", b"thinking"),
    "tool_use": (b"input_json_delta", b"partial_json"),
}
_EMPTY: dict[str, Json] = {
    "text": {"type": "text", "text": ""},
    "thinking": {"type": "thinking", "thinking": "", "signature": ""},
}
_UNFIT = re.compile(r"[^a-zA-Z0-9_-]")


class MessageEncoder(Encoder):
    """One message: blocks of thinking, text and calls in a row. A message has one choice."""

    __slots__ = (
        "_called", "_id", "_index", "_kind", "_model", "_opened", "_prefix", "_reason", "_serial",
        "_usage",
    )  # fmt: skip

    def __init__(self, *, id: str, model: str, created: int, include_usage: bool) -> None:
        del created, include_usage  # a message has no date, and always its counts
        self._id = id
        self._model = model
        self._opened = False
        self._index = -1  # of the block that was opened last
        self._kind = ""  # what is open: text, thinking, tool_use or nothing
        self._prefix = b""  # of the open block's deltas
        self._called = -1  # the call whose block was opened last
        self._reason: FinishReason | None = None
        self._usage: Usage | None = None
        self._serial = Serial()

    def encode(self, events: Sequence[Event]) -> bytes:
        """See Encoder.encode. The reason to stop and the counts wait for the end."""
        out: list[bytes] = []
        for event in events:
            if type(event) is Text and self._kind == "text" and not event.choice:
                out.append(b"%b%b}}\n\n" % (self._prefix, orjson.dumps(event.text)))
                continue
            if isinstance(event, Spent):
                self._usage = event.usage
                continue
            if isinstance(event, Done | Failed):
                continue
            if not self._opened:
                self._opened = True
                out.append(self._start())
            if isinstance(event, Text | Reasoning | ToolCall):
                if not event.choice:
                    for one in self._serial.feed(event):
                        self._piece(one, out)
            elif isinstance(event, Finished):
                if not event.choice:
                    self._reason = event.reason
            elif isinstance(event, Extra):
                self._cite(event, out)
        return out[0] if len(out) == 1 else b"".join(out)

    def around(self, event: Event) -> tuple[bytes, bytes] | None:
        """See Encoder.around."""
        if self._kind != ("text" if type(event) is Text else "thinking"):
            return None
        return self._prefix + b'"', b'"}}\n\n'

    def resume(self, sent: bytes) -> None:
        """See Encoder.resume. The stream goes on in its last block; where nothing tells which one
        that is, in a first one of text."""
        self._opened = True
        last: tuple[int, str] = (0, "text")
        for event in Splitter().feed(sent) if sent else ():
            name, data = payload(event)
            if name in (b"content_block_start", b"content_block_stop"):
                told = orjson.loads(data)
                last = (told["index"], told.get("content_block", {}).get("type", ""))
        self._index, self._kind = last
        if self._kind in _FIELDS:
            self._prefix = _DELTA % (self._index, *_FIELDS[self._kind])

    def end(self) -> bytes:
        """See Encoder.end."""
        out = [] if self._opened else [self._start()]
        for one in self._serial.flush():
            self._piece(one, out)
        self._close(out)
        reason = stop_reason(self._reason)
        if self._called >= 0 and reason == "end_turn":
            reason = "tool_use"
        delta = {"stop_reason": reason, "stop_sequence": None}
        told = {"type": "message_delta", "delta": delta, "usage": usage_json(self._usage)}
        out.append(b"event: message_delta\ndata: %b\n\n" % orjson.dumps(told))
        out.append(b'event: message_stop\ndata: {"type":"message_stop"}\n\n')
        return b"".join(out)

    def fail(self, error: ClientError) -> bytes:
        """See Encoder.fail."""
        return b"event: error\ndata: %b\n\n" % error_body(error)

    def _start(self) -> bytes:
        message: Json = {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 0, "output_tokens": 0},
        }
        told = {"type": "message_start", "message": message}
        return b"event: message_start\ndata: %b\n\n" % orjson.dumps(told)

    def _piece(self, event: Event, out: list[bytes]) -> None:
        match event:
            case Text(text=text):
                if text:
                    self._open("text", _EMPTY["text"], out)
                    out.append(b"%b%b}}\n\n" % (self._prefix, orjson.dumps(text)))
            case Reasoning(text=text, signature=signature):
                if text or signature:
                    self._open("thinking", _EMPTY["thinking"], out)
                if text:
                    out.append(b"%b%b}}\n\n" % (self._prefix, orjson.dumps(text)))
                if signature:
                    self._delta({"type": "signature_delta", "signature": signature}, out)
                    self._close(out)  # it is of this thought only
            case ToolCall(arguments=arguments):
                if event.index != self._called or self._kind != "tool_use":
                    self._call(event, out)
                if arguments:
                    out.append(b"%b%b}}\n\n" % (self._prefix, orjson.dumps(arguments)))
            case _:
                pass

    def _call(self, event: ToolCall, out: list[bytes]) -> None:
        self._called = event.index
        block: Json = {
            "type": "tool_use",
            "id": call_id(event.id, self._id, event.index),
            "name": event.name,
            "input": {},
        }
        self._close(out)
        self._open("tool_use", block, out)

    def _hide(self, thoughts: list[str], out: list[bytes]) -> None:
        for hidden in thoughts:
            self._close(out)
            self._open("redacted_thinking", {"type": "redacted_thinking", "data": hidden}, out)
            self._close(out)

    def _cite(self, event: Extra, out: list[bytes]) -> None:
        if event.field == REDACTED and not event.choice:
            self._hide(event.value, out)
        if event.field != "annotations" or self._kind != "text":
            return
        for note in event.value:
            told = citation(note)
            if told is not None:
                self._delta({"type": "citations_delta", "citation": told}, out)

    def _delta(self, delta: Json, out: list[bytes]) -> None:
        told = {"type": "content_block_delta", "index": self._index, "delta": delta}
        out.append(b"event: content_block_delta\ndata: %b\n\n" % orjson.dumps(told))

    def _open(self, kind: str, block: Json, out: list[bytes]) -> None:
        if self._kind == kind:
            return
        self._close(out)
        self._index += 1
        self._kind = kind
        if kind in _FIELDS:
            self._prefix = _DELTA % (self._index, *_FIELDS[kind])
        told = {"type": "content_block_start", "index": self._index, "content_block": block}
        out.append(b"event: content_block_start\ndata: %b\n\n" % orjson.dumps(told))

    def _close(self, out: list[bytes]) -> None:
        if self._kind:
            self._kind = ""
            out.append(_STOPPED % self._index)


def call_id(given: str, message: str, index: int) -> str:
    """A call's id as Anthropic's format has it; made from the message's where none was given."""
    return _UNFIT.sub("_", given or f"toolu_{message}_{index}")


def arguments_of(text: str) -> Json:
    """A call's arguments as the object that Anthropic's format demands."""
    try:
        value: Any = orjson.loads(text) if text.strip() else {}
    except orjson.JSONDecodeError:
        value = text
    return value if isinstance(value, dict) else {"arguments": value}


def write_message(answer: Answer) -> bytes:
    """See Dialect.write_answer."""
    choice = answer.choices[0] if answer.choices else Choice()
    reason = stop_reason(choice.finish)
    if choice.calls and reason == "end_turn":
        reason = "tool_use"
    return orjson.dumps(
        {
            "id": answer.id,
            "type": "message",
            "role": "assistant",
            "model": answer.model,
            "content": _content(choice, answer.id),
            "stop_reason": reason,
            "stop_sequence": None,
            "usage": usage_json(answer.usage),
        }
    )


def _content(choice: Choice, message: str) -> list[Json]:
    blocks: list[Json] = []
    if choice.reasoning or choice.reasoning_signature:
        signature = choice.reasoning_signature
        blocks.append({"type": "thinking", "thinking": choice.reasoning, "signature": signature})
    hidden = (choice.extra or {}).get(REDACTED) or ()
    blocks.extend({"type": "redacted_thinking", "data": one} for one in hidden)
    text = choice.text or choice.refusal
    if text:
        block: Json = {"type": "text", "text": text}
        notes = (choice.extra or {}).get("annotations") or ()
        cited = [told for note in notes if (told := citation(note)) is not None]
        if cited:
            block["citations"] = cited
        blocks.append(block)
    blocks.extend(_block(call, message, index) for index, call in enumerate(choice.calls))
    return blocks


def _block(call: CallPart, message: str, index: int) -> Json:
    return {
        "type": "tool_use",
        "id": call_id(call.id, message, index),
        "name": call.name,
        "input": arguments_of(call.arguments),
    }
