"""What a configuration allows somebody, and what was used of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from proxy.state.window import Window

DAY, MONTH = "day", "month"


@dataclass(frozen=True, slots=True)
class Allowance:
    """None: no limit. Budgets in pico-USD."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    per_day: int | None = None
    per_month: int | None = None

    @property
    def is_none(self) -> bool:
        return self == NOTHING_SET


NOTHING_SET = Allowance()


@dataclass(frozen=True, slots=True)
class Table:
    """All that a configuration allows. alert_share: of a budget, from which on an alert warns."""

    keys: Mapping[str, Allowance] = field(default_factory=dict)
    routes: Mapping[str, Allowance] = field(default_factory=dict)
    everyone: Allowance = NOTHING_SET
    alert_share: float = 0.8

    @property
    def is_empty(self) -> bool:
        return all(one.is_none for one in self._every())

    @property
    def has_budgets(self) -> bool:
        return any(one.per_day is not None or one.per_month is not None for one in self._every())

    def _every(self) -> tuple[Allowance, ...]:
        return (*self.keys.values(), *self.routes.values(), self.everyone)


@dataclass(slots=True)
class Budget:
    """Money of one period. told: the highest share that an alert told of, 0, the soft one or 1;
    own: what of it this process charged."""

    subject: str
    period: str
    limit: int
    spent: int = 0
    own: int = 0
    told: float = 0.0

    def level(self, alert_share: float) -> float:
        """How far it is used up: 0, the share at which to warn, or 1."""
        if self.spent >= self.limit:
            return 1.0
        return alert_share if self.spent >= self.limit * alert_share else 0.0


class Account:
    """One caller's, route's or everyone's limits, and what was used of them."""

    __slots__ = ("allowance", "budgets", "requests", "tokens")

    def __init__(self, subject: str, allowance: Allowance) -> None:
        self.allowance = allowance
        rpm, tpm = allowance.requests_per_minute, allowance.tokens_per_minute
        self.requests = Window(rpm) if rpm is not None else None
        self.tokens = Window(tpm) if tpm is not None else None
        self.budgets = [
            Budget(subject, period, limit)
            for period, limit in ((DAY, allowance.per_day), (MONTH, allowance.per_month))
            if limit is not None
        ]


def account_of(subject: str, allowance: Allowance, before: Account | None) -> Account:
    """An account that goes on where the one before it was."""
    made = Account(subject, allowance)
    if before is None:
        return made
    for name in ("requests", "tokens"):
        new, old = getattr(made, name), getattr(before, name)
        if new is not None and old is not None:
            new.take_over(old)
    spent = {budget.period: budget for budget in before.budgets}
    for budget in made.budgets:
        if (old := spent.get(budget.period)) is not None:
            budget.spent, budget.own = old.spent, old.own
            budget.told = old.told if old.limit == budget.limit else 0.0
    return made
