"""Whole answers: a non-streamed body understood just far enough to pass it on or translate it.

What is read of one raises UpstreamFailure: PROTOCOL when it is not the dialect's JSON, ERROR_FRAME
for an error object inside, EMPTY when nothing was answered.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from proxy.dialects.assemble import named
from proxy.dialects.chunks import answer_choices
from proxy.dialects.fitting import renamed
from proxy.dialects.shapes import BROKEN, usage_of
from proxy.errors import Kind, UpstreamFailure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.chat import Answer, Usage
    from proxy.dialects.dialect import Dialect

Reading = tuple["Usage | None", str]  # what an answer used, how it ended
Count = Callable[["Answer"], "Usage | None"]

# Escapes of JSON, and among them those of half a character, where a server cut its text in two.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}"
    rb"|(?P<half>u[dD][89a-fA-F][\da-fA-F]{2})|.)",
    re.DOTALL,
)
_GLANCED = frozenset({"openai", "completions"})


def passed(body: bytes, dialect: Dialect) -> Reading:
    """Of an answer whose bytes are the client's too."""
    answer = _parsed(body)
    if dialect.name in _GLANCED:
        return _glance(answer)
    read = dialect.read_answer(answer)
    return read.usage, (read.choices[0].finish if read.choices else None) or "stop"


def translated(
    body: bytes,
    source: Dialect,
    target: Dialect,
    stand_in: tuple[str, str, float],
    names: Mapping[str, str],
    count: Count,
) -> tuple[bytes, Reading]:
    """The client's bytes for an answer of another dialect. source: the client's.

    stand_in: id, model and Unix seconds, for what the provider's format does not say. names: of
    tools, see fitting.asked. count: for an answer whose provider counted nothing.
    """
    read = renamed(target.read_answer(_parsed(body)), names)
    if read.usage is None:
        read = replace(read, usage=count(read))
    answer_id, model, created = stand_in
    told = source.write_answer(named(read, answer_id, model, int(created)))
    return told, (read.usage, (read.choices[0].finish if read.choices else None) or "stop")


def mended(body: bytes) -> bytes:
    """An answer whose half characters are told as unreadable, so that it is JSON to everybody."""
    return _ESCAPE.sub(_readable, body)


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise UpstreamFailure(Kind.PROTOCOL, "the answer is not JSON") from error


def _readable(escape: re.Match[bytes]) -> bytes:
    return b"\\ufffd" if escape["half"] else escape[0]


def _glance(answer: Any) -> Reading:
    """An OpenAI answer passes unchanged; only its end and its counts are looked at."""
    try:
        finish = answer["choices"][0]["finish_reason"]
        if finish and type(finish) is str and finish not in BROKEN and "error" not in answer:
            return usage_of(answer.get("usage")), finish
    except (TypeError, LookupError):
        pass  # one of the rest, then
    choices = answer_choices(answer)
    return usage_of(answer.get("usage")), str(choices[0].get("finish_reason") or "stop")
