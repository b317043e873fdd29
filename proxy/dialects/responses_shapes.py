"""What OpenAI's Responses share: counts, ends, items, annotations."""

from __future__ import annotations

from typing import Any

from proxy.chat import Failed, FinishReason, Json, Usage
from proxy.dialects.custom_tools import CUSTOM, custom_input
from proxy.dialects.loose import mapping, objects, string


def usage_of(counts: Any) -> Usage | None:
    """The usage of a response; None where it is absent or null."""
    if not isinstance(counts, dict):
        return None
    given = counts.get("input_tokens_details")
    made = counts.get("output_tokens_details")
    given = given if isinstance(given, dict) else {}
    made = made if isinstance(made, dict) else {}
    return Usage(
        prompt=_count(counts.get("input_tokens")),
        completion=_count(counts.get("output_tokens")),
        cached=_count(given.get("cached_tokens")),
        cache_written=_count(given.get("cache_write_tokens")),
        reasoning=_count(made.get("reasoning_tokens")),
    )


def usage_json(usage: Usage) -> Json:
    """The usage object of a response."""
    told: Json = {
        "input_tokens": usage.prompt,
        "input_tokens_details": {
            "cached_tokens": usage.cached,
            "cache_write_tokens": usage.cache_written,
        },
        "output_tokens": usage.completion,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.total,
    }
    if usage.estimated:
        told["estimated"] = True
    return told


def finish_of(response: Json, *, called: bool) -> FinishReason:
    """Why a response ended."""
    details = response.get("incomplete_details")
    why = details.get("reason") if isinstance(details, dict) else None
    if why == "content_filter":
        return "content_filter"
    if response.get("status") == "incomplete" or why:
        return "length"
    return "tool_calls" if called else "stop"


def end_of(reason: FinishReason | None) -> Json:
    """The fields of a response that say how it ended."""
    if reason == "length":
        why = "max_output_tokens"
    elif reason == "content_filter":
        why = "content_filter"
    else:
        return {"status": "completed", "incomplete_details": None}
    return {"status": "incomplete", "incomplete_details": {"reason": why}}


def failed(error: Any) -> Failed:
    """An error inside a stream or an answer."""
    if not isinstance(error, dict):
        return Failed("the provider failed")
    code = str(error.get("code") or error.get("type") or "")
    status = 429 if code == "rate_limit_exceeded" else 500 if code == "server_error" else None
    return Failed(
        str(error.get("message") or "the provider failed")[:2000],
        str(error.get("type") or ""),
        code,
        status,
    )


def annotation(note: Any) -> Json | None:
    """A citation of an address, as chat completions tell it; None for any other annotation."""
    if not isinstance(note, dict) or note.get("type") != "url_citation":
        return None
    told = {name: value for name, value in note.items() if name != "type"}
    return {"type": "url_citation", "url_citation": told}


def citation(note: Any) -> Json | None:
    """The same, as a response tells it."""
    told = note.get("url_citation") if isinstance(note, dict) else None
    if not isinstance(told, dict) or not told.get("url"):
        return None
    return {
        "type": "url_citation",
        "url": str(told["url"]),
        "title": str(told.get("title") or ""),
        "start_index": _count(told.get("start_index")),
        "end_index": _count(told.get("end_index")),
    }


def message_item(id: str, text: str, notes: list[Json], odds: list[Json]) -> Json:
    """An answer's words as an output item."""
    return {
        "id": id,
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [text_part(text, notes, odds)],
    }


def text_part(text: str, notes: list[Json], odds: list[Json]) -> Json:
    """The part of a message that holds its words, their sources and their tokens' odds."""
    return {"type": "output_text", "text": text, "annotations": notes, "logprobs": odds}


def odds_of(logprobs: Any) -> list[Json]:
    """The logprobs of chat completions as a response tells them: bytes are never absent there."""
    return [
        {
            **_odd(one),
            "top_logprobs": [_odd(other) for other in objects(one.get("top_logprobs"))],
        }
        for one in objects(mapping(logprobs).get("content"))
    ]


def _odd(one: Json) -> Json:
    told = one.get("bytes")
    token, logprob = string(one.get("token")), one.get("logprob")
    return {
        "token": token,
        "logprob": float(logprob) if isinstance(logprob, int | float) else 0.0,
        "bytes": told if isinstance(told, list) else list(token.encode(errors="replace")),
    }


# What is before a foreign provider's encrypted thought, where OpenAI has its own sealed content.
HIDDEN = "redacted:"


def hidden_items(id: str, thoughts: list[str]) -> list[Json]:
    """Thoughts that their provider encrypted, as output items."""
    return [reasoning_item(f"{id}_{at}", "", HIDDEN + one) for at, one in enumerate(thoughts)]


def reasoning_item(id: str, text: str, signature: str) -> Json:
    """A thought as an output item; its proof takes the place of OpenAI's sealed content."""
    summary = [{"type": "summary_text", "text": text}] if text else []
    item: Json = {"id": id, "type": "reasoning", "summary": summary}
    if signature:
        item["encrypted_content"] = signature
    return item


def call_item(id: str, call_id: str, name: str, arguments: str) -> Json:
    """A call of a tool as an output item."""
    if name.startswith(CUSTOM):
        return {
            "id": id,
            "type": "custom_tool_call",
            "status": "completed",
            "call_id": call_id,
            "name": name.removeprefix(CUSTOM),
            "input": custom_input(arguments),
        }
    return {
        "id": id,
        "type": "function_call",
        "status": "completed",
        "call_id": call_id,
        "name": name,
        "arguments": arguments,
    }


def response_json(id: str, model: str, created: int) -> Json:
    """A response before anything is in it. What the client asked for is not repeated in it."""
    return {
        "id": id,
        "object": "response",
        "created_at": created,
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": model,
        "output": [],
        "parallel_tool_calls": True,
        "temperature": None,
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "usage": None,
    }


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0
