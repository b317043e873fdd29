"""Ollama's own chat format, /api/chat."""

from __future__ import annotations

from typing import Any

import orjson

from proxy.chat import Answer, ChatRequest, Choice, Event, Json, Usage
from proxy.dialects import ollama_request
from proxy.dialects.checks import check_chat
from proxy.dialects.content import choice_of, string
from proxy.dialects.dialect import ErrorReading, Rendered
from proxy.dialects.ollama_stream import (
    OllamaDecoder,
    OllamaEncoder,
    call_json,
    counts,
    ending,
    failed,
    finish,
    read_logprobs,
    read_message,
    stamp_of,
    unix_seconds,
)
from proxy.dialects.shapes import read_error
from proxy.errors import ClientError, Kind, UpstreamFailure


class Ollama:
    """Chat with a local server."""

    name = "ollama"
    stream_type = b"application/x-ndjson"
    plain: tuple[bytes, ...] = ()

    def check(self, body: Json) -> None:
        """Raises ClientError 400 for a body that cannot be a chat request."""
        check_chat(body)
        for index, message in enumerate(body["messages"]):
            images = message.get("images") or []
            if type(images) is not list or not all(type(one) is str for one in images):
                words = f"'messages[{index}].images' must be a list of base64 strings."
                raise ClientError(400, words, code="invalid_value", param="messages")

    def parse(self, body: Json) -> ChatRequest:
        """See Dialect.parse."""
        return ollama_request.parse(body)

    def render(self, request: ChatRequest, model: str) -> Rendered:
        """See Dialect.render."""
        return ollama_request.render(request, model)

    def decoder(self) -> OllamaDecoder:
        """See Dialect.decoder."""
        return OllamaDecoder()

    def encoder(self, *, id: str, model: str, created: int, include_usage: bool) -> OllamaEncoder:
        """See Dialect.encoder. This format has no id, and always tells its counts."""
        del id, include_usage
        return OllamaEncoder(model=model, created=created)

    def read_answer(self, body: Any) -> Answer:
        """See Dialect.read_answer."""
        if not isinstance(body, dict):
            raise UpstreamFailure(Kind.PROTOCOL, "the answer is not a JSON object")
        if body.get("error"):
            raise UpstreamFailure(Kind.ERROR_FRAME, failed(body["error"]).message)
        message = body.get("message")
        if not isinstance(message, dict):
            if not isinstance(body.get("response"), str):
                raise UpstreamFailure(Kind.EMPTY, "the answer has no message")
            message = {"content": body["response"]}
        events: list[Event] = []
        stamp = string(body.get("created_at"))
        calls = read_message(message, events, stamp, 0)
        read_logprobs(body.get("logprobs"), events)
        choice = choice_of(events, finish(body, calls=calls > 0))
        counted = "eval_count" in body or "prompt_eval_count" in body
        return Answer(
            "",
            string(body.get("model")),
            unix_seconds(stamp),
            (choice,),
            counts(body) if counted else None,
        )

    def write_answer(self, answer: Answer) -> bytes:
        """See Dialect.write_answer. There is one choice."""
        choice = answer.choices[0] if answer.choices else Choice()
        message: Json = {"role": "assistant", "content": choice.text}
        if choice.reasoning:
            message["thinking"] = choice.reasoning
        if choice.calls:
            message["tool_calls"] = [
                call_json(one.id, one.name, one.arguments) for one in choice.calls
            ]
        body = {
            "model": answer.model,
            "created_at": stamp_of(answer.created),
            **ending(choice.finish or "stop", answer.usage or Usage()),
            "message": message,
        }
        return orjson.dumps(body)

    def read_error(self, status: int, body: bytes) -> ErrorReading:
        """See Dialect.read_error."""
        return read_error(status, body)

    def write_error(self, error: ClientError) -> bytes:
        """See Dialect.write_error."""
        return orjson.dumps({"error": error.message})
