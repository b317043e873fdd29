"""One exchange's attempts, up to the first token: begun, given time, given up, told to the race.

A request that goes well needs no more than begin: its lanes are made when something happens that
only they know an answer to. Everything is a plain call from data_received or a timer: no task per
request on warm connections.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Protocol

from proxy.errors import MEANING, ClientError, Kind, UpstreamFailure, telling, to_client
from proxy.routing.overdue import overdue, overdue_last
from proxy.routing.race import (
    Arm,
    Cancel,
    Commands,
    Denied,
    Failed,
    FirstToken,
    GiveUp,
    Race,
    Start,
    Verdict,
)
from proxy.routing.retry import may_retry, retry_after, retry_in
from proxy.routing.signals import BYTES_PER_TOKEN
from proxy.upstream.attempt import Attempt
from proxy.upstream.request import request_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.dialects.dialect import Dialect
    from proxy.exchange import Exchange
    from proxy.state.budget import Budget
    from proxy.timing import Timer
    from proxy.upstream.engine import Engine, Step, Terms

RETRIES = 2  # lanes beyond the plan, once every target has failed


class Contest(Protocol):
    """Whose race it is: what is asked of whom, and what is done when it is over."""

    exchange: Exchange
    steps: Sequence[Step]
    terms: Terms
    dialect: Dialect  # the client's
    engine: Engine
    reasons: bool  # the model thinks first: such answers have histories of their own
    over: bool
    first: Attempt | None  # lane 0, as long as there are no lanes
    winner: Attempt | None
    failures: tuple[UpstreamFailure, ...]  # to be told of, should every target fail

    @property
    def lanes(self) -> Lanes:
        """Made when they are first asked for."""
        ...

    def overdue(self, attempt: Attempt) -> None: ...
    def first_token(self, attempt: Attempt) -> None: ...
    def answered(self, attempt: Attempt, body: bytes) -> None: ...
    def failed(self, attempt: Attempt, failure: UpstreamFailure) -> None: ...

    def end_with(self, error: ClientError) -> None:
        """Nothing is left to try."""
        ...

    def asks_anew(self, failure: UpstreamFailure) -> bool:
        """Whether a failure was answered by another form of the request."""
        ...

    def asks_otherwise(self) -> bool:
        """Whether that was done though every target failed."""
        ...


def begin(
    contest: Contest, lane: int, step: int, known: Lanes | None = None, *, forced: bool = False
) -> None:
    """Ask one target, if its door is open. known: the lanes, where there are any."""
    exchange, engine, terms = contest.exchange, contest.engine, contest.terms
    target = contest.steps[step]
    ticket: int | None = 0
    if target.name in engine.breakers.known or target.limited:
        ticket = _enter(exchange, engine, target, forced=forced or len(contest.steps) == 1)
        if ticket is None:
            contest.lanes.denied(lane)
            return
    exchange.attempts += 1
    streams = exchange.stream or terms.stream_upstream
    endpoint, client = target.endpoint, contest.dialect
    spoken = endpoint.spoken.get(client.name) or endpoint.dialect_for(client, exchange.body)
    request = request_for(exchange, target, spoken, streams=streams, client=client)
    if exchange.dropped and terms.strict:
        contest.end_with(_no_place(exchange.dropped, target.name))
        return
    passes = spoken is client and not endpoint.repairs
    attempt = Attempt(contest, lane, step, endpoint, request, spoken, streams, passes)
    if ticket:
        attempt.ticket = ticket
    if known is None:
        contest.first = attempt
    else:
        known.attempts[lane] = attempt
    due = attempt.deadline_s = _deadline_s(contest, target) if streams else terms.answer_s
    attempt.arm(engine.wheel, due)
    attempt.start()


def _enter(exchange: Exchange, engine: Engine, target: Step, *, forced: bool) -> int | None:
    """A ticket at a target's breaker, and a place within its limits; None without either."""
    now = engine.now()
    ticket = engine.breakers.enter(target.name, now, forced=forced)
    if ticket is None or not target.limited:
        return ticket
    tokens = exchange.prompt_bytes // BYTES_PER_TOKEN
    if engine.limits.admit(target.limited, tokens, now):
        return ticket
    engine.breakers.abandoned(target.name, now, ticket)
    return None


