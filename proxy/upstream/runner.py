"""Drives one request's race over real connections and hands the winner to the delivery.

Everything is a plain call from data_received or a timer: no task per request on warm
connections, none per token.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from proxy import headers
from proxy.errors import (
    MEANING,
    ClientError,
    Kind,
    UpstreamFailure,
    telling,
    to_client,
)
from proxy.routing.demand import wants_reasoning
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
from proxy.upstream.delivery import Delivery
from proxy.upstream.request import counts_itself, request_for
from proxy.upstream.resumption import Resumption, resumption
from proxy.upstream.whole import read as read_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from proxy.dialects.dialect import Dialect
    from proxy.exchange import Exchange, Sink
    from proxy.state.budget import Budget
    from proxy.timing import Timer
    from proxy.upstream.engine import Engine, Step, Terms

RETRIES = 2  # lanes beyond the plan, once every target has failed


class Runner:
    """One exchange on its way through its targets. Used once."""

    __slots__ = (
        "_attempts", "_delays", "_delivery", "_dialect", "_engine",
        "_failures", "_machine", "_nudged_s", "_paused", "_reasons", "_rest", "_sink",
        "_steps", "_store", "_terms", "_winner", "exchange", "over",
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
        # A request that goes well needs neither the race nor the delivery's state: they are made
        # when something happens that only they know an answer to.
        self._delivery: Delivery | None = None
        self._machine: Race | None = None
        self._attempts: dict[int, Attempt] = {}
        self._delays: list[Timer] = []
        self._failures: list[UpstreamFailure] = []
        self._winner: Attempt | None = None
        self._paused = False
        self._rest: Resumption | None = None  # once the answer broke off
        # Models that think first, or wait for tools, have histories of their own.
        self._reasons = exchange.stream and wants_reasoning(exchange.body)
        self._nudged_s = 0.0  # when a comment last kept the client's connection alive
        self.over = False

    # ---- for the client's side ------------------------------------------------------------

    def start(self, wait_s: float = 0.0) -> None:
        """Begin with the first target, after so many seconds."""
        self._engine.budgets.request(self.exchange.route, self._terms.hedge_share)
        if wait_s > 0:
            self._start_later(0, 0, wait_s, forced=False)
        else:
            self._start_lane(0, 0)

    def cancel(self) -> None:
        """The client left: every upstream connection closes now."""
        if not self.over:
            self.exchange.usage = self._way.spent()
            self._stop_all()
            self.exchange.outcome = "cancelled"
            self._account()

    def expire(self) -> None:
        """The proxy goes down and waited long enough: say so, and end."""
        if not self.over:
            self._end_with(
                ClientError(503, "The proxy is shutting down.", "server_error", "shutting_down")
            )

    def nudge(self) -> None:
        """Called every second: after a long silence a comment keeps the way to the client open.

        From then on the status is 200, and a failure can only be told inside the stream.
        """
        keep_s = self._terms.keep_alive_s
        if not keep_s or not self.exchange.stream or self.over:
            return
        now = self._engine.now()
        heard = self._nudged_s or now - (perf_counter() - self.exchange.started_s)
        follower = self._delivery.follower if self._delivery is not None else None
        if follower is not None:
            heard = max(heard, follower.heard_s)
        if now - heard >= keep_s:
            self._nudged_s = now
            self._way.comment()

    def pause(self) -> None:
        """The client does not read: neither do we."""
        self._paused = True
        if self._winner is not None:
            self._winner.pause()

    def resume(self) -> None:
        """The client reads again."""
        self._paused = False
        if self._winner is not None:
            self._winner.resume()

    def write_to(self, sink: Sink) -> None:
        """From now on the tokens of the open stream go there; its end is told as before."""
        self._way.redirect(sink)

    def sent(self) -> bytes | None:
        """All that the client has of its stream; None where that is not kept."""
        return None if self._rest is not None and self._rest.before else self._way.sent()

    @property
    def _way(self) -> Delivery:
        """The way out to the client."""
        way = self._delivery
        if way is None:
            way = self._delivery = Delivery(
                self.exchange,
                self._sink,
                self._dialect,
                self._engine,
                least_per_s=self._terms.least_per_s,
            )
        return way

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
                    self._arm(attempt, attempt.deadline_s * share)
                case GiveUp():
                    failures = self._failures
                    self._end_with(to_client(telling(failures)) if failures else turned_away())

    def _start_later(self, lane: int, step: int, delay: float, *, forced: bool) -> None:
        def start() -> None:
            if not self.over:
                self._start_lane(lane, step, forced=forced)

        self._delays.append(self._engine.wheel.arm(delay, start))

    def _start_lane(self, lane: int, step: int, *, forced: bool = False) -> None:
        exchange = self.exchange
        engine = self._engine
        target = self._steps[step]
        now = engine.now()
        ticket = engine.breakers.enter(target.name, now, forced=forced or len(self._steps) == 1)
        if ticket is None:
            self._execute(self._race.on(Denied(lane)))
            return
        if target.limited and not engine.limits.admit(
            target.limited, exchange.prompt_bytes // BYTES_PER_TOKEN, now
        ):
            engine.breakers.abandoned(target.name, now, ticket)
            self._execute(self._race.on(Denied(lane)))
            return
        exchange.attempts += 1
        streams = exchange.stream or self._terms.stream_upstream
        spoken = target.endpoint.dialect_for(self._dialect)
        request = request_for(exchange, target, spoken, streams=streams, client=self._dialect)
        if exchange.dropped and self._terms.strict:
            self._end_with(_no_place(exchange.dropped, target.name))
            return
        attempt = Attempt(
            self,
            lane,
            step,
            target.endpoint,
            request,
            spoken,
            streams=streams,
            passes=spoken is self._dialect and not target.endpoint.repairs,
            started_s=perf_counter(),
        )
        attempt.ticket = ticket
        self._attempts[lane] = attempt
        attempt.deadline_s = self._deadline_s(step)
        self._arm(attempt, attempt.deadline_s)
        attempt.start()

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

    def _arm(self, attempt: Attempt, seconds: float) -> None:
        def stalled() -> None:
            self._stalled(attempt)

        attempt.timer = self._engine.wheel.arm(seconds, stalled)

    @property
    def _adaptive(self) -> bool:
        """Whether the first token's deadline is learned, not set."""
        return (
            self._terms.first_token_s is None
            and self.exchange.options.first_token_ms is None
            and (self.exchange.stream or self._terms.stream_upstream)
        )

    def _deadline_s(self, step: int) -> float:
        terms = self._terms
        exchange = self.exchange
        if not exchange.stream and not terms.stream_upstream:
            return terms.answer_s
        if exchange.options.first_token_ms is not None:
            return exchange.options.first_token_ms / 1000
        if terms.first_token_s is not None:
            return terms.first_token_s
        engine = self._engine
        return engine.latency.deadline(
            self._steps[step].name, exchange.prompt_bytes, engine.now(), reasoning=self._reasons
        )

    def _stalled(self, attempt: Attempt) -> None:
        attempt.timer = None
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
            self._failures.append(UpstreamFailure(Kind.STALL, "no token within the deadline"))
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
        if self._rest is not None and self._rest.refused(failure, self.exchange):
            self._race_again(self._steps)
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
        self._failures.append(failure)
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
        own = self._steps[step]
        return frozenset(
            index
            for index, other in enumerate(self._steps)
            if other.model == own.model
            or (own.window is not None and other.window is not None and other.window <= own.window)
        )

    def first_token(self, attempt: Attempt) -> None:
        """The race is decided: the others stop, the client's stream begins."""
        if self.over:
            attempt.cancel()
            return
        step = self._won(attempt)
        engine = self._engine
        exchange = self.exchange
        engine.latency.observe(
            step.name,
            exchange.prompt_bytes,
            exchange.upstream_s,
            engine.now(),
            reasoning=self._reasons,
        )
        gap_s = self._silence_s
        if gap_s is None:
            gap_s = engine.gaps.deadline(step.name, pausing=self._pauses)
        if self._paused:
            attempt.pause()
        if self._rest is not None and self._rest.before is not None:
            self._way.resume(attempt, step, self, self._rest.before, gap_s)
            return
        self._way.follow(
            attempt,
            step,
            self,
            gap_s,
            strip_usage=attempt.passes and counts_itself(self.exchange, step, streams=True),
        )

    def answered(self, attempt: Attempt, body: bytes) -> None:
        """A whole answer came. It is passed on, translated, or told as a stream."""
        if self.over:
            return
        step = self._steps[attempt.step]
        try:
            answer = read_whole(
                body, source=self._dialect, target=attempt.dialect, passes=attempt.passes
            )
        except UpstreamFailure as failure:
            self.failed(attempt, failure)
            return
        attempt.finished()
        self._won(attempt)
        exchange = self.exchange
        if exchange.stream:
            self._way.whole(answer, step)
        else:
            exchange.usage = answer.usage or self._way.count_whole(answer.body)
            exchange.finish = answer.finish
            exchange.status = 200
            self._sink.whole(200, headers.JSON + headers.about(exchange), answer.body)
        self._finished(answer.body)

    def _won(self, attempt: Attempt) -> Step:
        exchange = self.exchange
        now = perf_counter()
        exchange.upstream_s = now - attempt.started_s
        exchange.first_token_s = now - exchange.started_s
        step = self._steps[attempt.step]
        exchange.provider = step.endpoint.name
        exchange.provider_model = step.model
        self._winner = attempt
        race = self._machine
        if race is not None:
            self._execute(race.on(FirstToken(attempt.lane)))
            if race.hedge_won:
                self._purse.give_back()  # it replaced a stalled attempt: no request was extra
        self._engine.breakers.succeeded(step.name, self._engine.now(), attempt.ticket)
        return step

    @property
    def _pauses(self) -> bool:
        """Whether long silences are in this answer's nature."""
        return self._reasons or bool(self.exchange.body.get("tools"))

    @property
    def _silence_s(self) -> float | None:
        """How long the answer may be silent, where that is not learned."""
        terms = self._terms
        return terms.pausing_s if self._pauses else terms.between_tokens_s

    # ---- how the winner's stream ends --------------------------------------------------------

    def complete(self) -> None:
        """The answer is complete."""
        if self.over:
            return
        way = self._way
        body = way.complete(keep=self._store is not None)
        if self._winner is not None:
            if way.follower is not None and self._silence_s is None:
                engine = self._engine
                engine.gaps.observe(
                    self._steps[self._winner.step].name,
                    way.follower.longest_s,
                    engine.now(),
                    pausing=self._pauses,
                )
            self._winner.release(self._engine.wheel)
        self._finished(body)

    def broken(self, failure: UpstreamFailure) -> None:
        """The stream broke after its first token."""
        if self.over:
            return
        self.exchange.usage = self._way.spent()
        winner = self._winner
        assert winner is not None
        name = self._steps[winner.step].name
        engine = self._engine
        now = engine.now()
        self.exchange.missed(name, winner.started_s, perf_counter(), failure.kind.value)
        engine.breakers.failed(name, failure.kind, now, ticket=winner.ticket)
        follower = self._way.follower
        if failure.kind is Kind.STALL and follower is not None:
            engine.gaps.censored(name, now - follower.heard_s, now, pausing=self._pauses)
        self._failures.append(failure)
        if not self._goes_on(winner):
            self._end_with(to_client(failure))

    # ---- finishing a broken answer elsewhere

    def _goes_on(self, winner: Attempt) -> bool:
        """Begin a race for the rest of the answer, once, where there can be one."""
        if not self._terms.continues or self._rest is not None:
            return False
        steps = self._steps[winner.step + 1 :] or self._steps[winner.step : winner.step + 1]
        way = self._way
        rest = resumption(self.exchange, way.spoken() if way.opened else None, steps)
        if rest is None:
            return False
        self._rest = rest
        if rest.before is not None:
            self._store = None  # two models' halves are nobody's whole answer
        self._leave(winner)
        winner.cancel()
        self._race_again(steps)
        return True

    def _leave(self, winner: Attempt) -> None:
        """Its place at a limited endpoint is free, and what it used is counted there."""
        limited = self._steps[winner.step].limited
        if limited:
            engine = self._engine
            engine.limits.release(limited)
            usage = self.exchange.usage
            if usage is not None:
                engine.limits.charge(limited, usage.completion, engine.now())

    def _race_again(self, steps: Sequence[Step]) -> None:
        self._attempts.clear()
        self._winner = None
        self._steps = steps
        self._machine = None
        self._start_lane(0, 0)

    def _finished(self, body: bytes) -> None:
        self.over = True
        self.exchange.outcome = "ok"
        if self._store is not None and body:
            self._store(self.exchange, body)
        self._account()

    def _end_with(self, error: ClientError) -> None:
        self._stop_all()
        self._way.fail(error)
        self._account()

    def _stop_all(self) -> None:
        self.over = True
        for delay in self._delays:
            delay.cancel()
        for lane in tuple(self._attempts):
            if self._attempts[lane] is not self._winner:
                self._cancel_lane(lane)
        self._attempts.clear()
        if self._winner is not None:
            self._winner.cancel()

    def _account(self) -> None:
        """The last act: tell the ledger, and let go of what refers back here."""
        self._attempts.clear()
        if self._winner is not None:
            self._leave(self._winner)
        self._winner = None
        if self._delivery is not None:
            self._delivery.follower = None
        self._engine.account(self.exchange)


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
