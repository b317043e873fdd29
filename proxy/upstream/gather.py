"""A target's tokens gathered into a whole answer, for a client that asked for no stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.upstream.follow import Follower, Owner, Patience

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.chat import Event
    from proxy.dialects.dialect import Decoder, Frame


class Gather(Follower):
    """One target's tokens: nothing is sent before the answer is complete."""

    __slots__ = ("events",)

    def __init__(self, owner: Owner, decoder: Decoder, patience: Patience) -> None:
        super().__init__(owner, decoder, patience)
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
