"""Answers in the wire formats of the providers, built once per model and sent many times."""

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


def messages(model: str, scenario: Scenario, word: str, ident: str) -> Answer:
    """Anthropic Messages: named events, message_start to message_stop."""
    message: Json = {
        "id": f"msg_{ident}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": PROMPT_TOKENS, "output_tokens": 1},
    }

    def event(kind: str, **fields: Any) -> bytes:
        return sse({"type": kind, **fields}, kind)

    usage = {"input_tokens": PROMPT_TOKENS, "output_tokens": scenario.tokens}
    texts = (token(n, scenario.token_bytes, word) for n in range(1, scenario.tokens + 1))
    block = {"type": "text", "text": ""}
    stop = {"stop_reason": "end_turn", "stop_sequence": None}
    content = [{"type": "text", "text": text_of(scenario, word)}]
    return Answer(
        media=b"text/event-stream; charset=utf-8",
        opening=event("message_start", message=message)
        + event("content_block_start", index=0, content_block=block)
        + event("ping"),
        tokens=tuple(
            event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})
            for text in texts
        ),
        finish=event("content_block_stop", index=0),
        usage=event("message_delta", delta=stop, usage=usage),
        done=event("message_stop"),
        whole=orjson.dumps(
            {**message, "content": content, "stop_reason": "end_turn", "usage": usage}
        ),
        error=event("error", error={"type": "overloaded_error", "message": "mock error"}),
    )


def gemini(model: str, scenario: Scenario, word: str, ident: str) -> Answer:
    """Google generateContent; streamed as SSE with CRLF (alt=sse)."""

    def candidate(text: str, finish: str | None = None) -> Json:
        result: Json = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}
        if finish:
            result["finishReason"] = finish
        return {"candidates": [result], "modelVersion": model, "responseId": ident}

    def event(payload: Json) -> bytes:
        return b"data: " + orjson.dumps(payload) + b"\r\n\r\n"

    usage = {
        "promptTokenCount": PROMPT_TOKENS,
        "candidatesTokenCount": scenario.tokens,
        "totalTokenCount": PROMPT_TOKENS + scenario.tokens,
    }
    texts = (token(n, scenario.token_bytes, word) for n in range(1, scenario.tokens + 1))
    last = {**candidate("", "STOP"), "usageMetadata": usage}
    error = {"error": {"code": 500, "message": "mock error", "status": "INTERNAL"}}
    whole = {**candidate(text_of(scenario, word), "STOP"), "usageMetadata": usage}
    return Answer(
        media=b"text/event-stream",
        opening=b"",
        tokens=tuple(event(candidate(text)) for text in texts),
        finish=event(last),
        usage=b"",
        done=b"",
        whole=orjson.dumps(whole),
        error=event(error),
    )


def ollama(model: str, scenario: Scenario, word: str, ident: str) -> Answer:
    """Ollama's /api/chat: one JSON object a line."""
    base: Json = {"model": model, "created_at": "2025-06-15T15:06:40.000000Z"}

    def line(text: str, **fields: Any) -> Json:
        message = {"role": "assistant", "content": text}
        return {**base, "message": message, "done": False, **fields}

    end = {
        "done": True,
        "done_reason": "stop",
        "total_duration": 1_000_000,
        "load_duration": 1_000,
        "prompt_eval_count": PROMPT_TOKENS,
        "prompt_eval_duration": 1_000,
        "eval_count": scenario.tokens,
        "eval_duration": 1_000,
    }
    texts = (token(n, scenario.token_bytes, word) for n in range(1, scenario.tokens + 1))
    return Answer(
        media=b"application/x-ndjson",
        opening=b"",
        tokens=tuple(orjson.dumps(line(text)) + b"\n" for text in texts),
        finish=orjson.dumps(line("", **end)) + b"\n",
        usage=b"",
        done=b"",
        whole=orjson.dumps(line(text_of(scenario, word), **end)),
        error=orjson.dumps({"error": f"mock error {ident}"}) + b"\n",
    )


def responses(model: str, scenario: Scenario, word: str, ident: str) -> Answer:
    """OpenAI Responses: typed events, response.created to response.completed."""
    text = text_of(scenario, word)
    part = {"type": "output_text", "text": text, "annotations": []}
    item = {
        "id": f"msg_{ident}",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [part],
    }
    usage = {
        "input_tokens": PROMPT_TOKENS,
        "output_tokens": scenario.tokens,
        "total_tokens": PROMPT_TOKENS + scenario.tokens,
    }
    base: Json = {
        "id": f"resp_{ident}",
        "object": "response",
        "created_at": CREATED,
        "model": model,
        "status": "in_progress",
        "output": [],
        "usage": None,
    }
    whole = {**base, "status": "completed", "output": [item], "usage": usage}
    numbers = iter(range(1_000_000))

    def event(kind: str, **fields: Any) -> bytes:
        return sse({"type": kind, "sequence_number": next(numbers), **fields}, kind)

    where = {"item_id": f"msg_{ident}", "output_index": 0, "content_index": 0}
    started = {**item, "status": "in_progress", "content": []}
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


def shape_of(path: str) -> Shape:
    """The wire format that a request path (without its query) belongs to; chat by default."""
    if path.endswith("/messages"):
        return messages
    if path.endswith((":generateContent", ":streamGenerateContent")):
        return gemini
    if path.endswith(("/api/chat", "/api/generate")):
        return ollama
    if path.endswith("/responses"):
        return responses
    if path.endswith("/completions") and not path.endswith("/chat/completions"):
        return completions
    return chat
