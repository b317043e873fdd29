"""What the embedder process and its clients say to each other over a Unix socket.

A frame is its size, a number that pairs question and answer, and a kind, then the kind's payload;
all integers are little-endian. A question carries the moment after which nobody waits for it any
more, in nanoseconds of CLOCK_MONOTONIC, which all processes of a machine share.

    encode     u64 until, then per text u32 size and UTF-8
    state      nothing
    keep       u64 space, then per text u64 label, u32 size and UTF-8; answered by told
    nearest    u64 until, u8 k, u8 spaces, u64 each, then UTF-8 of one text
    vectors    u32 rows, u32 columns, float32 rows
    found      for each space u8 count, then u64 label and f32 cosine each
    told       JSON
    refused    UTF-8, why
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

FRAME_BYTES = 8 * 1024 * 1024  # of one frame, at most
TEXTS = 1024  # of one question, at most
TEXT_CHARS = (
    2000  # of a text: models are given no more than 256 tokens of it, and nor is the socket
)
_HEAD = struct.Struct("<IIB")
_UNTIL = struct.Struct("<Q")
_SIZE = struct.Struct("<I")
_SHAPE = struct.Struct("<II")
_NAMED = struct.Struct("<QI")
_SPACES = struct.Struct("<QBB")
_LABEL = struct.Struct("<Qf")

SPACES = 16  # of one question, at most
NEAREST = 32  # asked of each space, at most


class Kind(IntEnum):
    ENCODE = 1
    STATE = 2
    VECTORS = 3
    TOLD = 4
    REFUSED = 5
    KEEP = 6
    NEAREST = 7
    FOUND = 8


class BadFrame(ValueError):
    """The other side does not speak this."""


def frame(number: int, kind: Kind, payload: bytes = b"") -> bytes:
    """One frame."""
    return _HEAD.pack(len(payload), number, kind) + payload


def _written(text: str) -> bytes:
    return text[:TEXT_CHARS].encode("utf-8", "replace")


def _read(raw: bytes) -> str:
    return raw[: 4 * TEXT_CHARS].decode("utf-8", "replace")[:TEXT_CHARS]


def question(number: int, texts: Sequence[str], until_ns: int) -> bytes:
    """A frame that asks for the vectors of texts."""
    parts = [_UNTIL.pack(max(0, until_ns))]
    for text in texts:
        raw = _written(text)
        parts += (_SIZE.pack(len(raw)), raw)
    return frame(number, Kind.ENCODE, b"".join(parts))


def asked(payload: bytes) -> tuple[int, list[str]]:
    """(until_ns, texts) of a question. Raises BadFrame."""
    try:
        (until_ns,) = _UNTIL.unpack_from(payload)
        texts: list[str] = []
        place = _UNTIL.size
        while place < len(payload):
            (size,) = _SIZE.unpack_from(payload, place)
            place += _SIZE.size
            raw = payload[place : place + size]
            if len(raw) != size or len(texts) == TEXTS:
                raise BadFrame("a text is cut off, or there are too many")
            texts.append(_read(raw))
            place += size
    except struct.error as error:
        raise BadFrame(f"a question is cut off: {error}") from error
    return until_ns, texts


def kept(number: int, space: int, texts: Mapping[int, str]) -> bytes:
    """A frame that gives texts by label to a space."""
    parts = [_UNTIL.pack(space)]
    for label, text in texts.items():
        raw = _written(text)
        parts += (_NAMED.pack(label, len(raw)), raw)
    return frame(number, Kind.KEEP, b"".join(parts))


def to_keep(payload: bytes) -> tuple[int, dict[int, str]]:
    """(space, texts by label). Raises BadFrame."""
    try:
        (space,) = _UNTIL.unpack_from(payload)
        texts: dict[int, str] = {}
        place = _UNTIL.size
        while place < len(payload):
            label, size = _NAMED.unpack_from(payload, place)
            place += _NAMED.size
            raw = payload[place : place + size]
            if len(raw) != size or len(texts) == TEXTS:
                raise BadFrame("a text is cut off, or there are too many")
            texts[label] = _read(raw)
            place += size
    except struct.error as error:
        raise BadFrame(f"what is to be kept is cut off: {error}") from error
    return space, texts


def near_question(number: int, text: str, spaces: Sequence[int], k: int, until_ns: int) -> bytes:
    """A frame that asks which kept texts of each space are nearest to a text."""
    head = _SPACES.pack(max(0, until_ns), k, len(spaces))
    asked_in = struct.pack(f"<{len(spaces)}Q", *spaces)
    return frame(number, Kind.NEAREST, head + asked_in + _written(text))


def near_asked(payload: bytes) -> tuple[int, int, tuple[int, ...], str]:
    """(until_ns, k, spaces, text) of such a question. Raises BadFrame."""
    try:
        until_ns, k, count = _SPACES.unpack_from(payload)
        spaces = struct.unpack_from(f"<{count}Q", payload, _SPACES.size)
    except struct.error as error:
        raise BadFrame(f"a question is cut off: {error}") from error
    if not 0 < k <= NEAREST or not 0 < count <= SPACES:
        raise BadFrame(f"{k} of {count} spaces")
    return until_ns, k, spaces, _read(payload[_SPACES.size + 8 * count :])


def near_answer(number: int, found: Sequence[Sequence[tuple[int, float]]]) -> bytes:
    """A frame with the nearest of each space, as (label, cosine)."""
    parts: list[bytes] = []
    for some in found:
        parts.append(bytes((len(some),)))
        parts += (_LABEL.pack(label, near) for label, near in some)
    return frame(number, Kind.FOUND, b"".join(parts))


def near_of(payload: bytes) -> list[list[tuple[int, float]]]:
    """What such an answer says. Raises BadFrame."""
    found: list[list[tuple[int, float]]] = []
    place = 0
    try:
        while place < len(payload):
            count = payload[place]
            found.append([_LABEL.unpack_from(payload, place + 1 + _LABEL.size * one)
                          for one in range(count)])  # fmt: skip
            place += 1 + _LABEL.size * count
    except struct.error as error:
        raise BadFrame(f"an answer is cut off: {error}") from error
    return found


def answer(number: int, vectors: Vectors) -> bytes:
    """A frame with vectors, shape (rows, columns)."""
    rows, columns = vectors.shape
    data = np.ascontiguousarray(vectors, dtype="<f4").tobytes()
    return frame(number, Kind.VECTORS, _SHAPE.pack(rows, columns) + data)


def vectors_of(payload: bytes) -> Vectors:
    """The vectors of an answer, read-only. Raises BadFrame."""
    try:
        rows, columns = _SHAPE.unpack_from(payload)
    except struct.error as error:
        raise BadFrame(f"an answer is cut off: {error}") from error
    if len(payload) != _SHAPE.size + 4 * rows * columns:
        raise BadFrame("an answer has another size than it says")
    found: Vectors = np.frombuffer(payload, dtype="<f4", offset=_SHAPE.size)
    return found.reshape(rows, columns)


class Frames:
    """Bytes in, frames out, however they were cut."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, Kind, bytes]]:
        """(number, kind, payload) of each complete frame. Raises BadFrame."""
        buffer = self._buffer
        buffer += data
        place = 0
        try:
            while len(buffer) - place >= _HEAD.size:
                size, number, kind = _HEAD.unpack_from(buffer, place)
                if size > FRAME_BYTES:
                    raise BadFrame(f"a frame of {size} bytes")
                end = place + _HEAD.size + size
                if len(buffer) < end:
                    return
                payload = bytes(buffer[place + _HEAD.size : end])
                place = end
                try:
                    yield number, Kind(kind), payload
                except ValueError as error:
                    raise BadFrame(f"a frame of kind {kind}") from error
        finally:
            del buffer[:place]
