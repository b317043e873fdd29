"""The life of a request, in order: exact cache, classify once, semantic cache, plan, race.

One pipeline per configuration; a reload builds a new one and swaps one reference, and running
requests keep theirs. Everything here is a plain call: the only wait is the upstream's answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from proxy import headers
from proxy.cache.entry import Entry
from proxy.cache.key import key_of
from proxy.cache.policy import ALLOWED, may_look_up, may_store, options_of
from proxy.cache.policy import Options as CacheOptions
from proxy.dialects.registry import dialect
from proxy.errors import ClientError
from proxy.exchange import NO_OPTIONS
from proxy.routing.plan import QUEUE_SECONDS, turned_away
from proxy.routing.signals import last_user_text, structure
from proxy.upstream.engine import Step
from proxy.upstream.runner import Runner

if TYPE_CHECKING:
    from proxy.asking import Pending
    from proxy.cache.cache import Cache
    from proxy.choosing import Chooser
    from proxy.exchange import Exchange, Sink
    from proxy.routing.plan import Plan, Planner, Rule, Target
    from proxy.upstream.endpoint import Endpoint
    from proxy.upstream.engine import Engine, Terms

STEPS_LIMIT = 4096
KINDS = {  # dialect -> the cache's endpoint name
    "openai": "chat",
    "completions": "completions",
    "anthropic": "messages",
    "responses": "responses",
}


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

    def serve(self, exchange: Exchange, sink: Sink) -> Runner | Pending | None:
        """Answer one request into the sink; the ledger hears of it however it ends.

        Raises ClientError before anything was sent. Returns what is still to be answered, or None
        when the answer is complete already.
        """
        rule = self.planner.rule(exchange.model, exchange.caller.routes)
        exchange.route = rule.name
        wish = ALLOWED
        if exchange.options is not NO_OPTIONS:
            wish = options_of(exchange.options.cache or "")
        key = None
        text = None
        cache = self.cache
        if cache.settings.enabled and rule.cache and may_look_up(exchange.body, cache.settings):
            began = perf_counter()
            key = key_of(
                exchange.body,
                tenant=exchange.caller.tenant,
                route=rule.name,
                kind=KINDS[exchange.kind],
            )
            if key is not None:
                text = key.text
                if wish.read:
                    exchange.cache = "miss"
                entry = cache.find_exact(key, wish)
                exchange.cache_s = perf_counter() - began
                if entry is not None:
                    self._replay(exchange, sink, entry, "exact")
                    return None
        reading = self._classify(exchange, text)
        if key is not None and reading is not None and wish.read:
            began = perf_counter()
            hit = cache.find_semantic(key, reading.vector, exchange.language, wish)
            exchange.cache_s += perf_counter() - began
            if hit is not None:
                self._replay(exchange, sink, hit.entry, "semantic")
                return None
        if wish.only:
            raise ClientError(
                504, "No cached answer, and the request allows no other.", code="cache_miss"
            )
        keep = self._keeper(key, wish, reading) if key is not None and wish.write else None
        if self.chooser.asks(rule, exchange):
            return self.chooser.ask(
                exchange, sink, lambda said: self._run(rule, exchange, sink, keep, said)
            )
        return self._run(rule, exchange, sink, keep)

    def _run(
        self,
        rule: Rule,
        exchange: Exchange,
        sink: Sink,
        keep: Callable[[Exchange, bytes], None] | None,
        said: str | None = None,
    ) -> Runner | None:
        """Plan and race. said: the category, where a model was asked. Raises ClientError."""
        engine = self.engine
        plan = self.chooser.plan(rule, exchange, engine.now(), said)
        if not exchange.why:
            exchange.why = plan.reason
        if plan.wait_s > QUEUE_SECONDS:
            raise turned_away(plan)
        runner = Runner(
            exchange,
            self.steps.of(plan.targets),
            self.terms[rule.terms],
            dialect(exchange.kind),
            engine,
            sink,
            keep,
        )
        runner.start(plan.wait_s)
        return None if runner.over else runner

    def explain(self, exchange: Exchange) -> Plan:
        """The plan of a request that is not sent. Raises ClientError."""
        rule = self.planner.rule(exchange.model, exchange.caller.routes)
        exchange.route = rule.name
        self._classify(exchange, None)
        return self.chooser.trying().plan(rule, exchange, self.engine.now())

    def _keeper(
        self, key: Any, wish: CacheOptions, reading: Reading | None
    ) -> Callable[[Exchange, bytes], None]:
        def keep(done: Exchange, body: bytes) -> None:
            self._store(done, body, key, wish, reading)

        return keep

    def _classify(self, exchange: Exchange, text: str | None) -> Reading | None:
        """Category, complexity and language, in the one pass that makes the cache's vector too."""
        reading = None
        if self.classifier is not None:
            began = perf_counter()
            if text is None:
                text = last_user_text(exchange.kind, exchange.body)
            reading = self.classifier.read(text)
            exchange.confidence = reading.confidence
            exchange.complexity = reading.complexity
            exchange.language = reading.language
            exchange.category = reading.category
            exchange.classify_s = perf_counter() - began
        chosen = structure(exchange.body, exchange.prompt_bytes)
        if exchange.options is not NO_OPTIONS:
            chosen = exchange.options.category or exchange.options.use_case or chosen
        if chosen is not None:
            exchange.category = chosen
        return reading

    def _store(
        self, exchange: Exchange, body: bytes, key: Any, wish: CacheOptions, reading: Reading | None
    ) -> None:
        """Keep a complete answer, if it is one that may be given again."""
        settings = self.cache.settings
        if not may_store(
            options=wish,
            settings=settings,
            complete=True,
            finishes=[exchange.finish],
            size_bytes=len(body),
            has_calls=b'"tool_calls":[' in body or b'"tool_calls": [' in body,
            has_refusal=b'"refusal":"' in body,
        ):
            return
        entry = Entry(
            stream=body if exchange.stream else b"",
            whole=b"" if exchange.stream else body,
            usage=exchange.usage,
            kind=KINDS[exchange.kind],
            finish=exchange.finish,
            model=exchange.provider_model,
            provider=exchange.provider,
            category=exchange.category,
            language=exchange.language,
            tags=exchange.options.tags,
        )
        vector = reading.vector if reading is not None else None
        if exchange.category in settings.live_categories:
            return
        self.cache.put(key, vector, entry)

    def _replay(self, exchange: Exchange, sink: Sink, entry: Entry, how: str) -> None:
        exchange.cache = how
        exchange.provider = entry.provider
        exchange.provider_model = entry.model
        exchange.category = exchange.category or entry.category
        exchange.usage = entry.usage
        exchange.finish = entry.finish
        exchange.status = 200
        exchange.outcome = "ok"
        exchange.first_token_s = perf_counter() - exchange.started_s
        if exchange.stream:
            sink.open(
                200,
                headers.STREAM + headers.about(exchange),
                self.cache.stream_of(entry, include_usage=exchange.wants_usage),
            )
            sink.end()
        else:
            sink.whole(200, headers.JSON + headers.about(exchange), self.cache.whole_of(entry))
        self.engine.account(exchange)
