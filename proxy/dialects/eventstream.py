"""AWS's event stream: binary frames with typed headers and two checksums.

A frame is its length and its headers' length (4 bytes each, big-endian), the CRC32 of these eight
bytes, the headers, the payload, and the CRC32 of all before it. A header is a name (1 byte of
length), a type, and a value; only texts matter here.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from zlib import crc32

from proxy.errors import Kind, UpstreamFailure

FRAME_LIMIT_BYTES = 16 * 1024 * 1024
_PRELUDE = struct.Struct(">III")
_CHECKSUM = struct.Struct(">I")
_LENGTH = struct.Struct(">H")
_LEAST = _PRELUDE.size + _CHECKSUM.size

_TEXT = 7
# Sizes of the values of fixed size, by type; types 6 and 7 say theirs in two bytes.
_SIZES: Mapping[int, int] = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}


class Frames:
    """Frames of one stream. Joined again they are the stream."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[tuple[bytes, bytes, bytes]]:
        """(frame, headers, payload) of the frames that these bytes complete.

        Raises UpstreamFailure(PROTOCOL) for a wrong checksum or an impossible length.
        """
        if self._rest:
            data = self._rest + data
        found: list[tuple[bytes, bytes, bytes]] = []
        start = 0
        while len(data) - start >= _PRELUDE.size:
            length, headers, checksum = _PRELUDE.unpack_from(data, start)
            if crc32(data[start : start + 8]) != checksum:
                raise _broken("its length is corrupt")
            if not _LEAST + headers <= length <= FRAME_LIMIT_BYTES:
                raise _broken("it has an impossible length")
            end = start + length
            if end > len(data):
                break
            frame = data[start:end]
            if crc32(frame[:-4]) != _CHECKSUM.unpack_from(frame, length - 4)[0]:
                raise _broken("it is corrupt")
            body = _PRELUDE.size + headers
            found.append((frame, frame[_PRELUDE.size : body], frame[body:-4]))
            start = end
        self._rest = data[start:]
        return found

    def close(self) -> bytes:
        """What is left when the stream ends: a frame that was cut, or nothing."""
        rest, self._rest = self._rest, b""
        return rest


def _broken(what: str) -> UpstreamFailure:
    return UpstreamFailure(Kind.PROTOCOL, f"a frame of the event stream is unusable: {what}")


def texts(headers: bytes) -> dict[str, str]:
    """The headers that are texts, by name. Raises UpstreamFailure(PROTOCOL) for anything else."""
    found: dict[str, str] = {}
    place = 0
    try:
        while place < len(headers):
            name_end = place + 1 + headers[place]
            name = headers[place + 1 : name_end].decode()
            kind = headers[name_end]
            place = name_end + 1
            size = _SIZES.get(kind)
            if size is None:
                size = _LENGTH.unpack_from(headers, place)[0]
                place += _LENGTH.size
            if kind == _TEXT:
                found[name] = headers[place : place + size].decode()
            place += size
    except (IndexError, UnicodeDecodeError, ValueError, struct.error) as error:
        raise _broken("its headers cannot be read") from error
    return found


def frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One frame."""
    block = b"".join(
        b"%c%b%c%b%b" % (len(name), name.encode(), _TEXT, _LENGTH.pack(len(value)), value.encode())
        for name, value in headers.items()
    )
    length = _LEAST + len(block) + len(payload)
    prelude = length.to_bytes(4) + len(block).to_bytes(4)
    whole = prelude + _CHECKSUM.pack(crc32(prelude)) + block + payload
    return whole + _CHECKSUM.pack(crc32(whole))
