"""Request heads: which ones the lean lane may serve, and those that it has seen before.

A client sends the same head again and again, but for the figures of its Content-Length and what
traces each request. llhttp judges a head once; the same bytes around tame values need no second
judgement, no second look at the key. What is remembered is a mark and the headers that are no
secrets: never a key. A mark is SipHash under this process's random key: nobody outside can make
two heads agree in it. A connection knows the head that it brought last by 64 bits; one among all
that came on other connections is known by 128.
"""

from __future__ import annotations

from dataclasses import dataclass
from secrets import token_bytes
from typing import TYPE_CHECKING

import httptools

from proxy.downstream.admit import HOT, READ

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.exchange import Caller

HEAD_LIMIT_BYTES = 32 * 1024
REMEMBERED = 1024  # heads: about half a kB each
VARIED_LIMIT_BYTES = 4 * 1024  # of a head that one connection remembers for itself
VALUE_LIMIT_BYTES = 256  # of a value that is not judged

Mark = tuple[int, int]

_SALT = token_bytes(8)  # two hashes of the same bytes must differ
_CONTENT_LENGTH = b"content-length"
_LENGTH = b"ength: "
_FIGURES = 10
# What is another value in every request of one client.
_TRACING = frozenset(
    (
        b"traceparent", b"tracestate", b"baggage", b"sentry-trace", b"b3", b"x-request-id",
        b"x-correlation-id", b"x-amzn-trace-id", b"x-cloud-trace-context", b"x-b3-traceid",
        b"x-b3-spanid", b"x-b3-parentspanid", b"x-datadog-trace-id", b"x-datadog-parent-id",
        b"idempotency-key", b"x-stainless-retry-count",
    )
)  # fmt: skip
# Bytes that cannot end a value, nor begin or end it otherwise than as it stands.
_TAME = bytes(range(0x21, 0x7F))
_ONCE = frozenset(
    {b"authorization", b"x-api-key", b"content-length", b"host", b"transfer-encoding"}
)
_UNUSUAL = frozenset({b"expect", b"upgrade", b"transfer-encoding", b"content-encoding"})
_HOST = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.:_[]")


@dataclass(slots=True)
class Head:
    """A valid head. names: its headers, in lower case. dialect: of its path, empty where the lean
    lane does not serve it. repeats: something was said twice. caller: once the key was looked at,
    by this service's keyring.

    What it is known by when it comes again: at: where the figures of its Content-Length begin, 0
    where it is to be judged again; after: bytes behind them; the marks of both sides. shared: a
    mark of both, where other connections may bring the same. cuts: the values that may differ,
    where there are more, by name, each with the bytes between the value before and its own."""

    names: dict[bytes, bytes]
    dialect: str
    hot: bool
    keep: bool
    repeats: bool = False
    caller: Caller | None = None
    service: object = None
    at: int = 0
    after: int = 0
    mark: int = 0
    end_mark: int = 0
    shared: Mark | None = None
    cuts: tuple[tuple[int, bytes], ...] = ()

    @property
    def host_is_valid(self) -> bool:
        host = self.names.get(b"host")
        return bool(host) and _HOST.issuperset(host or b"")

    def again(self, data: bytes, end: int) -> int:
        """The Content-Length of a request whose head, up to end, is this one; -1 of any other.
        Values that differ are taken over."""
        if self.cuts:
            return self._varied(data, end)
        at = self.at
        stop = end - self.after
        figures = data[at:stop]
        if (
            figures.isdigit()
            and stop - at <= _FIGURES
            and hash(data[:at]) == self.mark
            and hash(data[stop:end]) == self.end_mark
        ):
            return int(figures)
        return -1

    def _varied(self, data: bytes, end: int) -> int:
        values: dict[bytes, bytes] = {}
        parts = [_SALT]
        at = 0
        for gap, name in self.cuts:
            start = at + gap
            parts.append(data[at:start])
            at = data.find(b"\r", start, end + 1)
            value = values[name] = data[start:at]
            if at < 0 or not (_is_length if name == _CONTENT_LENGTH else _is_tame)(value):
                return -1
        parts.append(data[at:end])
        if hash(b"".join(parts)) != self.mark:
            return -1
        self.names.update((name, value) for name, value in values.items() if name in READ)
        return int(values[_CONTENT_LENGTH])


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

    def find(self, data: bytes, end: int, service: object) -> tuple[Head, int] | None:
        """A head as this service has served it before, and the Content-Length of this one; others
        may know other keys. end: where its last line ends."""
        at = data.find(_LENGTH, 0, end) + len(_LENGTH)
        stop = data.find(b"\r", at, end + 1)
        figures = data[at:stop]
        if at < len(_LENGTH) or not _is_length(figures):
            return None
        head = self._known.get(_shared(data[:at] + data[stop:end]))
        return None if head is None or head.service is not service else (head, int(figures))

    def remember(self, head: Head, caller: Caller, service: object) -> None:
        """A head was found valid, and its key known. Nobody reads most of its headers again, and
        its secrets are forgotten here."""
        head.caller = caller
        head.service = service
        head.names = {name: value for name, value in head.names.items() if name in READ}
        if head.shared is not None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()  # somebody's heads are never alike: begin anew
            self._known[head.shared] = head

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
        found = Head(head, dialect, hot, keep, repeats=odd and b"upgrade" not in head)
        if hot:
            _mark(found, data[: end - 4])
        return found


