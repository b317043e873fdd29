"""The one place that builds the parts of a running proxy and ties them together."""

from __future__ import annotations

import asyncio
import gc
import logging
import random
import time
from collections.abc import Mapping, Sequence
from time import perf_counter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.http_parser import HttpRequestParser, HttpRequestParserPy

from proxy import catalog, config
from proxy.accounts import allowances, hook, price, token_estimate
from proxy.admin.api import Api, Views
from proxy.admin.metrics import Exposition
from proxy.admin.whole import whole
from proxy.beside import Running, own_version, routes
from proxy.dialects.registry import dialect
from proxy.downstream.auth import Keyring
from proxy.downstream.house import House
from proxy.downstream.server import Completions, errors
from proxy.parts import (
    admission,
    cache_disk,
    chains,
    classify,
    default_chain,
    keyring,
    limits,
    reachable,
    remember,
    rules_of,
)
from proxy.pipeline import Pipeline, Steps
from proxy.routing.plan import AUTO, Names, Planner
from proxy.service import check_reach
from proxy.upstream.auth import lines as auth_lines
from proxy.upstream.auth import signature
from proxy.upstream.endpoint import Endpoint
from proxy.upstream.engine import Engine
from proxy.upstream.pool import LocalPool, Origin, Pool
from proxy.watch import EACH_SECONDS, Watch

if TYPE_CHECKING:
    import socket

    from proxy.admin.siblings import Siblings
    from proxy.downstream.front import Answering
    from proxy.errors import ClientError
    from proxy.exchange import Exchange, Sink
    from proxy.state.quotas import Quotas

log = logging.getLogger("firsttoken")

FLUSH_SECONDS = 0.2  # log lines wait at most this long
TICK_SECONDS = 0.1  # between looks at the cache, each under a millisecond
LOAD_SECONDS = 0.002  # the same, while the cache reads what an earlier process kept


class Service:
    """One configuration, serving. Implements what the front asks of the house."""

    def __init__(
        self,
        settings: config.Config,
        keys: Keyring,
        pipeline: Pipeline,
        reference: str | None = None,
        quotas: Quotas | None = None,
    ) -> None:
        self.config = settings
        self.reference = reference
        self.keys = keys
        self.pipeline = pipeline
        self.max_body_bytes = settings.server.max_body_bytes
        self.fast_lane = settings.server.fast_lane
        self.quotas = quotas
        self.serve = pipeline.serve if quotas is None else self._serve_limited

    def _serve_limited(self, exchange: Exchange, sink: Sink) -> Answering | None:
        """Pipeline.serve for callers with limits. Raises ClientError 429 beyond them."""
        pipeline, quotas = self.pipeline, self.quotas
        assert quotas is not None
        caller = exchange.caller
        route = pipeline.planner.rule(exchange.model, caller.routes).name
        now = pipeline.engine.now()
        refusal = quotas.admit(caller.name, route, token_estimate(exchange), now)
        if refusal is not None:
            raise refusal
        return pipeline.serve(exchange, sink)

    def refused(self, error: ClientError, kind: str) -> bytes:
        """An error body in the dialect of the path that was asked."""
        return dialect(kind or "openai").write_error(error)


