"""A sliding minute: how much was used in the last sixty seconds, to the second."""

from __future__ import annotations

SECONDS = 60


class Window:
    """Sixty buckets of a second each. now: monotonic seconds."""

    __slots__ = ("_buckets", "_second", "_used", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._buckets = [0] * SECONDS
        self._second = 0
        self._used = 0

    def fits(self, amount: int, now: float) -> bool:
        """Whether so much may be used now."""
        self._advance(now)
        return self._used + amount <= self.limit

    def add(self, amount: int, now: float) -> None:
        """So much was used. Negative: less than was thought."""
        self._advance(now)
        self._buckets[self._second % SECONDS] += amount
        self._used += amount

    def left(self, now: float) -> int:
        """How much may still be used."""
        self._advance(now)
        return max(0, min(self.limit, self.limit - self._used))

    def wait(self, amount: int, now: float) -> float | None:
        """Seconds until so much may be used; None: never."""
        if amount > self.limit:
            return None
        self._advance(now)
        used = self._used
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
