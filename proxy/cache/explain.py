"""Why two prompts share an answer or do not, for a person to read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from embeddings.index import Vector
from proxy.cache import guards
from proxy.cache.key import Key, key_of
from proxy.cache.policy import Settings
from proxy.cache.reader import read
from proxy.errors import ClientError


class _Reading(Protocol):
    @property
    def vector(self) -> Vector: ...


class Reader(Protocol):
    """Whoever turns a text into a vector: the classifier."""

    def read(self, text: str) -> _Reading: ...


def explain(
    a: str, b: str, similarity: float, settings: Settings, *, same_partition: bool = True
) -> dict[str, Any]:
    """Whether b would be answered with a's answer, the similarity, and each guard's verdict."""
    first, second = read(a), read(b)
    needed = guards.required(first, second, settings.floor, settings.similarity)
    shown: list[dict[str, Any]] = [
        {"name": verdict.name, "pass": verdict.passed, "why": verdict.why}
        for verdict in guards.check(first, second)
    ]
    if not same_partition:
        why = "tenant, route or context differ"
        shown.append({"name": "partition", "pass": False, "why": why})
    same_text = same_partition and a == b  # the exact cache needs no guard
    return {
        "hit": same_text or (same_partition and similarity >= needed),
        "similarity": round(similarity, 4),
        "required": round(needed, 4) if needed <= 1.0 else None,
        "guards": shown,
    }


def explain_texts(
    body: Mapping[str, Any], reader: Reader | None, settings: Settings
) -> dict[str, Any]:
    """`POST /api/cache/explain`: a and b, each a prompt or a whole request.

    Raises ClientError(400) where one is missing or neither.
    """
    a, b = (_asked(body, name) for name in ("a", "b"))
    if a.text == b.text:
        similarity = 1.0
    elif reader is None:
        similarity = 0.0
    else:
        similarity = float(reader.read(a.text).vector @ reader.read(b.text).vector)
    same = a.partition == b.partition
    return explain(a.text, b.text, similarity, settings, same_partition=same)


def _asked(body: Mapping[str, Any], name: str) -> Key:
    given = body.get(name)
    if isinstance(given, str) and given.strip():
        given = {"messages": [{"role": "user", "content": given}]}
    if isinstance(given, dict):
        kind = "completions" if "prompt" in given else "responses" if "input" in given else "chat"
        key = key_of(given, tenant="", route=str(given.get("model", "")), kind=kind)
        if key is not None:
            return key
    raise ClientError(
        400, f"'{name}' must be a prompt, or a request whose answer could be cached.", param=name
    )
