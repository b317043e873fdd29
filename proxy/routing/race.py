"""The race to the first token, as a pure state machine: reports in, commands out.

proxy.upstream.runner executes the commands and reports what happened. Nothing here waits,
sleeps or reads a clock, so a test plays a whole race at once.

A lane is one attempt; a step is a position in the plan. A lane usually runs the step of its
own number; a retry, when the plan is exhausted, runs an earlier step in a new lane.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from proxy.errors import MEANING, Kind

Lane = int


class Verdict(Enum):
    """What the runner allows when a lane is over its deadline."""

    HEDGE = "hedge"  # keep it, start the next
    SWITCH = "switch"  # cancel it, start the next
    WAIT = "wait"  # leave it some more time: another request would make it worse


@dataclass(frozen=True, slots=True)
class Start:
    """Begin a lane, after this many seconds, with its deadline. forced: even where the door of
    its target is shut, because nothing else is left."""

    lane: Lane
    step: int
    delay: float = 0.0
    forced: bool = False


@dataclass(frozen=True, slots=True)
class Arm:
    """Give a running lane more time: so much of its deadline."""

    lane: Lane
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Cancel:
    lane: Lane


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No lane is left that could still answer."""


Command = Start | Arm | Cancel | GiveUp
Commands = Sequence[Command]


@dataclass(frozen=True, slots=True)
class FirstToken:
    lane: Lane


@dataclass(frozen=True, slots=True)
class Stalled:
    """share: of its deadline, until a lane that waits is looked at again."""

    lane: Lane
    verdict: Verdict
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Failed:
    """retry_in: seconds after which the same target may be tried again, None for never."""

    lane: Lane
    kind: Kind
    retry_in: float | None = None
    barred: frozenset[int] = frozenset()  # steps that would fail the same way


@dataclass(frozen=True, slots=True)
class Denied:
    """The door of the lane's target was shut, or its limit reached, when it wanted to begin."""

    lane: Lane


Report = FirstToken | Stalled | Failed | Denied

_NOTHING: Commands = ()


class Race:
    """One request's race over `steps` targets, with at most `retries` lanes beyond them.

    It begins with lane 0 running step 0: most requests need nothing else, and no race.
    """

    __slots__ = ("_barred", "_denied", "_forced", "_hedges", "_lanes", "_looked", "_next",
                 "_overdue", "_retries", "_running", "_steps", "lost", "winner")  # fmt: skip

    def __init__(self, steps: int, retries: int = 0) -> None:
        self._steps = steps
        self._retries = retries
        self._next = 1  # the next untried step
        self._lanes = 1  # lanes ever started
        self._running: dict[Lane, int] = {0: 0}  # lane -> its step
        self._looked: set[Lane] = set()
        self._overdue: set[Lane] = set()
        self._barred: set[int] = set()
        self._denied: list[int] = []  # steps passed by because of their doors, in order
        self._forced: set[Lane] = set()
        self._hedges: set[Lane] = set()  # lanes started beside one that was kept
        self.winner: Lane | None = None
        self.lost = False

    @property
    def over(self) -> bool:
        return self.lost or self.winner is not None

    @property
    def hedge_won(self) -> bool:
        """Whether the winner was started beside a slow lane: it replaced a stalled attempt."""
        return self.winner is not None and self.winner in self._hedges

    @property
    def next_step(self) -> int | None:
        """The step that would be started next, None where all were tried."""
        for step in range(self._next, self._steps):
            if step not in self._barred:
                return step
        return None

    def first_look(self, lane: Lane) -> bool:
        """Whether nobody has asked about this lane before: it has only now come late."""
        if lane in self._looked:
            return False
        self._looked.add(lane)
        return True

    def on(self, report: Report) -> Commands:
        """What to do about this report; a late word from a lane that is gone changes nothing."""
        if self.over or report.lane not in self._running:
            return _NOTHING
        match report:
            case FirstToken(lane=lane):
                return self._win(lane)
            case Stalled():
                return self._stalled(report)
            case Failed():
                return self._failed(report)
            case Denied(lane=lane):
                return self._denied_at(lane)

    def _win(self, lane: Lane) -> Commands:
        self.winner = lane
        if len(self._running) == 1:
            return _NOTHING
        return [Cancel(other) for other in sorted(self._running) if other != lane]

    def _stalled(self, report: Stalled) -> Commands:
        lane, verdict = report.lane, report.verdict
        if verdict is Verdict.WAIT:
            return [Arm(lane, report.share)]
        step = self._take_step()
        self._overdue.add(lane)
        if step is None:
            if not self._overdue.issuperset(self._running):
                return _NOTHING  # a later lane still has its time
            forced = self._take_denied()
            if forced is not None:
                return [self._start(forced, forced=True)]
            self.lost = True
            return [*(Cancel(other) for other in sorted(self._running)), GiveUp()]
        if verdict is Verdict.HEDGE:
            return [self._start(step, hedge=True)]
        del self._running[lane]
        return [Cancel(lane), self._start(step)]

    def _failed(self, report: Failed) -> Commands:
        step = self._running.pop(report.lane)
        self._barred |= report.barred
        meaning = MEANING[report.kind]
        if meaning.next_target:
            following = self._take_step()
            if following is not None:
                return [self._start(following)]
        if self._running:
            return self._go_on()
        if meaning.next_target:
            if (forced := self._take_denied()) is not None:
                return [self._start(forced, forced=True)]
            if report.retry_in is not None and self._retries > 0:
                self._retries -= 1
                return [self._start(step, report.retry_in)]
        self.lost = True
        return [GiveUp()]

    def _denied_at(self, lane: Lane) -> Commands:
        step = self._running.pop(lane)
        if lane not in self._forced:
            self._denied.append(step)
        following = self._take_step()
        if following is not None:
            return [self._start(following, hedge=lane in self._hedges)]
        if self._running:
            return self._go_on()
        forced = self._take_denied()
        if forced is not None:
            return [self._start(forced, forced=True)]
        self.lost = True
        return [GiveUp()]

    def _go_on(self) -> Commands:
        """What still runs over its deadline was kept only while another ran: it has time again."""
        if not self._overdue.issuperset(self._running):
            return _NOTHING
        self._overdue.clear()
        return [Arm(lane) for lane in sorted(self._running)]

    def _take_denied(self) -> int | None:
        while self._denied:
            step = self._denied.pop(0)
            if step not in self._barred:
                return step
        return None

    def _take_step(self) -> int | None:
        step = self.next_step
        if step is not None:
            self._next = step + 1
        return step

    def _start(
        self, step: int, delay: float = 0.0, *, forced: bool = False, hedge: bool = False
    ) -> Start:
        lane = self._lanes
        self._lanes += 1
        self._running[lane] = step
        if hedge:
            self._hedges.add(lane)
        if forced:
            self._forced.add(lane)
        return Start(lane, step, delay, forced)
