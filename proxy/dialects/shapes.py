"""What OpenAI-shaped dialects share: errors in and out, usage, finish reasons."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, get_args

import orjson

from proxy.chat import FinishReason, Usage
from proxy.dialects.dialect import ErrorReading
from proxy.errors import ClientError, Kind

PLAIN = (b'"finish_reason":null', b'"finish_reason": null')  # in every chunk but the last

_STATUS: dict[int, Kind] = {
    401: Kind.KEY_REFUSED,
    402: Kind.KEY_REFUSED,  # an empty account is as useless as a wrong key
    403: Kind.KEY_REFUSED,
    404: Kind.MODEL_UNKNOWN,
    408: Kind.TIMEOUT,
    409: Kind.CONFLICT,
    429: Kind.RATE_LIMITED,
    503: Kind.OVERLOADED,
    504: Kind.TIMEOUT,
    529: Kind.OVERLOADED,
}

# How providers say that a prompt is too long, beside OpenAI's code.
_TOO_LONG = (
    "context_length",
    "context length",
    "context limit",
    "context window",
    "maximum context",
    "maximum prompt length",
    "prompt is too long",
    "prompt too long",
    "prompt exceeds max length",
    "too many tokens",
    "too_many_prompt_tokens",
    "tokens_limit_reached",
    "token limit:",
    "range of input length",
    "tokens + `max_new_tokens`",
    "exceeds the available context",
    "input token count",
    "exceed_context_size",
)
# What some answer with 400 though the key is at fault: xAI, and servers that follow it.
_KEYS = ("incorrect api key", "invalid api key", "invalid_api_key")
_FILTERED = ("content_filter", "content_policy_violation", "responsibleai", "content policy")

# The largest thinking budget, in tokens, that each effort stands for.
_EFFORTS = ((2048, "low"), (8192, "medium"))

_REASONS = frozenset(get_args(FinishReason))
_SAME_AS: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "complete": "stop",
    "max_tokens": "length",
    "model_length": "length",
    "max_output_tokens": "length",
    "function_call": "tool_calls",
    "tool_use": "tool_calls",
    "tool_call": "tool_calls",
    "safety": "content_filter",
    "refusal": "content_filter",
    "recitation": "content_filter",
    "sensitive": "content_filter",
    "model_context_window_exceeded": "length",
}
# Reasons that say the answer is no whole one: DeepSeek's, z.ai's, OpenRouter's, vLLM's.
BROKEN = frozenset({"insufficient_system_resource", "network_error", "error", "abort"})


def finish_of(reason: object) -> FinishReason | None:
    """One of the four reasons, for any provider's word; None where there is none yet."""
    if not isinstance(reason, str) or not reason:
        return None
    if reason in _REASONS:
        return reason  # type: ignore[return-value]  # just looked up
    return _SAME_AS.get(reason.lower(), "stop")


def effort_of(budget_tokens: int) -> str:
    """OpenAI's word for a thinking budget."""
    return next((word for most, word in _EFFORTS if budget_tokens <= most), "high")


def short_name(name: str, most: int) -> str:
    """A caller's name for its user within a provider's bound: one that is too long becomes a
    digest, the same each time."""
    return name if len(name) <= most else blake2b(name.encode(), digest_size=16).hexdigest()


_new = tuple.__new__  # Usage's own takes twice as long, and one is made for every answer


def usage_of(counts: Any) -> Usage | None:
    """OpenAI's usage object; None where it is absent or null."""
    if type(counts) is not dict:
        return None
    get = counts.get
    cached = written = reasoning = 0
    details = get("prompt_tokens_details")
    if type(details) is dict:
        if said := details.get("cached_tokens"):
            cached = _count(said)
        if said := details.get("cache_write_tokens"):
            written = _count(said)
    details = get("completion_tokens_details")
    if type(details) is dict and (said := details.get("reasoning_tokens")):
        reasoning = _count(said)
    if not cached and "prompt_cache_hit_tokens" in counts:
        cached = _count(get("prompt_cache_hit_tokens"))
    prompt = get("prompt_tokens")
    completion = get("completion_tokens")
    if type(prompt) is not int or type(completion) is not int or prompt < 0 or completion < 0:
        prompt, completion = _count(prompt), _count(completion)
    if written:  # what was read again in the same answer is not billed twice
        written = min(written, max(0, prompt - cached))
    return _new(Usage, (prompt, completion, cached, written, reasoning, False))


def usage_json(usage: Usage) -> dict[str, Any]:
    """OpenAI's usage object."""
    read = {"cached_tokens": usage.cached}
    told: dict[str, Any] = {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.total,
        "prompt_tokens_details": (
            {**read, "cache_write_tokens": usage.cache_written} if usage.cache_written else read
        ),
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }
    if usage.estimated:
        told["estimated"] = True
    return told


def read_error(status: int, body: bytes) -> ErrorReading:
    """A provider's error answer: OpenAI's shape, its relatives', a page of HTML, or nothing."""
    message, code, sort = _words(body)
    kind = _STATUS.get(status) or (Kind.SERVER if status >= 500 else Kind.REFUSED)
    said = f"{code} {sort} {message}".lower()
    if status in (400, 413, 422) and any(words in said for words in _TOO_LONG):
        kind = Kind.CONTEXT_LENGTH
    elif status in (400, 403) and any(words in said for words in _FILTERED):
        kind = Kind.CONTENT_FILTER
    elif status == 400 and any(words in said for words in _KEYS):
        kind = Kind.KEY_REFUSED
    elif status == 400 and code == "model_not_found":  # so OpenAI's Responses say it
        kind = Kind.MODEL_UNKNOWN
    elif status == 413 and code == "rate_limit_exceeded":  # Groq: more than a minute's tokens
        kind = Kind.RATE_LIMITED
    return ErrorReading(kind, message, code or sort)


def _words(body: bytes) -> tuple[str, str, str]:
    """(message, code, type), each empty where it is not told."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return "", "", ""  # a page or a fragment: nobody's words
    if isinstance(found, list) and found:
        found = found[0]
    if not isinstance(found, dict):
        return "", "", ""
    error = found.get("error", found)
    if isinstance(error, str):
        return error[:2000], str(found.get("code") or "")[:100], ""
    if not isinstance(error, dict):
        return "", "", ""
    message = error.get("message") or error.get("detail") or error.get("error") or ""
    return (
        str(message)[:2000],
        str(error.get("code") or "")[:100],
        str(error.get("type") or "")[:100],
    )


def error_json(error: ClientError) -> dict[str, Any]:
    """OpenAI's error object."""
    return {
        "error": {
            "message": error.message,
            "type": error.type,
            "param": error.param,
            "code": error.code,
        }
    }


def write_error(error: ClientError) -> bytes:
    """The body of an error answer."""
    return orjson.dumps(error_json(error))


def _count(value: object) -> int:
    return value if type(value) is int and value > 0 else 0
