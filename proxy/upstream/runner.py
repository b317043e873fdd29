"""Drives one request's race over real connections and hands the winner to the delivery.

Everything is a plain call from data_received or a timer: no task per request on warm
connections, none per token.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from proxy import headers
from proxy.dialects.fitting import asked
from proxy.errors import ClientError, UpstreamFailure, to_client
from proxy.routing.demand import wants_reasoning
from proxy.upstream import lessons
from proxy.upstream.delivery import Delivery
from proxy.upstream.lanes import Lanes, begin, give_up
from proxy.upstream.request import counts_itself
from proxy.upstream.resumption import Way, resumption
from proxy.upstream.whole import mended, passed, translated

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from proxy.chat import Event
    from proxy.dialects.dialect import Dialect
    from proxy.exchange import Exchange, Sink
    from proxy.packed import Stream
    from proxy.upstream.attempt import Attempt
    from proxy.upstream.engine import Engine, Step, Terms
    from proxy.upstream.resumption import Resumption
    from proxy.upstream.whole import Reading


class Runner:
    """One exchange on its way through its targets: a Contest. Used once."""

    __slots__ = (
        "_delivery", "_lanes", "_nudged_s", "_paused", "_rest", "_sink", "_store", "dialect",
        "engine", "exchange", "failures", "first", "over", "reasons", "steps", "terms", "winner",
    )  # fmt: skip

    def __init__(  # one race's parts, set once
        self,
        exchange: Exchange,
        steps: Sequence[Step],
        terms: Terms,
        dialect: Dialect,
        engine: Engine,
        sink: Sink,
        store: Callable[[Exchange, Stream], None] | None = None,
    ) -> None:
        self.exchange = exchange
        self.steps = steps
        self.terms = terms
        self.dialect = dialect
        self.engine = engine
        self._sink = sink
        self._store = store
        self._delivery: Delivery | None = None  # a whole answer goes to the sink at once
        self._rest: Resumption | None = None  # once the answer broke off
        self._paused = False
        self._nudged_s = 0.0  # when a comment last kept the client's connection alive
        self._lanes: Lanes | None = None
        self.first: Attempt | None = None
        self.failures: tuple[UpstreamFailure, ...] = ()
        self.winner: Attempt | None = None
        # Models that think first, or wait for tools, have histories of their own.
        self.reasons = exchange.stream and wants_reasoning(exchange.body)
        self.over = False

    def start(self, wait_s: float = 0.0) -> None:
        """Begin with the first target, after so many seconds."""
        budgets, share = self.engine.budgets, self.terms.hedge_share
        budgets.retries.requests += 1
        purse = budgets.hedges if share is None else budgets.of(self.exchange.route, share)
        purse.requests += 1
        if wait_s > 0:
            self.lanes.start_later(0, 0, wait_s)
        else:
            begin(self, 0, 0)

    @property
    def lanes(self) -> Lanes:
        """The race, from the moment there is more than one attempt to think of."""
        lanes = self._lanes
        if lanes is None:
            lanes = self._lanes = Lanes(self)
            self.first = None
        return lanes

    def _waiting(self) -> list[Attempt]:
        """The attempts under way, the winner among them."""
        if self._lanes is not None:
            return list(self._lanes.attempts.values())
        return [] if self.first is None else [self.first]

    # ---- for the client's side ------------------------------------------------------------

    def cancel(self) -> None:
        """The client left: every upstream connection closes now."""
        if not self.over:
            self.exchange.usage = self._way.spent()
            self._stop_all()
            self.exchange.outcome = "cancelled"
            self._account()

    def withdraw(self) -> bool:
        """Another answer was found: every lane stops, and nothing is said. False where this one
        has begun. What was asked is billed all the same."""
        if self.over or self.winner is not None or self._rest is not None:
            return False
        if self._delivery is not None and self._delivery.opened:
            return False
        for attempt in self._waiting():
            if attempt.connection is not None:
                waited_s = perf_counter() - attempt.started_s
                self.engine.lost(self.exchange, self.steps[attempt.step].name, waited_s)
        self._stop_all()
        return True

    def expire(self) -> None:
        """The proxy goes down and waited long enough: say so, and end."""
        if not self.over:
            self.end_with(
                ClientError(503, "The proxy is shutting down.", "server_error", "shutting_down")
            )

    def nudge(self) -> None:
        """Called every second: after a long silence a comment keeps the way to the client open.

        From then on the status is 200, and a failure can only be told inside the stream.
        """
        keep_s = self.terms.keep_alive_s
        if not keep_s or not self.exchange.stream or self.over:
            return
        now = self.engine.now()
        heard = self._nudged_s or now - (perf_counter() - self.exchange.started_s)
        way = self._delivery
        if way is not None and way.follower is not None and way.heard:
            heard = max(heard, way.follower.heard_s)
        if now - heard >= keep_s:
            self._nudged_s = now
            self._way.comment()

    def pause(self) -> None:
        """The client does not read: neither do we."""
        self._paused = True
        if self.winner is not None:
            self.winner.pause()

    def resume(self) -> None:
        """The client reads again."""
        self._paused = False
        if self.winner is not None:
            self.winner.resume()

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
                self.dialect,
                self.engine,
                least_per_s=self.terms.least_per_s,
            )
        return way

    # ---- what the attempts say ------------------------------------------------------------

    def overdue(self, attempt: Attempt) -> None:
        """An attempt's time is over."""
        self.lanes.overdue(attempt)

    def failed(self, attempt: Attempt, failure: UpstreamFailure) -> None:
        """An attempt ended without a token."""
        if not self.over:
            self.lanes.failed(attempt, failure)

    def first_token(self, attempt: Attempt) -> None:
        """The race is decided: the others stop, the client's stream begins."""
        if self.over:
            attempt.cancel()
            return
        step = self._won(attempt)
        lessons.spoke(self.engine, step.name, self.exchange, reasons=self.reasons)
        gap_s = lessons.silence_s(self.engine, self.terms, step.name, pauses=self._pauses)
        if self._paused:
            attempt.pause()
        rest = self._rest
        if rest is not None and rest.before is not None:
            repeats = rest.way is Way.REPEAT
            self._way.resume(attempt, step, self, rest.before, gap_s, repeats=repeats)
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
        exchange = self.exchange
        try:
            sent, (usage, finish) = self._told(attempt, body)
        except UpstreamFailure as failure:
            readable = mended(body)
            if readable != body:
                self.answered(attempt, readable)
            else:
                self.failed(attempt, failure)
            return
        attempt.finished()
        step = self._won(attempt)
        exchange.finish = finish
        exchange.usage = usage or self._way.count_whole(sent)
        if exchange.stream:
            self._way.whole(sent, step)
        else:
            exchange.status = 200
            self._sink.whole(200, headers.JSON + headers.about(exchange), sent)
        self._finished(sent)

    def _told(self, attempt: Attempt, body: bytes) -> tuple[bytes, Reading]:
        """A whole answer as the client gets it, and what it says of itself."""
        if attempt.passes:
            return body, passed(body, self.dialect)
        exchange, target = self.exchange, attempt.dialect
        stand_in = exchange.id, self.steps[attempt.step].model, self.engine.wall()
        names = asked(exchange.body, target.name)
        return translated(body, self.dialect, target, stand_in, names, self._way.count)

    def _won(self, attempt: Attempt) -> Step:
        exchange = self.exchange
        now = perf_counter()
        exchange.upstream_s = now - attempt.started_s
        if self._rest is None or self._rest.before is None:
            exchange.first_token_s = now - exchange.started_s
        step = self.steps[attempt.step]
        exchange.provider = step.endpoint.name
        exchange.provider_model = step.model
        self.winner = attempt
        if self._lanes is not None:
            self._lanes.won(attempt.lane)
        engine = self.engine
        if step.name in engine.breakers.known:
            engine.breakers.succeeded(step.name, engine.now(), attempt.ticket)
        return step

    @property
    def _pauses(self) -> bool:
        """Whether long silences are in this answer's nature."""
        return self.reasons or bool(self.exchange.body.get("tools"))

    # ---- how the winner's stream ends --------------------------------------------------------

    def spoken(self) -> Sequence[Event]:
        """What the client has of the answer."""
        return self._way.spoken()

    def complete(self) -> None:
        """The answer is complete."""
        if self.over:
            return
        way = self._way
        body = way.complete(keep=self._store is not None)
        if self.winner is not None:
            name = self.steps[self.winner.step].name
            lessons.completed(self.engine, self.terms, name, way.follower, pauses=self._pauses)
            self.winner.release(self.engine.wheel)
        self._finished(body)

    def broken(self, failure: UpstreamFailure) -> None:
        """The stream broke after its first token."""
        if self.over:
            return
        self.exchange.usage = self._way.spent()
        winner = self.winner
        assert winner is not None
        name = self.steps[winner.step].name
        self.exchange.missed(name, winner.started_s, perf_counter(), failure.kind.value)
        follower = self._way.follower
        lessons.broke(self.engine, name, winner, failure, follower, pauses=self._pauses)
        self.failures = (*self.failures, failure)
        if not self._goes_on(winner):
            self.end_with(to_client(failure))

    # ---- finishing a broken answer elsewhere

    def asks_anew(self, failure: UpstreamFailure) -> bool:
        """Whether a failure was answered by another form of the request."""
        return self._rest is not None and self._rest.refuses(failure) and self.asks_otherwise()

    def asks_otherwise(self) -> bool:
        """Whether the rest of a broken answer is asked for in another way."""
        rest = self._rest
        if rest is None or not rest.another():
            return False
        self._race_again(rest)
        return True

    def _goes_on(self, winner: Attempt) -> bool:
        """Begin a race for the rest of the answer, where there can be one."""
        if not self.terms.continues:
            return False
        rest, way = self._rest, self._way
        if rest is None or rest.before is None or way.heard or not rest.another():
            events = way.spoken() if way.opened else None
            rest = resumption(self.exchange, events, self.steps, winner.step, rest)
        if rest is None:
            return False
        if rest.before is not None:
            self._store = None  # two models' halves are nobody's whole answer
        self._leave(winner)
        winner.cancel()
        self._race_again(rest)
        return True

    def _leave(self, winner: Attempt) -> None:
        """Its place at a limited endpoint is free, and what it used is counted there."""
        limited = self.steps[winner.step].limited
        if limited:
            engine = self.engine
            engine.limits.release(limited)
            usage = self.exchange.usage
            if usage is not None:
                engine.limits.charge(limited, usage.completion, engine.now())

    def _race_again(self, rest: Resumption) -> None:
        self._rest = rest
        self.exchange.body = rest.body()
        self._lanes = self.first = self.winner = None
        self.steps = rest.steps
        begin(self, 0, 0)

    def _finished(self, body: Stream) -> None:
        self.over = True
        self.exchange.outcome = "ok"
        if self._store is not None and body:
            self._store(self.exchange, body)
        self._account()

    def end_with(self, error: ClientError) -> None:
        """Tell the client why there is no answer."""
        self._stop_all()
        self._way.fail(error)
        self._account()

    def _stop_all(self) -> None:
        self.over = True
        if self._lanes is not None:
            self._lanes.stop()
        elif self.first is not None and self.first is not self.winner:
            give_up(self, self.first)
        self.first = None
        if self.winner is not None:
            self.winner.cancel()

    def _account(self) -> None:
        """The last act: tell the ledger, and let go of what refers back here."""
        self._lanes = self.first = None
        winner, self.winner = self.winner, None
        if winner is not None and self.steps[winner.step].limited:
            self._leave(winner)
        if self._delivery is not None:
            self._delivery.follower = None
        self.engine.account(self.exchange)
