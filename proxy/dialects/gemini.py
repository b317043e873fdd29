"""Gemini's generateContent, at Google AI Studio and at Vertex."""

from __future__ import annotations

from typing import Any

import orjson

from proxy.chat import Answer, ChatRequest, Choice, Event, Finished, Json
from proxy.dialects import gemini_parse, gemini_request
from proxy.dialects.content import choice_of, string
from proxy.dialects.dialect import ErrorReading, Rendered
from proxy.dialects.gemini_stream import GeminiDecoder, failed, read_candidate, usage_of
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
        """See Dialect.read_answer."""
        if isinstance(body, list) and len(body) == 1:
            body = body[0]
        if not isinstance(body, dict):
            raise UpstreamFailure(Kind.PROTOCOL, "the answer is not a JSON object")
        if body.get("error"):
            error = failed(body["error"])
            raise UpstreamFailure(
                Kind.ERROR_FRAME, error.message, status=error.status, code=error.code or None
            )
        id = string(body.get("responseId"))  # noqa: A001  # the wire's word
        candidates = body.get("candidates")
        choices = [
            _choice(one, id) for one in candidates or () if isinstance(one, dict)
        ] or _blocked(body)
        counts = body.get("usageMetadata")
        return Answer(
            id,
            string(body.get("modelVersion")),
            0,
            tuple(choices),
            usage_of(counts) if isinstance(counts, dict) else None,
        )

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


def _blocked(body: Json) -> list[Choice]:
    """A prompt that was refused has no candidates, but says so."""
    feedback = body.get("promptFeedback")
    if isinstance(feedback, dict) and feedback.get("blockReason"):
        return [Choice(finish="content_filter")]
    raise UpstreamFailure(Kind.EMPTY, "the answer has no candidates")


def _choice(candidate: Json, id: str) -> Choice:
    events: list[Event] = []
    read_candidate(candidate, events, id, {})
    finish = [one.reason for one in events if isinstance(one, Finished)]
    return choice_of(events, finish[0] if finish else None)
