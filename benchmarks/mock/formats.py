"""Answers in the wire formats of other providers, and which path asks for which format."""

from __future__ import annotations

from typing import Any

import orjson

from benchmarks.mock import shapes
from benchmarks.mock.scenario import Scenario, text_of, token
from benchmarks.mock.shapes import PROMPT_TOKENS, Answer, Json, Shape, sse


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


def ollama(model: str, scenario: Scenario, word: str, ident: str, *, chat: bool = True) -> Answer:
    """Ollama's /api/chat, or /api/generate: one JSON object a line."""
    base: Json = {"model": model, "created_at": "2025-06-15T15:06:40.000000Z"}

    def line(text: str, **fields: Any) -> Json:
        said: Json = {"message": {"role": "assistant", "content": text}} if chat else {}
        return {**base, **(said or {"response": text}), "done": False, **fields}

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


def ollama_generate(model: str, scenario: Scenario, word: str, ident: str) -> Answer:
    """Ollama's /api/generate, for a prompt without turns."""
    return ollama(model, scenario, word, ident, chat=False)


def shape_of(path: str) -> Shape:
    """The wire format that a request path (without its query) belongs to; chat by default."""
    if path.endswith("/messages"):
        return messages
    if path.endswith((":generateContent", ":streamGenerateContent")):
        return gemini
    if path.endswith("/api/chat"):
        return ollama
    if path.endswith("/api/generate"):
        return ollama_generate
    if path.endswith("/responses"):
        return shapes.responses
    if path.endswith("/completions") and not path.endswith("/chat/completions"):
        return shapes.completions
    return shapes.chat