def _deadline_s(contest: Contest, target: Step) -> float:
    """Seconds to the first token, of an upstream request that streams."""
    first_ms = contest.exchange.options.first_token_ms
    if first_ms is not None:
        return first_ms / 1000
    first_s = contest.terms.first_token_s
    if first_s is not None:
        return first_s
    engine = contest.engine
    return engine.latency.deadline(
        target.name, contest.exchange.prompt_bytes, engine.now(), reasoning=contest.reasons
    )


class Lanes:
    """What is decided between attempts, until one has won. One race's; made with its lane 0, or
    before there is one."""

    __slots__ = ("_contest", "_delays", "_race", "attempts")

    def __init__(self, contest: Contest) -> None:
        self._contest = contest
        first = contest.first
        self.attempts: dict[int, Attempt] = {} if first is None else {first.lane: first}
        self._race = Race(len(contest.steps), RETRIES)
        self._delays: tuple[Timer, ...] = ()

    # ---- for the runner ------------------------------------------------------------------

    def start_later(self, lane: int, step: int, delay: float, *, forced: bool = False) -> None:
        """Begin a lane after so many seconds."""

        def start() -> None:
            if not self._contest.over:
                begin(self._contest, lane, step, self, forced=forced)

        self._delays = (*self._delays, self._contest.engine.wheel.arm(delay, start))

    def denied(self, lane: int) -> None:
        """A lane's target takes nothing now."""
        self._execute(self._race.on(Denied(lane)))

    def won(self, lane: int) -> None:
        """A lane has a token, or an answer: the others stop."""
        race = self._race
        self._execute(race.on(FirstToken(lane)))
        if race.hedge_won:
            self._purse.give_back()  # it replaced a stalled attempt: no request was extra

    def stop(self) -> None:
        """Nothing of this race is wanted any more but its winner."""
        delays, self._delays = self._delays, ()  # they refer back here
        for delay in delays:
            delay.cancel()
        for lane in tuple(self.attempts):
            if self.attempts[lane] is not self._contest.winner:
                self._cancel_lane(lane)
        self.attempts.clear()

    # ---- commands of the race ------------------------------------------------------------

    def _execute(self, commands: Commands) -> None:
        for command in commands:
            match command:
                case Start(lane=lane, step=step, delay=delay, forced=forced):
                    if delay > 0:
                        self.start_later(lane, step, delay, forced=forced)
                    else:
                        begin(self._contest, lane, step, self, forced=forced)
                case Cancel(lane=lane):
                    self._cancel_lane(lane)
                case Arm(lane=lane, share=share):
                    attempt = self.attempts[lane]
                    attempt.arm(self._contest.engine.wheel, attempt.deadline_s * share)
                case GiveUp():
                    contest = self._contest
                    failures = contest.failures
                    if not contest.asks_otherwise():
                        contest.end_with(
                            to_client(telling(failures)) if failures else turned_away()
                        )

    def _cancel_lane(self, lane: int) -> None:
        attempt = self.attempts.pop(lane, None)
        if attempt is not None:
            give_up(self._contest, attempt)

    # ---- deadlines ------------------------------------------------------------

    @property
    def _adaptive(self) -> bool:
        """Whether the first token's deadline is learned, not set."""
        contest = self._contest
        return (
            contest.terms.first_token_s is None
            and contest.exchange.options.first_token_ms is None
            and (contest.exchange.stream or contest.terms.stream_upstream)
        )

    def overdue(self, attempt: Attempt) -> None:
        """An attempt's time is over."""
        contest = self._contest
        engine, steps = contest.engine, contest.steps
        now = engine.now()
        name = steps[attempt.step].name
        waited_s = perf_counter() - attempt.started_s
        adaptive = self._adaptive
        if self._race.first_look(attempt.lane):
            engine.latency.late(name, now)
        following = self._race.next_step
        if following is None:
            report = overdue_last(
                attempt.lane, waited_s=waited_s, deadline_s=attempt.deadline_s, adaptive=adaptive
            )
        else:
            hedges = contest.terms.hedges and contest.exchange.stream
            after = steps[following].name
            report = overdue(
                attempt.lane,
                waited_s=waited_s,
                deadline_s=attempt.deadline_s,
                adaptive=adaptive,
                next_slow=adaptive and engine.latency.slow(after, now),
                purse=self._purse if hedges else None,
                uncertain=lambda: engine.latency.uncertain(name, after, now),
            )
        if report.verdict is not Verdict.WAIT:
            engine.breakers.failed(name, Kind.STALL, now, ticket=attempt.ticket)
            failure = UpstreamFailure(Kind.STALL, "no token within the deadline")
            contest.failures = (*contest.failures, failure)
        self._execute(self._race.on(report))

    @property
    def _purse(self) -> Budget:
        """What this route's hedges are paid from."""
        contest = self._contest
        return contest.engine.budgets.of(contest.exchange.route, contest.terms.hedge_share)

    # ---- what the attempts say ------------------------------------------------------------

    def failed(self, attempt: Attempt, failure: UpstreamFailure) -> None:
        """A lane ended without a token."""
        self.attempts.pop(attempt.lane, None)
        contest = self._contest
        if contest.over:
            return
        engine = contest.engine
        step = contest.steps[attempt.step]
        contest.exchange.missed(step.name, attempt.started_s, perf_counter(), failure.kind.value)
        if step.limited:
            engine.limits.release(step.limited)
        if contest.asks_anew(failure):
            return
        wait = retry_after(
            failure.headers,
            engine.wall(),
            limited=failure.kind is Kind.RATE_LIMITED,
            words=failure.detail,
        )
        engine.breakers.failed(
            step.name, failure.kind, engine.now(), retry_after=wait, ticket=attempt.ticket
        )
        if MEANING[failure.kind].alarm:
            engine.alarm(step.name, failure.kind)
        contest.failures = (*contest.failures, failure)
        again = None
        if self._race.next_step is None and may_retry(failure.headers):
            again = retry_in(
                failure.kind, attempt.lane, wait, engine.rand(), engine.budgets.retries
            )
        barred = frozenset[int]()
        if failure.kind is Kind.CONTEXT_LENGTH:
            barred = self._not_larger(attempt.step)
        self._execute(self._race.on(Failed(attempt.lane, failure.kind, again, barred)))

    def _not_larger(self, step: int) -> frozenset[int]:
        """Steps whose window is known not to be larger than this one's, or is the same model."""
        steps = self._contest.steps
        own = steps[step]
        return frozenset(
            index
            for index, other in enumerate(steps)
            if other.model == own.model
            or (own.window is not None and other.window is not None and other.window <= own.window)
        )


