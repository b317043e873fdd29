"""How a supervisor sees that its workers live: a number each, in memory they share."""

from __future__ import annotations

import mmap
import struct
from time import monotonic

from proxy.life import BEAT_SECONDS

_BEAT = struct.Struct("d")


class Hearts:
    """Memory shared with the workers: when each one's event loop last turned."""

    def __init__(self, workers: int) -> None:
        self._memory = mmap.mmap(-1, workers * _BEAT.size)

    def beat(self, number: int, at: float) -> None:
        """at: monotonic seconds; 0 where no process is."""
        _BEAT.pack_into(self._memory, number * _BEAT.size, at)

    def last(self, number: int) -> float:
        """Its last beat, 0 before the first."""
        found: float = _BEAT.unpack_from(self._memory, number * _BEAT.size)[0]
        return found


class Heart:
    """A worker's side: what it tells its supervisor."""

    beat_seconds: float | None = BEAT_SECONDS

    def __init__(self, hearts: Hearts, number: int) -> None:
        self._hearts = hearts
        self._number = number

    def ready(self, status: str) -> None:
        """Its first beat says as much."""
        del status
        self.beat()

    def reloading(self) -> None:
        """It takes milliseconds: nobody asks."""

    def handed_over(self, pid: int) -> None:
        """Workers have no successors of their own."""

    def stopping(self) -> None:
        """It goes on beating while it drains."""

    def beat(self) -> None:
        """The event loop turns."""
        self._hearts.beat(self._number, monotonic())
