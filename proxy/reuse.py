"""Answers used again: kept when they are complete, replayed, shared under way, and checked.

The cache decides what may stand for what; this is what a pipeline does with its word.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from proxy import headers
from proxy.cache import opinion
from proxy.cache.entry import Entry
from proxy.cache.lead import Flights, Lead
from proxy.cache.pace import Paced
from proxy.cache.policy import ALLOWED, may_store
from proxy.cache.replay import frames_of
from proxy.cache.shadow import LIMIT, Unheard, repeat
from proxy.errors import ClientError
from proxy.exchange import NO_OPTIONS
from proxy.packed import Stream, sent_bytes

if TYPE_CHECKING:
    from proxy.cache.cache import Cache
    from proxy.cache.counts import Hit
    from proxy.cache.flight import Member, Race
    from proxy.cache.key import Key
    from proxy.cache.lead import Name
    from proxy.cache.policy import Options
    from proxy.exchange import Exchange, Sink
    from proxy.upstream.engine import Engine

KINDS = {  # dialect -> the cache's endpoint name
    "openai": "chat",
    "completions": "completions",
    "anthropic": "messages",
    "responses": "responses",
}

Keep = Callable[["Exchange", Stream], None]
Run = Callable[["Exchange", "Sink", Keep], object]


def also(exchange: Exchange) -> str:
    """What shapes an answer and is not in the body: what was asked for by header."""
    options, beta = exchange.options, exchange.beta
    if options is NO_OPTIONS and not beta:
        return ""
    wishes = (options.budget_tier, options.category, options.use_case)
    if not any(wishes) and not beta:
        return ""
    return "\n".join((beta.decode("latin-1"), *(wish or "" for wish in wishes)))


def name_of(key: Key, exchange: Exchange) -> Name:
    """What two requests must have in common to share one answer under way."""
    return key.exact, exchange.stream, exchange.wants_usage, exchange.options.first_token_ms


class Read(Protocol):
    """What the classifier leaves for the cache."""

    @property
    def vector(self) -> Any: ...


class Reuse:
    """What one pipeline does with kept answers, and with those that others are waiting for."""

    __slots__ = ("_cache", "_checks", "_engine", "_flights")

    def __init__(self, cache: Cache, engine: Engine) -> None:
        self._cache = cache
        self._engine = engine
        self._checks = 0  # under way
        self._flights = Flights(engine.account)

    # ---- keeping ------------------------------------------------------------------------------

    def keeper(self, key: Key, wish: Options, reading: Read | None) -> Keep:
        """What a race calls with a complete answer, as it was sent."""

        def keep(exchange: Exchange, body: Stream) -> None:
            if exchange.category not in self._cache.settings.live_categories:
                entry = self._entry(exchange, body, wish)
                if entry is not None:
                    self._cache.put(key, reading.vector if reading is not None else None, entry)

        return keep

    def _entry(self, exchange: Exchange, body: Stream, wish: Options) -> Entry | None:
        """A complete answer, if it is one that may be given again."""
        if not may_store(
            options=wish,
            settings=self._cache.settings,
            complete=True,
            finishes=[exchange.finish],
            size_bytes=sent_bytes(body),
            has_calls=b'"tool_calls":[' in body or b'"tool_calls": [' in body,
            has_refusal=b'"refusal":"' in body,
        ):
            return None
        first_s = exchange.first_token_s or 0.0
        return Entry(
            stream=body if exchange.stream else b"",
            whole=b"" if exchange.stream or not isinstance(body, bytes) else body,
            usage=exchange.usage,
            kind=KINDS[exchange.kind],
            finish=exchange.finish,
            model=exchange.provider_model,
            provider=exchange.provider,
            category=exchange.category,
            language=exchange.language,
            tags=exchange.options.tags,
            cost_usd=self._engine.price(exchange),
            took_s=perf_counter() - exchange.started_s - first_s if exchange.stream else 0.0,
        )

    # ---- replaying ----------------------------------------------------------------------------

    def replay(self, exchange: Exchange, sink: Sink, entry: Entry, how: str) -> Paced | None:
        """Answer with a kept one. how: "exact" or "semantic". What is still to be told at its
        pace, or None when all is said."""
        exchange.cache = how
        exchange.provider = entry.provider
        exchange.provider_model = entry.model
        exchange.category = exchange.category or entry.category
        exchange.usage = entry.usage
        exchange.finish = entry.finish
        exchange.status = 200
        exchange.outcome = "ok"
        exchange.first_token_s = perf_counter() - exchange.started_s
        if not exchange.stream:
            sink.whole(200, headers.JSON + headers.about(exchange), self._cache.whole_of(entry))
            self._engine.account(exchange)
            return None
        lines = headers.STREAM + headers.about(exchange)
        stream = self._cache.stream_of(entry, include_usage=exchange.wants_usage)
        if self._cache.settings.paced:
            return self._pace(exchange, sink, entry, lines, stream)
        sink.open(200, lines, stream)
        sink.end()
        self._engine.account(exchange)
        return None

    def _pace(
        self, exchange: Exchange, sink: Sink, entry: Entry, lines: bytes, stream: bytes
    ) -> Paced:
        engine = self._engine
        frames = frames_of(stream)
        per_s = self._cache.pace_of(len(frames), entry)
        paced = Paced(exchange, sink, frames, per_s, engine.wheel, engine.now, engine.account)
        paced.start(200, lines)
        return paced

    # ---- sharing ------------------------------------------------------------------------------

    def join(self, name: Name, exchange: Exchange, sink: Sink) -> Member | None:
        """Share the answer to the same request that is under way, if there is one."""
        lead = self._flights.find(name)
        member = None if lead is None else lead.join(exchange, sink)
        if member is not None:
            self._cache.counts.joined += 1
        return member

    def lead(
        self,
        name: Name,
        exchange: Exchange,
        sink: Sink,
        start: Callable[[Sink], Race | None],
        again: Callable[[Lead], None] | None = None,
    ) -> Lead | None:
        """Start a request's race so that the same requests can share its answer.

        start: with the sink to use; None where all was said at once. What it raises is passed on.
        again: looks once more for a kept answer, while the race is on.
        """
        lead = self._flights.start(name, exchange, sink)
        try:
            race = start(lead)
        except BaseException:
            lead.forget()
            raise
        if race is None:
            return None
        lead.race = race
        if again is not None:
            again(lead)
        return lead

    # ---- second opinions ----------------------------------------------------------------------

    def doubting(
        self, key: Key | None, reading: Read | None, wish: Options, exchange: Exchange, run: Run
    ) -> Callable[[Lead], None] | None:
        """How to look once more for a kept answer, where somebody has a second opinion.

        run: as for `give`.
        """
        comparer = self._cache.comparer
        if (
            comparer is None
            or key is None
            or reading is None
            or not (comparer.connected and wish.read)
        ):
            return None

        def again(lead: Lead) -> None:
            doubts = self._cache.doubtful(key, reading.vector, exchange.language, wish)
            if doubts:
                opinion.ask(comparer, key.text, doubts, heard(lead))

        def heard(lead: Lead) -> Callable[[opinion.Doubt, float], None]:
            def hear(doubt: opinion.Doubt, likeness: float) -> None:
                if self._cache.settle(key, doubt, likeness):
                    self._overtake(lead, exchange, doubt, likeness, run)

            return hear

        return again

    def _overtake(
        self, lead: Lead, exchange: Exchange, doubt: opinion.Doubt, likeness: float, run: Run
    ) -> None:
        """Answer with what was found while the race is on, unless its first token has come."""
        if not lead.yields():
            self._cache.counts.second_late += 1
            return
        paced = self.give(exchange, lead, self._cache.overtake(doubt, likeness), run)
        if paced is not None:
            lead.run_by(paced)

    # ---- checking -----------------------------------------------------------------------------

    def give(self, exchange: Exchange, sink: Sink, hit: Hit, run: Run) -> Paced | None:
        """Answer with a semantic hit, and check it where the cache wants that."""
        if hit.check:
            self._check(exchange, hit, run)
        return self.replay(exchange, sink, hit.entry, "semantic")

    def _check(self, exchange: Exchange, hit: Hit, run: Run) -> None:
        """Ask upstream what a hit has answered, a little later and for nobody to read.

        run: starts a race; may raise ClientError. Beyond a few checks at a time nothing is done.
        """
        if self._checks >= LIMIT:
            return
        self._checks += 1
        again = repeat(exchange, perf_counter())

        def over() -> None:
            self._checks -= 1

        def learn(done: Exchange, body: Stream) -> None:
            entry = self._entry(done, body, ALLOWED)
            if entry is not None:
                self._cache.learn(hit, entry)

        def start() -> None:
            again.started_s = perf_counter()
            try:
                run(again, Unheard(over), learn)
            except ClientError:
                over()  # nobody may be asked now

        self._engine.wheel.arm(0.0, start)
