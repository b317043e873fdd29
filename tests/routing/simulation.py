"""Races on a clock that a heap turns: thousands of requests against providers that are formulas.

Driven by the proxy's own race, verdict, budget and latencies, as proxy.upstream.runner drives them.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from proxy.routing.overdue import overdue, overdue_last
from proxy.routing.race import (
    Arm,
    Cancel,
    FirstToken,
    GiveUp,
    Race,
    Start,
)
from proxy.state.budget import Budget
from proxy.state.latency import Latency

Provider = Callable[[float], float | None]  # now -> seconds to the first token, None: never


def lognormal(rand: random.Random, median_s: float, sigma: float, stalled: float = 0.0) -> Provider:
    def answer(now: float) -> float | None:
        if stalled and rand.random() < stalled:
            return None
        return median_s * rand.lognormvariate(0.0, sigma)

    return answer


@dataclass
class Lane:
    step: int
    began: float
    deadline_s: float
    answer_at: float | None
    gone: bool = False


@dataclass
class Result:
    """first_s: time to each request's first token. late_s: when another attempt was begun."""

    first_s: list[float] = field(default_factory=list)
    began_next_s: list[float] = field(default_factory=list)
    asked: int = 0
    stalled: int = 0
    lost: int = 0

    @property
    def extra(self) -> float:
        return self.asked / (len(self.first_s) + self.lost) - 1.0

    @property
    def needless(self) -> float:
        """Extra requests beyond those that replaced one which never answers."""
        return (self.asked - self.stalled) / (len(self.first_s) + self.lost) - 1.0

    def quantile(self, share: float) -> float:
        return sorted(self.first_s)[int(share * len(self.first_s))]


class Simulation:
    """Providers in order, requests at a constant rate."""

    def __init__(
        self, providers: list[Provider], *, share: float = 0.05, hedges: bool = True
    ) -> None:
        self.providers = providers
        self.names = [f"p{index}/m" for index in range(len(providers))]
        self.latency = Latency()
        self.budget = Budget(share)
        self.hedges = hedges
        self.now = 1000.0
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def at(self, when: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (when, next(self._numbers), act))

    def run(self, requests: int, per_second: float = 100.0) -> Result:
        result = Result()
        for number in range(requests):
            self.at(self.now + number / per_second, lambda: Request(self, result).begin())
        while self._queue:
            self.now, _, act = heapq.heappop(self._queue)
            act()
        return result


class Request:
    def __init__(self, sim: Simulation, result: Result) -> None:
        self.sim = sim
        self.result = result
        self.race = Race(len(sim.providers), 0)
        self.lanes: dict[int, Lane] = {}
        self.began = sim.now

    def begin(self) -> None:
        self.sim.budget.requests += 1
        self.execute([Start(0, 0)])

    def execute(self, commands) -> None:
        sim = self.sim
        for command in commands:
            match command:
                case Start(lane=lane, step=step):
                    self.start(lane, step)
                case Arm(lane=lane, share=share):
                    self.arm(lane, share)
                case Cancel(lane=lane):
                    one = self.lanes[lane]
                    one.gone = True
                    sim.latency.censored(sim.names[one.step], 900, sim.now - one.began, sim.now)
                case GiveUp():
                    self.result.lost += 1

    def start(self, lane: int, step: int) -> None:
        sim = self.sim
        self.result.asked += 1
        if lane > 0:
            self.result.began_next_s.append(sim.now - self.began)
        takes = sim.providers[step](sim.now)
        deadline = sim.latency.deadline(sim.names[step], 900, sim.now)
        answer_at = None if takes is None else sim.now + takes
        self.result.stalled += takes is None
        self.lanes[lane] = Lane(step, sim.now, deadline, answer_at)
        if answer_at is not None:
            sim.at(answer_at, lambda: self.answer(lane))
        self.arm(lane, 1.0)

    def arm(self, lane: int, share: float) -> None:
        self.sim.at(self.sim.now + share * self.lanes[lane].deadline_s, lambda: self.overdue(lane))

    def overdue(self, lane: int) -> None:
        one, sim = self.lanes[lane], self.sim
        if one.gone or self.race.over:
            return
        waited = sim.now - one.began
        if waited < one.deadline_s * 1.001:
            sim.latency.late(sim.names[one.step], sim.now)
        following = self.race.next_step
        if following is None:
            said = overdue_last(lane, waited_s=waited, deadline_s=one.deadline_s, adaptive=True)
        else:
            said = overdue(
                lane,
                waited_s=waited,
                deadline_s=one.deadline_s,
                adaptive=True,
                next_slow=sim.latency.slow(sim.names[following], sim.now),
                purse=sim.budget if sim.hedges else None,
                uncertain=lambda: sim.latency.uncertain(
                    sim.names[one.step], sim.names[following], sim.now
                ),
            )
        self.execute(self.race.on(said))

    def answer(self, lane: int) -> None:
        one, sim = self.lanes[lane], self.sim
        if one.gone or self.race.over:
            return
        self.result.first_s.append(sim.now - self.began)
        self.execute(self.race.on(FirstToken(lane)))
        sim.latency.observe(sim.names[one.step], 900, sim.now - one.began, sim.now)
        if self.race.hedge_won:
            sim.budget.give_back()
