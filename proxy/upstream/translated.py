"""A stream translated: every frame in the client's own words, a usual token by its word alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.chat import Spent
from proxy.dialects.usual import is_text
from proxy.errors import UpstreamFailure
from proxy.upstream.follow import Owner, Patience
from proxy.upstream.relay import (
    CHUNK_LIMIT,
    HEADS,
    KEPT_LIMIT_BYTES,
    LINES,
    Relay,
    chunk_head,
    size_line,
    words_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from proxy.chat import Event, Usage
    from proxy.dialects.dialect import Decoder, Encoder, Frame
    from proxy.dialects.usual import Usual
    from proxy.exchange import Sink


_SOUND_LIMIT = 4096
_SOUND_BYTES = 32
_sound: set[bytes] = set()  # words that were found to be JSON between their quotes, for all streams


def is_sound(word: bytes) -> bool:
    """Whether this is a JSON string without its quotes, and not empty."""
    if not word or is_text(word) is None:
        return False
    if len(word) <= _SOUND_BYTES:
        if len(_sound) >= _SOUND_LIMIT:
            _sound.clear()
        _sound.add(word)
    return True


class Translated(Relay):
    """One target's tokens, translated."""

    __slots__ = (
        "_count", "_encoder", "_end", "_said_after", "_said_before", "_speaker", "_usual",
    )  # fmt: skip

    def __init__(  # one stream's parts, set once
        self,
        owner: Owner,
        sink: Sink,
        decoder: Decoder,
        patience: Patience,
        encoder: Encoder,
        count: Callable[[], Usage | None] = lambda: None,
    ) -> None:
        """count: what the stream used, should its provider not say; None where nobody asks."""
        super().__init__(owner, sink, decoder, patience)
        self._encoder = encoder
        self._count = count
        self._usual: Usual | None = None
        self._speaker: Callable[[bytes], bytes] | None = None
        self._said_before = b""  # what the provider has before a usual token's word,
        self._said_after = b""  # and after it, its chunk's last bytes included
        self._end = b""  # the same, of the client's

    def data_received(self, data: bytes) -> None:
        """What came, before it is parsed: nearly always one usual token, whole, in one chunk."""
        if self._aligned:
            size = len(data)
            if size < CHUNK_LIMIT:
                head = HEADS[size] or chunk_head(size)
                rest = data.removeprefix(head).removeprefix(self._said_before)
                word = rest.removesuffix(self._said_after)
                # as much shorter as it is only where all three were there
                sized = size - len(word) == self._around + len(head)
                if sized and (word in _sound or is_sound(word)):
                    if self._speaker is None:
                        self._tell(word)
                    else:
                        data = self._speaker(word)
                        self._say(data, (data,))
                    return
            words = words_of(data, self._said_before, self._said_after)
            if words and all(word in _sound or is_sound(word) for word in words):
                self._tell_all(words)
                return
        self._go_round(data)

    def _tell(self, word: bytes) -> None:
        """One usual token, in a chunk made here."""
        before, end = self._before_text, self._end
        size = len(before) + len(word) + len(end) - 2
        line = (LINES[size] or size_line(size)) if size < CHUNK_LIMIT else b"%x\r\n" % size
        self._heard()
        self._kept_bytes += size
        if self._kept_bytes <= KEPT_LIMIT_BYTES:
            self._kept.append(word)
        self._write(b"".join((line, before, word, end)))  # type: ignore[misc]  # where aligned

    def feed(self, data: bytes) -> None:
        """More of the provider's body."""
        usual = self._usual
        word = usual.word(data) if usual is not None else b""
        if usual is None or not word:
            self._several(data)
            return
        if usual.is_plain:
            self._fed = len(data)
        if self._speaker is None:
            self._say(self._before_text + word + self._after_text, word)
        else:
            data = self._speaker(word)
            self._say(data, (data,))

    def _knows(self) -> bool:
        assert self._usual is not None  # which gave the token its word
        self._said_before, after = self._usual.around
        self._said_after = after + b"\r\n"
        self._around = len(self._said_before) + len(self._said_after)
        self._end = self._after_text + b"\r\n"
        return True

    def _several(self, data: bytes) -> None:
        """Anything but one usual token: several, or what must be decoded."""
        words = self._usual.words(data) if self._usual is not None else ()
        if words:
            self._tell_all(words)
        else:
            self._examine(self._decode(data))

    def _tell_all(self, words: Sequence[bytes]) -> None:
        if self._speaker is not None:
            data = b"".join(map(self._speaker, words))
            self._say(data, (data,))
        else:
            before, after = self._before_text, self._after_text
            self._say(b"".join([before + word + after for word in words]), *words)

    def _say(self, data: bytes, *pieces: bytes | tuple[bytes]) -> None:
        """Translated tokens. pieces: what is kept of them, of the usual form or whole."""
        self._heard()
        self._kept_bytes += len(data)
        if self._kept_bytes <= KEPT_LIMIT_BYTES:
            self._kept += pieces
        self.sink.write(data)

    def _prepare(self, frames: Sequence[Frame], tail: bytes) -> None:
        del frames, tail
        self._usual = self._decoder.usual()

    def _told(self, frame: Frame, *, counts_only: bool) -> bytes:
        del counts_only  # the encoder knows who wants counts
        try:
            out = self._encoder.encode(frame.events)
        except UpstreamFailure as failure:
            self.failure = failure
            return b""
        if self._usual is not None and self._usual.learn(frame.raw, frame.events):
            self._surround(frame.events[0])
        return out

    def _surround(self, event: Event) -> None:
        """What the client gets around the words from here on."""
        before, after = self._before_text, self._after_text
        around = self._encoder.around(event)
        if around is None:
            self._speaker = self._encoder.speaker(event)
            if self._speaker is None:
                self._usual = None
        elif around != (before, after):
            self._kept = [
                one if isinstance(one, tuple) else (before + one + after,) for one in self._kept
            ]
            self._before_text, self._after_text = around

    def _last(self) -> bytes:
        if self.usage is None:
            self.usage = self._count()
            if self.usage is not None:
                self._encoder.encode((Spent(self.usage),))
        return self._encoder.end()
