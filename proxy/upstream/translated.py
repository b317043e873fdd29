"""A stream translated: every frame in the client's own words, a usual token by its word alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.chat import Spent
from proxy.dialects.usual import is_text
from proxy.errors import UpstreamFailure
from proxy.upstream.follow import Owner, Patience
from proxy.upstream.relay import Relay, words_of
from proxy.upstream.shortcut import KEPT_LIMIT_BYTES

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

    __slots__ = ("_count", "_encoder", "_speaker", "_usual")

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
        self._sound = _sound

    def _other(self, data: bytes) -> None:
        """A usual token whose word is new, or several, where there is nothing else; or anything."""
        words = words_of(data, self._said_before, self._said_after) if self._aligned else ()
        if not words or not all([word in _sound or is_sound(word) for word in words]):
            self._go_round(data)
        elif self._short and len(words) == 1 and words[0] in _sound:
            self.data_received(data)  # it is known now
        else:
            self._tell_all(words)

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
        self._told_before, self._told_after = self._before_text, self._after_text + b"\r\n"
        return self._speaker is None

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
