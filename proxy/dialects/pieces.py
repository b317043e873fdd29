"""Decoders of streams that are cut into events first, and then read event by event."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Protocol

from proxy.dialects.dialect import Frame
from proxy.dialects.usual import Usual

if TYPE_CHECKING:
    from proxy.chat import Event


class Cutter(Protocol):
    """Cuts a stream: sse.Splitter, ndjson.Lines."""

    rest: bytes  # of an event that is not complete

    def feed(self, data: bytes) -> list[bytes]: ...
    def close(self) -> bytes: ...


class PieceDecoder(ABC):
    """Frames of one stream. What an event means, its format says."""

    __slots__ = ("_cutter",)

    def __init__(self, cutter: Cutter) -> None:
        self._cutter = cutter

    def feed(self, data: bytes) -> list[Frame]:
        """See Decoder.feed."""
        return [Frame(event, self._mean(event)) for event in self._cutter.feed(data)]

    def close(self) -> list[Frame]:
        """See Decoder.close."""
        rest = self._cutter.close()
        return [Frame(rest, self._mean(rest))] if rest else []

    def usual(self) -> Usual | None:
        """See Decoder.usual."""
        return Usual(self._cutter)

    @abstractmethod
    def _mean(self, event: bytes) -> tuple[Event, ...]:
        """What one event means, as it came."""
