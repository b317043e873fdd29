"""Newline-delimited JSON: cutting a byte stream into lines, however it is cut on the way."""

from __future__ import annotations

from proxy.errors import Kind, UpstreamFailure

LINE_LIMIT_BYTES = 4 * 1024 * 1024


class Lines:
    """Lines of one stream, each with its newline. Joined again they are the stream."""

    __slots__ = ("_limit", "rest")

    def __init__(self, limit: int = LINE_LIMIT_BYTES) -> None:
        self.rest = b""
        self._limit = limit

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that these bytes complete. Raises UpstreamFailure(PROTOCOL) past the limit."""
        if self.rest:
            data = self.rest + data
        lines = data.splitlines(keepends=True) if b"\r" not in data else _cut(data)
        self.rest = b""
        if lines and not lines[-1].endswith(b"\n"):
            self.rest = lines.pop()
            if len(self.rest) > self._limit:
                raise UpstreamFailure(Kind.PROTOCOL, "one line of the stream is too large")
        return lines

    def close(self) -> bytes:
        """What is left when the stream ends: a line without its newline, or nothing."""
        rest, self.rest = self.rest, b""
        return rest


def _cut(data: bytes) -> list[bytes]:
    """As splitlines, at line feeds only: a lone carriage return ends nothing."""
    pieces = data.split(b"\n")
    last = pieces.pop()
    lines = [piece + b"\n" for piece in pieces]
    return [*lines, last] if last else lines
