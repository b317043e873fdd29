"""A stream translated: every frame in the client's own words, a usual token by its word alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.errors import UpstreamFailure
from proxy.upstream.follow import Owner
from proxy.upstream.relay import KEPT_LIMIT_BYTES, Relay

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from proxy.chat import Event
    from proxy.dialects.dialect import Decoder, Encoder, Frame
    from proxy.dialects.usual import Usual
    from proxy.exchange import Sink
    from proxy.timing import Clock, Wheel


class Translated(Relay):
    """One target's tokens, translated."""

    __slots__ = ("_encoder", "_speaker", "_usual")

    def __init__(  # noqa: PLR0913  # one stream's parts, set once
        self,
        owner: Owner,
        sink: Sink,
        decoder: Decoder,
        *,
        encoder: Encoder,
        gap_s: float,
        least_per_s: float | None,
        wheel: Wheel,
        now: Clock,
    ) -> None:
        super().__init__(
            owner, sink, decoder, gap_s=gap_s, least_per_s=least_per_s, wheel=wheel, now=now
        )
        self._encoder = encoder
        self._usual: Usual | None = None
        self._speaker: Callable[[bytes], bytes] | None = None

    def data_received(self, data: bytes) -> None:
        """What came, before it is parsed."""
        self._go_round(data)

    def feed(self, data: bytes) -> None:
        """More of the provider's body."""
        usual = self._usual
        word = usual.word(data) if usual is not None else b""
        if not word:
            self._several(data)
        elif self._speaker is None:
            self._say(self._before_text + word + self._after_text, word)
        else:
            data = self._speaker(word)
            self._say(data, (data,))

    def _several(self, data: bytes) -> None:
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
        return self._encoder.end()
