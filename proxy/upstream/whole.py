"""Whole answers: a non-streamed body understood just far enough to pass it on or translate it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from proxy.dialects.shapes import usage_of
from proxy.errors import Kind, UpstreamFailure

if TYPE_CHECKING:
    from proxy.chat import Usage
    from proxy.dialects.dialect import Dialect


Whole = tuple[bytes, "Usage | None", str]  # an answer in the client's dialect, how it ended


def read(body: bytes, source: Dialect, target: Dialect, passes: bool) -> Whole:
    """The client's bytes for a provider's 200. passes: they are the provider's own.

    Raises UpstreamFailure: PROTOCOL when it is not the dialect's JSON, ERROR_FRAME for an error
    object inside, EMPTY when nothing was answered.
    """
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise UpstreamFailure(Kind.PROTOCOL, "the answer is not JSON") from error
    if passes and source.name in _GLANCED:
        return _glance(body, answer)
    read_answer = target.read_answer(answer)
    finish = read_answer.choices[0].finish if read_answer.choices else None
    sent = body if passes else source.write_answer(read_answer)
    return sent, read_answer.usage, finish or "stop"


_GLANCED = frozenset({"openai", "completions"})


def _glance(body: bytes, answer: Any) -> Whole:
    """An OpenAI answer passes unchanged; only its end and its counts are looked at."""
    if not isinstance(answer, dict):
        raise UpstreamFailure(Kind.PROTOCOL, "the answer is not a JSON object")
    error = answer.get("error")
    if error:
        words = error.get("message") if isinstance(error, dict) else error
        raise UpstreamFailure(Kind.ERROR_FRAME, str(words))
    choices = answer.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise UpstreamFailure(Kind.EMPTY, "the answer has no choices")
    return body, usage_of(answer.get("usage")), str(choices[0].get("finish_reason") or "stop")
