"""One exchange's attempts, up to the first token: started, given time, given up, told to the race.

Everything is a plain call from data_received or a timer: no task per request on warm connections.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from proxy.errors import MEANING, ClientError, Kind, UpstreamFailure, telling, to_client
from proxy.routing.demand import wants_reasoning
from proxy.routing.overdue import overdue, overdue_last
from proxy.routing.race import (
    Arm,
    Cancel,
    Commands,
    Denied,
    Failed,
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
    from collections.abc import Callable, Sequence

    from proxy.dialects.dialect import Dialect
    from proxy.exchange import Exchange, Sink
    from proxy.state.budget import Budget
    from proxy.timing import Timer
    from proxy.upstream.delivery import Delivery
    from proxy.upstream.engine import Engine, Step, Terms
    from proxy.upstream.resumption import Resumption

RETRIES = 2  # lanes beyond the plan, once every target has failed


class Lanes:
    """One exchange's race, and what its runner does before anyone has won. Used once.

    A request that goes well needs no race, and keeps no list of failures: they are made when
    something happens that only they know an answer to.
    """

    __slots__ = (
        "_attempts", "_delays", "_delivery", "_dialect", "_engine", "_failures", "_machine",
        "_nudged_s", "_paused", "_reasons", "_rest", "_sink", "_steps", "_store", "_terms",
        "_winner", "exchange", "over",
    )  # fmt: skip

    def __init__(  # one race's parts, set once
        self,
        exchange: Exchange,
        steps: Sequence[Step],
        terms: Terms,
        dialect: Dialect,
        engine: Engine,
        sink: Sink,
        store: Callable[[Exchange, bytes], None] | None = None,
    ) -> None:
        self.exchange = exchange
        self._steps = steps
        self._terms = terms
        self._dialect = dialect
        self._engine = engine
        self._sink = sink
        self._store = store
        self._delivery: Delivery | None = None  # a whole answer goes to the sink at once
        self._rest: Resumption | None = None  # once the answer broke off
        self._paused = False
        self._nudged_s = 0.0  # when a comment last kept the client's connection alive
        self._machine: Race | None = None
        self._attempts: dict[int, Attempt] = {}
        self._delays: tuple[Timer, ...] = ()
        self._failures: tuple[UpstreamFailure, ...] = ()
        self._winner: Attempt | None = None
        # Models that think first, or wait for tools, have histories of their own.
        self._reasons = exchange.stream and wants_reasoning(exchange.body)
        self.over = False

    def start(self, wait_s: float = 0.0) -> None:
        """Begin with the first target, after so many seconds."""
        budgets, share = self._engine.budgets, self._terms.hedge_share
        budgets.retries.requests += 1
        purse = budgets.hedges if share is None else budgets.of(self.exchange.route, share)
        purse.requests += 1
        if wait_s > 0:
            self._start_later(0, 0, wait_s, forced=False)
        else:
            self._start_lane(0, 0)

    def first_token(self, attempt: Attempt) -> None:
        """A lane has won."""
        raise NotImplementedError

    def answered(self, attempt: Attempt, body: bytes) -> None:
        """A lane has a whole answer."""
        raise NotImplementedError

    def _end_with(self, error: ClientError) -> None:
        """Nothing is left to try."""
        raise NotImplementedError

    def _asks_anew(self, failure: UpstreamFailure) -> bool:
        """Whether a failure was answered by another form of the request."""
        raise NotImplementedError

    def _asks_otherwise(self) -> bool:
        """Whether that was done though every target failed."""
        raise NotImplementedError

    @property
    def _race(self) -> Race:
        """The race, from the moment there is more than one lane to think of."""
        race = self._machine
        if race is None:
            race = self._machine = Race(len(self._steps), RETRIES)
        return race

    # ---- commands of the race ------------------------------------------------------------

    def _execute(self, commands: Commands) -> None:
        for command in commands:
            match command:
                case Start(lane=lane, step=step, delay=delay, forced=forced):
                    if delay > 0:
                        self._start_later(lane, step, delay, forced=forced)
                    else:
                        self._start_lane(lane, step, forced=forced)
                case Cancel(lane=lane):
                    self._cancel_lane(lane)
                case Arm(lane=lane, share=share):
                    attempt = self._attempts[lane]
                    attempt.arm(self._engine.wheel, attempt.deadline_s * share)
                case GiveUp():
                    failures = self._failures
                    if self._asks_otherwise():
                        return
                    self._end_with(to_client(telling(failures)) if failures else turned_away())

    def _start_later(self, lane: int, step: int, delay: float, *, forced: bool) -> None:
        def start() -> None:
            if not self.over:
                self._start_lane(lane, step, forced=forced)

        self._delays = (*self._delays, self._engine.wheel.arm(delay, start))

    def _start_lane(self, lane: int, step: int, *, forced: bool = False) -> None:
        exchange = self.exchange
        engine = self._engine
        target = self._steps[step]
        ticket: int | None = 0
        if target.name in engine.breakers.known or target.limited:
            ticket = self._enter(target, forced=forced or len(self._steps) == 1)
            if ticket is None:
                self._execute(self._race.on(Denied(lane)))
                return
        exchange.attempts += 1
        streams = exchange.stream or self._terms.stream_upstream
        endpoint, client = target.endpoint, self._dialect
        spoken = endpoint.spoken.get(client.name) or endpoint.dialect_for(client, exchange.body)
        request = request_for(exchange, target, spoken, streams=streams, client=client)
        if exchange.dropped and self._terms.strict:
            self._end_with(_no_place(exchange.dropped, target.name))
            return
        passes = spoken is client and not endpoint.repairs
        attempt = Attempt(self, lane, step, endpoint, request, spoken, streams, passes)
        if ticket:
            attempt.ticket = ticket
        self._attempts[lane] = attempt
        due = attempt.deadline_s = self._deadline_s(step) if streams else self._terms.answer_s
        attempt.arm(engine.wheel, due)
        attempt.start()

    def _enter(self, target: Step, *, forced: bool) -> int | None:
        """A ticket at a target's breaker, and a place within its limits; None without either."""
        engine = self._engine
        now = engine.now()
        ticket = engine.breakers.enter(target.name, now, forced=forced)
        if ticket is None or not target.limited:
            return ticket
        tokens = self.exchange.prompt_bytes // BYTES_PER_TOKEN
        if engine.limits.admit(target.limited, tokens, now):
            return ticket
        engine.breakers.abandoned(target.name, now, ticket)
        return None

    def _cancel_lane(self, lane: int) -> None:
        attempt = self._attempts.pop(lane, None)
        if attempt is None:
            return
        engine = self._engine
        ended_s = perf_counter()
        waited = ended_s - attempt.started_s
        why = "cancelled" if self.over else "stalled" if self._winner is None else "overtaken"
        self.exchange.missed(self._steps[attempt.step].name, attempt.started_s, ended_s, why)
        engine.latency.censored(
            self._steps[attempt.step].name,
            self.exchange.prompt_bytes,
            waited,
            engine.now(),
            reasoning=self._reasons,
        )
        if attempt.connection is not None and self._winner is not None:
            engine.lost(self.exchange, self._steps[attempt.step].name, waited)
        self._abandon(attempt)

    def _abandon(self, attempt: Attempt) -> None:
        """Stop an attempt that nobody waits for any more."""
        step = self._steps[attempt.step]
        engine = self._engine
        engine.breakers.abandoned(step.name, engine.now(), attempt.ticket)
        if step.limited:
            engine.limits.release(step.limited)
        attempt.cancel()

    # ---- deadlines ------------------------------------------------------------

    @property
    def _adaptive(self) -> bool:
        """Whether the first token's deadline is learned, not set."""
        return (
            self._terms.first_token_s is None
            and self.exchange.options.first_token_ms is None
            and (self.exchange.stream or self._terms.stream_upstream)
        )

    def _deadline_s(self, step: int) -> float:
        """Seconds to the first token, of an upstream request that streams."""
        first_ms = self.exchange.options.first_token_ms
        if first_ms is not None:
            return first_ms / 1000
        first_s = self._terms.first_token_s
        if first_s is not None:
            return first_s
        engine = self._engine
        return engine.latency.deadline(
            self._steps[step].name,
            self.exchange.prompt_bytes,
            engine.now(),
            reasoning=self._reasons,
        )

    def overdue(self, attempt: Attempt) -> None:
        """An attempt's time is over."""
        engine = self._engine
        now = engine.now()
        name = self._steps[attempt.step].name
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
            hedges = self._terms.hedges and self.exchange.stream
            after = self._steps[following].name
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
            self._note(UpstreamFailure(Kind.STALL, "no token within the deadline"))
        self._execute(self._race.on(report))

    @property
    def _purse(self) -> Budget:
        """What this route's hedges are paid from."""
        return self._engine.budgets.of(self.exchange.route, self._terms.hedge_share)

    # ---- what the attempts say ------------------------------------------------------------

    def failed(self, attempt: Attempt, failure: UpstreamFailure) -> None:
        """A lane ended without a token."""
        self._attempts.pop(attempt.lane, None)
        if self.over:
            return
        engine = self._engine
        step = self._steps[attempt.step]
        self.exchange.missed(step.name, attempt.started_s, perf_counter(), failure.kind.value)
        if step.limited:
            engine.limits.release(step.limited)
        if self._asks_anew(failure):
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
        self._note(failure)
        again = None
        if self._race.next_step is None and may_retry(failure.headers):
            again = retry_in(
                failure.kind, attempt.lane, wait, engine.rand(), engine.budgets.retries
            )
        barred = frozenset[int]()
        if failure.kind is Kind.CONTEXT_LENGTH:
            barred = self._not_larger(attempt.step)
        self._execute(self._race.on(Failed(attempt.lane, failure.kind, again, barred)))

    def _note(self, failure: UpstreamFailure) -> None:
        self._failures = (*self._failures, failure)

    def _not_larger(self, step: int) -> frozenset[int]:
        """Steps whose window is known not to be larger than this one's, or is the same model."""
        own = self._steps[step]
        return frozenset(
            index
            for index, other in enumerate(self._steps)
            if other.model == own.model
            or (own.window is not None and other.window is not None and other.window <= own.window)
        )


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
