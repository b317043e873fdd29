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


class Budget:
    """A token bucket filled by requests. share: what each earns; requests: begun since the start,
    counted by whoever begins them; spent: since the start, net."""

    __slots__ = ("_burst", "_earned", "_tokens", "requests", "share", "spent")

    def __init__(self, share: float, burst: float = HEDGE_BURST, start: float = 0.0) -> None:
        self.share = share
        self.requests = 0
        self._earned = 0  # requests whose shares are in the bucket
        self._burst = burst
        self._tokens = start
        self.spent = 0

    def take(self) -> bool:
        """One extra request, if there is one to spend."""
        tokens = self._earn()
        if tokens < 1.0 and (self.spent > 0 or self.share <= 0.0):
            return False
        self._tokens = tokens - 1.0
        self.spent += 1
        return True

    def give_back(self) -> None:
        """An extra request turned out to be none."""
        self._tokens = min(self._earn() + 1.0, self._burst)
        self.spent -= 1

    def _earn(self) -> float:
        """What the bucket holds now. Nothing was taken since: the brim is met once or never."""
        requests = self.requests
        self._tokens = min(self._tokens + self.share * (requests - self._earned), self._burst)
        self._earned = requests
        return self._tokens


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
