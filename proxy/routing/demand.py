"""What a request needs of a model, and whether a model has it.

A capability counts as missing only where the catalogue knows the model's capabilities; nobody's
word is no reason to pass a target by.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from proxy.chat import Json
from proxy.routing.signals import BYTES_PER_TOKEN

OUTPUT_TOKENS = 500  # supposed of an answer where the request sets no limit
_SPARE = 1.2  # a window may be smaller than the estimate by this: bytes are no tokens
_IMAGES = frozenset(("image_url", "input_image", "image"))
_FILES = frozenset(("file", "input_file", "document"))
_AUDIO = frozenset(("input_audio",))
_MEDIA = frozenset(("vision", "files", "audio"))
_WORDS = {
    "tools": "no tools",
    "vision": "no images",
    "json_schema": "no JSON schema",
    "audio": "no audio",
    "files": "no files",
    "reasoning": "no reasoning",
}


class Described(Protocol):
    """What the catalogue says of a model; None: nobody said."""

    @property
    def context_tokens(self) -> int | None: ...
    @property
    def max_output_tokens(self) -> int | None: ...
    @property
    def capabilities(self) -> frozenset[str] | None: ...


def lacking_somewhere(models: Iterable[Described]) -> frozenset[str]:
    """What at least one of these models is known not to have."""
    return frozenset(
        need
        for model in models
        if model.capabilities is not None
        for need in _WORDS
        if need not in model.capabilities
    )


@dataclass(frozen=True, slots=True)
class Demand:
    """needs: capabilities. prompt, output: tokens, the first an estimate; output 0: not said."""

    needs: frozenset[str] = frozenset()
    prompt: int = 0
    output: int = 0


def is_plain(body: Json, lacks: frozenset[str], most_output: int) -> bool:
    """Whether a body asks for nothing that makes a difference: a quick look before demand_of.

    lacks: capabilities that some target is known not to have. most_output: tokens that every
    target can give.
    """
    if "tools" in lacks and (body.get("tools") or body.get("functions")):
        return False
    if "json_schema" in lacks and ("response_format" in body or "text" in body):
        return False
    output = body.get("max_tokens") or body.get("max_completion_tokens")
    output = output or body.get("max_output_tokens")
    if output and (type(output) is not int or output > most_output):
        return False
    if _MEDIA.isdisjoint(lacks):
        return True
    messages = body.get("messages")
    if messages is None:
        return isinstance(body.get("input", ""), str)
    for message in messages:
        if type(message) is dict and type(message.get("content")) is list:
            return False
    return True


def demand_of(body: Json, prompt_bytes: int) -> Demand:
    """What a checked body of any dialect asks for."""
    needs: set[str] = set()
    if body.get("tools") or body.get("functions"):
        needs.add("tools")
    if _wants_schema(body):
        needs.add("json_schema")
    bulk = _media(body.get("messages") or body.get("input"), needs)
    output = body.get("max_completion_tokens") or body.get("max_output_tokens")
    output = output or body.get("max_tokens") or 0
    return Demand(
        frozenset(needs),
        max(0, prompt_bytes - bulk) // BYTES_PER_TOKEN,
        output if isinstance(output, int) else 0,
    )


def lacking(demand: Demand, model: Described) -> str | None:
    """Why this model cannot serve the request, or None."""
    can = model.capabilities
    if demand.needs and can is not None:
        for need in sorted(demand.needs - can):
            return _WORDS[need]
    window = model.context_tokens
    if window is not None and demand.prompt > _SPARE * window:
        return f"a window of {window} tokens for about {demand.prompt}"
    most = model.max_output_tokens
    if most is not None and demand.output > most:
        return f"at most {most} tokens out of {demand.output}"
    return None


def wants_reasoning(body: Json) -> bool:
    """Whether a request asks the model to think first, in any dialect: its first token is late."""
    effort = body.get("reasoning_effort")
    if effort is not None:
        return effort not in ("none", "minimal")
    asked = body.get("reasoning") or body.get("thinking")
    if not isinstance(asked, dict):
        return False
    if asked.get("type") in ("enabled", "adaptive"):
        return True
    return asked.get("effort", "none") not in ("none", "minimal", None)


def _wants_schema(body: Json) -> bool:
    wanted = body.get("response_format")
    text = body.get("text")
    if isinstance(text, dict):  # Responses
        wanted = wanted or text.get("format")
    return isinstance(wanted, dict) and wanted.get("type") == "json_schema"


def _media(messages: Any, needs: set[str]) -> int:
    """Notes what the parts are, and returns the bytes of what is no text."""
    bulk = 0
    if not isinstance(messages, list):
        return bulk
    for message in messages:
        content = message.get("content") if isinstance(message, dict) else None
        if not isinstance(content, list):
            continue
        for part in content:
            kind = part.get("type") if isinstance(part, dict) else None
            if kind in (None, "text", "input_text"):
                continue
            if kind in _IMAGES:
                needs.add("vision")
            elif kind in _FILES:
                needs.add("files")
            elif kind in _AUDIO:
                needs.add("audio")
            else:
                continue
            bulk += _size(part)
    return bulk


def _size(part: Any) -> int:
    """Bytes of the texts within; a picture's are in one of them."""
    if isinstance(part, str):
        return len(part)
    if isinstance(part, dict):
        return sum(_size(value) for value in part.values())
    return 0
