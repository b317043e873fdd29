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
MOVING_S = 0.15  # until a part that others do not use has come here: some pulses of theirs and ours
BUSY_S = 0.05  # until a full provider is worth another look: nobody knows when an answer ends


@dataclass(frozen=True, slots=True)
class Quota:
    """What is allowed; None: without limit. A quota of nothing but None only counts."""

    concurrent: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None


class Minute:
    """What was used in the last minute of an allowance. A use may be larger than what is there:
    the debt is waited for.

    Where several processes share a limit, each keeps to a part of it, its ceiling, which
    division.py moves to where it is needed; others: what other processes use; missed: what did
    not fit under the ceiling since somebody looked.
    """

    __slots__ = ("_used", "_uses", "ceiling", "limit", "missed", "others")

    def __init__(self, limit: int) -> None:
        self.limit = self.ceiling = limit
        self.others = self.missed = 0
        self._used = 0
        self._uses: deque[tuple[float, int]] = deque()  # since when, up to 300; amount

    def used(self, now: float) -> int:
        """What was used here in the last minute."""
        uses = self._uses
        while uses and uses[0][0] <= now - MINUTE_S:
            self._used -= uses.popleft()[1]
        return self._used

    def wait_s(self, amount: int, now: float) -> float:
        """Seconds until this much may be used. What is larger than all of it needs all of it."""
        amount = min(amount, self.limit)
        used = self.used(now) + amount
        if used <= self.ceiling:
            return 0.0
        lacking = used - self.limit
        if self.ceiling < self.limit:
            self.missed += amount
            lacking += self.others
            if lacking <= 0:
                return MOVING_S
        for at, used in self._uses:
            lacking -= used
            if lacking <= 0:
                return at + MINUTE_S - now
        return MINUTE_S

    def take(self, amount: int, now: float) -> None:
        """So much is used."""
        self.used(now)
        self._used += amount
        uses = self._uses
        if len(uses) > 1 and now - uses[-2][0] < GRAIN_S:
            amount += uses.pop()[1]
        uses.append((now, amount))

    def take_over(self, other: Minute) -> None:
        """Go on with what was used of another limit."""
        self._used, self._uses, self.others = other._used, other._uses, other.others
        self.ceiling = other.ceiling * self.limit // other.limit


class Gate:
    """One provider's quota and what is used of it."""

    __slots__ = ("in_flight", "most", "quota", "requests", "tokens")

    def __init__(self, quota: Quota, parts: int) -> None:
        self.in_flight = 0
        self.quota = quota
        self.most: int | None = None  # at once, of this process
        self.divide(parts)
        self.requests = Minute(quota.requests_per_minute) if quota.requests_per_minute else None
        self.tokens = Minute(quota.tokens_per_minute) if quota.tokens_per_minute else None

    def divide(self, parts: int) -> None:
        """So many processes share what may be asked at once, evenly: nobody can take a request
        back for another. Each may ask one thing."""
        concurrent = self.quota.concurrent
        self.most = None if concurrent is None else max(1, concurrent // parts)

    def wait_s(self, tokens: int, now: float) -> float:
        """Seconds until a request of so many tokens may go."""
        most = self.most
        wait = BUSY_S if most is not None and self.in_flight >= most else 0.0
        if self.requests is not None:
            wait = max(wait, self.requests.wait_s(1, now))
        if self.tokens is not None:
            wait = max(wait, self.tokens.wait_s(tokens, now))
        return wait

    def minutes(self) -> list[tuple[str, Minute]]:
        """What is limited by the minute, by kind."""
        found = (("requests", self.requests), ("tokens", self.tokens))
        return [(kind, minute) for kind, minute in found if minute is not None]

    def take_over(self, other: Gate) -> None:
        """Go on with what was used of another quota."""
        self.in_flight = other.in_flight
        before = dict(other.minutes())
        for kind, minute in self.minutes():
            if kind in before:
                minute.take_over(before[kind])


class Limits:
    """All providers' gates, by the endpoint's name."""

    __slots__ = ("_gates", "_parts", "version")

    def __init__(self) -> None:
        self._gates: dict[str, Gate] = {}
        self._parts = 1
        self.version = 0  # counts configurations

    def configure(self, quotas: Mapping[str, Quota]) -> None:
        """What a configuration says. What was used stays used."""
        before = self._gates
        self._gates = {}
        self.version += 1
        for name, quota in quotas.items():
            gate = self._gates[name] = Gate(quota, self._parts)
            if (old := before.get(name)) is not None:
                gate.take_over(old)

    def divide(self, parts: int) -> None:
        """So many processes share these limits: minutes are told of one by one (division.py), what
        may be asked at once is divided evenly."""
        self._parts = parts
        for gate in self._gates.values():
            gate.divide(parts)

    def named(self) -> list[tuple[str, str, Minute]]:
        """Every minute with its endpoint's name and its kind: requests or tokens."""
        return [
            (name, kind, minute)
            for name, gate in self._gates.items()
            for kind, minute in gate.minutes()
        ]

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
            gate.requests.take(1, now)
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
