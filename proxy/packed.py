"""A stream as it was sent, with what its chunks have in common kept once.

A stream of 300 chunks repeats the same 200 bytes 300 times. Packed, only what differs between them
is left; unpacked by one bytes.replace, so that a replay costs a copy and not a decompression
(figures in tests/cache/test_replay.py).
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_GAP = b"\n\n"
_QUOTE = b'"'
_EDGE = 4  # chunks at either end that are never like the others: role, finish, usage, [DONE]
WORTH = 12  # chunks below which packing gains nothing


class Squeezed(bytes):
    """Bytes under zlib."""

    __slots__ = ()


def plain(held: bytes) -> bytes:
    """The bytes as they were before they were squeezed, if they were."""
    return zlib.decompress(held) if type(held) is Squeezed else held


@dataclass(frozen=True, slots=True)
class Packed:
    """A stream as head + chunks + tail, all chunks alike but for `middles` (joined by a gap)."""

    head: bytes
    prefix: bytes
    middles: bytes
    suffix: bytes
    tail: bytes

    def __len__(self) -> int:
        return sum(map(len, self._parts()))

    def __contains__(self, words: bytes) -> bool:
        """Whether these bytes are in one of its parts. No key of JSON lies across two of them."""
        return words in b"\0".join(self._parts())

    def _parts(self) -> tuple[bytes, ...]:
        return self.head, self.prefix, self.middles, self.suffix, self.tail


Stream = Packed | bytes


def pack(stream: bytes) -> Stream:
    """The stream with what its chunks have in common kept once; as it is where that is little."""
    chunks = stream.split(_GAP)
    if len(chunks) < WORTH or b"\r" in chunks[0]:
        return stream
    inner = chunks[1:-_EDGE]
    prefix = _shared(min(inner), max(inner))
    suffix = _shared_end(inner, len(prefix))
    if (len(prefix) + len(suffix)) * len(inner) * 4 < len(stream):
        return stream
    start, stop = len(prefix), -len(suffix) or None
    middles = _GAP.join([chunk[start:stop] for chunk in inner])
    if b"\n\n\n" in middles:  # nobody could tell which two of them are the gap
        return stream
    return Packed(
        head=chunks[0] + _GAP,
        prefix=prefix,
        middles=middles,
        suffix=suffix,
        tail=_GAP + _GAP.join(chunks[-_EDGE:]),
    )


def pack_words(
    head: bytes, before: bytes, words: Sequence[bytes], after: bytes, tail: bytes
) -> Packed:
    """A stream whose usual chunks are known already: head, each word between `before` and `after`,
    tail. No word holds a line feed; `after` ends with a blank line."""
    middles = _GAP.join(words)
    # Of the words too, up to a quotation mark, most have the same around them: what the first and
    # the last one share. Counting it takes a tenth of looking at each.
    first, last = words[0], words[-1]
    opening = _shared(min(first, last), max(first, last))
    opening = opening[: opening.rfind(_QUOTE) + 1]
    closing = _shared_end([first, last], len(opening))
    closing = closing[max(closing.find(_QUOTE), 0) :]
    between = closing + _GAP + opening
    if len(between) > len(_GAP) and middles.count(between) == len(words) - 1:
        middles = middles[len(opening) : len(middles) - len(closing)].replace(between, _GAP)
        before, after = before + opening, closing + after
    return Packed(head, before, middles, after.removesuffix(_GAP), _GAP + tail)


def sent_bytes(stream: Stream) -> int:
    """How long the stream is, unpacked."""
    if isinstance(stream, bytes):
        return len(stream)
    between = len(stream.prefix) + len(stream.suffix)
    return len(stream) + plain(stream.middles).count(_GAP) * between


def _shared(low: bytes, high: bytes) -> bytes:
    """The longest prefix two strings share, hence all strings sorted between them."""
    least, most = 0, min(len(low), len(high))
    while least < most:
        middle = (least + most + 1) // 2
        if low.startswith(high[:middle]):
            least = middle
        else:
            most = middle - 1
    return low[:least]


def _shared_end(chunks: Sequence[bytes], start: int) -> bytes:
    """The longest suffix that all share, of what follows `start`, a length that all have."""
    shared = chunks[0][start:]
    for chunk in chunks:
        if not chunk.endswith(shared, start):  # seldom, after the first few
            one, other = shared[::-1], chunk[start:][::-1]
            shared = _shared(min(one, other), max(one, other))[::-1]
    return shared


def unpack(stream: Stream) -> bytes:
    """The stream as it was, byte for byte."""
    if isinstance(stream, bytes):
        return stream
    between = stream.suffix + _GAP + stream.prefix
    middles = plain(stream.middles).replace(_GAP, between)
    return b"".join((stream.head, stream.prefix, middles, stream.suffix, stream.tail))
