"""Cohere's v2 chat."""

from __future__ import annotations

from typing import Any

import orjson

from proxy.chat import Answer, ChatRequest, Event, Json
from proxy.dialects import cohere_request
from proxy.dialects.checks import check_chat
from proxy.dialects.cohere_stream import CohereDecoder, finish, is_broken, read_message, usage_of
from proxy.dialects.cohere_write import CohereEncoder, answer_json
from proxy.dialects.content import choice_of, string
from proxy.dialects.dialect import ErrorReading, Rendered
from proxy.dialects.shapes import read_error
from proxy.errors import ClientError, Kind, UpstreamFailure


class Cohere:
    """Chat with Cohere's models."""

    name = "cohere"
    stream_type = b"text/event-stream"
    plain: tuple[bytes, ...] = ()

    def check(self, body: Json) -> None:
        """Raises ClientError 400 for a body that cannot be a chat request."""
        choice = body.get("tool_choice")
        if choice not in (None, "REQUIRED", "NONE"):
            words = "'tool_choice' must be REQUIRED or NONE."
            raise ClientError(400, words, code="invalid_value", param="tool_choice")
        check_chat(body)

    def parse(self, body: Json) -> ChatRequest:
        """See Dialect.parse."""
        return cohere_request.parse(body)

    def render(self, request: ChatRequest, model: str) -> Rendered:
        """See Dialect.render."""
        return cohere_request.render(request, model)

    def decoder(self) -> CohereDecoder:
        """See Dialect.decoder."""
        return CohereDecoder()

    def encoder(self, *, id: str, model: str, created: int, include_usage: bool) -> CohereEncoder:
        """See Dialect.encoder. This format names no model and no time; it always tells counts."""
        del model, created, include_usage
        return CohereEncoder(id=id)

    def read_answer(self, body: Any) -> Answer:
        """See Dialect.read_answer."""
        if not isinstance(body, dict):
            raise UpstreamFailure(Kind.PROTOCOL, "the answer is not a JSON object")
        message = body.get("message")
        if isinstance(message, str) and message:
            raise UpstreamFailure(Kind.ERROR_FRAME, message)
        reason = body.get("finish_reason")
        if is_broken(reason):
            raise UpstreamFailure(Kind.ERROR_FRAME, f"the answer ended with {reason}")
        if not isinstance(message, dict):
            raise UpstreamFailure(Kind.EMPTY, "the answer has no message")
        seed = string(body.get("id"))
        events: list[Event] = []
        read_message(message, seed, events)
        choice = choice_of(events, finish(reason) if reason else None)
        return Answer(seed, "", 0, (choice,), usage_of(body.get("usage")))

    def write_answer(self, answer: Answer) -> bytes:
        """See Dialect.write_answer."""
        return orjson.dumps(answer_json(answer))

    def read_error(self, status: int, body: bytes) -> ErrorReading:
        """See Dialect.read_error."""
        return read_error(status, body)

    def write_error(self, error: ClientError) -> bytes:
        """See Dialect.write_error."""
        return orjson.dumps({"message": error.message})
