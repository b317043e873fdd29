"""The longest silence inside an answer, as streams showed it, and the limit that follows.

One sample a stream, its longest gap between tokens. The limit lies far beyond the usual: a stream
that is cut off in its middle costs more than a second of waiting, so there is a floor, and requests
that think or call tools, whose pauses are long by nature, have a higher one and histories of their
own.
"""

from __future__ import annotations

from math import exp, sqrt
from typing import Any

from proxy.state.sketch import Sketch

FLOOR_S = 5.0  # no limit is shorter; a large provider's hiccups last a second or two
PAUSING_FLOOR_S = 20.0  # where the model thinks or waits for a tool between tokens
PRIOR_S = 10.0  # until enough is known
PAUSING_PRIOR_S = 45.0
MOST_S = 60.0
PAUSING_MOST_S = 180.0
DEVIATIONS = 4.0  # above the mean of the log seconds,
FACTOR = 2.0  # or so many times the 95th percentile, whichever is longer
SPREAD = 0.25  # variance supposed of log seconds, for so many samples:
SPREAD_WEIGHT = 5.0
ENOUGH = 16.0  # weight of samples that speak for themselves
BATCH = 32
LIMIT = 1024  # targets, twice; those of pattern routes are the clients' words


class Gaps:
    """What is normal between tokens, per target. pausing: the request has tools or reasons."""

    __slots__ = ("_pausing", "_plain")

    def __init__(self) -> None:
        self._plain: dict[str, Sketch] = {}
        self._pausing: dict[str, Sketch] = {}

    def observe(self, target: str, longest_s: float, now: float, *, pausing: bool = False) -> None:
        """A stream ended well, and this was its longest silence."""
        self._sketch(target, pausing=pausing).add(longest_s, now)

    def censored(self, target: str, silent_s: float, now: float, *, pausing: bool = False) -> None:
        """A stream was given up after being silent for so long."""
        self._sketch(target, pausing=pausing).cut(silent_s, now)

    def deadline(self, target: str, *, pausing: bool = False) -> float:
        """Seconds of silence after which a stream counts as stalled."""
        sketch = (self._pausing if pausing else self._plain).get(target)
        if sketch is None:
            return PAUSING_PRIOR_S if pausing else PRIOR_S
        if sketch.due <= 0:
            _conclude(sketch, pausing=pausing)
        return sketch.limit_s

    def snapshot(self) -> list[dict[str, Any]]:
        """For the admin API."""
        return [
            {
                "target": target,
                "pausing": pausing,
                "streams": sketch.count,
                "p95_s": round(exp(sketch.read().p95), 4),
                "deadline_s": round(self.deadline(target, pausing=pausing), 4),
            }
            for pausing, sketches in ((False, self._plain), (True, self._pausing))
            for target, sketch in sorted(sketches.items())
        ]

    def _sketch(self, target: str, *, pausing: bool) -> Sketch:
        sketches = self._pausing if pausing else self._plain
        sketch = sketches.get(target)
        if sketch is None:
            while len(sketches) >= LIMIT:
                del sketches[next(iter(sketches))]
            sketch = sketches[target] = Sketch()
        return sketch


def _conclude(sketch: Sketch, *, pausing: bool) -> None:
    floor, prior, most = (
        (PAUSING_FLOOR_S, PAUSING_PRIOR_S, PAUSING_MOST_S)
        if pausing
        else (FLOOR_S, PRIOR_S, MOST_S)
    )
    reading = sketch.read()
    sketch.due = BATCH
    weight = reading.weight
    if weight < ENOUGH or reading.silent >= 1.0:
        sketch.due = 1
        sketch.limit_s = prior
        return
    spread = (weight * reading.variance + SPREAD_WEIGHT * SPREAD) / (weight + SPREAD_WEIGHT)
    usual = exp(reading.mean + DEVIATIONS * sqrt(spread))
    sketch.limit_s = min(max(usual, FACTOR * exp(reading.p95), floor), most)
