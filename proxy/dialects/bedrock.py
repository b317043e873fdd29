"""Bedrock's Converse: one format for all models that AWS serves."""

from __future__ import annotations

from typing import Any

import orjson

from proxy.chat import Answer, ChatRequest, Event, Json
from proxy.dialects import bedrock_parse, bedrock_request
from proxy.dialects.bedrock_stream import BedrockDecoder, finish_of, read_content, usage_of
from proxy.dialects.bedrock_write import BedrockEncoder, answer_json
from proxy.dialects.content import choice_of, string
from proxy.dialects.dialect import ErrorReading, Rendered
from proxy.dialects.shapes import read_error
from proxy.errors import ClientError, Kind, UpstreamFailure

# Words of errors that all have status 400 or 424.
_WORDS: tuple[tuple[str, Kind], ...] = (
    ("input tokens exceeded", Kind.CONTEXT_LENGTH),
    ("input is too long", Kind.CONTEXT_LENGTH),
    ("exceeds maximum length", Kind.CONTEXT_LENGTH),
    ("model identifier is invalid", Kind.MODEL_UNKNOWN),
    ("on-demand throughput", Kind.MODEL_UNKNOWN),
    ("end of its life", Kind.MODEL_UNKNOWN),
)


class Bedrock:
    """Chat with the models at AWS."""

    name = "bedrock"
    stream_type = b"application/vnd.amazon.eventstream"
    plain: tuple[bytes, ...] = ()

    def check(self, body: Json) -> None:
        """Raises ClientError 400 for a body that cannot be a Converse request."""
        bedrock_parse.check(body)

    def parse(self, body: Json) -> ChatRequest:
        """See Dialect.parse. The path's model and stream are fields of the body here."""
        return bedrock_parse.parse(body)

    def render(self, request: ChatRequest, model: str) -> Rendered:
        """See Dialect.render."""
        return bedrock_request.render(request, model)

    def decoder(self) -> BedrockDecoder:
        """See Dialect.decoder."""
        return BedrockDecoder()

    def encoder(self, *, id: str, model: str, created: int, include_usage: bool) -> BedrockEncoder:
        """See Dialect.encoder. This format names nothing, and always tells its counts."""
        del id, model, created, include_usage
        return BedrockEncoder()

    def read_answer(self, body: Any) -> Answer:
        """See Dialect.read_answer."""
        if not isinstance(body, dict):
            raise UpstreamFailure(Kind.PROTOCOL, "the answer is not a JSON object")
        output = body.get("output")
        message = output.get("message") if isinstance(output, dict) else None
        content = message.get("content") if isinstance(message, dict) else None
        if not isinstance(content, list):
            words = string(body.get("message"))
            if words:
                raise UpstreamFailure(Kind.ERROR_FRAME, words)
            raise UpstreamFailure(Kind.EMPTY, "the answer has no message")
        events: list[Event] = []
        read_content(content, events)
        choice = choice_of(events, finish_of(body.get("stopReason")))
        return Answer("", "", 0, (choice,), usage_of(body.get("usage")))

    def write_answer(self, answer: Answer) -> bytes:
        """See Dialect.write_answer."""
        return orjson.dumps(answer_json(answer))

    def read_error(self, status: int, body: bytes) -> ErrorReading:
        """See Dialect.read_error."""
        reading = read_error(status, body)
        said = reading.message.lower()
        for words, kind in _WORDS:
            if status in (400, 404, 424) and words in said:
                return ErrorReading(kind, reading.message, reading.code)
        if status == 424:  # the model failed, not the request
            return ErrorReading(Kind.SERVER, reading.message, reading.code)
        return reading

    def write_error(self, error: ClientError) -> bytes:
        """See Dialect.write_error."""
        return orjson.dumps({"message": error.message})
