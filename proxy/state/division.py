"""How limits that several processes share are divided among them: the pure half of it.

Each process keeps to a ceiling on what it used of a limit in the last minute, and the ceilings of
all together are never more than the limit: so a decision needs nobody's word. With every pulse a
process tells what it used and wanted, and hears its new ceiling; what one does not need goes to
those who do. Budgets are told as sums and heard as sums. Without a pulse every ceiling moves, over
a minute, to an even part.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from proxy.state.allowance import DAY, MONTH, Budget
from proxy.state.limits import Limits
from proxy.state.quotas import Quotas
from proxy.state.window import SECONDS

RENEW_S = 0.5  # a ceiling that nobody uses is told again after so long,
SOON_S = 0.05  # or after so long while it is less than an even part,
RENEWALS = 16  # and no more of them at a time
LOOKS = 2000  # accounts that are looked at for each pulse
MOST = 256  # told of at a time
ACTIVE_S = 5.0  # after its last use a process still counts as one that needs its part


class Minute(Protocol):
    """What is divided: a rate's last minute in this process. limit: everybody's; ceiling: this
    process's part; others: what the others used; missed: what was refused since somebody looked."""

    limit: int
    ceiling: int
    others: int
    missed: int

    def used(self, now: float) -> int: ...


@dataclass(frozen=True, slots=True)
class Rate:
    """What a pulse tells of a rate. missed: what was refused since the last one; most: how high
    the ceiling may be that comes back."""

    name: str
    used: int
    want: int
    missed: int
    limit: int
    active: bool
    most: int


@dataclass(frozen=True, slots=True)
class Spending:
    """What it tells of a budget, in pico-USD. own: charged by this process; known: by all."""

    name: str
    own: int
    known: int


@dataclass(slots=True)
class Row:
    """A rate as it was last told. Times are monotonic seconds. most: what the ceiling may be while
    a server settles."""

    name: str
    window: Minute
    used: int = 0
    ceiling: int = 0
    most: int | None = None
    told_at: float = -1e9
    active_until: float = -1e9


@dataclass(slots=True)
class Purse:
    """A budget as it was last told."""

    name: str
    budget: Budget
    own: int = -1
    told_at: float = -1e9


