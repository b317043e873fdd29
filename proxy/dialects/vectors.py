"""Embeddings: OpenAI's request and answer, and those of providers that have another shape.

Dialects without an entry in NAMES have no embeddings.
"""

from __future__ import annotations

import sys
from array import array
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson

from proxy.chat import Json, Usage
from proxy.errors import ClientError, Kind, UpstreamFailure

NAMES = frozenset(("gemini", "cohere", "ollama"))  # that a request can be translated to
TEXTS_LIMIT = 2048  # OpenAI's, in one request
_LIMITS = {"gemini": 100, "cohere": 96}  # theirs


@dataclass(frozen=True, slots=True)
class Wish:
    """A request in neutral form. dimensions None: the model's own."""

    texts: tuple[str, ...]
    dimensions: int | None = None
    packed: bool = False  # whether the client wants base64


@dataclass(frozen=True, slots=True)
class Vectors:
    """An answer in neutral form, in the order of the texts."""

    rows: Sequence[Sequence[float]]
    usage: Usage


def parse(body: Json) -> Wish:
    """OpenAI's request. Raises ClientError for what only OpenAI's own models can take."""
    given = body.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or len(texts) > TEXTS_LIMIT:
        raise _bad("input", f"must be a text, or a list of 1 to {TEXTS_LIMIT} texts")
    if not all(isinstance(one, str) and one for one in texts):
        raise _bad("input", "must be text for this provider: its tokens are not OpenAI's")
    dimensions = body.get("dimensions")
    if dimensions is not None and not (type(dimensions) is int and dimensions > 0):
        raise _bad("dimensions", "must be a positive integer")
    encoding = body.get("encoding_format") or "float"
    if encoding not in ("float", "base64"):
        raise _bad("encoding_format", "must be float or base64")
    return Wish(tuple(texts), dimensions, encoding == "base64")


def render(wish: Wish, dialect: str, model: str) -> tuple[str, Json]:
    """Path below the provider's base URL, and body. dialect: one of NAMES. Raises ClientError for
    more texts than it takes."""
    most = _LIMITS.get(dialect, TEXTS_LIMIT)
    if len(wish.texts) > most:
        raise _bad("input", f"must hold at most {most} texts for this provider")
    if dialect == "gemini":
        name = model.removeprefix("models/")
        sized = {"outputDimensionality": wish.dimensions} if wish.dimensions else {}
        requests = [
            {"model": f"models/{name}", "content": {"parts": [{"text": text}]}, **sized}
            for text in wish.texts
        ]
        return f"/models/{quote(name, safe='')}:batchEmbedContents", {"requests": requests}
    if dialect == "cohere":
        sized = {"output_dimension": wish.dimensions} if wish.dimensions else {}
        return "/embed", {
            "model": model,
            "texts": list(wish.texts),
            "input_type": "search_document",  # wanted by v3 models and later; the neutral one
            "embedding_types": ["float"],
            **sized,
        }
    sized = {"dimensions": wish.dimensions} if wish.dimensions else {}
    return "/api/embed", {"model": model, "input": list(wish.texts), **sized}


def read(dialect: str, wish: Wish, body: bytes) -> Vectors:
    """A provider's answer. Raises UpstreamFailure(PROTOCOL) for one that is none."""
    try:
        found = orjson.loads(body)
        rows, tokens = _rows(dialect, found)
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise UpstreamFailure(Kind.PROTOCOL, "the answer holds no embeddings") from error
    if len(rows) != len(wish.texts) or not all(isinstance(row, list) and row for row in rows):
        raise UpstreamFailure(Kind.PROTOCOL, "the answer holds too few embeddings")
    if type(tokens) is int and tokens >= 0:
        return Vectors(rows, Usage(tokens))
    size = sum(len(text.encode()) for text in wish.texts)
    return Vectors(rows, Usage(-(-size // 4), estimated=True))


def write(vectors: Vectors, wish: Wish, model: str) -> bytes:
    """OpenAI's answer."""
    encode = _base64 if wish.packed else list
    return orjson.dumps(
        {
            "object": "list",
            "data": [
                {"object": "embedding", "index": index, "embedding": encode(row)}
                for index, row in enumerate(vectors.rows)
            ],
            "model": model,
            "usage": {
                "prompt_tokens": vectors.usage.prompt,
                "total_tokens": vectors.usage.prompt,
            },
        }
    )


def _rows(dialect: str, found: Any) -> tuple[list[Any], Any]:
    """The vectors, and the tokens read where they are told."""
    if dialect == "gemini":
        counts = found.get("usageMetadata") or {}
        return [one["values"] for one in found["embeddings"]], counts.get("promptTokenCount")
    if dialect == "cohere":
        billed = (found.get("meta") or {}).get("billed_units") or {}
        tokens = billed.get("input_tokens")
        return found["embeddings"]["float"], int(tokens) if tokens is not None else None
    return found["embeddings"], found.get("prompt_eval_count")


def _base64(row: Sequence[float]) -> str:
    """OpenAI's packed form: float32, little-endian."""
    packed = array("f", row)
    if sys.byteorder == "big":
        packed.byteswap()
    return b64encode(packed.tobytes()).decode()


def _bad(param: str, words: str) -> ClientError:
    return ClientError(400, f"'{param}' {words}.", code="invalid_value", param=param)
