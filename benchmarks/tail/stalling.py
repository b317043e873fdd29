"""The provider that stalls: healthy answers, and a share of requests that never get one."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from benchmarks.mock.scenario import Scenario
from benchmarks.mock.turn import Act, Step, Turn, play

BLOCK = 100  # requests, among which the share is exact


class Stalling:
    """A script that counts what it left unanswered. The same seed stalls the same requests; their
    number is the share's, so that a short run is not a matter of luck."""

    def __init__(self, healthy: Scenario, share: float, seed: int = 0) -> None:
        self._healthy = healthy
        self._share = share
        self._random = Random(seed)
        self._left: list[bool] = []
        self.stalled = 0

    def __call__(self, turn: Turn) -> Iterator[Step]:
        """One answer, or the head of one and nothing more."""
        if not self._left:
            self._left = [place < BLOCK * self._share for place in range(BLOCK)]
            self._random.shuffle(self._left)
        if self._left.pop():
            self.stalled += 1
            yield turn.head()
            yield Act.STALL
            return
        turn.scenario = self._healthy
        yield from play(turn)
