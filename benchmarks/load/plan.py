"""How much load, when, for how long; and what this process may use for it."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Load:
    """How much, how long. Without arrivals the loop is closed: every connection sends again as
    soon as it has its answer. Ends after `count` requests or `seconds`, whichever is first."""

    concurrency: int = 1  # connections of a closed loop; the most of an open one
    count: int | None = None
    seconds: float | None = None
    arrivals: Callable[[], Iterator[float]] | None = None
    warmup: int = 0  # requests before, not counted
    preconnect: int = 0  # connections that an open loop opens before it starts
    drain_seconds: float = 30.0  # for answers that are still on their way at the end
    request_seconds: float = 300.0
    unique: bool = False  # every prompt gets a number, so that no cache knows it
    check_done: bool = True
    goodput: tuple[tuple[str, float], ...] = ()  # (ttft, tpot or total; seconds): each request's


Row = tuple[float, float, float, float, int, int, str]
"""One request: due, first token, end (seconds after the start), lag, tokens, status, error."""


def cpu_seconds() -> float:
    """User and system time of this process so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def waited_seconds() -> float:
    """How long this thread has waited for a core so far; 0 where the system does not tell."""
    try:
        return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


def raise_file_limit() -> None:
    """As many connections as the system lets this process have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
