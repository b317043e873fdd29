"""What a provider may be asked at once and in a minute, kept before it has to say so itself.

Buckets refill evenly and hold a tenth of a minute's allowance, and the refill is that much lower:
no sliding minute ever sees more than the limit. A provider without limits has no entry and costs
one dict look-up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MINUTE_S = 60.0
BURST_SHARE = 0.1  # of a minute's allowance that may be used at once
BUSY_S = 0.05  # until a full provider is worth another look: nobody knows when an answer ends


@dataclass(frozen=True, slots=True)
class Quota:
    """What is allowed; None: without limit. A quota of nothing but None only counts."""

    concurrent: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None


class Bucket:
    """An allowance by the minute."""

    __slots__ = ("_at", "_burst", "_level", "_per_s")

    def __init__(self, per_minute: int) -> None:
        self._burst = max(1.0, per_minute * BURST_SHARE)
        self._per_s = max(per_minute - self._burst, per_minute / 2) / MINUTE_S
        self._level = self._burst
        self._at = 0.0

    def wait_s(self, amount: float, now: float) -> float:
        """Seconds until this much may be taken. What is larger than the bucket needs it full."""
        self._level = min(self._burst, self._level + (now - self._at) * self._per_s)
        self._at = now
        lacking = min(amount, self._burst) - self._level
        return lacking / self._per_s if lacking > 1e-9 else 0.0

    def take(self, amount: float, now: float) -> None:
        """Use it up, also beyond what is there: the debt is waited for."""
        self.wait_s(0.0, now)
        self._level -= amount


class Gate:
    """One provider's quota and what is used of it."""

    __slots__ = ("in_flight", "quota", "requests", "tokens")

    def __init__(self, quota: Quota) -> None:
        self.in_flight = 0
        self.quota = quota
        self.requests = Bucket(quota.requests_per_minute) if quota.requests_per_minute else None
        self.tokens = Bucket(quota.tokens_per_minute) if quota.tokens_per_minute else None

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
