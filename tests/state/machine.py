"""A machine that does one thing at a time, asked for more than it can do: virtual time.

Requests come evenly. One that is let in costs its admission and then a turn's part for every token,
each a while after the one before; one that is refused costs little, but waits for its turn.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush
from random import Random

from proxy.exchange import Share
from proxy.state.admission import LOOK_SECONDS, START_S, Admission
from proxy.state.pace import Pace


@dataclass(frozen=True, slots=True)
class Work:
    """Seconds. gap_s: between two tokens, from half to one and a half of it, or always it."""

    admit_s: float = 0.0012
    token_s: float = 0.0002
    tokens: int = 40
    gap_s: float = 0.005
    refuse_s: float = 0.00005
    turn_s: float = 0.0001
    even: bool = False

    @property
    def per_s(self) -> float:
        """Answers a second that the machine can give."""
        return 1 / (self.admit_s + self.tokens * self.token_s)


@dataclass(frozen=True, slots=True)
class Outcome:
    """share: answers given, of what the machine can do. refusal_p99_s: once it has settled.
    most: open at a time."""

    share: float
    refusal_p99_s: float
    most: int


def play(load: float, seconds: float, work: Work, settle_s: float = 10.0) -> Outcome:
    """load: of what the machine can do."""
    rand = Random(1)
    began = idle = 0.0
    gate = Admission(
        most=100_000,
        target_s=0.1,
        pace=Pace(lambda: began),
        turn=lambda: (now - began, now - idle),
    )
    share = Share()
    now, came, done, most, look = 0.0, 0, 0, 0, LOOK_SECONDS
    gate.sample(0.0, -START_S)  # it has been there for a while
    rate = load * work.per_s
    ready: list[tuple[float, int]] = []
    waits: list[float] = []
    while now < seconds:
        began = now
        events: list[tuple[float, int]] = []
        while came / rate <= began:
            events.append((came / rate, 0))
            came += 1
        while ready and ready[0][0] <= began:
            events.append(heappop(ready))
        if not events:
            now = max(now, min(came / rate, ready[0][0] if ready else seconds))
            idle += now - began
        now += work.turn_s
        for at, before in events:
            left = before
            if left:
                now += work.token_s
            elif gate.enter(share) is None:
                now += work.admit_s
                left = work.tokens + 1
            else:
                now += work.refuse_s
                if now > settle_s:
                    waits.append(now - at)
                continue
            if left > 1:
                since = max(at, now - work.gap_s)
                gap_s = work.gap_s * (1.0 if work.even else 0.5 + rand.random())
                heappush(ready, (since + gap_s, left - 1))
            else:
                gate.leave(share)
                done += now > settle_s
        most = max(most, gate.open)
        if began >= look:
            gate.sample(now - began, now, now - began, now - idle)
            look = now + LOOK_SECONDS
    waits.sort()
    late = waits[int(0.99 * len(waits))] if waits else 0.0
    return Outcome(done / (seconds - settle_s) / work.per_s, late, most)
