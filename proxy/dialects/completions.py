"""OpenAI's older text completions: a prompt in, its continuation out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from proxy.chat import (
    Answer,
    Choice,
    Event,
    Extra,
    Finished,
    Json,
    Spent,
    Text,
    Usage,
)
from proxy.dialects.checks import check_completion
from proxy.dialects.chunks import ChunkDecoder, answer_choices, place_of
from proxy.dialects.completions_odds import from_chat, to_chat
from proxy.dialects.completions_request import parse_completion, render_completion
from proxy.dialects.dialect import Encoder
from proxy.dialects.shapes import (
    PLAIN,
    error_json,
    finish_of,
    read_error,
    usage_json,
    usage_of,
    write_error,
)
from proxy.errors import ClientError


class CompletionDecoder(ChunkDecoder):
    """Frames of a stream whose choices carry text directly."""

    __slots__ = ()

    def _choice(self, choice: Json, chunk: Json, events: list[Event]) -> None:
        del chunk
        index = place_of(choice)
        text = choice.get("text")
        if isinstance(text, str) and text:
            events.append(Text(text, index))
        odds = to_chat(choice.get("logprobs"))
        if odds is not None:
            events.append(Extra("logprobs", odds, index))
        reason = finish_of(choice.get("finish_reason"))
        if reason is not None:
            events.append(Finished(reason, index))


class CompletionEncoder(Encoder):
    """Completion chunks from events."""

    __slots__ = ("_head", "_said", "_usage", "_wants_usage")

    def __init__(self, *, id: str, model: str, created: int, include_usage: bool) -> None:
        fields = {"id": id, "object": "text_completion", "created": created, "model": model}
        self._head = orjson.dumps(fields)[:-1]
        self._wants_usage = include_usage
        self._usage: Usage | None = None
        self._said: dict[int, int] = {}  # characters so far, by choice, where odds are told

    def encode(self, events: Sequence[Event]) -> bytes:
        """See Encoder.encode."""
        out: list[bytes] = []
        for place, event in enumerate(events):
            if isinstance(event, Text):
                following = events[place + 1] if place + 1 < len(events) else None
                if not _are_odds(following, event.choice):
                    out.append(self._chunk(event.text, event.choice, None))
            elif isinstance(event, Extra) and event.field == "logprobs":
                before = events[place - 1] if place else None
                out.append(self._likely(before, event))
            elif isinstance(event, Finished):
                out.append(self._chunk("", event.choice, event.reason))
            elif isinstance(event, Spent):
                self._usage = event.usage
        return b"".join(out)

    def _likely(self, before: Event | None, odds: Extra) -> bytes:
        """A word with its odds; odds that come by themselves are of a word that was told."""
        choice = odds.choice
        text = before.text if isinstance(before, Text) and before.choice == choice else ""
        start = self._said.get(choice, 0)
        told = from_chat(odds.value, start)
        self._said[choice] = start + sum(map(len, told["tokens"]))
        return self._chunk(text, choice, None, told)

    def around(self, event: Event) -> tuple[bytes, bytes] | None:
        """See Encoder.around."""
        if type(event) is not Text:
            return None
        after = b'","index":0,"logprobs":null,"finish_reason":null}]}\n\n'
        return b'data: %b,"choices":[{"text":"' % self._head, after

    def resume(self, sent: bytes) -> None:
        """See Encoder.resume: nothing opens a completion."""

    def end(self) -> bytes:
        """See Encoder.end."""
        last = b""
        if self._wants_usage and self._usage is not None:
            usage = orjson.dumps(usage_json(self._usage))
            last = b'data: %b,"choices":[],"usage":%b}\n\n' % (self._head, usage)
        return last + b"data: [DONE]\n\n"

    def fail(self, error: ClientError) -> bytes:
        """See Encoder.fail."""
        return b"data: %b\n\n" % orjson.dumps(error_json(error))

    def _chunk(self, text: str, choice: int, reason: str | None, odds: Json | None = None) -> bytes:
        fields = {"text": text, "index": choice, "logprobs": odds, "finish_reason": reason}
        return b'data: %b,"choices":[%b]}\n\n' % (self._head, orjson.dumps(fields))


def _are_odds(event: Event | None, choice: int) -> bool:
    return isinstance(event, Extra) and event.field == "logprobs" and event.choice == choice


class Completions:
    """Text completions."""

    name = "completions"
    stream_type = b"text/event-stream"
    plain: tuple[bytes, ...] = PLAIN

    check = staticmethod(check_completion)
    parse = staticmethod(parse_completion)
    render = staticmethod(render_completion)
    decoder = CompletionDecoder
    encoder = CompletionEncoder

    def read_answer(self, body: Any) -> Answer:
        """See Dialect.read_answer."""
        choices = answer_choices(body)
        return Answer(
            str(body.get("id") or ""),
            str(body.get("model") or ""),
            body["created"] if isinstance(body.get("created"), int) else 0,
            tuple(
                Choice(
                    text=str(one.get("text") or ""),
                    finish=finish_of(one.get("finish_reason")),
                    extra={"logprobs": odds} if (odds := to_chat(one.get("logprobs"))) else None,
                )
                for one in choices
            ),
            usage_of(body.get("usage")),
        )

    def write_answer(self, answer: Answer) -> bytes:
        """See Dialect.write_answer."""
        body: Json = {
            "id": answer.id,
            "object": "text_completion",
            "created": answer.created,
            "model": answer.model,
            "choices": [
                {
                    "text": choice.text,
                    "index": index,
                    "logprobs": from_chat(odds, 0) if odds else None,
                    "finish_reason": choice.finish or "stop",
                }
                for index, choice in enumerate(answer.choices)
                for odds in ((choice.extra or {}).get("logprobs"),)
            ],
        }
        if answer.usage is not None:
            body["usage"] = usage_json(answer.usage)
        return orjson.dumps(body)

    read_error = staticmethod(read_error)
    write_error = staticmethod(write_error)
