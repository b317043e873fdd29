"""Circuit breakers, one a target: three failures in a row close a door for five minutes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from proxy.errors import Kind

FAILURES = 3  # in a row (predecessor E's rule)
OPEN_SECONDS = 300.0
LONGEST_SECONDS = 3600.0  # a provider's own retry-after is believed up to here
PROBE_SECONDS = 60.0  # after which a probe that never reported is forgotten


class State(Enum):
    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"


@dataclass(slots=True)
class Breaker:
    """One target's door. opens_at: when the next probe may pass; probing_since: one is out."""

    failures: int = 0
    successes: int = 0
    open: bool = False
    opens_at: float = 0.0
    probing_since: float | None = None
    last_kind: str = ""

    def state(self, now: float) -> State:
        """What the door looks like now."""
        if not self.open:
            return State.CLOSED
        return State.OPEN if now < self.opens_at else State.HALF_OPEN


class Breakers:
    """All targets' breakers. A target without trouble has no entry and costs one dict look-up."""

    __slots__ = ("_doors", "_failures", "_open_s", "opened")

    def __init__(self, *, failures: int = FAILURES, open_seconds: float = OPEN_SECONDS) -> None:
        self._doors: dict[str, Breaker] = {}
        self._failures = failures
        self._open_s = open_seconds
        self.opened = 0  # how often any door closed, since the start

    def blocked(self, target: str, now: float) -> bool:
        """Whether a plan should pass this target by. A half-open door lets one probe through."""
        door = self._doors.get(target)
        if door is None or not door.open:
            return False
        if now < door.opens_at:
            return True
        return door.probing_since is not None and now - door.probing_since < PROBE_SECONDS

    def starts(self, target: str, now: float) -> None:
        """An attempt begins; behind a half-open door it is the probe."""
        door = self._doors.get(target)
        if door is not None and door.open:
            door.probing_since = now

    def succeeded(self, target: str, now: float) -> None:
        """A first token or an answer came."""
        del now
        door = self._doors.get(target)
        if door is not None:
            door.failures = 0
            door.successes += 1
            door.open = False
            door.probing_since = None

    def failed(
        self, target: str, kind: Kind, now: float, *, retry_after: float | None = None
    ) -> None:
        """An attempt failed in a way that says something about the target."""
        door = self._doors.setdefault(target, Breaker())
        door.last_kind = kind.value
        if kind is Kind.RATE_LIMITED:
            if retry_after is not None:
                self._shut(door, now, min(retry_after, LONGEST_SECONDS))
            return
        door.failures += 1
        probing = door.open
        if kind is Kind.KEY_REFUSED or probing or door.failures >= self._failures:
            self._shut(door, now, retry_after if retry_after is not None else self._open_s)

    def abandoned(self, target: str, now: float) -> None:
        """An attempt was cancelled: it proved nothing, and its probe is free again."""
        del now
        door = self._doors.get(target)
        if door is not None:
            door.probing_since = None

    def reset(self, target: str | None = None) -> None:
        """Open one door by hand, or all."""
        if target is None:
            self._doors.clear()
        else:
            self._doors.pop(target, None)

    def next_probe(self, target: str) -> float:
        """When a closed door lets somebody through; 0 for an open one."""
        door = self._doors.get(target)
        return door.opens_at if door is not None and door.open else 0.0

    def snapshot(self, now: float) -> dict[str, dict[str, Any]]:
        """For the admin API. nextAttemptTime: seconds from now, or None."""
        return {
            target: {
                "state": door.state(now).value,
                "failureCount": door.failures,
                "successCount": door.successes,
                "lastFailure": door.last_kind,
                "nextAttemptTime": round(max(0.0, door.opens_at - now), 3) if door.open else None,
            }
            for target, door in sorted(self._doors.items())
        }

    def _shut(self, door: Breaker, now: float, seconds: float) -> None:
        if not door.open:
            self.opened += 1
        door.open = True
        door.opens_at = now + min(seconds, LONGEST_SECONDS)
        door.probing_since = None
