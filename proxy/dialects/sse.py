"""Server-sent events: cutting a byte stream into events, however it is cut on the way.

Rules of the WHATWG HTML standard, section 9.2.5: lines end in LF, CRLF or CR; an event ends at an
empty line; a line that begins with a colon is a comment; one space after a field's colon is not
part of its value; several data fields are joined by newlines; a byte order mark may come first.
"""

from __future__ import annotations

import json  # noqa: TID251 - orjson refuses half a character
import re
from typing import Any

import orjson

from proxy.errors import Kind, UpstreamFailure

EVENT_LIMIT_BYTES = 4 * 1024 * 1024
_END = re.compile(rb"\r\n\r\n|\n\n|\r\r|\n\r\n|\r\n\n|\r\n\r(?!\n)")
_LINE = re.compile(rb"\r\n|\n|\r")
HALF = re.compile(rb"\\u[dD][89a-fA-F]")  # of a surrogate pair, as JSON escapes it
BOM = b"\xef\xbb\xbf"
_CR = 13  # as a number: `bytes in bytes` first fails to read them as one, half a microsecond


def whole_events(buffer: bytes) -> int:
    """Length of the prefix that consists of complete events; 0 when there is none.

    A trailing carriage return does not end an event yet: a line feed may follow.
    """
    if buffer.endswith(b"\n\n"):
        return len(buffer)
    if _CR not in buffer:
        return buffer.rfind(b"\n\n") + 2 if b"\n\n" in buffer else 0
    end = 0
    for found in _END.finditer(buffer):
        if found.end() < len(buffer) or not found.group().endswith(b"\r"):
            end = found.end()
    return end


class Splitter:
    """Events of one stream. Joined again they are the stream, byte for byte."""

    __slots__ = ("_limit", "rest")

    def __init__(self, limit: int = EVENT_LIMIT_BYTES) -> None:
        self.rest = b""
        self._limit = limit

    def feed(self, data: bytes) -> list[bytes]:
        """The events that these bytes complete.

        Raises UpstreamFailure(PROTOCOL) when one event grows past the limit.
        """
        if self.rest:
            data = self.rest + data
            self.rest = b""
        if data.find(b"\n\n") == len(data) - 2 > 0 and _CR not in data:
            return [data]  # one whole event, as nearly always
        if data.endswith(b"\r\n\r\n") and _is_crlf_only(data):
            events = [piece + b"\r\n\r\n" for piece in data[:-4].split(b"\r\n\r\n")]
            if b"\r\n\r\n" not in events:
                return events
        end = whole_events(data)
        if end < len(data):
            self.rest = data[end:]
            if len(self.rest) > self._limit:
                raise UpstreamFailure(Kind.PROTOCOL, "one event of the stream is too large")
            data = data[:end]
        if not data:
            return []
        if _CR not in data:
            events = [piece + b"\n\n" for piece in data[:-2].split(b"\n\n")]
            if b"" not in events and b"\n\n" not in events:
                return events
        return _split(data)

    def close(self) -> bytes:
        """What is left when the stream ends: an event without its empty line, or nothing."""
        rest, self.rest = self.rest, b""
        return rest


def _is_crlf_only(data: bytes) -> bool:
    """Whether every line ends in CRLF, as Google's do."""
    return data.count(b"\r\n") * 2 == data.count(b"\r") + data.count(b"\n")


def _split(data: bytes) -> list[bytes]:
    events: list[bytes] = []
    start = 0
    for found in _END.finditer(data):
        events.append(data[start : found.end()])
        start = found.end()
    if start < len(data):
        events.append(data[start:])
    return events


def payload(event: bytes) -> tuple[bytes, bytes]:
    """(event name, data) of one event; both empty for a comment."""
    if event.endswith(b"\n\n") and _CR not in event:
        lines = event.count(b"\n") - 1
        if lines == 1 and event.startswith(b"data: "):
            return b"", event[6:-2]
        if lines == 2 and event.startswith(b"event: "):
            cut = event.find(b"\ndata: ")
            if cut > 0:
                return event[7:cut], event[cut + 7 : -2]
    name = b""
    data: list[bytes] = []
    for line in _LINE.split(event.removeprefix(BOM)):
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value
    return name, b"\n".join(data)


def loaded(data: bytes) -> Any:
    """The JSON of an event's data; None where it is broken. A text may hold half of a character
    whose other half is in the next event: see sturdy.py."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return _with_halves(data) if HALF.search(data) else None


def _with_halves(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None
