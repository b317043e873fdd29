"""Gemini's generateContent, at Google AI Studio and at Vertex."""

from __future__ import annotations

from typing import Any

import orjson

from proxy.chat import Answer, ChatRequest, Event, Finished, Json, Reasoning, Text, ToolCall
from proxy.dialects import gemini_parse, gemini_request
from proxy.dialects.assemble import assemble
from proxy.dialects.content import string
from proxy.dialects.dialect import ErrorReading, Rendered
from proxy.dialects.gemini_stream import GeminiDecoder, failed
from proxy.dialects.gemini_write import GeminiEncoder, answer_json, error_json
from proxy.dialects.shapes import read_error
from proxy.errors import ClientError, Kind, UpstreamFailure

# What Google answers with 400 though the request is not at fault: the key, the account, the place.
_OURS = ("API_KEY_INVALID", "API key not valid", "API key expired", "FAILED_PRECONDITION")


class Gemini:
    """Chat with Google's models."""

    name = "gemini"
    stream_type = b"text/event-stream"
    plain: tuple[bytes, ...] = ()

    def check(self, body: Json) -> None:
        """Raises ClientError 400 for a body that cannot be a generateContent request."""
        gemini_parse.check(body)

    def parse(self, body: Json) -> ChatRequest:
        """See Dialect.parse. The path's model and stream are fields of the body here."""
        return gemini_parse.parse(body)

    def render(self, request: ChatRequest, model: str) -> Rendered:
        """See Dialect.render."""
        return gemini_request.render(request, model)

    def decoder(self) -> GeminiDecoder:
        """See Dialect.decoder."""
        return GeminiDecoder()

    def encoder(self, *, id: str, model: str, created: int, include_usage: bool) -> GeminiEncoder:
        """See Dialect.encoder. This format has no creation time, and always tells its counts."""
        del created, include_usage
        return GeminiEncoder(id=id, model=model)

    def read_answer(self, body: Any) -> Answer:
        """See Dialect.read_answer. A stream that came as one array is an answer too."""
        responses = body if isinstance(body, list) else [body]
        if not responses or not all(isinstance(one, dict) for one in responses):
            raise UpstreamFailure(Kind.PROTOCOL, "the answer is not a JSON object")
        decoder = GeminiDecoder()
        events: list[Event] = []
        for response in responses:
            error = response.get("error")
            if error:
                found = failed(error)
                raise UpstreamFailure(
                    Kind.ERROR_FRAME, found.message, status=found.status, code=found.code or None
                )
            events.extend(decoder.read(response))
        if not any(isinstance(one, Finished | Text | Reasoning | ToolCall) for one in events):
            raise UpstreamFailure(Kind.EMPTY, "the answer has no candidates")
        return assemble(events)

    def write_answer(self, answer: Answer) -> bytes:
        """See Dialect.write_answer."""
        return orjson.dumps(answer_json(answer))

    def read_error(self, status: int, body: bytes) -> ErrorReading:
        """See Dialect.read_error. Google's word for the failure is its code here."""
        reading = read_error(status, body)
        words = body[:65536].decode(errors="replace")
        kind = reading.kind
        if status == 400 and any(one in words for one in _OURS):
            kind = Kind.KEY_REFUSED
        try:
            found = orjson.loads(body)
        except orjson.JSONDecodeError:
            return ErrorReading(kind, reading.message, reading.code)
        error = found[0] if isinstance(found, list) and found else found
        error = error.get("error") if isinstance(error, dict) else None
        word = string(error.get("status")) if isinstance(error, dict) else ""
        return ErrorReading(kind, reading.message, word or reading.code)

    def write_error(self, error: ClientError) -> bytes:
        """See Dialect.write_error."""
        return orjson.dumps(error_json(error))
