"""OpenAI's Responses: what its clients send and read, and what its models answer."""

from __future__ import annotations

from typing import Any

from proxy.chat import Answer, ChatRequest, Json
from proxy.dialects.dialect import ErrorReading, Rendered
from proxy.dialects.responses_decoder import ResponseDecoder, read_response
from proxy.dialects.responses_encoder import ResponseEncoder, write_response
from proxy.dialects.responses_parse import check_response, parse_response
from proxy.dialects.responses_render import render_response
from proxy.dialects.shapes import read_error, write_error
from proxy.errors import ClientError


class Responses:
    """Responses, stateless."""

    name = "responses"
    stream_type = b"text/event-stream"
    plain: tuple[bytes, ...] = (b"event: response.output_text.delta\n",)

    def check(self, body: Json) -> None:
        """Raises ClientError 400 for a body that cannot be a Responses request."""
        check_response(body)

    def parse(self, body: Json) -> ChatRequest:
        """See Translator.parse. Raises ClientError 400 for what refers to something stored."""
        return parse_response(body)

    def render(self, request: ChatRequest, model: str) -> Rendered:
        """See Translator.render."""
        return render_response(request, model)

    def decoder(self) -> ResponseDecoder:
        """See Dialect.decoder."""
        return ResponseDecoder()

    def encoder(self, *, id: str, model: str, created: int, include_usage: bool) -> ResponseEncoder:
        """See Dialect.encoder."""
        return ResponseEncoder(id=id, model=model, created=created, include_usage=include_usage)

    def read_answer(self, body: Any) -> Answer:
        """See Dialect.read_answer."""
        return read_response(body)

    def write_answer(self, answer: Answer) -> bytes:
        """See Dialect.write_answer."""
        return write_response(answer)

    def read_error(self, status: int, body: bytes) -> ErrorReading:
        """See Dialect.read_error."""
        return read_error(status, body)

    def write_error(self, error: ClientError) -> bytes:
        """See Dialect.write_error."""
        return write_error(error)
