"""How many extra requests may be spent: on hedges, and on trying a target again.

Requests earn a share of an extra one each. A bucket begins empty, so that even a short run stays
within its share, and holds a few, so that stalls which come together find some; its first one it
lends, so that a proxy which has just begun can hedge. A hedge that wins took over from an attempt
that was stalled: it replaced a request rather than adding one, and its price is given back.
"""

from __future__ import annotations

HEDGE_BURST = 10.0
RETRY_SHARE = 0.2  # of requests may be tried again at the same target,
RETRY_BURST = 20.0  # and this many more at any time
BROWN_OUT_SHARE = 0.3  # of recent requests over their deadline: the pool is slow, not a target
WINDOW_S = 10.0
LEAST_STALLS = 8.0  # within the window, before their share means anything


class Budget:
    """A token bucket filled by requests. share: what each earns; spent: since the start, net."""

    __slots__ = ("_burst", "_tokens", "share", "spent")

    def __init__(self, share: float, burst: float = HEDGE_BURST, start: float = 0.0) -> None:
        self.share = share
        self._burst = burst
        self._tokens = start
        self.spent = 0

    def request(self) -> None:
        """A request begins."""
        tokens = self._tokens + self.share
        self._tokens = tokens if tokens < self._burst else self._burst

    def take(self) -> bool:
        """One extra request, if there is one to spend."""
        if self._tokens < 1.0 and (self.spent > 0 or self.share <= 0.0):
            return False
        self._tokens -= 1.0
        self.spent += 1
        return True

    def give_back(self) -> None:
        """An extra request turned out to be none."""
        self._tokens = min(self._tokens + 1.0, self._burst)
        self.spent -= 1


class Budgets:
    """The hedging budget of all routes, those of routes with a share of their own, and retries."""

    __slots__ = ("_own", "hedges", "retries")

    def __init__(self, share: float) -> None:
        self.hedges = Budget(share)
        self.retries = Budget(RETRY_SHARE, RETRY_BURST, RETRY_BURST)
        self._own: dict[str, Budget] = {}

    def of(self, route: str, share: float | None) -> Budget:
        """The budget that a route spends from; share None: the common one."""
        if share is None:
            return self.hedges
        own = self._own.get(route)
        if own is None:
            own = self._own[route] = Budget(share)
        own.share = share  # a reload may have changed it
        return own


class HedgeBudget:
    """A token bucket filled by requests, with a guard against doubling an overload.

    When much of what was started lately is over its deadline, more requests make it worse:
    hedging rests until the share has fallen again, without anyone's help.
    """

    __slots__ = ("_at", "_requests", "_share", "_stalls", "_tokens", "spent")

    def __init__(self, share: float) -> None:
        self._share = share
        self._tokens = 1.0 if share > 0 else 0.0
        self._requests = 0.0
        self._stalls = 0.0
        self._at = 0.0
        self.spent = 0

    def request(self, now: float) -> None:
        """A request begins and earns its share of a hedge."""
        self._fade(now)
        self._requests += 1.0
        tokens = self._tokens + self._share
        self._tokens = tokens if tokens < HEDGE_BURST else HEDGE_BURST

    def stalled(self, now: float) -> None:
        """A lane is over its deadline."""
        self._fade(now)
        self._stalls += 1.0

    def take(self, now: float) -> bool:
        """One hedge, if there is one to spend."""
        del now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        self.spent += 1
        return True

    def brown_out(self, now: float) -> bool:
        """Whether so much is late that the whole pool must be slow."""
        self._fade(now)
        return self._stalls >= LEAST_STALLS and self._stalls > BROWN_OUT_SHARE * self._requests

    def _fade(self, now: float) -> None:
        passed = now - self._at
        if passed > 0.05:  # not at every request: one multiplication a twentieth second will do
            keep = max(0.0, 1.0 - passed / WINDOW_S)
            self._requests *= keep
            self._stalls *= keep
            self._at = now
