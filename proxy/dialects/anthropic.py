"""Anthropic's Messages: what its clients send and read, and what its models answer."""

from __future__ import annotations

from typing import Any

import orjson

from proxy.chat import Answer, ChatRequest, Json
from proxy.dialects.anthropic_decoder import MessageDecoder, read_message
from proxy.dialects.anthropic_encoder import MessageEncoder, write_message
from proxy.dialects.anthropic_parse import check_message, parse_message
from proxy.dialects.anthropic_render import render_message
from proxy.dialects.anthropic_shapes import error_body, error_reading
from proxy.dialects.dialect import ErrorReading, Rendered
from proxy.errors import ClientError


class Anthropic:
    """Messages."""

    name = "anthropic"
    stream_type = b"text/event-stream"
    plain: tuple[bytes, ...] = (b"event: content_block_delta\n",)

    def check(self, body: Json) -> None:
        """Raises ClientError 400 for a body that cannot be a Messages request."""
        check_message(body)

    def parse(self, body: Json) -> ChatRequest:
        """See Dialect.parse. Takes the body of a count of tokens too."""
        return parse_message(body)

    def render(self, request: ChatRequest, model: str) -> Rendered:
        """See Dialect.render."""
        return render_message(request, model)

    def decoder(self) -> MessageDecoder:
        """See Dialect.decoder."""
        return MessageDecoder()

    def encoder(self, *, id: str, model: str, created: int, include_usage: bool) -> MessageEncoder:
        """See Dialect.encoder."""
        return MessageEncoder(id=id, model=model, created=created, include_usage=include_usage)

    def read_answer(self, body: Any) -> Answer:
        """See Dialect.read_answer."""
        return read_message(body)

    def write_answer(self, answer: Answer) -> bytes:
        """See Dialect.write_answer."""
        return write_message(answer)

    def read_error(self, status: int, body: bytes) -> ErrorReading:
        """See Dialect.read_error."""
        return error_reading(status, body)

    def write_error(self, error: ClientError) -> bytes:
        """See Dialect.write_error."""
        return error_body(error)


def count_answer(tokens: int) -> bytes:
    """The answer to a count of tokens."""
    return orjson.dumps({"input_tokens": tokens})
