"""Answers that break: before the head, before a token, or in the middle."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from benchmarks.mock.shapes import sse
from benchmarks.mock.turn import (
    JSON_MEDIA,
    LAST_CHUNK,
    Act,
    Script,
    Step,
    Turn,
    chunk,
    head,
    play,
    reply,
)

READ_PAUSE = 0.02  # seconds for the other side to read before the connection dies
PING_SECONDS = 0.05
HUGE_LINE_BYTES = 256 << 20
BOMB_BYTES = 2 << 30
BLOCK = 1 << 20


def _sent(data: bytes, act: Act) -> Script:
    """These bytes, time to read them, and the act."""

    def script(_: Turn) -> Iterator[Step]:
        if data:
            yield data
            yield READ_PAUSE
        yield act

    return script


def _headed(act: Act, *, opening: bool = False) -> Script:
    """The head of a good answer, perhaps its role chunk, and the act."""

    def script(turn: Turn) -> Iterator[Step]:
        yield turn.head() if turn.stream else head(200, JSON_MEDIA, length=len(turn.answer.whole))
        if opening and turn.stream:
            yield chunk(turn.answer.opening)
        yield READ_PAUSE
        yield act

    return script


def _part(turn: Turn) -> Iterator[Step]:
    """Half of the answer, or as much as x or s in the model's name say."""
    s = turn.scenario
    if not turn.stream:
        whole = turn.answer.whole
        yield head(200, JSON_MEDIA, length=len(whole)) + whole[: len(whole) // 2]
        return
    count = s.cut_after if s.cut_after is not None else s.stall_after
    yield turn.head()
    yield turn.first_wait()
    yield from turn.paced(s.tokens // 2 if count is None else count)


def _midway(tail: bytes, *acts: Act) -> Script:
    """Half of the answer, bytes that do not belong there, and the acts."""

    def script(turn: Turn) -> Iterator[Step]:
        yield from _part(turn)
        if tail:
            yield tail
        yield READ_PAUSE
        yield from acts

    return script


def _error_mid(turn: Turn) -> Iterator[Step]:
    yield from _part(turn)
    yield READ_PAUSE
    yield chunk(turn.answer.error) + LAST_CHUNK if turn.stream else Act.CLOSE


def _error_first(turn: Turn) -> Iterator[Step]:
    if turn.stream:
        yield turn.head() + chunk(turn.answer.error) + LAST_CHUNK
    else:
        error = turn.answer.error.partition(b"data: ")[2].strip() or turn.answer.error
        yield reply(200, error)


def _comments(turn: Turn) -> Iterator[Step]:
    """Pings for ever, and never a token."""
    if not turn.stream:
        yield Act.STALL
        return
    yield turn.head()
    while True:
        yield chunk(b": ping\n\n")
        yield PING_SECONDS


def _reasonless(turn: Turn) -> Iterator[Step]:
    """A 200 stream without any event."""
    yield turn.head() + LAST_CHUNK if turn.stream else reply(200, b"{}")


def _done_only(turn: Turn) -> Iterator[Step]:
    if turn.stream:
        yield turn.head() + chunk(turn.answer.done or b"\n") + LAST_CHUNK
    else:
        yield reply(200, b"[DONE]")


def _html(_: Turn) -> Iterator[Step]:
    yield reply(200, b"<html><body>Welcome to the captive portal</body></html>", media=b"text/html")


def _truncated_json(turn: Turn) -> Iterator[Step]:
    whole = turn.answer.whole
    yield reply(200, whole[: len(whole) // 2])


def _truncated_length(turn: Turn) -> Iterator[Step]:
    whole = turn.answer.whole
    yield head(200, JSON_MEDIA, length=len(whole) + 100) + whole[: len(whole) // 2]
    yield READ_PAUSE
    yield Act.CLOSE


def _huge_header(turn: Turn) -> Iterator[Step]:
    yield turn.head(b"x-huge: " + b"h" * BLOCK)
    yield turn.answer.whole


def _header_flood(turn: Turn) -> Iterator[Step]:
    yield turn.head(*(b"x-flood-%d: %d" % (n, n) for n in range(20_000)))
    yield turn.answer.whole


def _huge_line(turn: Turn) -> Iterator[Step]:
    """256 MiB of one event that never ends."""
    yield turn.head()
    yield chunk(b"data: ")
    block = chunk(b"x" * BLOCK)
    for _ in range(HUGE_LINE_BYTES // BLOCK):
        yield block
    yield Act.CLOSE


def _bomb(turn: Turn) -> Iterator[Step]:
    """2 MB of gzip that unpack to 2 GiB of one event."""
    yield turn.head(b"Content-Encoding: gzip")
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    yield chunk(packer.compress(b"data: ") + packer.flush(zlib.Z_FULL_FLUSH))
    # a fully flushed block stands alone, so one packed block can be sent again and again
    size = 16 * BLOCK
    raw = packer.compress(b"x" * size) + packer.flush(zlib.Z_FULL_FLUSH)
    for _ in range(BOMB_BYTES // size):
        yield chunk(raw)
    yield Act.CLOSE


def _chunk_cut(turn: Turn) -> Iterator[Step]:
    """The connection ends inside a chunk."""
    yield from _part(turn)
    if turn.stream:
        yield chunk(turn.answer.tokens[-1] if turn.answer.tokens else b"data: x")[:-20]
    yield READ_PAUSE
    yield Act.CLOSE


def _stale(turn: Turn) -> Iterator[Step]:
    """A kept connection dies as it is used again; a fresh one answers."""
    if turn.place > 1:
        yield Act.RESET
        return
    yield from play(turn)


BREAKS: dict[str, Script] = {
    "stall-before-headers": _sent(b"", Act.STALL),
    "reset-before-headers": _sent(b"", Act.RESET),
    "close-before-headers": _sent(b"", Act.CLOSE),
    "half-status-line": _sent(b"HTTP/1.1 2", Act.STALL),
    "garbage": _sent(b"\x16\x03\x01 this is not HTTP\r\n\r\n\x00\xff", Act.CLOSE),
    "huge-header": _huge_header,
    "header-flood": _header_flood,
    "stall-after-headers": _headed(Act.STALL),
    "reset-after-headers": _headed(Act.RESET),
    "close-after-headers": _headed(Act.CLOSE),
    "role-only": _headed(Act.STALL, opening=True),
    "stall-before-first-token": _headed(Act.STALL, opening=True),
    "comments-only": _comments,
    "error-frame-first": _error_first,
    "empty-stream": _reasonless,
    "done-only": _done_only,
    "200-html": _html,
    "200-truncated-json": _truncated_json,
    "truncated-content-length": _truncated_length,
    "error-frame-mid": _error_mid,
    "stall-mid-stream": _midway(b"", Act.STALL),
    "reset-mid": _midway(b"", Act.RESET),
    "close-mid": _midway(b"", Act.CLOSE),
    "close-mid-chunk": _chunk_cut,
    "end-mid-stream": _midway(LAST_CHUNK),
    "bad-chunk-mid": _midway(b"zz\r\n" + sse(b'{"choices":[]}'), Act.CLOSE),
    "huge-line": _huge_line,
    "gzip-bomb": _bomb,
    "stale-keepalive": _stale,
}
