"""A JSON array that arrives in pieces: cutting it into the objects it holds."""

from __future__ import annotations

import re

from proxy.errors import Kind, UpstreamFailure

OBJECT_LIMIT_BYTES = 4 * 1024 * 1024


class Objects:
    """Top-level objects of a JSON array, each with what stands before it."""

    __slots__ = ("_depth", "_parts", "_size", "_text")

    _MARK = re.compile(rb'[{}"\\]')
    _QUOTE = re.compile(rb'["\\]')

    def __init__(self) -> None:
        self._parts: list[bytes] = []  # of the object that is not complete
        self._size = 0
        self._depth = 0
        self._text = 0  # 0: outside a string, 1: inside, 2: after a backslash inside

    def feed(self, data: bytes) -> list[bytes]:
        """The objects that these bytes complete. Raises UpstreamFailure(PROTOCOL) past a bound."""
        found: list[bytes] = []
        start = place = 0
        while place < len(data):
            if self._text == 2:
                self._text = 1
                place += 1
                continue
            mark = (self._QUOTE if self._text else self._MARK).search(data, place)
            if mark is None:
                break
            place = mark.end()
            sign = mark.group()
            if self._text:
                self._text = 2 if sign == b"\\" else 0
            elif sign == b'"':
                self._text = 1
            elif sign == b"{":
                self._depth += 1
            elif sign == b"}":
                self._depth -= 1
                if self._depth <= 0:
                    self._depth = 0
                    self._parts.append(data[start:place])
                    found.append(self.close())
                    start = place
        self._parts.append(data[start:])
        self._size += len(data) - start
        if self._size > OBJECT_LIMIT_BYTES:
            raise UpstreamFailure(Kind.PROTOCOL, "one object of the stream is too large")
        return found

    def close(self) -> bytes:
        """What is left: the array's end, or an object that was cut."""
        rest = b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        return rest
