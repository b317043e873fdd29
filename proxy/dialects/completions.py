"""OpenAI's older text completions: a prompt in, its continuation out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from proxy.chat import (
    Answer,
    Choice,
    Event,
    Finished,
    Json,
    Spent,
    Text,
    Usage,
)
from proxy.dialects.checks import check_completion
from proxy.dialects.chunks import ChunkDecoder, answer_choices
from proxy.dialects.completions_request import parse_completion, render_completion
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
        index = choice.get("index") or 0
        text = choice.get("text")
        if isinstance(text, str) and text:
            events.append(Text(text, index))
        reason = finish_of(choice.get("finish_reason"))
        if reason is not None:
            events.append(Finished(reason, index))


class CompletionEncoder:
    """Completion chunks from events."""

    __slots__ = ("_head", "_usage", "_wants_usage")

    def __init__(self, *, id: str, model: str, created: int, include_usage: bool) -> None:
        fields = {"id": id, "object": "text_completion", "created": created, "model": model}
        self._head = orjson.dumps(fields)[:-1]
        self._wants_usage = include_usage
        self._usage: Usage | None = None

    def encode(self, events: Sequence[Event]) -> bytes:
        """See Encoder.encode."""
        out: list[bytes] = []
        for event in events:
            if isinstance(event, Text):
                out.append(self._chunk(event.text, event.choice, None))
            elif isinstance(event, Finished):
                out.append(self._chunk("", event.choice, event.reason))
            elif isinstance(event, Spent):
                self._usage = event.usage
        return b"".join(out)

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

    def _chunk(self, text: str, choice: int, reason: str | None) -> bytes:
        fields = {"text": text, "index": choice, "logprobs": None, "finish_reason": reason}
        return b'data: %b,"choices":[%b]}\n\n' % (self._head, orjson.dumps(fields))


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
                Choice(text=str(one.get("text") or ""), finish=finish_of(one.get("finish_reason")))
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
                    "logprobs": None,
                    "finish_reason": choice.finish or "stop",
                }
                for index, choice in enumerate(answer.choices)
            ],
        }
        if answer.usage is not None:
            body["usage"] = usage_json(answer.usage)
        return orjson.dumps(body)

    read_error = staticmethod(read_error)
    write_error = staticmethod(write_error)
