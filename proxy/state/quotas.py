"""What callers may ask for and spend: per minute, per day, per month.

Rates slide: what was used in the last sixty seconds counts, to the second. Budgets are what was
really spent since midnight or the first of the month, UTC, so that answers under way may overshoot
a little. A caller without limits costs two dictionary look-ups.
"""

from __future__ import annotations

from collections.abc import Mapping

from proxy.errors import ClientError
from proxy.state.alerts import Alert
from proxy.state.allowance import DAY, MONTH, Account, Budget, Table, account_of
from proxy.state.periods import day_after, iso, month_after
from proxy.state.window import SECONDS, Window

HELD_LIMIT = 100_000  # requests under way at once
EVERYONE = ""  # the name of the global budget


class HeldElsewhere(ClientError):
    """A rate is not used up here, but the rest of it is other processes' for now. likely: by what
    they last told they do not use it."""

    likely = False


class Quotas:
    """All accounts. now: monotonic seconds; wall: Unix seconds, which only say what day it is."""

    def __init__(self, table: Table, now: float, wall: float) -> None:
        self._keys: dict[str, Account] = {}
        self._routes: dict[str, Account] = {}
        self._everyone: Account | None = None
        self._alert_share = table.alert_share
        self._ends: dict[str, float] = {}  # Unix seconds
        self._next_at = 0.0  # monotonic: when a day ends
        self._wall_ahead = 0.0
        self._held: dict[str, int] = {}  # by request: tokens that were thought to be needed
        self.refused = 0
        self.any = False  # whether anybody is limited
        self.is_shared = False  # by a server: limits are told whole, not this process's part
        self.version = 0  # counts configurations: each has accounts of its own
        self.configure(table)
        self.tick(now, wall)

    # ---- a request's way ------------------------------------------------------------------------

    def admit(
        self, key: str, route: str, tokens: int, now: float, request: str = ""
    ) -> ClientError | None:
        """Why a request is not served, or None; then it counts, and its tokens are held until
        settle. tokens: an estimate of them; request: its id."""
        of_key = self._keys.get(key)
        of_route = self._routes.get(route)
        if of_key is None and of_route is None and self._everyone is None:
            return None
        if now >= self._next_at:
            self.tick(now, now + self._wall_ahead)
        for account in (self._everyone, of_route, of_key):
            if account is not None:
                for budget in account.budgets:
                    if budget.spent >= budget.limit:
                        return self._spent_error(budget, now)
        if of_key is None:
            return None
        refusal = self._admit_rate(of_key, tokens, now)
        if refusal is None and of_key.tokens is not None:
            if len(self._held) >= HELD_LIMIT:
                self._held.clear()  # requests that nobody settled: a minute forgets them anyway
            self._held[request] = tokens
        return refusal

    def settle(self, request: str) -> int:
        """The tokens that were held for a request, to be charged for what it really used; 0 for
        one that never was admitted."""
        return self._held.pop(request, 0)

    def charge(
        self, key: str, route: str, estimate: int, tokens: int, cost: int, now: float
    ) -> list[Alert]:
        """What a request really used. estimate: what settle says of it; cost: pico-USD.

        The alerts that this calls for, mostly none.
        """
        of_key = self._keys.get(key)
        if of_key is not None and of_key.tokens is not None:
            of_key.tokens.add(tokens - estimate, now)
        if not cost:
            return []
        of_route = self._routes.get(route)
        if of_key is None and of_route is None and self._everyone is None:
            return []
        if now >= self._next_at:
            self.tick(now, now + self._wall_ahead)
        alerts = []
        for account in (self._everyone, of_route, of_key):
            for budget in account.budgets if account is not None else ():
                budget.spent += cost
                budget.own += cost
                level = budget.level(self._alert_share)
                if level > budget.told:
                    budget.told = level
                    alerts.append(self._alert(budget, level))
        return alerts

    def headers(self, key: str, now: float) -> dict[str, str]:
        """What is left of a caller's rates, in OpenAI's names; empty for one without any."""
        account = self._keys.get(key)
        if account is None:
            return {}
        found: dict[str, str] = {}
        for name, window in (("requests", account.requests), ("tokens", account.tokens)):
            if window is not None:
                found[f"x-ratelimit-limit-{name}"] = str(window.limit)
                found[f"x-ratelimit-remaining-{name}"] = str(window.left(now))
                found[f"x-ratelimit-reset-{name}"] = _span(window.full_in(now))
        return found

    # ---- between requests -----------------------------------------------------------------------

    def tick(self, now: float, wall: float) -> None:
        """See what day it is: budgets whose period is over begin anew."""
        ends = {DAY: day_after(wall), MONTH: month_after(wall)}
        for account in self._all():
            for budget in account.budgets:
                if self._ends and ends[budget.period] > self._ends[budget.period]:
                    budget.spent, budget.own, budget.told = 0, 0, 0.0
        self._ends = ends
        self._wall_ahead = wall - now
        self._next_at = now + max(0.0, ends[DAY] - wall)

    def configure(self, table: Table) -> None:
        """A reload: what was used stays used."""
        self.any = not table.is_empty
        self.version += 1
        self._alert_share = table.alert_share
        for accounts, rows, word in (
            (self._keys, table.keys, "key"),
            (self._routes, table.routes, "route"),
        ):
            before = dict(accounts)
            accounts.clear()
            for name, allowance in rows.items():
                if not allowance.is_none:
                    accounts[name] = account_of(f"{word} {name}", allowance, before.get(name))
        everyone = table.everyone
        self._everyone = (
            None if everyone.is_none else account_of("all callers", everyone, self._everyone)
        )

    def restore(self, period: str, keys: Mapping[str, int], routes: Mapping[str, int]) -> None:
        """What the ledger says was spent this day or month: before a restart, or by another
        worker. It is never less than what is known here, and it was told of already."""
        for accounts, sums in ((self._keys, keys), (self._routes, routes)):
            for name, account in accounts.items():
                self._restore(account, period, sums.get(name, 0))
        if self._everyone is not None:
            self._restore(self._everyone, period, sum(keys.values()))

    def snapshot(self, now: float) -> list[dict[str, str | int | float | None]]:
        """Every limit and what is used of it, for the admin API. Money in pico-USD."""
        found: list[dict[str, str | int | float | None]] = []
        for scope, name, account in self.named():
            for kind, window in (("requests", account.requests), ("tokens", account.tokens)):
                if window is not None:
                    found.append(
                        {"scope": scope, "name": name, "kind": f"{kind}_per_minute",
                         "limit": window.limit, "used": window.limit - window.left(now),
                         "shared": self.is_shared,
                         "reset_seconds": round(window.full_in(now), 3)}
                    )  # fmt: skip
            found += [
                {"scope": scope, "name": name, "kind": f"budget_per_{budget.period}",
                 "limit": budget.limit, "used": budget.spent,
                 "reset_seconds": round(self._reset_in(budget, now), 3)}
                for budget in account.budgets
            ]  # fmt: skip
        return found

    @property
    def has_budgets(self) -> bool:
        """Whether anybody's money is limited."""
        return any(account.budgets for account in self._all())

    # ---- inside ---------------------------------------------------------------------------------

    def named(self) -> list[tuple[str, str, Account]]:
        """Every account with its scope (key, route or all) and its name."""
        found = [("key", name, one) for name, one in self._keys.items()]
        found += [("route", name, one) for name, one in self._routes.items()]
        if self._everyone is not None:
            found.append(("all", EVERYONE, self._everyone))
        return found

    def _all(self) -> list[Account]:
        return [account for _, _, account in self.named()]

    def _admit_rate(self, account: Account, tokens: int, now: float) -> ClientError | None:
        requests, of_tokens = account.requests, account.tokens
        if requests is not None and not requests.fits(1, now):
            return self._rate_error("requests", requests, 1, now, account)
        if of_tokens is not None and not of_tokens.fits(tokens, now):
            return self._rate_error("tokens", of_tokens, tokens, now, account)
        if requests is not None:
            requests.add(1, now)
        if of_tokens is not None:
            of_tokens.add(tokens, now)
        return None

    def _rate_error(
        self, name: str, window: Window, wanted: int, now: float, account: Account
    ) -> ClientError:
        self.refused += 1
        wait = window.wait(wanted, now)
        words = f"Rate limit reached: {window.limit} {name} per minute."
        headers: dict[str, str] = {}
        for other_name, other in (("requests", account.requests), ("tokens", account.tokens)):
            if other is not None:
                headers[f"x-ratelimit-limit-{other_name}"] = str(other.limit)
                headers[f"x-ratelimit-remaining-{other_name}"] = str(other.left(now))
                headers[f"x-ratelimit-reset-{other_name}"] = _span(other.full_in(now))
        if wait is None:
            words += f" This request alone needs about {wanted}."
            headers["x-should-retry"] = "false"
        else:
            words += f" Try again in {_span(wait)}."
            headers["retry-after"] = str(max(1, int(wait + 0.999)))
        if window.ceiling < window.limit and wanted <= window.limit - window.used(now):
            held = HeldElsewhere(429, words, name, "rate_limit_exceeded", headers=headers)
            held.likely = wanted <= window.left(now)
            return held
        return ClientError(429, words, name, "rate_limit_exceeded", headers=headers)

    def _spent_error(self, budget: Budget, now: float) -> ClientError:
        self.refused += 1
        wait = self._reset_in(budget, now)
        return ClientError(
            429,
            f"The budget of {budget.subject} for this {budget.period} is used up; it begins anew"
            f" at {iso(self._ends[budget.period])}.",
            "insufficient_quota",
            "insufficient_quota",
            headers={"retry-after": str(int(wait) + 1), "x-should-retry": "false"},
        )

    def _reset_in(self, budget: Budget, now: float) -> float:
        return max(0.0, self._ends[budget.period] - self._wall_ahead - now)

    def _alert(self, budget: Budget, level: float) -> Alert:
        over = level >= 1.0
        kind = "budget_exceeded" if over else "budget_warning"
        spent, limit = budget.spent / 1e12, budget.limit / 1e12
        what = "is used up" if over else f"is used up to {budget.spent / budget.limit:.0%}"
        words = (
            f"the budget of {budget.subject} for this {budget.period} {what}:"
            f" {spent:.4f} of {limit:.4f} USD"
        )
        figures: dict[str, str | float | int] = {
            "period": budget.period,
            "spent_usd": spent,
            "limit_usd": limit,
        }
        return Alert(kind, f"{budget.subject} {budget.period}", words, figures, repeats=True)

    def _restore(self, account: Account, period: str, spent: int) -> None:
        for budget in account.budgets:
            if budget.period == period and spent > budget.spent:
                budget.spent = spent
                budget.told = budget.level(self._alert_share)


def _span(seconds: float) -> str:
    """A duration as OpenAI writes it: 20ms, 1.5s, 6m0s."""
    if seconds < 1:
        return f"{int(seconds * 1000)}ms"
    if seconds < SECONDS:
        return f"{seconds:.3g}s"
    return f"{int(seconds // 60)}m{int(seconds % 60)}s"
