"""Answers in OpenAI's wire formats, built once per model and sent many times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from benchmarks.mock.scenario import Scenario, text_of, token

PROMPT_TOKENS = 12
CREATED = 1_750_000_000  # fixed, so that answers are the same in each run
EMBEDDING_SIZE = 8
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, streamed and whole. Streamed pieces are events, blank line included."""

    media: bytes  # content type of the stream
    opening: bytes  # what comes before the first token: role chunk, message_start
    tokens: tuple[bytes, ...]
    finish: bytes  # the reason to stop
    usage: bytes
    done: bytes  # [DONE], message_stop
    whole: bytes  # the same answer to a request that does not stream
    error: bytes  # an error object as an event inside a stream

    @property
    def events(self) -> tuple[bytes, ...]:
        """The complete stream, event by event."""
        parts = (self.opening, *self.tokens, self.finish, self.usage, self.done)
        return tuple(part for part in parts if part)


Shape = Callable[[str, Scenario, str, str], Answer]
"""(model, scenario, word, id) -> the answer in one wire format."""


def sse(payload: Json | bytes, event: str = "") -> bytes:
    data = payload if isinstance(payload, bytes) else orjson.dumps(payload)
    head = f"event: {event}\n".encode() if event else b""
    return head + b"data: " + data + b"\n\n"


def error_object(status: int, code: str | None = "mock", message: str = "") -> Json:
    """An OpenAI error body."""
    kinds = {400: "invalid_request_error", 401: "authentication_error", 429: "rate_limit_error"}
    return {
        "error": {
            "message": message or f"mock error {status}",
            "type": kinds.get(status, "server_error"),
            "param": None,
            "code": code,
        }
    }


def _openai_usage(tokens: int) -> Json:
    return {
        "prompt_tokens": PROMPT_TOKENS,
        "completion_tokens": tokens,
        "total_tokens": PROMPT_TOKENS + tokens,
    }


def chat(model: str, scenario: Scenario, word: str, ident: str) -> Answer:
    """OpenAI chat completions."""
    base: Json = {
        "id": f"chatcmpl-{ident}",
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": model,
        "system_fingerprint": "fp_mock0001",
    }

    def chunk(delta: Json, finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return sse({**base, "choices": [choice]})

    usage = _openai_usage(scenario.tokens)
    message = {"role": "assistant", "content": text_of(scenario, word), "refusal": None}
    whole = {
        **base,
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": usage,
    }
    numbers = range(1, scenario.tokens + 1)
    return Answer(
        media=b"text/event-stream; charset=utf-8",
        opening=chunk({"role": "assistant", "content": ""}),
        tokens=tuple(chunk({"content": token(n, scenario.token_bytes, word)}) for n in numbers),
        finish=chunk({}, "stop"),
        usage=sse({**base, "choices": [], "usage": usage}) if scenario.usage else b"",
        done=sse(b"[DONE]"),
        whole=orjson.dumps(whole),
        error=sse(error_object(500, "mock_stream_error")),
    )


def completions(model: str, scenario: Scenario, word: str, ident: str) -> Answer:
    """OpenAI's older text completions."""
    base: Json = {
        "id": f"cmpl-{ident}",
        "object": "text_completion",
        "created": CREATED,
        "model": model,
    }

    def chunk(text: str, finish: str | None = None) -> Json:
        choice = {"text": text, "index": 0, "logprobs": None, "finish_reason": finish}
        return {**base, "choices": [choice]}

    usage = _openai_usage(scenario.tokens)
    texts = (token(n, scenario.token_bytes, word) for n in range(1, scenario.tokens + 1))
    return Answer(
        media=b"text/event-stream; charset=utf-8",
        opening=b"",
        tokens=tuple(sse(chunk(text)) for text in texts),
        finish=sse(chunk("", "stop")),
        usage=sse({**base, "choices": [], "usage": usage}) if scenario.usage else b"",
        done=sse(b"[DONE]"),
        whole=orjson.dumps({**chunk(text_of(scenario, word), "stop"), "usage": usage}),
        error=sse(error_object(500, "mock_stream_error")),
    )


def responses(model: str, scenario: Scenario, word: str, ident: str) -> Answer:
    """OpenAI Responses: typed events, response.created to response.completed."""
    text = text_of(scenario, word)
    part = {"type": "output_text", "text": text, "annotations": []}
    item = _message(f"msg_{ident}", "completed", [part])
    base: Json = {
        "id": f"resp_{ident}",
        "object": "response",
        "created_at": CREATED,
        "model": model,
        "status": "in_progress",
        "output": [],
        "usage": None,
    }
    usage = {"input_tokens": PROMPT_TOKENS, "output_tokens": scenario.tokens,
             "total_tokens": PROMPT_TOKENS + scenario.tokens}  # fmt: skip
    whole = {**base, "status": "completed", "output": [item], "usage": usage}
    numbers = iter(range(1_000_000))

    def event(kind: str, **fields: Any) -> bytes:
        return sse({"type": kind, "sequence_number": next(numbers), **fields}, kind)

    where = {"item_id": f"msg_{ident}", "output_index": 0, "content_index": 0}
    started = _message(f"msg_{ident}", "in_progress", [])
    empty = {**part, "text": ""}
    texts = (token(n, scenario.token_bytes, word) for n in range(1, scenario.tokens + 1))
    return Answer(
        media=b"text/event-stream; charset=utf-8",
        opening=event("response.created", response=base)
        + event("response.output_item.added", output_index=0, item=started)
        + event("response.content_part.added", **where, part=empty),
        tokens=tuple(event("response.output_text.delta", **where, delta=one) for one in texts),
        finish=event("response.output_text.done", **where, text=text)
        + event("response.content_part.done", **where, part=part)
        + event("response.output_item.done", output_index=0, item=item),
        usage=event("response.completed", response=whole),
        done=b"",
        whole=orjson.dumps(whole),
        error=event("error", code="server_error", message="mock error", param=None),
    )


def _message(ident: str, status: str, content: list[Json]) -> Json:
    """An output item of Responses."""
    return {
        "id": ident,
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": content,
    }


def embeddings(body: Json, model: str) -> bytes:
    """OpenAI embeddings: the same small vector for each input."""
    inputs = body.get("input", "")
    count = len(inputs) if isinstance(inputs, list) and inputs else 1
    vector = [round(0.1 * (n + 1), 1) for n in range(EMBEDDING_SIZE)]
    rows = [{"object": "embedding", "index": n, "embedding": vector} for n in range(count)]
    usage = {"prompt_tokens": PROMPT_TOKENS, "total_tokens": PROMPT_TOKENS}
    return orjson.dumps({"object": "list", "data": rows, "model": model, "usage": usage})


def models(names: list[str]) -> bytes:
    rows = [
        {"id": name, "object": "model", "created": CREATED, "owned_by": "mock"} for name in names
    ]
    return orjson.dumps({"object": "list", "data": rows})
