"""How much is let in at a time: what the event loop can keep up with, shared fairly among keys.

The sign of overload is CoDel's (RFC 8289): not a long queue but a standing one, here a loop that
is late at every look for a whole interval. From then on, until all may come in again, much shorter
queues count, and their average: the CPU that a turn takes, which says how long a refusal waits, and
the work that turns leave to the next, which says whether there always is some. Then the number of
open exchanges is cut step by step, the more the later the loop is; it grows again as soon as the
loop keeps up, slowly where it was cut last, unless much of the CPU is left over. What is beyond it
is refused at once, which costs microseconds, instead of being served late, which costs everybody.

A queue that stands is recognised after half a second, and a much shorter one when all the while
more come than are done. One that grows so fast that a single turn has work for as long as may
stand, at once, and before the turn is over: else all that comes until then would be let in, and
while a thousand sockets are ready libuv goes on reading, up to 48 times as many. What waited for
the process to start is neither; nor is lateness without work of our own, when others have the CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

from proxy.errors import ClientError
from proxy.exchange import Share
from proxy.state.pace import Pace

LOOK_SECONDS = 0.05  # between two samples of the loop's lag
INTERVAL_S = 0.5  # a lag that stays for so long stands
STEP_S = 0.25  # from one limit to the next
BUSY_S = 0.005  # of CPU in one turn may stand once there was overload: refusals wait no longer
WAIT_S = 0.1  # may the oldest work wait then: with less there would be none at times
CUT = 0.97, 0.85  # of the open exchanges, in one step, when it is little late and when much
GROWTH = 0.25  # of the limit, in one step while turns are short,
NEAR_GROWTH = 0.05  # and near the limit that was too much
FAR_GROWTH = 0.12  # where turns or waits are shorter than this part of what may stand:
FAR = 0.6  # the CPU has time to spare, so that was not too much for long
NEAR = 0.92  # of that one
IDLE = 0.7  # of a CPU was used in a step, or less: so that is not near what is too much
FULL = 0.8  # of it was open: more may help; else it is not the limit that keeps others out
FORGET_S = 10.0  # without another cut, after which it is forgotten
LEAST = 12  # exchanges are always let in: overload must never shut the door
EARLY = 0.2  # of the lag that may stand, while ever more are open, is overload too:
GROWN = 1.15  # times as many in one step, and
GROWING = 2  # in so many steps: those who come when others are done never are more
HEADROOM = 1.25  # of the limit, for keys that have less than their share
OWN = 0.25  # of a turn's time, at least: less work than that, and somebody else has the CPU
SUDDEN = 64  # open exchanges, that fill one turn with work for target_s, are overload already:
GLANCE = 16  # one beginning in so many looks at what the turn has taken so far,
SUDDEN_CUT = 0.5  # and of those that are open then, so many may be: more came since than can be
START_S = 3.0  # what waited for this process may take so long
RETRY_S = 1  # what a refused client is told at least
MOST_WAIT_S = 5  # more, the further the limit is down: it takes its time to grow


class Admission:
    """Counts open exchanges. Times are monotonic seconds.

    most: open exchanges that are never exceeded (memory, descriptors). target_s: the lag of the
    event loop that may stand; 0: lag is ignored. pace: kept while there is overload; None: as soon
    as there is room. turn: for how long the loop's present turn lasts by now, and the CPU that its
    thread took so far; None: nobody looks before a turn is over.

    >>> gate, alice = Admission(most=100, target_s=0.1), Share()
    >>> gate.enter(alice) is None                # or seconds for Retry-After
    True
    >>> gate.leave(alice)
    """

    __slots__ = (
        "_began_at",
        "_begun_cpu_s",
        "_busy_s",
        "_cpu_s",
        "_cut_at",
        "_edge",
        "_edge_at",
        "_good_at",
        "_grown",
        "_highest",
        "_looks",
        "_mark",
        "_mark_at",
        "_most",
        "_seen",
        "_target_s",
        "_turn",
        "_wait_s",
        "keys",
        "limit",
        "open",
        "pace",
        "refused",
    )

    def __init__(
        self,
        *,
        most: int,
        target_s: float,
        pace: Pace | None = None,
        turn: Callable[[], tuple[float, float]] | None = None,
    ) -> None:
        self._most = most
        self._turn = turn
        self.pace = pace
        self._target_s = target_s
        self.limit = float(most)
        self.open = 0
        self.keys = 0  # with something open
        self.refused = 0
        self._good_at: float | None = None  # when the loop was last on time
        self._began_at = self._cut_at = self._edge_at = 0.0
        self._edge = 0.0  # the limit that was too much, when it was cut last
        self._highest = 0  # open at a look, and
        self._seen = 0  # refused in all, when the limit was last thought of
        self._cpu_s = 0.0  # at the last look,
        self._begun_cpu_s = 0.0  # and when this step began
        self._mark, self._mark_at = 0, 0.0  # open at the beginning of a step, a little late, and
        self._grown = 0  # steps so far, in each of which there were more
        self._busy_s = 0.0  # of turns at so many looks, since then, while there is overload,
        self._wait_s = 0.0  # and what the oldest work waited
        self._looks = 0

    def enter(self, share: Share) -> int | None:
        """Let one exchange in: leave() must follow. Else the seconds after which to try again."""
        mine = share.open
        if self.open >= self.limit:
            refused = not self._has_room_for(mine)
        else:
            pace = self.pace
            refused = (
                pace is not None
                and bool(pace.per_s)
                and not (pace.is_due(self.limit) or self._has_room_for(mine))
            )
        if refused:
            self.refused += 1
            return RETRY_S + int(MOST_WAIT_S * (1 - self.limit / self._most))
        self.open += 1
        share.open = mine + 1
        if not mine:
            self.keys += 1
        if self.open > SUDDEN and not self.open % GLANCE and self._turn is not None:
            self._glance(*self._turn())
        return None

    def leave(self, share: Share) -> None:
        """An exchange that was let in is over."""
        self.open -= 1
        share.open -= 1
        if self.pace is not None:
            self.pace.ended += 1
        if not share.open:
            self.keys -= 1

    def configure(self, *, most: int, target_s: float) -> None:
        """A reload changed the settings; what is open stays."""
        self._most = most
        self._target_s = target_s
        self.limit = float(most)

    def sample(
        self,
        lag_s: float,
        now: float,
        busy_s: float = 0.0,
        cpu_s: float = 0.0,
        wait_s: float = 0.0,
    ) -> None:
        """Every LOOK_SECONDS: how late the loop was, how much CPU its turn took, and how much its
        thread took so far; for how long the oldest work waits that a turn leaves to the next."""
        if self.pace is not None:
            self.pace.sample(now, cpu_s, overloaded=self.overloaded)
        self._cpu_s = cpu_s
        self._highest = max(self._highest, self.open)
        if self._good_at is None:
            self._began_at = self._good_at = now
        if busy_s < OWN * lag_s:
            lag_s = busy_s  # to let in less would not help
        if self.overloaded:
            self._wait_s += wait_s
            self._regulate(lag_s, now, busy_s, cpu_s)
        elif 0 < self._target_s < lag_s:
            self._suspect(lag_s, now, busy_s)
        else:
            self._good_at = now
            self._highest = self.open
        if not self.overloaded and self._grows(lag_s, now):
            self._cut(now)

    def _glance(self, lasted_s: float, cpu_s: float) -> None:
        """In the middle of a turn: is it so long already?"""
        least_s, look_at = self._target_s, self._good_at
        if (
            least_s
            and not self.overloaded
            and min(lasted_s, cpu_s - self._cpu_s) >= least_s
            and look_at is not None
            and look_at - self._began_at >= START_S
        ):
            self._cut(look_at)  # the last look was before this turn, a moment ago

    def _grows(self, lag_s: float, now: float) -> bool:
        """A little late, and ever more open?"""
        if lag_s <= EARLY * self._target_s or not self._target_s or now - self._began_at < START_S:
            self._mark, self._mark_at, self._grown = self.open, now, 0
        elif now - self._mark_at >= STEP_S:
            more = self.open >= GROWN * self._mark + GLANCE
            self._mark, self._mark_at, self._grown = self.open, now, self._grown + 1 if more else 0
        return self._grown >= GROWING

    def _suspect(self, late_s: float, now: float, busy_s: float) -> None:
        """Late: is it overload?"""
        if now - self._began_at < START_S:
            return
        assert self._good_at is not None
        if busy_s >= self._target_s and self.open > SUDDEN:
            self._cut(now)
        elif now - self._good_at >= INTERVAL_S:
            self._cut(now, _part(late_s / self._target_s))

    def _regulate(self, lag_s: float, now: float, busy_s: float, cpu_s: float) -> None:
        """There is overload: more or less of it than a turn may take?"""
        self._busy_s += busy_s
        self._looks += 1
        if lag_s <= self._target_s or not self._target_s:
            self._good_at = now
        if now - self._cut_at < STEP_S:
            return
        late = max(self._busy_s / BUSY_S, self._wait_s / WAIT_S) / self._looks
        if not self._target_s:
            late = 0.0
        if self._is_late(now):
            late = max(late, lag_s / self._target_s)
        if late <= 1.0:
            if cpu_s - self._begun_cpu_s < IDLE * (now - self._cut_at):
                self._edge = 0.0
            if self._highest >= FULL * self.limit or self.refused == self._seen:
                self._grow(now, FAR_GROWTH if late < FAR else NEAR_GROWTH)
            self._begin_step(now)
        elif self.open <= HEADROOM * self.limit:
            self._cut(now, _part(late))
        else:  # the last cut has yet to show: answers under way take their time
            self._begin_step(now)

    def _is_late(self, now: float) -> bool:
        """Whether the loop was late at every look for a whole interval, by whoever's work."""
        return self._good_at is not None and now - self._good_at >= INTERVAL_S

    def _begin_step(self, now: float) -> None:
        self._cut_at, self._begun_cpu_s = now, self._cpu_s
        self._seen, self._highest = self.refused, 0
        self._busy_s = self._wait_s = 0.0
        self._looks = 0

    def _cut(self, now: float, part: float = SUDDEN_CUT) -> None:
        highest = self._highest
        self._begin_step(now)
        self._edge_at = now
        least = min(LEAST, self._most)
        limit = self._edge = min(self.limit, float(max(self.open, highest)))
        self.limit = max(float(least), limit * part)

    def _grow(self, now: float, near_growth: float) -> None:
        limit, most = self.limit, float(self._most)
        if self._edge and now - self._edge_at < FORGET_S:
            near = NEAR * self._edge
            if limit >= near:
                self.limit = min(most, limit + max(1.0, near_growth * limit))
                return
            most = min(most, max(near, limit + 1.0))
        self.limit = min(most, limit + max(1.0, GROWTH * limit))

    def refusal(self, wait_s: int) -> ClientError:
        """What a client is told that was not let in."""
        return ClientError(
            503,
            "Too much is being answered at once. Try again soon.",
            "server_error",
            "overloaded",
            headers={"retry-after": str(wait_s)},
        )

    @property
    def overloaded(self) -> bool:
        """Whether less is let in than could be."""
        return self.limit < self._most

    def _has_room_for(self, mine: int) -> bool:
        """A key with less than its share comes in beside one that has more."""
        keys = self.keys + (not mine)
        return (
            keys > 1
            and (mine + 1) * keys <= self.limit
            and self.open < min(HEADROOM * self.limit, float(self._most))
        )


def _part(late: float) -> float:
    """What is left of the limit. late: by how much a turn takes longer than it may."""
    return min(CUT[0], max(CUT[1], 1 / sqrt(late)))
