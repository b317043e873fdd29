"""Right answers in unusual clothes, and answers with a flaw that a reader should bear."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

from benchmarks.mock.turn import (
    JSON_MEDIA,
    LAST_CHUNK,
    Act,
    Script,
    Step,
    Turn,
    chunk,
    play,
    reply,
)

BYTE_PAUSE = 0.0003  # seconds
DRIP_BYTES = 64
DRIP_PAUSE = 0.01


def _reframed(change: Callable[[Turn], list[bytes]]) -> Script:
    """A stream whose events are changed; an answer that is not streamed stays as it is."""

    def script(turn: Turn) -> Iterator[Step]:
        if not turn.stream:
            yield from play(turn)
            return
        yield turn.head()
        for event in change(turn):
            yield chunk(event)
            yield 0.001
        yield LAST_CHUNK

    return script


def _each(change: Callable[[bytes], bytes]) -> Script:
    return _reframed(lambda turn: [change(event) for event in turn.answer.events])


def _inserted(piece: bytes) -> Script:
    """One event more in the middle of the tokens."""

    def change(turn: Turn) -> list[bytes]:
        a = turn.answer
        half = len(a.tokens) // 2
        tail = [a.finish, a.usage, a.done]
        return [a.opening, *a.tokens[:half], piece, *a.tokens[half:], *tail]

    return _reframed(change)


def _closing(change: Callable[[Turn], list[bytes]]) -> Script:
    """All tokens, and an end of its own."""
    return _reframed(lambda turn: [turn.answer.opening, *turn.answer.tokens, *change(turn)])


def _two_lines(event: bytes) -> bytes:
    """The JSON over two data: lines, cut where white space is allowed."""
    return event.replace(b',"', b',\ndata: "', 1) if event.startswith(b"data: {") else event


def _commented(event: bytes) -> bytes:
    return b": keep-alive\n\n: twice\n" + event


def _full(turn: Turn) -> bytes:
    return b"".join(turn.answer.events) if turn.stream else turn.answer.whole


def _media(turn: Turn) -> bytes:
    return turn.answer.media if turn.stream else JSON_MEDIA


def _stall_after_done(turn: Turn) -> Iterator[Step]:
    """Everything but the end of the body."""
    if turn.stream:
        yield turn.head() + b"".join(map(chunk, turn.answer.events))
    else:
        yield reply(200, turn.answer.whole)
    yield Act.STALL


def _cut(size: int, pause: float) -> Script:
    """The response in pieces of so many bytes, at any place."""

    def script(turn: Turn) -> Iterator[Step]:
        data = b"".join(one for one in play(turn) if isinstance(one, bytes))
        for start in range(0, len(data), size):
            yield data[start : start + size]
            yield pause

    return script


def _one_write(turn: Turn) -> Iterator[Step]:
    yield b"".join(one for one in play(turn) if isinstance(one, bytes))


def _packed(coding: bytes, bits: int) -> Script:
    """Content-Encoding, though nobody asked; each event is flushed."""

    def script(turn: Turn) -> Iterator[Step]:
        packer = zlib.compressobj(6, zlib.DEFLATED, bits)
        field = b"Content-Encoding: " + coding
        if not turn.stream:
            yield reply(200, packer.compress(turn.answer.whole) + packer.flush(), field)
            return
        yield turn.head(field)
        for event in turn.answer.events:
            yield chunk(packer.compress(event) + packer.flush(zlib.Z_SYNC_FLUSH))
            yield 0.001
        yield chunk(packer.flush()) + LAST_CHUNK

    return script


def _after(prefix: bytes) -> Script:
    """An informational response, then the answer."""

    def script(turn: Turn) -> Iterator[Step]:
        yield prefix
        yield 0.005
        yield from play(turn)

    return script


def _delimited(version: bytes, *acts: Act) -> Script:
    """No length and no chunks: the body ends with the connection."""

    def script(turn: Turn) -> Iterator[Step]:
        yield (
            version + b" 200 OK\r\nContent-Type: " + _media(turn) + b"\r\nConnection: close\r\n\r\n"
        )
        yield 0.005
        yield _full(turn)
        yield 0.005
        yield from acts

    return script


def _extended(turn: Turn) -> Iterator[Step]:
    if not turn.stream:
        yield from play(turn)
        return
    yield turn.head()
    for event in turn.answer.events:
        yield chunk(event, b';note="a=b"')
        yield 0.001
    yield LAST_CHUNK


def _trailers(turn: Turn) -> Iterator[Step]:
    if not turn.stream:
        yield from play(turn)
        return
    yield turn.head(b"Trailer: x-checksum")
    yield b"".join(map(chunk, turn.answer.events))
    yield b"0\r\nx-checksum: 123\r\nSet-Cookie: a=b\r\n\r\n"


def _with_fields(*fields: bytes) -> Script:
    """The answer with more fields in its head."""

    def script(turn: Turn) -> Iterator[Step]:
        if not turn.stream:
            yield reply(200, turn.answer.whole, *fields)
            return
        yield turn.head(*fields) + b"".join(map(chunk, turn.answer.events)) + LAST_CHUNK

    return script


def _two_lengths(turn: Turn) -> Iterator[Step]:
    body = _full(turn)
    sizes = b"Content-Length: %d\r\nContent-Length: %d\r\n" % (len(body), len(body) + 5)
    yield b"HTTP/1.1 200 OK\r\nContent-Type: " + _media(turn) + b"\r\n" + sizes + b"\r\n" + body


def _both_framings(turn: Turn) -> Iterator[Step]:
    body = _full(turn)
    fields = b"\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n" % len(body)
    yield b"HTTP/1.1 200 OK\r\nContent-Type: " + _media(turn) + fields + chunk(body) + LAST_CHUNK


def _slow_first(turn: Turn) -> Iterator[Step]:
    """The first token after N milliseconds (1500); the head at once."""
    wait = 1500 if turn.scenario.number is None else turn.scenario.number
    if turn.stream:
        yield turn.head()
    yield wait / 1e3
    if not turn.stream:
        yield reply(200, turn.answer.whole)
        return
    yield from turn.paced(turn.scenario.tokens)
    a = turn.answer
    yield chunk(a.finish) + chunk(a.usage) + chunk(a.done) + LAST_CHUNK


_BAD_UTF8 = b'data: {"choices":[{"index":0,"delta":{"content":"\xff\xfe\xc3"}}]}\n\n'
_BAD_JSON = b'data: {"choices":[{"index":0,"delta":{"content": oops\n\n'
_EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
_HOP = (
    b"Connection: keep-alive, x-hop-secret",
    b"x-hop-secret: 1",
    b"Keep-Alive: timeout=5",
    b"Proxy-Authenticate: Basic",
    b"Set-Cookie: session=upstream",
)
_ACCEL = (b"X-Accel-Redirect: /etc/passwd", b"X-Sendfile: /etc/passwd", b"X-Accel-Buffering: yes")

ODDITIES: dict[str, Script] = {
    "ok": play,
    "no-done": _closing(lambda t: [t.answer.finish, t.answer.usage]),
    "no-finish": _closing(lambda t: [t.answer.usage, t.answer.done]),
    "after-done": _closing(
        lambda t: [t.answer.finish, t.answer.usage, t.answer.done, *t.answer.tokens[:2]]
    ),
    "dup-usage": _closing(
        lambda t: [t.answer.finish, t.answer.usage, t.answer.usage, t.answer.done]
    ),
    "stall-after-done": _stall_after_done,
    "bad-json-chunk": _inserted(_BAD_JSON),
    "invalid-utf8": _inserted(_BAD_UTF8),
    "utf8-split": _cut(3, BYTE_PAUSE),
    "byte-at-a-time": _cut(1, BYTE_PAUSE),
    "slow-drip": _cut(DRIP_BYTES, DRIP_PAUSE),
    "crlf": _each(lambda event: event.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")),
    "cr": _each(lambda event: event.replace(b"\r\n", b"\n").replace(b"\n", b"\r")),
    "bom": _reframed(lambda t: [b"\xef\xbb\xbf" + t.answer.events[0], *t.answer.events[1:]]),
    "no-space": _each(lambda event: event.replace(b"data: ", b"data:")),
    "multi-line-data": _each(_two_lines),
    "comments-mixed": _each(_commented),
    "one-write": _one_write,
    "big-event": play,
    "gzip": _packed(b"gzip", 31),
    "deflate": _packed(b"deflate", 15),
    "100-continue": _after(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "103": _after(_EARLY),
    "http10-close": _delimited(b"HTTP/1.0", Act.CLOSE),
    "close-delimited": _delimited(b"HTTP/1.1", Act.CLOSE),
    "half-close": _delimited(b"HTTP/1.1", Act.HALF_CLOSE, Act.STALL),
    "chunk-extensions": _extended,
    "trailers": _trailers,
    "cl-and-te": _both_framings,
    "two-cl": _two_lengths,
    "hop-headers": _with_fields(*_HOP),
    "accel-headers": _with_fields(*_ACCEL),
    "slow-first-token": _slow_first,
}
