"""How much is let in at a time: what the event loop can keep up with, shared fairly among keys.

The sign of overload is CoDel's (RFC 8289): not a long queue but a standing one, here a loop that
is late at every look for a whole interval. From then on, until all may come in again, a much
shorter queue counts: the CPU that a turn takes, which says how long a refusal waits. Then the
number of open exchanges is cut step by step, the more the later the loop is; it grows again as soon
as the loop keeps up, slowly where it was cut last. What is beyond it is refused at once, which
costs microseconds, instead of being served late, which costs everybody.

A queue that stands is recognised after half a second; one that grows so fast that a single turn has
work for as long as may stand, at once: else all that comes until then would be let in. What waited
for the process to start is neither.
"""

from __future__ import annotations

from proxy.errors import ClientError
from proxy.exchange import Share
from proxy.state.pace import Pace

LOOK_SECONDS = 0.05  # between two samples of the loop's lag
INTERVAL_S = 0.5  # a lag that stays for so long stands
BUSY_S = 0.006  # of CPU in one turn may stand once there was overload: refusals wait no longer
CUT = 0.97, 0.85  # of the open exchanges, once an interval, when it is little late and when much
GROWTH = 0.25  # of the limit, once an interval without standing lag,
NEAR_GROWTH = 0.02  # and near the limit that was too much
NEAR = 0.92  # of that one
FULL = 0.8  # of it was open: more may help; else it is not the limit that keeps others out
FORGET_S = 10.0  # without another cut, after which it is forgotten
LEAST = 32  # exchanges are always let in: overload must never shut the door
HEADROOM = 1.25  # of the limit, for keys that have less than their share
SUDDEN = 64  # open exchanges, that fill one turn with work for target_s, are overload already
START_S = 3.0  # what waited for this process may take so long
RETRY_S = 1  # what a refused client is told at least
MOST_WAIT_S = 5  # more, the further the limit is down: it takes its time to grow


class Admission:
    """Counts open exchanges. Times are monotonic seconds.

    most: open exchanges that are never exceeded (memory, descriptors). target_s: the lag of the
    event loop that may stand; 0: lag is ignored. pace: kept while there is overload; None: as soon
    as there is room.

    >>> gate, alice = Admission(most=100, target_s=0.1), Share()
    >>> gate.enter(alice) is None                # or seconds for Retry-After
    True
    >>> gate.leave(alice)
    """

    __slots__ = (
        "_began_at",
        "_cut_at",
        "_edge",
        "_edge_at",
        "_good_at",
        "_highest",
        "_most",
        "_seen",
        "_target_s",
        "keys",
        "limit",
        "open",
        "pace",
        "refused",
    )

    def __init__(self, *, most: int, target_s: float, pace: Pace | None = None) -> None:
        self._most = most
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

    def sample(self, lag_s: float, now: float, busy_s: float = 0.0, cpu_s: float = 0.0) -> None:
        """Every LOOK_SECONDS: how late the loop was, how much CPU its turn took, and how much its
        thread took so far."""
        target_s = self._target_s
        late = 0.0
        if target_s:
            late = max(lag_s / target_s, busy_s / (BUSY_S if self.overloaded else target_s))
        if self.pace is not None:
            self.pace.sample(now, cpu_s, overloaded=self.overloaded)
        self._highest = max(self._highest, self.open)
        if self._good_at is None:
            self._began_at = now
        if self._good_at is None or late <= 1.0:
            self._good_at = now
            if now - self._cut_at >= INTERVAL_S and self.limit < self._most:
                self._cut_at = now
                if self._highest >= FULL * self.limit or self.refused == self._seen:
                    self._grow(now)
                self._seen, self._highest = self.refused, 0
            return
        if now - self._began_at < START_S:
            return
        if busy_s >= self._target_s and self.open > SUDDEN and not self.overloaded:
            self._cut(now, 1.0)
        elif now - self._good_at >= INTERVAL_S and now - self._cut_at >= INTERVAL_S:
            if self.open > HEADROOM * self.limit:
                return  # the last cut has yet to show: answers under way take their time
            self._cut(now, late)

    def _cut(self, now: float, late: float) -> None:
        self._cut_at = self._edge_at = now
        least = min(LEAST, self._most)
        limit = self._edge = min(self.limit, float(self.open))
        self.limit = max(float(least), limit * min(CUT[0], max(CUT[1], late**-0.5)))

    def _grow(self, now: float) -> None:
        limit, most = self.limit, float(self._most)
        if now - self._edge_at < FORGET_S:
            near = NEAR * self._edge
            if limit >= near:
                self.limit = min(most, limit + max(1.0, NEAR_GROWTH * limit))
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
        if self.open >= min(HEADROOM * self.limit, float(self._most)):
            return False
        keys = self.keys + (not mine)
        return keys > 1 and (mine + 1) * keys <= self.limit
