"""The provider that stalls: healthy answers, and a share of requests that never get one."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from benchmarks.mock.scenario import Scenario
from benchmarks.mock.turn import Act, Step, Turn, play


class Stalling:
    """A script that counts what it left unanswered. The same seed stalls the same requests."""

    def __init__(self, healthy: Scenario, share: float, seed: int = 0) -> None:
        self._healthy = healthy
        self._share = share
        self._random = Random(seed)
        self.stalled = 0

    def __call__(self, turn: Turn) -> Iterator[Step]:
        """One answer, or the head of one and nothing more."""
        if self._random.random() < self._share:
            self.stalled += 1
            yield turn.head()
            yield Act.STALL
            return
        turn.scenario = self._healthy
        yield from play(turn)