class Division:
    """One process's part in it. quotas: of callers; limits: of providers; parts: processes that
    are thought to share; at first those that are known without asking anybody."""

    def __init__(self, quotas: Quotas, limits: Limits, parts: int) -> None:
        self._quotas = quotas
        self._limits = limits
        self.parts = parts
        limits.divide(parts)
        self._version: tuple[int, int] | None = None
        self._rows: dict[str, Row] = {}
        self._purses: dict[str, Purse] = {}
        self._names: list[str] = []
        self._next = 0

    # ---- told -----------------------------------------------------------------------------------

    def rates(
        self, now: float, wanted: Iterable[str] = (), *, settling: bool = False
    ) -> list[Rate]:
        """What has changed since the last pulse, what was not told for long, and what others
        need (wanted, by name).

        settling: the server may not have heard of everyone. Ceilings no higher than they were
        when it came back are together never more than then, whatever it does not know.
        """
        self._bind()
        chosen = dict.fromkeys(name for name in wanted if name in self._rows)
        renewals = 0
        for name in self._some():
            row = self._rows.get(name)
            if row is None:
                continue
            if row.window.missed or row.window.used(now) != row.used:
                chosen[name] = None
            elif now - row.told_at >= self._pause(row) and renewals < RENEWALS:
                renewals += 1
                chosen[name] = None
            if len(chosen) >= MOST:
                break
        return [self._rate(self._rows[name], now, settling=settling) for name in chosen]

    def _rate(self, row: Row, now: float, *, settling: bool) -> Rate:
        window = row.window
        if not settling:
            row.most = None
        elif row.most is None:
            row.most = window.ceiling
        most = window.limit if row.most is None else row.most
        used, missed = window.used(now), window.missed
        taken = max(0, used - row.used)
        if taken or missed:
            row.active_until = now + ACTIVE_S
        row.used, row.told_at = used, now
        window.missed = 0
        is_active = now < row.active_until
        return Rate(row.name, used, 2 * taken + missed, missed, window.limit, is_active, most)

    def _pause(self, row: Row) -> float:
        window = row.window
        even = (window.limit - row.used - window.others) // self.parts
        return SOON_S if window.ceiling - row.used < even else RENEW_S

    def spendings(self, now: float, day: str, month: str) -> list[Spending]:
        """Likewise of budgets. day, month: names of the present ones, UTC."""
        self._bind()
        names = {DAY: day, MONTH: month}
        found = []
        for purse in self._purses.values():
            budget = purse.budget
            if budget.own != purse.own or now - purse.told_at >= RENEW_S:
                purse.own, purse.told_at = budget.own, now
                period = names[budget.period]
                found.append(Spending(f"{purse.name}:{period}", budget.own, budget.spent))
                if len(found) >= MOST:
                    break
        return found

    def holds(self, names: Iterable[str]) -> bool:
        """Whether this process has a part, of what others need, that it does not use."""
        rows = (self._rows.get(name) for name in names)
        return any(row is not None and row.ceiling > row.used for row in rows)

    # ---- heard ----------------------------------------------------------------------------------

    def hear_parts(self, parts: int) -> None:
        """How many share now. When that changes, everything is to be divided anew."""
        if parts != self.parts:
            self.parts = parts
            self._limits.divide(parts)
            for row in self._rows.values():
                row.told_at = -1e9

    def hear_rates(self, told: Sequence[Rate], heard: Sequence[tuple[int, int]]) -> None:
        """The answers: each rate's ceiling for this process, and what the others use."""
        for rate, (ceiling, others) in zip(told, heard, strict=True):
            row = self._rows.get(rate.name)
            if row is not None:
                row.ceiling = row.window.ceiling = min(ceiling, rate.most, row.window.limit)
                row.window.others = others

    def hear_spendings(self, told: Sequence[Spending], heard: Sequence[int]) -> None:
        """The answers: what all have spent. What was charged meanwhile comes on top."""
        for spending, total in zip(told, heard, strict=True):
            purse = self._purses.get(spending.name.rpartition(":")[0])
            if purse is not None:
                budget = purse.budget
                budget.spent = max(budget.spent, total + budget.own - spending.own)

    def alone(self, seconds: float) -> None:
        """Nobody has answered for so long: go over to an even part within a minute."""
        self._bind()
        share = min(1.0, seconds / SECONDS)
        for row in self._rows.values():
            even = row.window.limit / max(1, self.parts)
            row.window.ceiling = max(1, int(row.ceiling + (even - row.ceiling) * share))

    # ---- inside ---------------------------------------------------------------------------------

    def _bind(self) -> None:
        """Find the accounts again after a reload."""
        quotas, limits = self._quotas, self._limits
        version = quotas.version, limits.version
        if version == self._version:
            return
        is_first, self._version = self._version is None, version
        before = self._rows
        self._rows, self._purses = {}, {}
        for full, window in self._minutes():
            row = self._rows[full] = before.get(full) or Row(full, window)
            if is_first or full not in before:
                window.ceiling = max(1, window.limit // max(1, self.parts))
            row.window, row.ceiling = window, window.ceiling
        for scope, name, account in quotas.named():
            for budget in account.budgets:
                full = f"spent:{scope}:{name}"
                self._purses[f"{full}:{budget.period}"] = Purse(f"{full}:{budget.period}", budget)
        self._names = list(self._rows)
        self._next = 0

    def _minutes(self) -> Iterable[tuple[str, Minute]]:
        for scope, name, account in self._quotas.named():
            for kind, window in (("requests", account.requests), ("tokens", account.tokens)):
                if window is not None:
                    yield f"rate:{scope}:{name}:{kind}", window
        for name, kind, minute in self._limits.named():
            yield f"rate:provider:{name}:{kind}", minute

    def _some(self) -> list[str]:
        """The accounts whose turn it is to be looked at."""
        names = self._names
        if len(names) <= LOOKS:
            return names
        first = self._next
        self._next = (first + LOOKS) % len(names)
        return (names + names)[first : first + LOOKS]
