"""After the first token: a target's stream on its way to the client, event by whole event.

What both ways of relaying have in common; straight.py passes the provider's bytes on, translated.py
writes the client's own. A relay reads its connection's bytes before the connection does: a usual
token takes the short way (shortcut.py). So do several in one read, as fast providers and busy
machines have them. Anything else goes the long way round, by the connection.
"""

from __future__ import annotations

from abc import abstractmethod
from itertools import groupby
from typing import TYPE_CHECKING, cast

from proxy.packed import WORTH, pack_words
from proxy.upstream.connection import Reader
from proxy.upstream.follow import Follower, Owner, Patience
from proxy.upstream.shortcut import CHUNK_LIMIT, HEADS, KEPT_LIMIT_BYTES, chunk_head

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from proxy.dialects.dialect import Decoder, Frame
    from proxy.exchange import Sink
    from proxy.packed import Stream
    from proxy.upstream.connection import Connection

EVENT_LIMIT_BYTES = 4 * 1024 * 1024


def words_of(data: bytes, before: bytes, end: bytes) -> list[bytes]:
    """The words of a read that holds nothing but usual tokens, each whole in a chunk of its own;
    none where it holds anything else. before: a token's bytes ahead of its word; end: those after
    it, its chunk's last bytes included."""
    pieces = data.split(end)
    if pieces.pop():
        return []
    words = []
    for piece in pieces:
        size = len(piece) + len(end)
        if size >= CHUNK_LIMIT:
            return []
        head = HEADS[size] or chunk_head(size)
        word = piece.removeprefix(head).removeprefix(before)
        if len(piece) - len(word) != len(head) + len(before):
            return []
        words.append(word)
    return words


