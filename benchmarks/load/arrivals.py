"""When requests are due: the open loops, as endless (or not) series of offsets from the start."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import orjson


def constant(rate: float) -> Iterator[float]:
    """Seconds from the start, evenly spaced; rate in requests a second."""
    number = 0
    while True:
        yield number / rate
        number += 1


def poisson(rate: float, random: Random, burstiness: float = 1.0) -> Iterator[float]:
    """Independent arrivals. Burstiness is the shape of the gamma distribution of the gaps:
    1 is Poisson, less comes in bursts, more is more even."""
    due = 0.0
    while True:
        yield due
        due += random.gammavariate(burstiness, 1.0 / (rate * burstiness))


def ramp(first: float, last: float, seconds: float) -> Iterator[float]:
    """A rate that goes linearly from `first` to `last` over so many seconds, then stays."""
    due = 0.0
    while True:
        yield due
        share = min(1.0, due / seconds)
        due += 1.0 / (first + (last - first) * share)


def trace(path: Path) -> Iterator[float]:
    """Recorded times, one a line: a number of seconds, or an object with `timestamp` in
    milliseconds or `time` in seconds. They are shifted so that the first is 0. Raises ValueError
    that names the line."""
    times = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            if line.strip():
                times.append(_time_of(line))
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{path}:{number}: not a time: {line[:80]!r}") from None
    times.sort()
    if not times:
        raise ValueError(f"{path} holds no times")
    return (time - times[0] for time in times)


def _time_of(line: bytes) -> float:
    value = orjson.loads(line)
    if isinstance(value, dict):
        value = value["timestamp"] / 1e3 if "timestamp" in value else value["time"]
    if isinstance(value, str | bool):
        raise TypeError
    return float(value)
