"""Error answers: whole, well-formed HTTP that says no."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import orjson

from benchmarks.mock.shapes import error_object
from benchmarks.mock.turn import Script, Step, Turn, play, reply

RETRY_AFTER = 7  # seconds, where the model's name gives none


def refuse(status: int, code: str | None = "mock", message: str = "", *fields: bytes) -> Script:
    """A script that answers this status with an OpenAI error object."""
    body = orjson.dumps(error_object(status, code, message))
    response = reply(status, body, *fields)

    def script(turn: Turn) -> Iterator[Step]:
        if wait := turn.scenario.first_ms:
            yield wait / 1e3
        yield response

    return script


def _html(status: int) -> Script:
    page = b"<html><head><title>%d</title></head><body><h1>nginx</h1></body></html>" % status

    def script(_: Turn) -> Iterator[Step]:
        yield reply(status, page, media=b"text/html")

    return script


def _empty(status: int) -> Script:
    def script(_: Turn) -> Iterator[Step]:
        yield reply(status, b"")

    return script


def _limited(turn: Turn) -> Iterator[Step]:
    """429 with Retry-After in seconds."""
    seconds = RETRY_AFTER if turn.scenario.number is None else turn.scenario.number
    yield from _limit(b"%d" % seconds)


def _limited_until(_: Turn) -> Iterator[Step]:
    when = datetime.now(UTC) + timedelta(seconds=RETRY_AFTER)
    yield from _limit(format_datetime(when, usegmt=True).encode())


def _limited_rubbish(_: Turn) -> Iterator[Step]:
    yield from _limit(b"soon-ish")


def _limit(after: bytes) -> Iterator[Step]:
    body = orjson.dumps(error_object(429, "rate_limit_exceeded", "Rate limit reached"))
    yield reply(429, body, b"Retry-After: " + after, b"x-ratelimit-remaining-requests: 0")


def _echo_key(turn: Turn) -> Iterator[Step]:
    """401 whose body shows the key that was sent, as careless providers do."""
    key = turn.headers.get("authorization") or turn.headers.get("x-api-key") or "(none)"
    message = f"Incorrect API key provided: {key.removeprefix('Bearer ')}"
    yield reply(401, orjson.dumps(error_object(401, "invalid_api_key", message)))


def _no_prefill(turn: Turn) -> Iterator[Step]:
    """Refuses a conversation that ends with the assistant; answers any other."""
    said = turn.body.get("messages")
    last = said[-1] if isinstance(said, list) and said else {}
    if isinstance(last, dict) and last.get("role") == "assistant":
        message = "This model does not support assistant message prefill"
        yield reply(400, orjson.dumps(error_object(400, "invalid_request_error", message)))
        return
    yield from play(turn)


def _flaky(turn: Turn) -> Iterator[Step]:
    """500 for the first N requests of the model, then right."""
    if turn.seen <= (1 if turn.scenario.number is None else turn.scenario.number):
        yield reply(500, orjson.dumps(error_object(500)))
        return
    yield from play(turn)


_OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


def _overloaded(_: Turn) -> Iterator[Step]:
    yield reply(529, orjson.dumps(_OVERLOADED))


_WINDOW = "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens."

REFUSALS: dict[str, Script] = {
    "200-empty": _empty(200),
    "400": refuse(400, "invalid_value", "Invalid value for 'temperature'"),
    "400-context": refuse(400, "context_length_exceeded", _WINDOW),
    "400-content-filter": refuse(400, "content_filter", "The prompt was filtered"),
    "400-prefill": _no_prefill,
    "401": refuse(401, "invalid_api_key", "Incorrect API key provided"),
    "401-echo-key": _echo_key,
    "403": refuse(403, "forbidden", "This key may not use this model"),
    "404": refuse(404, "model_not_found", "The model does not exist"),
    "408": refuse(408, "timeout", "Request timed out"),
    "409": refuse(409, "conflict", "Conflict"),
    "429": _limited,
    "429-date": _limited_until,
    "429-rubbish": _limited_rubbish,
    "500": refuse(500),
    "500-html": _html(500),
    "502": refuse(502),
    "502-html": _html(502),
    "503": refuse(503),
    "503-empty": _empty(503),
    "504": refuse(504),
    "529": _overloaded,
    "flaky": _flaky,
    "redirect": refuse(307, None, "moved", b"Location: /elsewhere"),
}
