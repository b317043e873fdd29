"""Compression that nobody asked for, undone as it arrives.

A gzip body may be several members in a row (RFC 1952, 2.2), as servers write that compress each
flush by itself. What is called deflate is zlib's format (RFC 9110, 8.4.1.2), or the bare one of
servers that took the name at its word.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

PIECE_BYTES = 256 * 1024  # the most that one piece may grow to
_ANY = 47  # zlib's or gzip's header, whichever comes
_ZLIB = 15
_BARE = -15


class Inflater:
    """The bytes of one body."""

    __slots__ = ("_bare_too", "_inner", "_start")

    def __init__(self, encoding: bytes) -> None:
        """encoding: gzip, x-gzip or deflate."""
        self._bare_too = encoding == b"deflate"
        self._inner = zlib.decompressobj(_ZLIB if self._bare_too else _ANY)
        self._start = b""  # of deflate, until there is enough of it to tell its format

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What these bytes hold, in pieces. Raises zlib.error."""
        if self._bare_too:
            data = self._start + data
            if len(data) < 2:
                self._start = data
                return
            self._bare_too = False
            if data[0] & 15 != 8 or int.from_bytes(data[:2]) % 31:  # RFC 1950, 2.2
                self._inner = zlib.decompressobj(_BARE)
        while data:
            if self._inner.eof:
                if not data.strip(b"\0"):
                    return  # padding after the last member
                self._inner = zlib.decompressobj(_ANY)
            piece = self._inner.decompress(data, PIECE_BYTES)
            data = self._inner.unconsumed_tail or self._inner.unused_data
            if piece:
                yield piece
