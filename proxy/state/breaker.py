"""Circuit breakers, one a target: three failures in a row shut a door for five minutes.

While it is shut, single probes go through: the first after some seconds, then at growing intervals
that never exceed PROBE_MOST_S, so that a provider which recovers is used again within half a
minute although the door would stay shut for five. A probe's answer opens the door again; its
failure keeps it shut.

An attempt holds a ticket from its beginning to its end: the door's turn at that time. What attempts
of an earlier turn report is old news and moves nothing; only the probe's own ticket decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from proxy.errors import Kind

FAILURES = 3  # in a row (predecessor E's rule)
OPEN_SECONDS = 300.0
LONGEST_SECONDS = 3600.0  # a provider's own retry-after is believed up to here
PROBE_FIRST_S = 5.0
PROBE_GROWTH = 2.0
PROBE_MOST_S = 20.0
PROBE_SECONDS = 60.0  # after which a probe that never reported is forgotten
BYSTANDER = -1  # the ticket of an attempt that was let in beside a probe
BY_HAND = "by_hand"  # why a door is shut that somebody shut
LIMIT = 4096  # doors; targets of pattern routes are the clients' words


class State(Enum):
    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a kind of failure does. at_once: one is enough. alive: it proves that the target
    answers, and counts as a success. probe_s: until the first probe, and the least between two."""

    at_once: bool = False
    alive: bool = False
    probe_s: float = PROBE_FIRST_S


_COUNTS = Rule()
_ALIVE = Rule(alive=True)
_CONFIGURED_WRONGLY = Rule(at_once=True, probe_s=60.0)  # somebody has to mend it first
RULES: Mapping[Kind, Rule] = {
    Kind.CONNECT: _COUNTS,
    Kind.RESET: _COUNTS,
    Kind.STALL: _COUNTS,
    Kind.TIMEOUT: _COUNTS,
    Kind.OVERLOADED: _COUNTS,
    Kind.SERVER: _COUNTS,
    Kind.PROTOCOL: _COUNTS,
    Kind.EMPTY: _COUNTS,
    Kind.ERROR_FRAME: _COUNTS,
    Kind.RATE_LIMITED: Rule(probe_s=2.0),  # without a hint; with one, the door keeps to it
    Kind.KEY_REFUSED: _CONFIGURED_WRONGLY,
    Kind.MODEL_UNKNOWN: _CONFIGURED_WRONGLY,
    Kind.CONFLICT: _ALIVE,
    Kind.CONTEXT_LENGTH: _ALIVE,
    Kind.CONTENT_FILTER: _ALIVE,
    Kind.REFUSED: _ALIVE,
}


@dataclass(slots=True)
class Door:
    """One target's door. turn: a number for this opening or closing; probe_at: when the next probe
    may pass; until: when the door stops being shut by itself; probing_since: one is out."""

    turn: int = 0
    failures: int = 0
    successes: int = 0
    shut: bool = False
    probe_at: float = 0.0
    until: float = 0.0
    interval_s: float = PROBE_FIRST_S
    probing_since: float | None = None
    last_kind: str = ""

    def state(self, now: float) -> State:
        """What the door looks like now."""
        if not self.shut:
            return State.CLOSED
        return State.HALF_OPEN if self.probing(now) or now >= self.until else State.OPEN

    def probing(self, now: float) -> bool:
        """Whether a probe is out that may still report."""
        return self.probing_since is not None and now - self.probing_since < PROBE_SECONDS


