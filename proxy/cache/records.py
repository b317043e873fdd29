"""Records in a file: each with its length and its checksum before it, each whole or not there.

A record puts an entry or drops one; the last word on it counts. See disk.py.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

MAGIC = b"firsttoken cache 1\n"
_HEAD = struct.Struct("<II")  # length and CRC-32 of what follows
_PUT, _DROP = b"+", b"-"
_ID = 16  # bytes of an entry's exact fingerprint
MAX_RECORD = 64 << 20

Record = tuple[bytes, bytes | None]  # exact fingerprint, packed payload, None where it was dropped


def pack(payload: bytes) -> bytes:
    """A payload as it stands in a record."""
    return zlib.compress(payload, 1)


def unpack(packed: bytes) -> bytes:
    """The payload of a record. Raises ValueError."""
    try:
        return zlib.decompress(packed)
    except zlib.error as error:
        raise ValueError(f"unreadable record: {error}") from error


def frame(exact: bytes, packed: bytes | None) -> bytes:
    """One record as bytes."""
    body = _DROP + exact if packed is None else _PUT + exact + packed
    return _HEAD.pack(len(body), zlib.crc32(body)) + body


class Torn(ValueError):
    """The file ends amid a record: the process was killed while it wrote."""


def read_records(path: Path) -> Iterator[tuple[Record, int]]:
    """Every whole record and where it ends. Raises ValueError at the first that is damaged,
    and for a file that is not ours; a file that just ends is not an error."""
    with path.open("rb") as file:
        magic = file.read(len(MAGIC))
        if not magic:
            return
        if magic != MAGIC:
            raise ValueError("not a cache file")
        end = len(MAGIC)
        while head := file.read(_HEAD.size):
            if len(head) < _HEAD.size:
                raise Torn(f"torn record at {end}")
            size, crc = _HEAD.unpack(head)
            if not _ID < size <= MAX_RECORD:
                raise ValueError(f"impossible record at {end}")
            body = file.read(size)
            if len(body) < size:
                raise Torn(f"torn record at {end}")
            if zlib.crc32(body) != crc:
                raise ValueError(f"damaged record at {end}")
            end += _HEAD.size + size
            yield _open(body), end


def _open(body: bytes) -> Record:
    exact = body[1 : 1 + _ID]
    return exact, None if body[:1] == _DROP else body[1 + _ID :]


def write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


def replace(path: Path, parts: Iterator[bytes] | list[bytes]) -> None:
    """Write a whole file beside the old one, sync it, and rename it into place."""
    draft = path.with_name(path.name + ".draft")
    with draft.open("wb") as file:
        for part in parts:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