class Relay(Follower, Reader):
    """One target's tokens, to the client's sink."""

    __slots__ = (
        "_after_text", "_aligned", "_before_text", "_connection", "_fed", "rest", "sink",
    )  # fmt: skip

    def __init__(self, owner: Owner, sink: Sink, decoder: Decoder, patience: Patience) -> None:
        super().__init__(owner, decoder, patience)
        self.sink = sink
        # The sent stream, for the cache and for finishing it elsewhere. The chunks of a stream
        # differ by a word: of a usual one only what lies between the usual bytes is kept, so that
        # an open stream costs a tenth of the memory, and a token touches less of it.
        self._kept = []
        self._kept_bytes = 0
        self._before_text = b""
        self._after_text = b""
        self._connection: Connection | None = None  # whose bytes come here first
        self._aligned = False  # the next byte begins a chunk, and the short way may be tried
        self.rest = b""  # told already, and to be sent with what comes next: there is more to tell
        self._fed = 0  # bytes of the one usual token that the connection's last bytes held
        self._write = None
        self._short = False
        self._sound = None

    def begin(self, frames: Sequence[Frame], tail: bytes) -> bytes:
        """What the client gets of the frames that were held back until the first token. tail: the
        bytes after them, an event that is not complete."""
        self._prepare(frames, tail)
        self._watch()
        first = self._pass(frames)
        self._keep(first)
        return first

    def send_to(self, sink: Sink) -> None:
        """From now on the tokens go there."""
        self.sink = sink
        self._aligned = self._short = False
        self._write = None

    # ---- in the connection's place -----------------------------------------------------------

    def read_from(self, connection: Connection) -> None:
        """See Reader."""
        self._connection = connection

    @abstractmethod
    def _other(self, data: bytes) -> None:
        """What came and is no single usual token that takes the short way."""

    def connection_lost(self, exc: Exception | None) -> None:
        if self._connection is not None:
            self._connection.connection_lost(exc)

    def _go_round(self, data: bytes) -> None:
        """Let the connection parse these bytes; see whether they were one usual token's chunk."""
        self._aligned = self._short = False
        self._fed = 0
        connection = self._connection
        assert connection is not None
        connection.data_received(data)
        if self._fed and len(data) < CHUNK_LIMIT:
            # Nothing but one chunk's framing can be around a token that is two bytes and this size
            # line shorter than what came, so the next byte begins a chunk.
            head = HEADS[len(data)] or chunk_head(len(data))
            if len(data) == self._fed + len(head) + 2 and data.startswith(head):
                if self._write is None:
                    self._write = getattr(self.sink, "wire", None)  # only the lean lane has one
                self._aligned = self._write is not None
                self._short = self._aligned and self._knows()

    @abstractmethod
    def _knows(self) -> bool:
        """After a usual token: be ready for the next. Whether there is a short way."""

    # ---- what was sent -----------------------------------------------------------------------

    @property
    def keeps(self) -> bool:
        """Whether the stream is not too large to be kept as it was sent."""
        return self._kept_bytes <= KEPT_LIMIT_BYTES

    @property
    def text(self) -> bytes:
        """The stream as sent, or nothing when it was too large to keep."""
        if self._kept_bytes > KEPT_LIMIT_BYTES:
            return b""
        before, after = self._before_text, self._after_text
        between = after + before
        parts: list[bytes] = []
        for kind, pieces in groupby(self._kept, type):  # long runs of words: one join for each
            if kind is bytes:
                parts += (before, between.join(cast("Iterator[bytes]", pieces)), after)
            else:
                parts.append(_joined(pieces))
        return b"".join(parts)

    @property
    def packed(self) -> Stream:
        """The stream as sent, its usual words together where nothing else came between them."""
        kept = self._kept
        start, stop = 0, len(kept)
        while start < stop and type(kept[start]) is tuple:
            start += 1
        while start < stop and type(kept[stop - 1]) is tuple:
            stop -= 1
        words = kept[start:stop]
        if len(words) < WORTH or not self.keeps or tuple in map(type, words):
            return self.text
        head, tail = _joined(kept[:start]), _joined(kept[stop:])
        before, after = self._before_text, self._after_text
        return pack_words(head, before, cast("list[bytes]", words), after, tail)

    def _keep(self, data: bytes) -> None:
        self._kept_bytes += len(data)
        if self._kept_bytes <= KEPT_LIMIT_BYTES:
            self._kept.append((data,))

    def _tokens(self) -> int:
        return len(self._kept) if self._kept_bytes <= KEPT_LIMIT_BYTES else self._kept_bytes

    # ---- frames ------------------------------------------------------------------------------

    @abstractmethod
    def _prepare(self, frames: Sequence[Frame], tail: bytes) -> None:
        """Look at what was held back, before it is passed."""

    @abstractmethod
    def _told(self, frame: Frame, *, counts_only: bool) -> bytes:
        """What the client gets of one frame."""

    @abstractmethod
    def _last(self) -> bytes:
        """What the client gets at the end of a complete answer."""

    def _emit(self, frames: Sequence[Frame]) -> None:
        data = self._pass(frames)
        if data:
            self._keep(data)
        data = self.rest + data
        self.rest = b""
        if self.done and not self.has_failed():
            self.rest = data  # goes with the end, which follows at once
        elif data:
            self.sink.write(data)

    def _pass(self, frames: Sequence[Frame]) -> bytes:
        """What of these frames goes to the client."""
        out: list[bytes] = []
        for frame in frames:
            if self.done or self.has_failed():
                break  # nothing follows an end mark or an error
            counts_only = self._note(frame.events)
            if not self.has_failed():
                out.append(self._told(frame, counts_only=counts_only))
        return out[0] if len(out) == 1 else b"".join(out)

    def _finale(self) -> None:
        last = self._last()
        if last:
            self._keep(last)
            self.rest += last


def _joined(pieces: Iterable[object]) -> bytes:
    """Events that were kept whole."""
    return b"".join([whole for (whole,) in cast("Iterable[tuple[bytes]]", pieces)])
