"""The short way of a token: one look, one write, no parser.

A provider's stream repeats itself: but for a word, one token's event is the next one's, and so is
its chunk's framing. A relay that knows what stands around the word recognises a usual token by
that, and passes it on as it came, or with what the client's format has around it. Compiled
(_shortcut.c), this takes a fifth of the time; where no compiler was at hand when firsttoken was
installed, PlainShortcut does it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.timing import Clock

KEPT_LIMIT_BYTES = 4 * 1024 * 1024  # of an answer, for the cache and for finishing it elsewhere
CHUNK_LIMIT = 4096  # bytes of a usual token's chunk, framing included: longer ones are parsed
LF = 10
_NEVER = b"\0"  # begins no chunk

# What a chunk of so many bytes, framing included, begins with; and one that holds so many. Filled
# as sizes occur.
HEADS = [b""] * CHUNK_LIMIT
_LINES = [b""] * CHUNK_LIMIT


def chunk_head(size: int) -> bytes:
    """The size line of a whole chunk of `size` < CHUNK_LIMIT bytes, as HEADS will have it."""
    head = next(
        (
            made
            for digits in range(1, 4)
            if (left := size - digits - 4) > 0 and len(made := b"%x\r\n" % left) == digits + 2
        ),
        _NEVER,
    )
    HEADS[size] = head
    return head


def _size_line(size: int) -> bytes:
    """The size line of a chunk that holds so many bytes."""
    if size >= CHUNK_LIMIT:
        return b"%x\r\n" % size
    line = _LINES[size] = b"%x\r\n" % size
    return line


class PlainShortcut:
    """What a follower of a stream knows of usual tokens; a subclass says what else may come.

    `_short`: the next byte begins a chunk, and the short way may be tried. `_said_before` and
    `_said_after` are what the provider has around a token's word, the latter with its chunk's last
    bytes. `_sound` are words that need no look, where the stream is translated; else None, and a
    word is whatever holds no line feed. `_told_before` and `_told_after` are what the client gets
    around the word then. `_write` takes chunks as they are, framing included; None where the
    client's lane does not. `_kept` are the words, and as tuples the events that are not usual.
    `heard_s` is when the last token came, `longest_s` the longest silence.
    """

    __slots__ = (
        "_kept", "_kept_bytes", "_now", "_said_after", "_said_before", "_short", "_sound",
        "_told_after", "_told_before", "_write", "heard_s", "longest_s",
    )  # fmt: skip

    _now: Clock
    _kept: list[bytes | tuple[bytes]]
    _kept_bytes: int
    _write: Callable[[bytes], None] | None
    _short: bool
    _sound: set[bytes] | None
    _said_before: bytes
    _said_after: bytes
    _told_before: bytes
    _told_after: bytes
    heard_s: float
    longest_s: float

    def data_received(self, data: bytes) -> None:
        """What came, before it is parsed: nearly always one usual token, whole, in one chunk."""
        if self._short and len(data) < CHUNK_LIMIT:
            size, before, after = len(data), self._said_before, self._said_after
            head = HEADS[size] or chunk_head(size)
            word = data.removeprefix(head).removeprefix(before).removesuffix(after)
            # as much shorter as it is only where all three were there
            if size - len(word) == len(head) + len(before) + len(after):
                sound = self._sound
                if LF not in word if sound is None else word in sound:
                    if sound is not None:
                        size = len(self._told_before) + len(word) + len(self._told_after) - 2
                        line = _LINES[size] if size < CHUNK_LIMIT else b""
                        line = line or _size_line(size)
                        data = b"".join((line, self._told_before, word, self._told_after))
                    self._heard()
                    self._kept_bytes += size
                    if self._kept_bytes <= KEPT_LIMIT_BYTES:
                        self._kept.append(word)
                    self._write(data)  # type: ignore[misc]  # there is one where this is short
                    return
        self._other(data)

    if TYPE_CHECKING:

        def _other(self, data: bytes) -> None:
            """Anything but one usual token. Whoever reads a connection has this: see Relay."""

    def _heard(self) -> None:
        """A token came."""
        now = self._now()
        silent = now - self.heard_s
        if silent > self.longest_s:  # noqa: PLR1730 - four times as fast as a call of max
            self.longest_s = silent
        self.heard_s = now


if TYPE_CHECKING:
    Shortcut = PlainShortcut
else:
    try:
        from proxy.upstream._shortcut import Shortcut
    except ImportError:
        Shortcut = PlainShortcut
