"""After the first token: a target's stream on its way to the client, event by whole event.

Pass-through forwards the provider's bytes; a token is one read and one write, looked at with two
counts and not parsed. Anything out of the ordinary - a finish, usage, an error, the end mark - is
decoded. With an encoder every frame is translated, a usual token by its word alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.dialects.sse import whole_events
from proxy.errors import Kind, UpstreamFailure
from proxy.upstream.follow import Follower, Owner

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from proxy.chat import Event
    from proxy.dialects.dialect import Decoder, Encoder, Frame
    from proxy.dialects.usual import Usual
    from proxy.exchange import Sink
    from proxy.timing import Clock, Wheel

EVENT_LIMIT_BYTES = 4 * 1024 * 1024
KEPT_LIMIT_BYTES = 4 * 1024 * 1024  # of an answer, for the cache and for finishing it elsewhere

_DELTA = b'"delta":'
_CLOSE = b"}\n\n"


class Relay(Follower):
    """One target's tokens, to the client's sink."""

    __slots__ = ("_after_text", "_before_text", "_encoder", "_end_mark", "_kept", "_kept_bytes",
                 "_plain", "_plain_marks", "_speaker", "_strip_usage", "_tail", "_usual",
                 "sink")  # fmt: skip

    def __init__(  # noqa: PLR0913  # one stream's parts, set once
        self,
        owner: Owner,
        sink: Sink,
        decoder: Decoder,
        *,
        encoder: Encoder | None,
        plain: tuple[bytes, ...],
        end_mark: bytes,
        strip_usage: bool,
        gap_s: float,
        least_per_s: float | None,
        wheel: Wheel,
        now: Clock,
    ) -> None:
        super().__init__(owner, decoder, gap_s=gap_s, least_per_s=least_per_s, wheel=wheel, now=now)
        self.sink = sink
        self._encoder = encoder
        self._end_mark = end_mark
        self._strip_usage = strip_usage
        self._tail = b""
        # The sent stream, for the cache and for finishing it elsewhere. The chunks of a stream
        # differ by a word: of a usual one only what lies between the usual bytes is kept, so that
        # an open stream costs a tenth of the memory, and a token touches less of it.
        self._kept: list[bytes | tuple[bytes]] = []
        self._kept_bytes = 0
        self._before_text = b""
        self._after_text = b""
        self._plain_marks = plain
        self._plain = b""  # the one that this stream uses
        self._usual: Usual | None = None
        self._speaker: Callable[[bytes], bytes] | None = None

    def begin(self, frames: Sequence[Frame], tail: bytes) -> bytes:
        """The bytes of the frames that were held back until the first token."""
        self._tail = tail
        if self._encoder is None:
            for frame in frames:
                self._learn(frame.raw)
        else:
            self._usual = self._decoder.usual()
        self._watch()
        first = self._pass(frames)
        self._keep(first)
        return first

    def feed(self, data: bytes) -> None:
        """More of the provider's body."""
        if self._encoder is not None:
            usual = self._usual
            word = usual.word(data) if usual is not None else b""
            if not word:
                self._translated(data)
            elif self._speaker is None:
                self._say(self._before_text + word + self._after_text, word)
            else:
                data = self._speaker(word)
                self._say(data, (data,))
            return
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
            now = self._now()
            self.longest_s = max(self.longest_s, now - self.heard_s)
            self.heard_s = now
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
        if plain and 0 < data.count(plain) == data.count(b"\n\n"):
            now = self._now()
            self.longest_s = max(self.longest_s, now - self.heard_s)
            self.heard_s = now
            self._keep(data)
            self.sink.write(data)
            return
        self._examine(self._decode(data))

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
        return b"".join(
            before + piece + after if isinstance(piece, bytes) else piece[0] for piece in self._kept
        )

    def _translated(self, data: bytes) -> None:
        """Anything but one usual token: several, or what must be decoded."""
        words = self._usual.words(data) if self._usual is not None else ()
        if words and self._speaker is not None:
            data = b"".join(map(self._speaker, words))
            self._say(data, (data,))
        elif words:
            before, after = self._before_text, self._after_text
            self._say(b"".join([before + word + after for word in words]), *words)
        else:
            self._examine(self._decode(data))

    def _say(self, data: bytes, *pieces: bytes | tuple[bytes]) -> None:
        """Translated tokens. pieces: what is kept of them, of the usual form or whole."""
        now = self._now()
        self.longest_s = max(self.longest_s, now - self.heard_s)
        self.heard_s = now
        self._kept_bytes += len(data)
        if self._kept_bytes <= KEPT_LIMIT_BYTES:
            self._kept += pieces
        self.sink.write(data)

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

    def _emit(self, frames: Sequence[Frame]) -> None:
        data = self._pass(frames)
        if data:
            self._keep(data)
            self.sink.write(data)

    def _pass(self, frames: Sequence[Frame]) -> bytes:
        """What of these frames goes to the client."""
        out: list[bytes] = []
        encoder = self._encoder
        for frame in frames:
            if self.done or self.has_failed():
                break  # nothing follows an end mark or an error
            counts_only = self._note(frame.events)
            if not self.has_failed() and not (counts_only and self._strip_usage):
                out.append(frame.raw if encoder is None else self._translate(encoder, frame))
        return out[0] if len(out) == 1 else b"".join(out)

    def _translate(self, encoder: Encoder, frame: Frame) -> bytes:
        try:
            out = encoder.encode(frame.events)
        except UpstreamFailure as failure:
            self.failure = failure
            return b""
        if self._usual is not None and self._usual.learn(frame.raw, frame.events):
            self._surround(encoder, frame.events[0])
        return out

    def _surround(self, encoder: Encoder, event: Event) -> None:
        """What the client gets around the words from here on."""
        before, after = self._before_text, self._after_text
        around = encoder.around(event)
        if around is None:
            self._speaker = encoder.speaker(event)
            if self._speaker is None:
                self._usual = None
        elif around != (before, after):
            self._kept = [
                one if isinstance(one, tuple) else (before + one + after,) for one in self._kept
            ]
            self._before_text, self._after_text = around

    def _tokens(self) -> int:
        return len(self._kept) if self._kept_bytes <= KEPT_LIMIT_BYTES else self._kept_bytes

    def _finale(self) -> None:
        if self._encoder is not None:
            last = self._encoder.end()
        else:
            last = b"" if self.done else self._end_mark
        if last:
            self._keep(last)
            self.sink.write(last)

    def _keep(self, data: bytes) -> None:
        self._kept_bytes += len(data)
        if self._kept_bytes <= KEPT_LIMIT_BYTES:
            self._kept.append((data,))


class Gather(Follower):
    """One target's tokens, into a whole answer: nothing is sent before it is complete."""

    __slots__ = ("events",)

    def __init__(
        self,
        owner: Owner,
        decoder: Decoder,
        *,
        gap_s: float,
        least_per_s: float | None,
        wheel: Wheel,
        now: Clock,
    ) -> None:
        super().__init__(owner, decoder, gap_s=gap_s, least_per_s=least_per_s, wheel=wheel, now=now)
        self.events: list[Event] = []

    def begin(self, frames: Sequence[Frame], tail: bytes) -> None:
        """Take the frames that were held back, and the bytes after them."""
        self._watch()
        self._emit(frames)
        if tail:
            self._emit(self._decode(tail))

    def _emit(self, frames: Sequence[Frame]) -> None:
        for frame in frames:
            self._note(frame.events)
            self.events.extend(frame.events)

    def _tokens(self) -> int:
        return len(self.events)

    def _finale(self) -> None:
        """Nothing was sent yet; the owner tells the whole."""
