"""What Anthropic's requests, streams and answers share: counts, reasons, errors."""

from __future__ import annotations

from typing import Any

import orjson

from proxy.chat import Failed, FinishReason, Json, Usage
from proxy.dialects.dialect import ErrorReading
from proxy.dialects.shapes import finish_of, read_error
from proxy.errors import ClientError, Kind

# A reserved tool: where a model knows no JSON schemas it is made to call this one, and what it
# calls it with is the answer's text.
ANSWER_TOOL = "firsttoken_answer"

_FINISH: dict[str, FinishReason] = {
    "end_turn": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "model_context_window_exceeded": "length",
    "pause_turn": "stop",
}
_STOP: dict[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}
_ERRORS: dict[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "invalid_request_error",
    413: "request_too_large",
    422: "invalid_request_error",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}


def finish_reason(reason: Any) -> FinishReason | None:
    """Why the answer ended; None while it has not."""
    return _FINISH.get(reason) or finish_of(reason) if isinstance(reason, str) else None


def stop_reason(reason: FinishReason | None) -> str:
    """Anthropic's word for a finish reason."""
    return _STOP[reason or "stop"]


def usage_of(counts: Json) -> Usage:
    """Anthropic counts the prompt in three: read from the cache, written to it, and the rest."""
    read = _count(counts.get("cache_read_input_tokens"))
    written = _count(counts.get("cache_creation_input_tokens"))
    details = counts.get("output_tokens_details")
    return Usage(
        prompt=_count(counts.get("input_tokens")) + read + written,
        completion=_count(counts.get("output_tokens")),
        cached=read,
        cache_written=written,
        reasoning=_count(details.get("thinking_tokens")) if isinstance(details, dict) else 0,
    )


def usage_json(usage: Usage | None) -> Json:
    """The counts as Anthropic tells them; zeros where nothing was counted."""
    usage = usage or Usage()
    told: Json = {
        "input_tokens": max(0, usage.prompt - usage.cached - usage.cache_written),
        "cache_creation_input_tokens": usage.cache_written,
        "cache_read_input_tokens": usage.cached,
        "output_tokens": usage.completion,
    }
    if usage.reasoning:
        told["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    if usage.estimated:
        told["estimated"] = True
    return told


def failed(error: Any) -> Failed:
    """An error inside a stream."""
    if not isinstance(error, dict):
        return Failed(str(error or "the provider failed")[:2000])
    kind = str(error.get("type") or "")
    return Failed(
        str(error.get("message") or "the provider failed")[:2000], kind, kind, _STATUS.get(kind)
    )


def error_reading(status: int, body: bytes) -> ErrorReading:
    """See Dialect.read_error. An empty account is refused with 400: the key is useless."""
    reading = read_error(status, body)
    if status == 400 and "credit balance" in reading.message:
        return ErrorReading(Kind.KEY_REFUSED, reading.message, reading.code)
    return reading


def error_body(error: ClientError) -> bytes:
    """Anthropic's error object; its clients choose the exception by the status beside it."""
    kind = _ERRORS.get(error.status) or (
        "api_error" if error.status >= 500 else "invalid_request_error"
    )
    return orjson.dumps(
        {"type": "error", "error": {"type": kind, "message": error.message}, "request_id": None}
    )


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0