def give_up(contest: Contest, attempt: Attempt) -> None:
    """Stop an attempt that nobody waits for any more. What was asked is billed all the same."""
    exchange, engine = contest.exchange, contest.engine
    step = contest.steps[attempt.step]
    ended_s = perf_counter()
    waited_s = ended_s - attempt.started_s
    won = contest.winner is not None
    why = "cancelled" if contest.over else "overtaken" if won else "stalled"
    exchange.missed(step.name, attempt.started_s, ended_s, why)
    now = engine.now()
    engine.latency.censored(
        step.name, exchange.prompt_bytes, waited_s, now, reasoning=contest.reasons
    )
    if won and attempt.connection is not None:
        engine.lost(exchange, step.name, waited_s)
    engine.breakers.abandoned(step.name, now, attempt.ticket)
    if step.limited:
        engine.limits.release(step.limited)
    attempt.cancel()


def turned_away() -> ClientError:
    """What is said where every door was shut or every limit reached before anything was sent."""
    return ClientError(
        503,
        "No target of this route takes requests now. Try again soon.",
        "server_error",
        "no_target_available",
        headers={"retry-after": "1"},
    )


def _no_place(dropped: Sequence[str], target: str) -> ClientError:
    return ClientError(
        400,
        f"{target} cannot honour {', '.join(dropped)}, and this route drops nothing.",
        code="unsupported_parameter",
        param=dropped[0],
    )
