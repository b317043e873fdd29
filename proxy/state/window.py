"""A sliding minute: how much was used in the last sixty seconds, to the second.

Where several processes share a limit, each keeps to a part of it, its ceiling, which division.py
moves to where it is needed.
"""

from __future__ import annotations

SECONDS = 60


class Window:
    """Sixty buckets of a second each. now: monotonic seconds.

    ceiling: what may be used here, of the limit; others: what other processes use of it; missed:
    what was refused here since somebody looked.
    """

    __slots__ = ("_buckets", "_second", "_used", "ceiling", "limit", "missed", "others")

    def __init__(self, limit: int) -> None:
        self.limit = self.ceiling = limit
        self.others = self.missed = 0
        self._buckets = [0] * SECONDS
        self._second = 0
        self._used = 0

    def fits(self, amount: int, now: float) -> bool:
        """Whether so much may be used now."""
        self._advance(now)
        if self._used + amount <= self.ceiling:
            return True
        self.missed += amount
        return False

    def used(self, now: float) -> int:
        """What was used here in the last sixty seconds."""
        self._advance(now)
        return self._used

    def add(self, amount: int, now: float) -> None:
        """So much was used. Negative: less than was thought."""
        self._advance(now)
        self._buckets[self._second % SECONDS] += amount
        self._used += amount

    def left(self, now: float) -> int:
        """How much may still be used."""
        self._advance(now)
        return max(0, min(self.limit, self.limit - self._used - self.others))

    def wait(self, amount: int, now: float) -> float | None:
        """Seconds until so much may be used; None: never."""
        if amount > self.limit:
            return None
        self._advance(now)
        used = self._used + max(0, self.limit - self.ceiling)
        for age in range(SECONDS):  # from the oldest bucket on
            if used + amount <= self.limit:
                return max(0.0, self._second + age - now) if age else 0.0
            used -= self._buckets[(self._second + 1 + age) % SECONDS]
        return self._second + SECONDS - now

    def full_in(self, now: float) -> float:
        """Seconds until nothing of it counts any more."""
        self._advance(now)
        for age in range(SECONDS):  # from the newest bucket on
            if self._buckets[(self._second - age) % SECONDS]:
                return self._second - age + SECONDS - now
        return 0.0

    def take_over(self, other: Window) -> None:
        """Go on with what was used of another limit."""
        self._buckets = list(other._buckets)
        self._second, self._used = other._second, other._used
        self.ceiling = other.ceiling * self.limit // other.limit
        self.others = other.others

    def _advance(self, now: float) -> None:
        second = int(now)
        gone = second - self._second
        if gone <= 0:
            return
        if gone >= SECONDS:
            self._buckets = [0] * SECONDS
            self._used = 0
        else:
            for one in range(self._second + 1, second + 1):
                place = one % SECONDS
                self._used -= self._buckets[place]
                self._buckets[place] = 0
        self._second = second
