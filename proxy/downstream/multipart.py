"""A multipart body on its way through: one field of it is read and may be replaced, nothing else
is touched.

Two readers must not find different fields in one body, or a caller could name one model to us and
another to the provider: what RFC 7578 leaves to taste (names without quotes' rules, a field said
twice) is refused.
"""

from __future__ import annotations

import re

from proxy.errors import ClientError

HEAD_LIMIT_BYTES = 8 * 1024  # of one part's header lines
VALUE_LIMIT_BYTES = 512  # of the field
_BOUNDARY = re.compile(r'(?i);\s*boundary=(?:"([^"\\]{1,70})"|([^\s;"]{1,70}))(?=\s*(?:;|$))')
_DISPOSITION = re.compile(
    rb'(?i)[ \t]*form-data((?:[ \t]*;[ \t]*[\w-]+=(?:"(?:[^"\\]|\\.)*"|[^\s;"]+))*)[ \t]*'
)
_PARAMETER = re.compile(rb'(?i);[ \t]*([\w-]+)=("(?:[^"\\]|\\.)*"|[^\s;"]+)')


def boundary_of(content_type: str) -> bytes:
    """The boundary that a Content-Type names. Raises ClientError."""
    found = _BOUNDARY.findall(content_type)
    if len(found) != 1:
        raise _wrong("has no usable boundary")
    return str(found[0][0] or found[0][1]).encode("latin-1")


class Multipart:
    """Feed it the body; what comes back is the body again, with None where the field's value was.

    value: the field's, once it was seen.
    """

    __slots__ = ("_body", "_delimiter", "_ended", "_name", "_rest", "value")

    def __init__(self, boundary: bytes, name: bytes) -> None:
        self._delimiter = b"\r\n--" + boundary
        self._name = name
        self._rest = b""
        self._body = "preamble"  # what the bytes up to the next delimiter are
        self._ended = False
        self.value: str | None = None

    def feed(self, data: bytes) -> list[bytes | None]:
        """What may go on. Raises ClientError 400 for a body that could be read in two ways."""
        out: list[bytes | None] = []
        self._rest += data
        while self._step(out):
            pass
        return out

    def finish(self) -> list[bytes | None]:
        """What was held back at the end of the body."""
        rest, self._rest = self._rest, b""
        if self._body == "value":
            raise _wrong("ends inside a field")
        return [rest] if rest else []

    def _step(self, out: list[bytes | None]) -> bool:
        if self._ended:
            self._emit(out, len(self._rest))
            return False
        if self._body == "head":
            return self._head(out)
        if self._body == "preamble":
            return self._preamble(out)
        at = self._rest.find(self._delimiter)
        if self._body == "value":
            return self._value(out, at)
        if at < 0:
            self._emit(out, max(0, len(self._rest) - len(self._delimiter) + 1))
            return False
        if len(self._rest) < at + len(self._delimiter) + 2:
            self._emit(out, at)
            return False
        self._emit(out, at + len(self._delimiter))
        self._ended = self._rest.startswith(b"--")
        self._body = "head"
        return True

    def _preamble(self, out: list[bytes | None]) -> bool:
        size = len(self._delimiter) - 2  # the first one has no line before it
        if len(self._rest) < size + 2:
            return False
        if not self._rest.startswith(self._delimiter[2:]):
            raise _wrong("does not begin with its boundary")
        self._emit(out, size)
        self._ended = self._rest.startswith(b"--")
        self._body = "head"
        return True

    def _head(self, out: list[bytes | None]) -> bool:
        """The rest of the delimiter's line and the part's header lines."""
        if not self._rest.startswith(b"\r\n") and len(self._rest) >= 2:
            raise _wrong("has a delimiter followed by something else")
        end = self._rest.find(b"\r\n\r\n")
        if end < 0:
            if len(self._rest) > HEAD_LIMIT_BYTES:
                raise _wrong("has a part whose header lines do not end")
            return False
        head = self._rest[2:end]
        self._body = "value" if _name_of(head) == self._name else "other"
        if self._body == "value" and self.value is not None:
            raise _wrong(f"says '{self._name.decode()}' twice")
        # The last line's end stays: it may belong to the delimiter of a part without a body.
        self._emit(out, end + 2)
        if self._body == "value":
            out.append(self._rest[:2])
            self._rest = self._rest[2:]
        return True

    def _value(self, out: list[bytes | None], at: int) -> bool:
        if (at if at >= 0 else len(self._rest) - len(self._delimiter)) > VALUE_LIMIT_BYTES:
            raise _wrong(f"has a '{self._name.decode()}' that is too long")
        if at < 0:
            return False
        try:
            self.value = self._rest[:at].decode()
        except UnicodeDecodeError:
            raise _wrong(f"has a '{self._name.decode()}' that is no text") from None
        out.append(None)
        self._rest = self._rest[at:]
        self._body = "other"
        return True

    def _emit(self, out: list[bytes | None], count: int) -> None:
        if count:
            out.append(self._rest[:count])
            self._rest = self._rest[count:]


def _name_of(head: bytes) -> bytes:
    """The field's name in a part's header lines; empty where it has none."""
    if b"\n" in head.replace(b"\r\n", b"") or b"\r" in head.replace(b"\r\n", b""):
        raise _wrong("has header lines that end in two ways")
    names: list[bytes] = []
    for line in head.split(b"\r\n"):
        key, _, value = line.partition(b":")
        if line[:1] in (b" ", b"\t"):
            raise _wrong("has folded header lines")
        if key.strip().lower() != b"content-disposition":
            continue
        whole = _DISPOSITION.fullmatch(value)
        if whole is None:
            raise _wrong("has a Content-Disposition that is not form-data")
        names += [raw for name, raw in _PARAMETER.findall(whole[1]) if name.lower() == b"name"]
    if len(names) > 1 or (names and b"\\" in names[0]):
        raise _wrong("has a part whose name is unclear")
    return names[0].strip(b'"') if names else b""


def _wrong(words: str) -> ClientError:
    return ClientError(400, f"The multipart body {words}.", code="invalid_multipart")
