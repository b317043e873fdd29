"""A stream passed through: the provider's bytes, event by whole event, are the client's.

A token is looked at and not parsed. Anything out of the ordinary - a finish, usage, an error, the
end mark - is decoded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.dialects.sse import whole_events
from proxy.errors import Kind
from proxy.upstream.follow import Owner, Patience
from proxy.upstream.relay import EVENT_LIMIT_BYTES, Relay, words_of
from proxy.upstream.shortcut import KEPT_LIMIT_BYTES, LF

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.dialects.dialect import Decoder, Frame
    from proxy.exchange import Sink

_DELTA = b'"delta":'
_CLOSE = b"}\n\n"


class Straight(Relay):
    """One target's tokens, passed on as they are."""

    __slots__ = ("_end_mark", "_plain", "_plain_marks", "_strip_usage", "_tail")

    def __init__(  # one stream's parts, set once
        self,
        owner: Owner,
        sink: Sink,
        decoder: Decoder,
        patience: Patience,
        *,
        plain: tuple[bytes, ...],
        end_mark: bytes,
        strip_usage: bool,
    ) -> None:
        super().__init__(owner, sink, decoder, patience)
        self._end_mark = end_mark
        self._strip_usage = strip_usage
        self._tail = b""
        self._plain_marks = plain
        self._plain = b""  # the one that this stream uses

    def _other(self, data: bytes) -> None:
        """Several usual tokens, where there is nothing else; or anything."""
        words = words_of(data, self._said_before, self._said_after) if self._short else ()
        if not words or LF in b"".join(words):
            self._go_round(data)
            return
        self._heard()
        self._kept_bytes += len(data)
        if self._kept_bytes <= KEPT_LIMIT_BYTES:
            self._kept += words
        self._write(data)  # type: ignore[misc]  # there is one where this is short

    def feed(self, data: bytes) -> None:
        """More of the provider's body."""
        if self._tail:
            data = self._tail + data
            self._tail = b""
        after = self._after_text
        if (
            after
            and data.endswith(after)
            and data.startswith(self._before_text)
            and data.find(b"\n\n") == len(data) - 2
        ):
            self._fed = len(data)
            self._heard()
            self._kept_bytes += len(data)
            if self._kept_bytes <= KEPT_LIMIT_BYTES:
                self._kept.append(data[len(self._before_text) : -len(after)])
            self.sink.write(data)
            return
        if not data.endswith(b"\n\n"):
            data = self._whole(data)
            if not data:
                return
        plain = self._plain
        end = data.find(b"\n\n", data.rfind(plain)) if plain and plain in data else -1
        if end >= 0:
            usual = data[: end + 2]  # what is out of the ordinary comes last, as a rule
            if usual.count(plain) == usual.count(b"\n\n"):
                self._heard()
                self._keep(usual)
                data = data[end + 2 :]
                if not data:
                    self.sink.write(usual)
                    return
                self.rest = usual
        self._examine(self._decode(data))

    def _knows(self) -> bool:
        self._said_before = self._before_text
        self._said_after = self._after_text + b"\r\n"
        return True

    def _prepare(self, frames: Sequence[Frame], tail: bytes) -> None:
        self._tail = tail
        for frame in frames:
            self._learn(frame.raw)

    def _learn(self, event: bytes) -> None:
        """What a usual chunk of this stream looks like around its text."""
        for mark in self._plain_marks:
            end = event.rfind(mark)
            if end >= 0:
                self._plain = mark
                start = event.find(_DELTA) + len(_DELTA)
                if end < start:  # the mark is the event's name: it ends like any JSON object
                    end = len(event) - len(_CLOSE)
                if len(_DELTA) < start <= end and event.count(b"\n\n") == 1:
                    self._before_text, self._after_text = event[:start], event[end:]

    def _flush(self) -> None:
        if self._tail:
            tail, self._tail = self._tail, b""
            self._examine(self._decode(tail + b"\n\n"))
        if not self.ended:
            super()._flush()

    def _whole(self, data: bytes) -> bytes:
        cut = whole_events(data)
        self._tail = data[cut:]
        if len(self._tail) > EVENT_LIMIT_BYTES:
            self._break(Kind.PROTOCOL, "one event of the stream is too large")
            return b""
        return data[:cut]

    def _told(self, frame: Frame, *, counts_only: bool) -> bytes:
        return b"" if counts_only and self._strip_usage else frame.raw

    def _last(self) -> bytes:
        return b"" if self.done else self._end_mark