def _mark(head: Head, data: bytes) -> None:
    """Note what a valid head is known by. data: its bytes, without the empty line."""
    cuts = _cuts(data, head.names)
    if len(cuts) == 1:
        head.at = at = cuts[0][0]
        stop = at + len(head.names[_CONTENT_LENGTH])
        head.after = len(data) - stop
        head.mark, head.end_mark = hash(data[:at]), hash(data[stop:])
        if at == data.find(_LENGTH) + len(_LENGTH):
            head.shared = _shared(data[:at] + data[stop:])
    elif cuts:
        parts, at = [_SALT], 0
        for gap, name in cuts:
            parts.append(data[at : at + gap])
            at += gap + len(head.names[name])
        head.cuts = cuts
        head.mark = hash(b"".join((*parts, data[at:])))


def _shared(rest: bytes) -> Mark:
    return hash(rest), hash(_SALT + rest)


def _cuts(head: bytes, names: Mapping[bytes, bytes]) -> tuple[tuple[int, bytes], ...]:
    """The values of a valid head that may be others the next time; none where its length is not
    among them, or something is said twice. head: without the empty line. names: what it says."""
    found: list[tuple[int, bytes]] = []
    before = at = 0
    for line in head.split(b"\r\n"):
        name, colon, value = line.partition(b": ")
        name = name.lower()
        is_length = name == _CONTENT_LENGTH
        if is_length or (name in _TRACING and len(head) <= VARIED_LIMIT_BYTES):
            if names.get(name) != value or any(name == other for _, other in found):
                return ()
            if (_is_length if is_length else _is_tame)(value):
                start = at + len(name) + len(colon)
                found.append((start - before, name))
                before = start + len(value)
        at += len(line) + 2
    return tuple(found) if any(name == _CONTENT_LENGTH for _, name in found) else ()


def _is_length(value: bytes) -> bool:
    return value.isdigit() and len(value) <= _FIGURES


def _is_tame(value: bytes) -> bool:
    return 0 < len(value) <= VALUE_LIMIT_BYTES and not value.translate(None, _TAME)


def _repeats(head: bytes) -> bool:
    """Whether a valid head says something twice that may be said once."""
    names = [line.partition(b":")[0].lower() for line in head.split(b"\r\n")[1:]]
    return any(names.count(name) > 1 for name in _ONCE)
