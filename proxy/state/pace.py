"""How fast exchanges begin while there is overload: not all at once as soon as there is room.

Those that begin together get their first tokens together, in one long turn of the event loop that
everybody waits for, and end and are replaced together again: a convoy. While the loop has no time
to spare, exchanges begin as fast as others ended lately, and a little faster; as soon as it has,
ever faster, so that the pace never is what keeps the proxy from its work.
"""

from __future__ import annotations

from collections.abc import Callable

AVERAGE_S = 0.5  # the time that counts as lately
FASTER = 1.1  # than they ended,
FASTER_YET = 1.3  # and at every look at a loop that had time to spare,
SPARE = 0.1  # this part of it
LEAST_PER_S = 32.0
MOST_PER_S = 1e6
BURST = 12  # one part in so many of what may be open begins in one turn,
MOST_BURST = 6.0  # but no more than takes a millisecond or two,
LEAST_BURST = 3.0  # and at least so many: refusals alone can make turns as long as they may be


class Pace:
    """clock: monotonic seconds, of the turn of the loop that it is."""

    __slots__ = ("_clock", "_cpu_s", "_credit", "_earned_at", "_sampled_at", "ended", "ended_per_s",
                 "per_s")  # fmt: skip

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._cpu_s = self._credit = self._earned_at = self._sampled_at = 0.0
        self.ended = 0  # exchanges, since the last sample: counted by others
        self.ended_per_s = 0.0
        self.per_s = 0.0  # that may begin; 0: any number

    def sample(self, now: float, cpu_s: float, *, overloaded: bool) -> None:
        """Some times a second. cpu_s: of the loop's thread so far."""
        passed, used = now - self._sampled_at, cpu_s - self._cpu_s
        self._sampled_at, self._cpu_s = now, cpu_s
        ended, self.ended = self.ended, 0
        if passed <= 0:
            return
        part = min(1.0, passed / AVERAGE_S)
        self.ended_per_s += (ended / passed - self.ended_per_s) * part
        if not overloaded:
            self.per_s = 0.0
        elif used < (1 - SPARE) * passed:
            self.per_s = min(MOST_PER_S, self.per_s * FASTER_YET)
        else:
            self.per_s = max(LEAST_PER_S, self.ended_per_s * FASTER)

    def is_due(self, limit: float) -> bool:
        """Whether one more begins now. limit: what may be open."""
        now = self._clock()
        earned = (now - self._earned_at) * self.per_s
        credit = min(max(LEAST_BURST, min(MOST_BURST, limit / BURST)), self._credit + earned)
        self._earned_at = now
        self._credit = credit - 1.0 if credit >= 1.0 else credit
        return credit >= 1.0
