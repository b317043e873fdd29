"""An entry as bytes for the disk or another node, and back."""

from __future__ import annotations

import struct

import numpy as np
import orjson

from embeddings.index import Vector
from proxy.cache.entry import Entry
from proxy.cache.key import Key
from proxy.chat import Usage

_LENGTH = struct.Struct("<I")


def pack_entry(
    entry: Entry, vector: Vector | None, *, now_s: float, wall_s: float, model: str = ""
) -> bytes:
    """Everything about an entry. Times become wall time: a monotonic clock dies with the process.

    now_s: the cache's clock, wall_s: Unix time, both of this moment. model: whose vector it is.
    """
    usage = entry.usage
    head = orjson.dumps(
        {
            "until": None if entry.expires_s == float("inf") else wall_s + entry.expires_s - now_s,
            "made": wall_s + entry.created_s - now_s,
            "text": entry.text,
            "kind": entry.kind,
            "finish": entry.finish,
            "model": entry.model,
            "provider": entry.provider,
            "category": entry.category,
            "language": entry.language,
            "tags": entry.tags,
            "cost": entry.cost_usd,
            "took": entry.took_s,
            "hits": entry.hits,
            "vector": model,
            "pinned": entry.pinned,
            "usage": [
                usage.prompt,
                usage.completion,
                usage.cached,
                usage.cache_written,
                usage.reasoning,
                usage.estimated,
            ],
        }
    )
    codes = b"" if vector is None else vector.astype(np.float16).tobytes()
    parts = (entry.partition, entry.exact, head, codes, entry.stream, entry.whole)
    framed = [piece for part in (*parts, entry.usage_frame) for piece in _framed(part)]
    return b"".join(framed)


def _framed(part: bytes) -> tuple[bytes, bytes]:
    return _LENGTH.pack(len(part)), part


def unpack_entry(
    data: bytes, *, now_s: float, wall_s: float, model: str = ""
) -> tuple[Key, Vector | None, Entry, float | None]:
    """(key, vector, entry, seconds it has left, None for ever). The vector is None where another
    model than this one made it. Raises ValueError where the bytes are not an entry."""
    try:
        partition, exact, raw, codes, stream, whole, usage_frame = _parts(data)
        head = orjson.loads(raw)
        entry = Entry(
            whole=whole,
            usage=Usage(*head["usage"]),
            kind=head["kind"],
            finish=head["finish"],
            model=head["model"],
            provider=head["provider"],
            category=head["category"],
            language=head["language"],
            text=head["text"],
            tags=tuple(head["tags"]),
            created_s=now_s - (wall_s - head["made"]),
            cost_usd=head["cost"],
            took_s=head.get("took", 0.0),
        )
        entry.hits = head["hits"]
        entry.pinned = bool(head.get("pinned"))
        entry.usage_frame = usage_frame
        if stream:
            entry.adopt_stream(stream)
        entry.ready = True
        left_s = None if head["until"] is None else head["until"] - wall_s
    except (KeyError, TypeError, struct.error, orjson.JSONDecodeError) as error:
        raise ValueError(f"not an entry: {error}") from error
    vector = None
    if codes and head.get("vector", "") == model:
        vector = np.frombuffer(codes, np.float16).astype(np.float32)
    return Key(partition, exact, entry.text), vector, entry, left_s


def left_s(data: bytes, wall_s: float) -> float:
    """Seconds an entry's bytes are still worth keeping; 0 where they are not an entry."""
    try:
        until = orjson.loads(_parts(data)[2])["until"]
    except (ValueError, KeyError, TypeError, struct.error):
        return 0.0
    return float("inf") if until is None else max(0.0, until - wall_s)


def _parts(data: bytes) -> list[bytes]:
    parts: list[bytes] = []
    place = 0
    while place < len(data):
        (size,) = _LENGTH.unpack_from(data, place)
        place += _LENGTH.size
        if place + size > len(data):
            raise ValueError("not an entry: it ends early")
        parts.append(data[place : place + size])
        place += size
    if len(parts) != 7:
        raise ValueError("not an entry: a part is missing")
    return parts