class App:
    """A running proxy."""

    def __init__(
        self,
        settings: config.Config,
        environ: Mapping[str, str],
        overrides: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """overrides: what of [server] the command line decided; a reload keeps it."""
        if HttpRequestParser is HttpRequestParserPy:
            raise SystemExit(
                "firsttoken: aiohttp runs without its C parser here, which is not safe to expose; "
                "reinstall aiohttp from a wheel."
            )
        self._environ = environ
        self._settings = settings
        self._overrides = overrides
        self._spawned: set[asyncio.Task[None]] = set()
        self.house = House(limits(settings), admission(settings))
        self.memory = remember(settings, self.house.now, time.time)  # noqa: TID251 - the ledger's
        self._watch = Watch(self.memory, self.house.now, time.time)  # noqa: TID251 - what day it is
        self._pools: dict[tuple[Any, ...], Pool] = {}
        self._siblings: Siblings | None = None
        self.address: tuple[str, int] = ("", 0)

    # ---- running ------------------------------------------------------------------------------

    async def open(
        self, sockets: Sequence[socket.socket] = (), siblings: Siblings | None = None
    ) -> tuple[str, int]:
        """Listen; returns the address. Raises OSError and ConfigError.

        sockets: already listening, opened by somebody else; instead of [server] host and port.
        siblings: other processes that serve the same, for whom the admin endpoints speak too.
        """
        service = self._service(self._settings)
        completions = Completions(self.house)
        self._serving = service
        self._api = Api(self._views(service), own_version())
        beside = routes(self._running(), self._api)
        server = self._settings.server
        around = [errors(self.house)]
        if siblings is not None:
            self._siblings = siblings
            among = web.Application(middlewares=around, client_max_size=server.max_body_bytes)
            among.add_routes(beside)
            await siblings.open(among)
            around = [*around, whole(siblings)]
        application = web.Application(middlewares=around, client_max_size=server.max_body_bytes)
        application.add_routes([*completions.routes(), *beside])
        await self.house.open(application, service)
        check_reach(
            (str(one.getsockname()[0]) for one in sockets), is_open=_is_open(self._settings)
        )
        if not sockets:
            await self.house.listen(server.host, server.port)
        for one in sockets:
            await self.house.adopt(one)
        self.address = self.house.addresses[0]
        self._flush()
        if self._settings.cache.enabled:
            self._keep_cache()
        if self.memory.store is not None:
            self.memory.store.start()
        self._look()
        _ = self.spawn(self.memory.alerts.run())
        _ = self.spawn(self._watch.restore())
        if self._settings.local.eager and self.memory.local.available:
            _ = self.spawn(self._start_local())
        gc.set_threshold(20_000, 20, 50)  # a request leaves small cycles: collect them in heaps
        gc.collect()
        gc.freeze()  # the word table and the configuration: never garbage
        return self.address

    @property
    def summary(self) -> str:
        """Which providers answer, for the first log line."""
        endpoints = self._serving.pipeline.steps.endpoints
        return f"{self._settings.source}; providers: {', '.join(endpoints) or 'none'}"

    @property
    def environ(self) -> Mapping[str, str]:
        """What the process found around it, as last read."""
        return self._environ

    @property
    def source(self) -> str:
        """The configuration file, or "defaults"."""
        return self._settings.source

    async def close(self) -> None:
        """Drain, then end everything that was started."""
        await self.house.close()
        if self._siblings is not None:
            await self._siblings.close()
        for pool in self._pools.values():
            pool.close()
        await self.memory.local.stop()
        for task in tuple(self._spawned):
            task.cancel()
        await asyncio.gather(*self._spawned, return_exceptions=True)
        self.memory.cache.close()
        self.memory.journal.flush()
        if self.memory.store is not None:
            await asyncio.to_thread(self.memory.store.close)

    def reload(self) -> None:
        """Read the configuration again; a broken one is refused and the old one stays."""
        try:
            environ = config.environment()
            source = self._settings.source
            settings = config.load(None if source == "defaults" else source, environ)
            settings = config.with_server(settings, self._overrides)
            hosts = [host for host, _ in self.house.addresses]
            check_reach(hosts, is_open=_is_open(settings))
            self._environ = environ
            service = self._service(settings)
        except config.ConfigError as error:
            for line in error.errors:
                log.error("configuration refused: %s", line)  # noqa: TRY400 - a user's mistake
            return
        self._settings = settings
        self.house.service = self._serving = service
        self.house.limits = limits(settings)
        self.house.admission.configure(
            most=settings.server.max_open, target_s=settings.server.max_lag_ms / 1000
        )
        self._api.swap(self._views(service))
        log.info("configuration reloaded from %s", settings.source)

    def spawn(self, coroutine: Any) -> asyncio.Task[None]:
        """A task whose end is seen: kept until then, and its failure logged."""
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(coroutine)
        self._spawned.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._spawned.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a background task failed", exc_info=error)

    async def _start_local(self) -> None:
        await self.memory.local.start()

    def _flush(self) -> None:
        self.memory.journal.flush()
        self.house.wheel.arm(FLUSH_SECONDS, self._flush)

    def _look(self) -> None:
        self._watch.look()
        self.house.wheel.arm(EACH_SECONDS, self._look)

    def _keep_cache(self) -> None:
        """Open the cache's disk, if it has one, and look after the cache from now on."""
        path = self._settings.cache.path
        if path is not None:
            wall = time.time  # noqa: TID251 - a monotonic clock dies with the process
            self.memory.cache.attach(cache_disk(path, wall), wall)
        self._tick_cache()

    def _tick_cache(self) -> None:
        more = self.memory.cache.tick()
        self.house.wheel.arm(LOAD_SECONDS if more else TICK_SECONDS, self._tick_cache)

    # ---- building -----------------------------------------------------------------------------

    def _service(self, settings: config.Config) -> Service:
        memory = self.memory
        house = self.house
        providers = reachable(settings, self._environ, local=memory.local.available)
        book = catalog.Catalog(settings, providers)
        endpoints = {name: self._endpoint(one) for name, one in providers.items()}
        rules, terms = rules_of(settings, book)
        default = default_chain(settings, book)
        names = Names(
            rules=rules,
            resolve=book.resolve,
            close=book.close,
            categories=chains(settings, book),
            default=default,
            listed=tuple(target for target in default if target.provider == catalog.LOCAL),
        )
        engine = Engine(
            wheel=house.wheel,
            now=house.now,
            wall=time.time,  # noqa: TID251 - the wire stamps wall time
            rand=random.random,
            breakers=memory.breakers,
            latency=memory.latency,
            hedges=memory.hedges,
            account=self._account,
            alarm=self._watch.alarm,
        )
        planner = Planner(names, memory.breakers, memory.latency, random.random)
        memory.tally.configure(
            [*(rule.name for rule in rules), AUTO],
            [target.model for rule in rules for target in rule.targets]
            + [target.model for target in default],
        )
        reference = price(
            memory.recorder, memory.store, settings, book, [target.name for target in default]
        )
        steps = Steps(endpoints, book.model)
        pipeline = Pipeline(planner, memory.classifier, memory.cache, engine, steps, terms)
        table = allowances(settings)
        memory.quotas.configure(table)
        memory.alerts.hook = hook(settings)
        quotas = None if table.is_empty else memory.quotas
        return Service(settings, keyring(settings), pipeline, reference, quotas)

    def _endpoint(self, provider: catalog.Provider) -> Endpoint:
        house = self.house
        if provider.name == catalog.LOCAL:
            local = self.memory.local
            pool: Pool = self._pools.setdefault(
                (catalog.LOCAL,), LocalPool(local, house.wheel, house.now, self.spawn)
            )
            auth = f"Authorization: Bearer {local.key}\r\n".encode()
            return Endpoint(provider.name, pool, provider.dialect, provider.path, auth)
        origin = Origin(
            provider.host,
            provider.port,
            provider.tls,
            provider.ca_file,
            provider.proxy or config.forward_proxy(self._environ, provider.host, tls=provider.tls),
            provider.connect_seconds,
        )
        known = self._pools.get((origin,))
        if known is None:
            known = self._pools[(origin,)] = Pool(origin, house.wheel, house.now, self.spawn)
            known.warm(provider.prewarm)
        return Endpoint(
            provider.name,
            known,
            provider.dialect,
            provider.path,
            auth_lines(provider),
            provider.quirks,
            provider.key.reveal() if provider.key is not None else "",
            provider.api_version,
            signature(provider, time.time),  # noqa: TID251 - a signature is stamped
        )

    # ---- what happens meanwhile -----------------------------------------------------------------

    def _account(self, exchange: Exchange) -> None:
        total_s = perf_counter() - exchange.started_s
        self.memory.tally.record(exchange, total_s)
        self.memory.journal.record(exchange, total_s)
        cost = 0
        if self.memory.recorder is not None:
            cost = self.memory.recorder.record(exchange, total_s)
        if self._serving.quotas is not None:
            self._charge(exchange, cost)

    def _charge(self, exchange: Exchange, cost: int) -> None:
        usage = exchange.usage
        is_hit = exchange.cache in ("exact", "semantic")
        tokens = 0 if usage is None or is_hit else usage.total
        for alert in self.memory.quotas.charge(
            exchange.caller.name,
            exchange.route,
            token_estimate(exchange),
            tokens,
            cost,
            self.house.now(),
        ):
            self.memory.alerts.tell(alert)

    def _running(self) -> Running:
        return Running(
            memory=self.memory,
            config=lambda: self._serving.config,
            keys=lambda: self._serving.keys,
            reference=lambda: self._serving.reference,
            route_of=lambda model: self._serving.pipeline.planner.rule(model).name,
            wall=time.time,  # noqa: TID251 - the ledger's days
        )

    def _views(self, service: Service) -> Views:
        memory = self.memory
        planner = service.pipeline.planner

        def ready() -> tuple[bool, str]:
            return (not self.house.draining, "draining" if self.house.draining else "ready")

        return Views(
            exposition=Exposition(memory.tally, self._gauges),
            models=planner.models,
            config=service.config.redacted,
            ready=ready,
            classify=self._classify,
            breakers=lambda: memory.breakers.snapshot(self.house.now()),
            reset_breaker=memory.breakers.reset,
            deadlines=memory.latency.snapshot,
        )

    def _gauges(self) -> dict[str, float]:
        memory = self.memory
        stats = {f"cache_{name}": float(value) for name, value in memory.cache.stats().items()}
        for name in ("exact_hits", "semantic_hits", "misses", "stored", "guarded", "evictions"):
            stats[f"cache_{name}_total"] = stats.pop(f"cache_{name}", 0.0)
        return {
            "connections": float(len(self.house.fronts) + len(self.house.guards)),
            "turned_away_total": float(self.house.turned_away),
            "refused_total": float(self.house.admission.refused),
            "open_limit": self.house.admission.limit,
            "hedges_total": float(memory.hedges.spent),
            "breakers_opened_total": float(memory.breakers.opened),
            "log_lines_dropped_total": float(memory.journal.dropped),
            "alerts_total": float(memory.alerts.told),
            "alerts_failed_total": float(memory.alerts.failed),
            "limited_total": float(memory.quotas.refused),
            **(memory.store.figures() if memory.store is not None else {}),
            **stats,
        }

    def _classify(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return classify(self.memory.classifier, str(body.get("text") or body.get("prompt") or ""))


def _is_open(settings: config.Config) -> bool:
    return bool(settings.auth.keys or settings.server.anonymous)
