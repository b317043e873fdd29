"""Request heads: which ones the lean lane may serve, and those that it has seen before.

A client sends the same head again and again, but for the figures of its Content-Length. llhttp
judges a head once; the same bytes need no second judgement, no second look at the key. What is
remembered is a mark and the headers that are no secrets: never a key. The mark is 128 bits of
SipHash under this process's random key: nobody outside can make two heads agree in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from secrets import token_bytes
from typing import TYPE_CHECKING

import httptools

from proxy.downstream.admit import HOT

if TYPE_CHECKING:
    from proxy.exchange import Caller

HEAD_LIMIT_BYTES = 32 * 1024
REMEMBERED = 1024  # heads: about 1 kB each

Mark = tuple[int, int]

_SALT = token_bytes(8)  # two hashes of the same bytes must differ
NO_MARK: Mark = (0, 0)
_LENGTH = b"ength: "
_FIGURES = 10
_ONCE = frozenset(
    {b"authorization", b"x-api-key", b"content-length", b"host", b"transfer-encoding"}
)
_UNUSUAL = frozenset({b"expect", b"upgrade", b"transfer-encoding", b"content-encoding"})
_HOST = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.:_[]")
_SECRETS = (b"authorization", b"x-api-key")


@dataclass(slots=True)
class Head:
    """A valid head. names: its headers, in lower case. dialect: of its path, empty where the lean
    lane does not serve it. repeats: something was said twice. caller: once the key was looked at,
    by this service's keyring."""

    names: dict[bytes, bytes]
    dialect: str
    hot: bool
    keep: bool
    repeats: bool = False
    caller: Caller | None = None
    service: object = None

    @property
    def host_is_valid(self) -> bool:
        host = self.names.get(b"host")
        return bool(host) and _HOST.issuperset(host or b"")


class Heads:
    """Reads heads, and knows those that were served before by their mark.

    The callbacks of llhttp's wrapper are C functions: a header costs no Python frame. Those that
    are None are not wanted: it looks for every one.
    """

    __slots__ = ("_known", "_names", "_urls", "on_header", "on_url")

    on_message_begin = None
    on_status = None
    on_headers_complete = None
    on_body = None
    on_message_complete = None
    on_chunk_header = None
    on_chunk_complete = None

    def __init__(self) -> None:
        self._known: dict[Mark, Head] = {}
        self._names: dict[bytes, bytes] = {}
        self._urls: list[bytes] = []
        self.on_header = self._names.setdefault
        self.on_url = self._urls.append

    def find(self, mark: Mark, service: object) -> Head | None:
        """A head as this service has served it before; others may know other keys."""
        head = self._known.get(mark)
        return head if head is not None and head.service is service else None

    def remember(self, mark: Mark, head: Head, caller: Caller, service: object) -> None:
        """A head was found valid, and its key known. Its secrets are forgotten here."""
        if len(self._known) >= REMEMBERED:
            self._known.clear()  # somebody's heads are never alike: begin anew
        head.caller = caller
        head.service = service
        for name in _SECRETS:
            head.names.pop(name, None)
        self._known[mark] = head

    def read(self, data: bytes, end: int) -> Head:
        """A head, end being where its body begins. Raises HttpParserError for one that is not
        valid HTTP."""
        names, urls = self._names, self._urls
        names.clear()
        urls.clear()
        parser = httptools.HttpRequestParser(self)
        odd = False
        try:
            parser.feed_data(data[:end])
        except httptools.HttpParserUpgrade:
            odd = True
        head = {name.lower(): value for name, value in names.items()}
        names.clear()
        if len(head) != data.count(b"\r\n", 0, end) - 2:  # the request line, and the empty one
            odd = odd or _repeats(data[:end])
        # Not llhttp's own verdict: it forgets the head once a request without a body is complete.
        connection = head.get(b"connection")
        dialect = HOT.get(urls[0], "") if len(urls) == 1 else ""
        hot = (
            dialect != ""
            and not odd
            and b"content-length" in head
            and _UNUSUAL.isdisjoint(head)
            and parser.get_method() == b"POST"
            and parser.get_http_version() == "1.1"
        )
        keep = connection is None or b"close" not in connection.lower()
        return Head(head, dialect, hot, keep, repeats=odd and b"upgrade" not in head)


def mark_of(data: bytes, end: int) -> tuple[Mark, int] | None:
    """What a head is known by, and its Content-Length; None where it has none of the usual form.

    end: where its last line ends. The figures of the first header that ends in "ength" are left
    out; is_marked_by says whether that was the Content-Length.
    """
    at = data.find(_LENGTH, 0, end) + len(_LENGTH)
    stop = data.find(b"\r", at, end + 1)
    figures = data[at:stop]
    if at < len(_LENGTH) or len(figures) > _FIGURES or not figures.isdigit():
        return None
    rest = data[:at] + data[stop:end]
    return (hash(rest), hash(_SALT + rest)), int(figures)


def is_marked_by(data: bytes, length: bytes | None) -> bool:
    """Whether the figures that mark_of left out of a valid head are its Content-Length's."""
    at = data.find(_LENGTH) + len(_LENGTH)
    name = data[max(0, at - 18) : at].lower()
    return length is not None and name == b"\r\ncontent-length: " and data.startswith(length, at)


def _repeats(head: bytes) -> bool:
    """Whether a valid head says something twice that may be said once."""
    names = [line.partition(b":")[0].lower() for line in head.split(b"\r\n")[1:]]
    return any(names.count(name) > 1 for name in _ONCE)
