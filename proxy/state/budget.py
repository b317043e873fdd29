"""How many extra requests hedging may spend, and when it must stop by itself."""

from __future__ import annotations

BURST = 10.0  # hedges that may be spent before any were earned
BROWN_OUT_SHARE = 0.3  # of recent requests over their deadline: the pool is slow, not a target
WINDOW_S = 10.0
LEAST_STALLS = 8.0  # within the window, before their share means anything


class HedgeBudget:
    """A token bucket filled by requests, with a guard against doubling an overload.

    When much of what was started lately is over its deadline, more requests make it worse:
    hedging rests until the share has fallen again, without anyone's help.
    """

    __slots__ = ("_at", "_requests", "_share", "_stalls", "_tokens", "spent")

    def __init__(self, share: float) -> None:
        self._share = share
        self._tokens = BURST if share > 0 else 0.0
        self._requests = 0.0
        self._stalls = 0.0
        self._at = 0.0
        self.spent = 0

    def request(self, now: float) -> None:
        """A request begins and earns its share of a hedge."""
        self._fade(now)
        self._requests += 1.0
        tokens = self._tokens + self._share
        self._tokens = tokens if tokens < BURST else BURST

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
