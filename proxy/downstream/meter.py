"""What a relayed answer says it used: its `usage` object, found while the bytes pass."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import orjson

from proxy.chat import Usage
from proxy.dialects.anthropic_shapes import usage_of as anthropic_usage
from proxy.dialects.shapes import usage_of as openai_usage

if TYPE_CHECKING:
    from collections.abc import Mapping

HEAD_BYTES = 4 * 1024  # some say it first, most say it last
TAIL_BYTES = 16 * 1024
UNPACKED_BYTES = 64 * 1024 * 1024  # of a packed answer; what follows is not looked at
_MARK = b'"usage"'
_WINDOW_BITS = {"gzip": 31, "deflate": 15}


class Meter:
    """Feed it an answer's bytes; it keeps a little of both ends. headers: the answer's."""

    __slots__ = ("_head", "_left", "_reads", "_tail", "_unpack")

    def __init__(self, headers: Mapping[str, str]) -> None:
        kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
        coding = headers.get("Content-Encoding", "identity").lower()
        bits = _WINDOW_BITS.get(coding)
        self._reads = kind in ("application/json", "text/event-stream") and (
            coding == "identity" or bits is not None
        )
        self._unpack = zlib.decompressobj(bits) if bits is not None else None
        self._left = UNPACKED_BYTES
        self._head = b""
        self._tail = b""

    def feed(self, data: bytes) -> None:
        """The next bytes, as they came."""
        if not self._reads:
            return
        if self._unpack is not None:
            try:
                data = self._unpack.decompress(data, self._left)
            except zlib.error:
                self._reads = False
                return
            self._left -= len(data)
            if self._left <= 0:
                self._reads = False
        if len(self._head) < HEAD_BYTES:
            self._head += data[: HEAD_BYTES - len(self._head)]
        self._tail = (self._tail + data)[-TAIL_BYTES:]

    def usage(self) -> Usage | None:
        """What was said last; None where nothing was."""
        return usage_in(self._tail) or usage_in(self._head)


def usage_in(data: bytes) -> Usage | None:
    """The last usage object in these bytes; None where there is none."""
    at = data.rfind(_MARK)
    while at >= 0:
        counts = _object_after(data, at + len(_MARK))
        if counts is not None:
            return usage_of(counts)
        at = data.rfind(_MARK, 0, at)
    return None


def _object_after(data: bytes, at: int) -> dict[str, Any] | None:
    """The JSON object after a name; None where there is none, or not all of it. No string in a
    usage object holds a brace."""
    start = at
    while data[start : start + 1] in (b" ", b":", b"\n", b"\t", b"\r"):
        start += 1
    if data[start : start + 1] != b"{":
        return None
    depth = 0
    for end in range(start, len(data)):
        depth += {0x7B: 1, 0x7D: -1}.get(data[end], 0)
        if depth == 0:
            try:
                found = orjson.loads(data[start : end + 1])
            except orjson.JSONDecodeError:
                return None
            return found if isinstance(found, dict) else None
    return None


def usage_of(counts: dict[str, Any]) -> Usage | None:
    """A usage object of any of the interfaces that are relayed; None where it counts no tokens."""
    if "prompt_tokens" in counts or "completion_tokens" in counts:
        return openai_usage(counts)
    if "cache_read_input_tokens" in counts or "cache_creation_input_tokens" in counts:
        return anthropic_usage(counts)
    if "input_tokens" in counts or "output_tokens" in counts:  # Responses, images, transcription
        details = counts.get("input_tokens_details")
        return openai_usage(
            {
                "prompt_tokens": counts.get("input_tokens"),
                "completion_tokens": counts.get("output_tokens"),
                "prompt_tokens_details": details,
                "completion_tokens_details": counts.get("output_tokens_details"),
            }
        )
    if "total_tokens" in counts:  # rerank: everything is read, nothing written
        return openai_usage({"prompt_tokens": counts["total_tokens"]})
    return None