class Breakers:
    """All targets' breakers. A target without trouble has no entry and costs one dict look-up."""

    __slots__ = ("_failures", "_open_s", "_turns", "known", "opened", "shut")

    def __init__(
        self,
        *,
        failures: int = FAILURES,
        open_seconds: float = OPEN_SECONDS,
    ) -> None:
        self.known: dict[str, Door] = {}  # doors of targets that had trouble: most have none
        self._failures = failures
        self._open_s = open_seconds
        self._turns = 0
        self.opened = 0  # how often any door was shut, since the start
        self.shut = 0  # doors that are shut now

    def blocked(self, target: str, now: float) -> bool:
        """Whether a plan should pass this target by."""
        door = self.known.get(target)
        return door is not None and door.shut and (now < door.probe_at or door.probing(now))

    def enter(self, target: str, now: float, *, forced: bool = False) -> int | None:
        """An attempt begins: its ticket, or None where the door is shut and this is no probe.

        The plan's answer may be old by now, and another request may be the probe. forced: begin
        all the same, because nothing else is left to try; whoever gets in first is the probe.
        """
        door = self.known.get(target)
        if door is None:
            return 0
        if not door.shut:
            return door.turn
        if not door.probing(now) and (forced or now >= door.probe_at):
            self._turns += 1
            door.turn = self._turns
            door.probing_since = now
            return door.turn
        return BYSTANDER if forced else None

    def succeeded(self, target: str, now: float, ticket: int | None = None) -> None:
        """A first token or an answer came. ticket None: of an attempt that began just now.

        A late success of an attempt from before the door was shut does not open it, but is reason
        enough to probe at once.
        """
        door = self.known.get(target)
        if door is None:
            return
        door.successes += 1
        if door.shut and ticket not in (None, door.turn, BYSTANDER):
            door.probe_at = min(door.probe_at, now)
            return
        door.failures = 0
        if door.shut:
            self._turns += 1
            door.turn = self._turns
            door.shut = False
            door.probing_since = None
            self.shut -= 1

    def failed(
        self,
        target: str,
        kind: Kind,
        now: float,
        *,
        retry_after: float | None = None,
        ticket: int | None = None,
    ) -> None:
        """An attempt failed. retry_after: seconds that the provider asks for.

        Every failure may be told; what says nothing about the target does nothing to its door.
        """
        rule = RULES[kind]
        if rule.alive:
            self.succeeded(target, now, ticket)
            return
        door = self.known.get(target) or self._make(target)
        door.last_kind = kind.value
        if ticket is not None and ticket != door.turn:
            if door.shut and kind is Kind.RATE_LIMITED:
                _keep_to(door, now, retry_after)
            return
        door.failures += 1
        asked = kind is Kind.RATE_LIMITED and bool(retry_after)
        if door.shut or rule.at_once or asked or door.failures >= self._failures:
            self._shut(door, kind, now)
            if asked and retry_after is not None:  # a limit ends when the provider says so
                door.failures = 0
                door.probe_at = door.until = now + min(retry_after, LONGEST_SECONDS)
            else:
                _keep_to(door, now, retry_after)

    def abandoned(self, target: str, now: float, ticket: int | None = None) -> None:
        """An attempt was given up, or never sent: it proved nothing, and its probe is free."""
        del now
        door = self.known.get(target)
        if door is not None and door.shut and (ticket is None or ticket == door.turn):
            door.probing_since = None

    def reset(self, target: str | None = None) -> None:
        """Open one door by hand, or all."""
        if target is None:
            self.known.clear()
        else:
            self.known.pop(target, None)
        self.shut = sum(door.shut for door in self.known.values())

    def open(self, target: str, now: float) -> None:
        """Shut a target off by hand: no probe goes there until the door's time is over, or it is
        reset. It does not count as opened: somebody wanted it."""
        door = self.known.get(target) or self._make(target)
        self._turns += 1
        door.turn = self._turns
        door.probing_since = None
        door.last_kind = BY_HAND
        door.probe_at = door.until = now + self._open_s
        if not door.shut:
            door.shut = True
            self.shut += 1

    def snapshot(self, now: float) -> dict[str, dict[str, Any]]:
        """For the admin API. nextAttemptTime: seconds until the next probe, or None."""
        return {
            target: {
                "state": door.state(now).value,
                "failureCount": door.failures,
                "successCount": door.successes,
                "lastFailure": door.last_kind,
                "nextAttemptTime": round(max(0.0, door.probe_at - now), 3) if door.shut else None,
            }
            for target, door in sorted(self.known.items())
        }

    def _make(self, target: str) -> Door:
        if len(self.known) >= LIMIT:
            idle = next((one for one, door in self.known.items() if not door.shut), None)
            self.reset(idle if idle is not None else next(iter(self.known)))
        door = self.known[target] = Door()
        return door

    def _shut(self, door: Door, kind: Kind, now: float) -> None:
        """Shut it, or after a failed probe keep it shut until the next one."""
        least = RULES[kind].probe_s
        self._turns += 1
        door.turn = self._turns
        door.probing_since = None
        if door.shut:
            over = now >= door.until
            door.interval_s = max(least, min(door.interval_s * PROBE_GROWTH, PROBE_MOST_S))
            if over:
                door.until = now + self._open_s
        else:
            door.interval_s = least
            door.until = now + self._open_s
            door.shut = True
            self.opened += 1
            self.shut += 1
        door.probe_at = min(now + door.interval_s, max(door.until, now))


def _keep_to(door: Door, now: float, retry_after: float | None) -> None:
    """No probe before the time that the provider named; its word only ever delays."""
    if retry_after is not None:
        until = now + min(retry_after, LONGEST_SECONDS)
        door.probe_at = max(door.probe_at, until)
        door.until = max(door.until, until)
