"""The life of a request, in order: exact cache, classify once, semantic cache, plan, race.

One pipeline per configuration; a reload builds a new one and swaps one reference, and running
requests keep theirs. Everything here is a plain call: the only wait is the upstream's answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from proxy.cache.key import key_of
from proxy.cache.policy import ALLOWED, may_look_up, options_of
from proxy.dialects.registry import DIALECTS
from proxy.errors import ClientError
from proxy.exchange import NO_OPTIONS
from proxy.reuse import KINDS, Reuse, also, name_of
from proxy.routing.kinds import meaning
from proxy.routing.plan import QUEUE_SECONDS, turned_away
from proxy.routing.signals import last_user_text, structure
from proxy.upstream.engine import Step
from proxy.upstream.runner import Runner

if TYPE_CHECKING:
    from proxy.asking import Pending
    from proxy.cache.cache import Cache
    from proxy.cache.flight import Member
    from proxy.cache.lead import Lead
    from proxy.cache.pace import Paced
    from proxy.choosing import Chooser
    from proxy.exchange import Exchange, Sink
    from proxy.reuse import Keep
    from proxy.routing.plan import Plan, Planner, Rule, Target
    from proxy.upstream.endpoint import Endpoint
    from proxy.upstream.engine import Engine, Terms

    Answering = Lead | Member | Paced | Runner | Pending

STEPS_LIMIT = 4096


class Reading(Protocol):
    """What the classifier says about a text."""

    @property
    def vector(self) -> Any: ...
    @property
    def category(self) -> str: ...
    @property
    def confidence(self) -> float: ...
    @property
    def complexity(self) -> float: ...
    @property
    def language(self) -> str: ...


class Classifier(Protocol):
    """The one embedding of a request; microseconds, never an exception."""

    def read(self, text: str) -> Reading: ...


class Described(Protocol):
    """What the catalogue knows of a model."""

    @property
    def context_tokens(self) -> int | None: ...
    @property
    def prefill(self) -> bool: ...


class Steps:
    """Targets made ready to be tried, once each."""

    __slots__ = ("_chains", "_describe", "_limits", "_ready", "endpoints")

    def __init__(
        self,
        endpoints: Mapping[str, Endpoint],
        describe: Callable[[str], Described],
        limits: Callable[[str], bool],
    ) -> None:
        """endpoints: by endpoint name. limits: whether an endpoint has limits of its own."""
        self.endpoints = endpoints
        self._describe = describe
        self._limits = limits
        self._ready: dict[Target, Step] = {}
        self._chains: dict[int, tuple[Sequence[Target], Sequence[Step]]] = {}

    def of(self, targets: Sequence[Target]) -> Sequence[Step]:
        """The steps of a chain. A planner hands out the same chains again and again: they are
        known by their identity, which is a tenth of the cost of comparing them."""
        known = self._chains.get(id(targets))
        if known is not None and known[0] is targets:
            return known[1]
        ready = self._ready
        steps = [ready.get(target) or self._make(target) for target in targets]
        if len(self._chains) > STEPS_LIMIT:
            self._chains.clear()
        self._chains[id(targets)] = (targets, steps)
        return steps

    def _make(self, target: Target) -> Step:
        if len(self._ready) > STEPS_LIMIT:
            self._ready.clear()  # a pattern's models are the client's words: bounded
        known = self._describe(f"{target.provider}/{target.model}")
        step = Step(
            target.name,
            target.model,
            self.endpoints[target.endpoint],
            known.context_tokens,
            known.prefill,
            target.endpoint if self._limits(target.endpoint) else "",
        )
        self._ready[target] = step
        return step


@dataclass(frozen=True, slots=True)
class Way:
    """Where a model's name leads. plan: of every request that brings no wishes, while no breaker is
    open, with its reason and its steps; None where there is more to look at."""

    rule: Rule
    terms: Terms
    plan: Plan | None
    why: str
    steps: Sequence[Step]


@dataclass(slots=True)
class Pipeline:
    """What one configuration serves with. terms: by the rule's index."""

    planner: Planner
    classifier: Classifier | None
    cache: Cache
    engine: Engine
    steps: Steps
    terms: Sequence[Terms]
    chooser: Chooser
    reuse: Reuse = field(init=False)
    _ways: dict[str, Way] = field(default_factory=dict)  # by the model that was asked for

    def __post_init__(self) -> None:
        self.reuse = Reuse(self.cache, self.engine)

    def serve(self, exchange: Exchange, sink: Sink) -> Answering | None:
        """Answer one request into the sink; the ledger hears of it however it ends.

        Raises ClientError before anything was sent. Returns what is still to be answered, or None
        when the answer is complete already.
        """
        free = exchange.caller.routes is None
        way = (free and self._ways.get(exchange.model)) or self._way(exchange)
        rule = way.rule
        exchange.route = rule.name
        wish = ALLOWED
        if exchange.options is not NO_OPTIONS:
            wish = options_of(exchange.options.cache or "", exchange.options.cache_control)
        key = None
        name = None
        text = None
        cache, reuse = self.cache, self.reuse
        if cache.settings.enabled and rule.cache and may_look_up(exchange.body, cache.settings):
            began = perf_counter()
            key = key_of(
                exchange.body,
                tenant=exchange.caller.tenant,
                route=rule.name,
                kind=KINDS[exchange.kind],
                also=also(exchange),
            )
            if key is not None:
                text = key.text
                if wish.read:
                    exchange.cache = "miss"
                entry = cache.find_exact(key, wish)
                exchange.cache_s = perf_counter() - began
                if entry is not None:
                    return reuse.replay(exchange, sink, entry, "exact")
                if wish.read and wish.write and cache.settings.exact:
                    name = name_of(key, exchange)
                    joined = reuse.join(name, exchange, sink)
                    if joined is not None:
                        return joined
        reading = self._classify(exchange, text)
        if key is not None and reading is not None and wish.read:
            began = perf_counter()
            hit = cache.find_semantic(key, reading.vector, exchange.language, wish)
            exchange.cache_s += perf_counter() - began
            if hit is not None:
                return reuse.give(exchange, sink, hit, partial(self._run, way))
        if wish.only:
            raise ClientError(
                504, "No cached answer, and the request allows no other.", code="cache_miss"
            )
        keep = reuse.keeper(key, wish, reading) if key is not None and wish.write else None
        if name is None:
            return self._ask(way, exchange, sink, keep)
        start = partial(self._ask, way, exchange, keep=keep)
        again = reuse.doubting(key, reading, wish, exchange, partial(self._run, way))
        return reuse.lead(name, exchange, sink, start, again)

    def _ask(
        self, way: Way, exchange: Exchange, sink: Sink, keep: Keep | None
    ) -> Runner | Pending | None:
        """Go upstream, by way of the model that says what kind it is, where one is asked."""
        if self.chooser.adviser is not None and self.chooser.asks(way.rule, exchange):
            return self.chooser.ask(
                exchange, sink, lambda said: self._run(way, exchange, sink, keep, said)
            )
        return self._run(way, exchange, sink, keep)

    def _run(
        self,
        way: Way,
        exchange: Exchange,
        sink: Sink,
        keep: Keep | None,
        said: str | None = None,
    ) -> Runner | None:
        """Plan and race. said: the category, where a model was asked. Raises ClientError."""
        engine = self.engine
        why, steps, wait_s = way.why, way.steps, 0.0
        if way.plan is None or self.planner.doors.shut or exchange.options is not NO_OPTIONS:
            plan = self.chooser.plan(way.rule, exchange, engine.now(), said)
            why, steps, wait_s = plan.reason, self.steps.of(plan.targets), plan.wait_s
            if wait_s > QUEUE_SECONDS:
                raise turned_away(plan)
        exchange.why = exchange.why or why
        runner = Runner(exchange, steps, way.terms, DIALECTS[exchange.kind], engine, sink, keep)
        runner.start(wait_s)
        return None if runner.over else runner

    def _way(self, exchange: Exchange) -> Way:
        """Raises ClientError for an unknown model, or a route that is not the caller's."""
        rule = self.planner.rule(exchange.model, exchange.caller.routes)
        way = self._ways.get(exchange.model)
        if way is None:
            if len(self._ways) > STEPS_LIMIT:
                self._ways.clear()  # names are the client's words: bounded
            plan = self.planner.ready(rule)
            why, steps = ("", ()) if plan is None else (plan.reason, self.steps.of(plan.targets))
            way = Way(rule, self.terms[rule.terms], plan, why, steps)
            self._ways[exchange.model] = way
        return way

    def explain(self, exchange: Exchange) -> Plan:
        """The plan of a request that is not sent. Raises ClientError."""
        rule = self.planner.rule(exchange.model, exchange.caller.routes)
        exchange.route = rule.name
        self._classify(exchange, None)
        return self.chooser.trying().plan(rule, exchange, self.engine.now())

    def _classify(self, exchange: Exchange, text: str | None) -> Reading | None:
        """Category, complexity and language, in the one pass that makes the cache's vector too."""
        reading = None
        if self.classifier is not None:
            began = perf_counter()
            if text is None:
                text = last_user_text(exchange.kind, exchange.body)
            reading = self.classifier.read(text)
            exchange.reading = reading
            exchange.language = reading.language
            exchange.category = reading.category
            exchange.classify_s = perf_counter() - began
        chosen = structure(exchange.body, exchange.prompt_bytes)
        if exchange.options is not NO_OPTIONS:
            named = exchange.options.category or exchange.options.use_case
            chosen = meaning(named, self.chooser.own) if named else chosen
        if chosen is not None:
            exchange.category = chosen
        return reading
