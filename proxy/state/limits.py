"""What a provider may be asked at once and in a minute, kept before it has to say so itself.

A minute slides: what a provider allows in one may be used at once, as clients do that ask seldom
and then several times, and never again before it is a minute old. A provider without limits has no
entry and costs one dict look-up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

MINUTE_S = 60.0
GRAIN_S = 0.2  # uses this close together are remembered as one, as old as the last of them
BUSY_S = 0.05  # until a full provider is worth another look: nobody knows when an answer ends


@dataclass(frozen=True, slots=True)
class Quota:
    """What is allowed; None: without limit. A quota of nothing but None only counts."""

    concurrent: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None


class Minute:
    """What was used in the last minute of an allowance. A use may be larger than what is there:
    the debt is waited for."""

    __slots__ = ("_allowance", "_used", "_uses")

    def __init__(self, allowance: int) -> None:
        self._allowance = allowance
        self._used = 0.0
        self._uses: deque[tuple[float, float]] = deque()  # since when, up to 300; amount

    def wait_s(self, amount: float, now: float) -> float:
        """Seconds until this much may be used. What is larger than all of it needs all of it."""
        uses = self._uses
        while uses and uses[0][0] <= now - MINUTE_S:
            self._used -= uses.popleft()[1]
        lacking = self._used + min(amount, self._allowance) - self._allowance
        if lacking <= 0:
            return 0.0
        for at, used in uses:
            lacking -= used
            if lacking <= 0:
                return at + MINUTE_S - now
        return MINUTE_S

    def take(self, amount: float, now: float) -> None:
        """So much is used."""
        self.wait_s(0.0, now)
        self._used += amount
        uses = self._uses
        if len(uses) > 1 and now - uses[-2][0] < GRAIN_S:
            amount += uses.pop()[1]
        uses.append((now, amount))


class Gate:
    """One provider's quota and what is used of it."""

    __slots__ = ("in_flight", "quota", "requests", "tokens")

    def __init__(self, quota: Quota) -> None:
        self.in_flight = 0
        self.quota = quota
        self.requests = Minute(quota.requests_per_minute) if quota.requests_per_minute else None
        self.tokens = Minute(quota.tokens_per_minute) if quota.tokens_per_minute else None

    def wait_s(self, tokens: int, now: float) -> float:
        """Seconds until a request of so many tokens may go."""
        most = self.quota.concurrent
        wait = BUSY_S if most is not None and self.in_flight >= most else 0.0
        if self.requests is not None:
            wait = max(wait, self.requests.wait_s(1.0, now))
        if self.tokens is not None:
            wait = max(wait, self.tokens.wait_s(tokens, now))
        return wait


class Limits:
    """All providers' gates, by the endpoint's name."""

    __slots__ = ("_gates",)

    def __init__(self) -> None:
        self._gates: dict[str, Gate] = {}

    def configure(self, quotas: Mapping[str, Quota]) -> None:
        """What a configuration says. Of a gate that stays as it was, the use is kept."""
        before = self._gates
        self._gates = {}
        for name, quota in quotas.items():
            old = before.get(name)
            gate = old if old is not None and old.quota == quota else Gate(quota)
            if old is not None:
                gate.in_flight = old.in_flight
            self._gates[name] = gate

    def limits(self, name: str) -> bool:
        """Whether this endpoint is limited or counted at all."""
        return name in self._gates

    def wait_s(self, name: str, tokens: int, now: float) -> float:
        """Seconds until a request of so many tokens may go there; 0: at once."""
        gate = self._gates.get(name)
        return 0.0 if gate is None else gate.wait_s(tokens, now)

    def admit(self, name: str, tokens: int, now: float) -> bool:
        """Take a place for an attempt, if there is one. Each True is followed by one release."""
        gate = self._gates.get(name)
        if gate is None:
            return True
        if gate.wait_s(tokens, now) > 0:
            return False
        gate.in_flight += 1
        if gate.requests is not None:
            gate.requests.take(1.0, now)
        if gate.tokens is not None:
            gate.tokens.take(tokens, now)
        return True

    def release(self, name: str) -> None:
        """An attempt that was admitted ended, however it did."""
        gate = self._gates.get(name)
        if gate is not None and gate.in_flight > 0:
            gate.in_flight -= 1

    def charge(self, name: str, tokens: int, now: float) -> None:
        """An answer's own tokens, known only afterwards."""
        gate = self._gates.get(name)
        if gate is not None and gate.tokens is not None:
            gate.tokens.take(tokens, now)

    def in_flight(self, name: str) -> int:
        """Attempts under way; 0 where nobody counts."""
        gate = self._gates.get(name)
        return 0 if gate is None else gate.in_flight
