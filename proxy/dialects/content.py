"""What renderers and decoders of foreign formats share: turns, media, made-up ids, JSON text."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from hashlib import blake2b
from typing import Any, Literal

import orjson

from proxy.chat import (
    CallPart,
    ChatRequest,
    Choice,
    Event,
    FilePart,
    FinishReason,
    ImagePart,
    Json,
    Part,
    TextPart,
)
from proxy.dialects.assemble import assemble
from proxy.dialects.media import decoded_text, split_data_url

# Values that ask for nothing: leaving them out changes no answer.
_HARMLESS: Mapping[str, object] = {
    "n": 1,
    "temperature": 1,
    "top_p": 1,
    "parallel_tool_calls": True,
    "logprobs": False,
    "top_logprobs": 0,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "logit_bias": {},
    "stop": [],
    "tools": [],
    "user": "",
    "store": False,
    "service_tier": "auto",
    "modalities": ["text"],
    "response_format": {"type": "text"},
    "verbosity": "medium",
}

_MADE_UP = re.compile(r"call_[0-9a-f]{24}")

Side = Literal["user", "assistant"]


def asks_for_nothing(name: str, value: object) -> bool:
    """Whether leaving this parameter out changes no answer."""
    return value is None or value == () or value == _HARMLESS.get(name)


def unplaced(
    request: ChatRequest, names: Iterable[str], own: Collection[str] = ()
) -> tuple[str, ...]:
    """Which of these parameters the caller really set, and which extra ones are not the target's
    own: what a renderer reports as dropped."""
    found = [name for name in names if not asks_for_nothing(name, getattr(request, name))]
    for name, value in (request.extra or {}).items():
        if asks_for_nothing(name, value):
            continue
        if name == "tools" and "tools" not in own and isinstance(value, list):
            found.extend(f"tools.{one.get('type')}" for one in value)  # a provider's own
        elif name not in own:
            found.append(name)
    return tuple(dict.fromkeys(found))


def own_fields(request: ChatRequest, own: Collection[str]) -> Json:
    """The extra fields of a request that the target knows under the same name."""
    return {name: value for name, value in (request.extra or {}).items() if name in own}


def first_stops(request: ChatRequest, most: int, dropped: set[str]) -> list[str]:
    """The stop sequences, as many as the target takes; an empty one stops nothing."""
    found = [one for one in request.stop if one]
    if len(found) > most:
        dropped.add("stop")
    return found[:most]


def made_up_id(*seeds: object) -> str:
    """An id for a call that came without one: the same for the same stream, however it is cut."""
    return "call_" + blake2b(repr(seeds).encode(), digest_size=12).hexdigest()


def is_made_up(id: str) -> bool:
    """Whether an id is ours, so that its provider need not see it."""
    return _MADE_UP.fullmatch(id) is not None


def json_object(text: str) -> Json:
    """The object that a call's arguments are. What is no object is kept under "input", so that a
    model's own slip in an earlier turn does not end the conversation."""
    if not text:
        return {}
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {"input": text}
    return found if isinstance(found, dict) else {"input": found}


def json_text(value: Any) -> str:
    """Compact JSON, as arguments travel in events; a text is taken as it is."""
    return value if isinstance(value, str) else orjson.dumps(value or {}).decode()


def inline(part: ImagePart | FilePart) -> tuple[str, str] | None:
    """(media type, base64) of content that travels with the request; None for a mere address."""
    if part.data:
        return part.media_type or _default_type(part), part.data
    return split_data_url(part.url)


def words_of(part: FilePart) -> str | None:
    """What a document of plain text says; None for any other."""
    return decoded_text(part.data) if part.data and part.media_type.startswith("text/") else None


def with_words(part: ImagePart | FilePart) -> str | None:
    """Such a document in place of itself, for a target that takes none."""
    words = words_of(part) if isinstance(part, FilePart) else None
    if words is None or not getattr(part, "name", ""):
        return words
    return f"{mentioned(part)}\n{words}"


def _default_type(part: ImagePart | FilePart) -> str:
    if isinstance(part, ImagePart):
        return "image/jpeg"
    return "audio/wav" if part.kind == "audio" else "application/pdf"


def mentioned(part: ImagePart | FilePart) -> str:
    """Words in place of content that the target cannot take."""
    kind = "image" if isinstance(part, ImagePart) else part.kind
    where = part.url if part.url and not part.url.startswith("data:") else ""
    return f"[{kind}: {where or getattr(part, 'name', '') or 'not shown'}]"


def text_of(parts: Iterable[Part]) -> str:
    """The text among these parts, each on lines of its own."""
    return "\n".join(part.text for part in parts if isinstance(part, TextPart) and part.text)


def call_names(request: ChatRequest) -> dict[str, str]:
    """The function behind each call id of the conversation so far."""
    return {
        part.id: part.name
        for message in request.messages
        for part in message.parts
        if isinstance(part, CallPart)
    }


def turns(request: ChatRequest) -> tuple[list[TextPart], list[tuple[Side, list[Part]]]]:
    """System text apart, and the conversation as turns that alternate.

    Tool results count as the user's; neighbours on one side are one turn.
    """
    system: list[TextPart] = []
    found: list[tuple[Side, list[Part]]] = []
    for message in request.messages:
        if message.role in ("system", "developer"):
            system.extend(part for part in message.parts if isinstance(part, TextPart))
            continue
        side: Side = "assistant" if message.role == "assistant" else "user"
        if found and found[-1][0] == side:
            found[-1][1].extend(message.parts)
        else:
            found.append((side, list(message.parts)))
    return system, found


def choice_of(events: Iterable[Event], finish: FinishReason | None) -> Choice:
    """One choice of a whole answer, from what its message means."""
    return replace(assemble(events).choices[0], finish=finish)


Likely = tuple[str, float]  # a token and the logarithm of its probability


def logprobs_json(tokens: Iterable[tuple[Likely, Iterable[Likely]]]) -> Json:
    """OpenAI's logprobs for tokens, each with the likeliest ones in its place."""
    return {
        "content": [
            {**_token(chosen), "top_logprobs": [_token(one) for one in likeliest]}
            for chosen, likeliest in tokens
        ],
        "refusal": None,
    }


def _token(likely: Likely) -> Json:
    text, logprob = likely
    return {"token": text, "logprob": logprob, "bytes": list(text.encode(errors="replace"))}


def likely(one: Any, token: str, logprob: str) -> Likely:
    """A token under the names that a format has for it and its logarithm."""
    held = one if isinstance(one, dict) else {}
    value = held.get(logprob)
    return string(held.get(token)), float(value) if isinstance(value, int | float) else -9999.0


def wanted_schema(request: ChatRequest) -> tuple[bool, Mapping[str, Any] | None]:
    """(whether JSON is asked for, its schema where there is one)."""
    wanted = request.response_format or {}
    if wanted.get("type") == "json_schema":
        described = wanted.get("json_schema")
        schema = described.get("schema") if isinstance(described, Mapping) else None
        return True, schema if isinstance(schema, Mapping) else None
    return wanted.get("type") == "json_object", None


def schema_words(schema: Mapping[str, Any] | None) -> str:
    """The instruction that stands in for structured output where a provider has none."""
    rule = "Answer with one JSON value only: no other words, no code fence."
    if schema is None:
        return rule
    return f"{rule} It must fit this JSON Schema: {orjson.dumps(schema).decode()}"


def count(value: object) -> int:
    """A token count, which Cohere's API calls a number of any kind; 0 for anything that is none."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and value > 0 else 0


def string(value: object) -> str:
    """A text field; empty for anything that is none."""
    return value if isinstance(value, str) else ""
