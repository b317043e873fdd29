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
from proxy.admin.api import Api, Views
from proxy.admin.metrics import Exposition
from proxy.admin.whole import whole
from proxy.dialects.registry import dialect
from proxy.downstream.auth import Keyring
from proxy.downstream.house import House
from proxy.downstream.server import Completions, errors
from proxy.parts import (
    admission,
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
from proxy.upstream.endpoint import Endpoint
from proxy.upstream.engine import Engine
from proxy.upstream.pool import LocalPool, Origin, Pool

if TYPE_CHECKING:
    import socket

    from proxy.admin.siblings import Siblings
    from proxy.errors import ClientError, Kind
    from proxy.exchange import Exchange

log = logging.getLogger("firsttoken")

FLUSH_SECONDS = 0.2  # log lines wait at most this long
ALARM_SECONDS = 60.0  # between two warnings about the same target and failure


class Service:
    """One configuration, serving. Implements what the front asks of the house."""

    def __init__(self, settings: config.Config, keys: Keyring, pipeline: Pipeline) -> None:
        self.config = settings
        self.keys = keys
        self.pipeline = pipeline
        self.max_body_bytes = settings.server.max_body_bytes
        self.fast_lane = settings.server.fast_lane
        self.serve = pipeline.serve

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
        self._alarms: dict[tuple[str, str], float] = {}
        self._spawned: set[asyncio.Task[None]] = set()
        self.house = House(limits(settings), admission(settings))
        self.memory = remember(settings, self.house.now)
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
        self._api = Api(self._views(service))
        server = self._settings.server
        around = [errors(self.house)]
        if siblings is not None:
            self._siblings = siblings
            among = web.Application(middlewares=around, client_max_size=server.max_body_bytes)
            among.add_routes(self._api.routes())
            await siblings.open(among)
            around = [*around, whole(siblings)]
        application = web.Application(middlewares=around, client_max_size=server.max_body_bytes)
        application.add_routes([*completions.routes(), *self._api.routes()])
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
        self.memory.journal.flush()

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
            alarm=self._alarm,
        )
        planner = Planner(names, memory.breakers, memory.latency, random.random)
        memory.tally.configure(
            [*(rule.name for rule in rules), AUTO],
            [target.model for rule in rules for target in rule.targets]
            + [target.model for target in default],
        )
        steps = Steps(endpoints, book.model)
        pipeline = Pipeline(planner, memory.classifier, memory.cache, engine, steps, terms)
        return Service(settings, keyring(settings), pipeline)

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
        )

    # ---- what happens meanwhile -----------------------------------------------------------------

    def _account(self, exchange: Exchange) -> None:
        total_s = perf_counter() - exchange.started_s
        self.memory.tally.record(exchange, total_s)
        self.memory.journal.record(exchange, total_s)

    def _alarm(self, target: str, kind: Kind) -> None:
        now = self.house.now()
        last = self._alarms.get((target, kind.value))
        if last is None or now - last > ALARM_SECONDS:
            self._alarms[(target, kind.value)] = now
            log.warning("target %s: %s", target, _ALARM_WORDS.get(kind.value, kind.value))

    def _views(self, service: Service) -> Views:
        memory = self.memory
        planner = service.pipeline.planner
        keys = service.keys

        def ready() -> tuple[bool, str]:
            return (not self.house.draining, "draining" if self.house.draining else "ready")

        def check(authorization: bytes | None, api_key: bytes | None) -> None:
            keys.caller(authorization, api_key)

        def is_admin(authorization: bytes | None, local: bool) -> bool:
            return keys.is_admin(authorization, loopback=local)

        return Views(
            exposition=Exposition(memory.tally, self._gauges),
            models=planner.models,
            config=service.config.redacted,
            ready=ready,
            cache_stats=memory.cache.stats,
            cache_explain=self._explain,
            cache_invalidate=self._invalidate,
            classify=self._classify,
            breakers=lambda: memory.breakers.snapshot(self.house.now()),
            reset_breaker=memory.breakers.reset,
            deadlines=memory.latency.snapshot,
            is_admin=is_admin,
            check_caller=check,
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
            **stats,
        }

    def _explain(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return self.memory.cache.explain_texts(body, self.memory.classifier)

    def _invalidate(self, body: Mapping[str, Any]) -> dict[str, Any]:
        gone = self.memory.cache.invalidate(
            pattern=body.get("pattern"), category=body.get("category"), tag=body.get("tag")
        )
        return {"invalidated": gone}

    def _classify(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return classify(self.memory.classifier, str(body.get("text") or body.get("prompt") or ""))


def _is_open(settings: config.Config) -> bool:
    return bool(settings.auth.keys or settings.server.anonymous)


_ALARM_WORDS = {
    "key_refused": "the provider refuses the configured key; its breaker is open",
    "model_unknown": "the provider does not know the configured model",
}
