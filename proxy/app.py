"""The one place that builds the parts of a running proxy and ties them together."""

from __future__ import annotations

import asyncio
import gc
import logging
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.http_parser import HttpRequestParser, HttpRequestParserPy

from proxy import catalog, changes, config
from proxy.accounting import Accounting
from proxy.accounts import allowances, hook, price
from proxy.admin.whole import whole
from proxy.beside import Running, routes
from proxy.capacity import known, provider_quotas
from proxy.chains import chains, chooser, default_chain, strong_share
from proxy.downstream.embed import Embeddings
from proxy.downstream.house import House
from proxy.downstream.model import Naming
from proxy.downstream.passage import Passage
from proxy.downstream.realtime import Realtime
from proxy.downstream.server import Completions, errors
from proxy.parts import (
    admission,
    embedder,
    is_open,
    keyring,
    limits,
    reachable,
    remember,
    rules_of,
    teach,
)
from proxy.pipeline import Pipeline, Steps
from proxy.routing.plan import AUTO, Names, Planner
from proxy.service import check_reach
from proxy.serving import Service
from proxy.sources import Sources
from proxy.together import edits_of, pulse_of, shared_address
from proxy.upkeep import CacheUpkeep
from proxy.upstream.engine import Engine
from proxy.upstream.session import Session
from proxy.watch import EACH_SECONDS, Watch

if TYPE_CHECKING:
    import socket

    from proxy.admin.siblings import Siblings
    from proxy.exchange import Exchange
    from proxy.shared.edits import Edits

log = logging.getLogger("firsttoken")

FLUSH_SECONDS = 0.2  # log lines wait at most this long
CANCEL_SECONDS = 0.2  # between two of so many
CANCEL_TRIES = 10  # to end what runs beside the traffic


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
        self._changes = changes.read(settings)
        self._from_file = settings
        self._settings = settings = self._changes.apply(settings)
        self._overrides = overrides
        self._spawned: set[asyncio.Task[None]] = set()
        self.house = House(limits(settings), admission(settings))
        self.memory = remember(settings, self.house.now, time.time)  # noqa: TID251 - the ledger's
        self._where = shared_address(settings)
        self._edits: Edits | None = None
        if self._where is not None:
            wall = time.time  # noqa: TID251 - which day a budget is of
            pulse = pulse_of(self._where, settings, self.memory, self.house.now, wall)
            self._edits = edits_of(pulse, lambda: self._changes, self._adopt)
            self.memory.pulse = pulse
        self._watch = Watch(self.memory, self.house.now, time.time)  # noqa: TID251 - what day it is
        self._accounting = Accounting(self.memory, self.house.now)
        self._sources = Sources(self.house, self.memory.local, self.spawn)
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
        service = self._first_service()
        completions = Completions(self.house)
        self._serving = service
        self._session = Session()
        passage = Passage(self.house, self._session, lambda: self._serving.pipeline, self._admit)
        beside = routes(self._running(siblings))
        server = self._settings.server
        around = [errors(self.house)]
        if siblings is not None:
            self._siblings = siblings
            among = web.Application(middlewares=around, client_max_size=server.max_body_bytes)
            among.add_routes(beside)
            await siblings.open(among)
            around = [*around, whole(siblings)]
        application = web.Application(middlewares=around, client_max_size=server.max_body_bytes)
        application.add_routes(
            [
                *completions.routes(),
                *beside,
                *Embeddings(passage).routes(),
                *Realtime(passage).routes(),
                *Naming(passage).routes(),
                *passage.routes(),  # what is left: the last
            ]
        )
        await self.house.open(application, service)
        check_reach((str(one.getsockname()[0]) for one in sockets), is_open=is_open(self._settings))
        if not sockets:
            await self.house.listen(server.host, server.port)
        for one in sockets:
            await self.house.adopt(one)
        self.address = self.house.addresses[0]
        self._flush()
        if self._settings.cache.enabled:
            upkeep = CacheUpkeep(self.memory.cache, self._where, self.house.wheel)
            upkeep.begin(self._settings, self.spawn)
        if self.memory.store is not None:
            self.memory.store.start()
        if self.memory.traces is not None:
            self.memory.traces.start()
        self._look()
        if self.memory.pulse is not None:
            _ = self.spawn(self.memory.pulse.run())
        _ = self.spawn(self.memory.alerts.run())
        _ = self.spawn(self._watch.restore())
        self.memory.telemetry.start()
        _ = self.spawn(self.memory.embedder.run())
        if self._settings.local.eager and self.memory.local.available:
            _ = self.spawn(self.memory.local.start())
        # A request leaves no cycles, so there is little to find, and looking costs 0.2 ms for a
        # thousand objects: only where their number has grown by six hundred streams' worth.
        gc.set_threshold(20_000, 20, 50)
        gc.collect()
        gc.freeze()  # the word table and the configuration: never garbage
        return self.address

    def _first_service(self) -> Service:
        """What the file says with what was changed by API, or without it where that is no more
        possible: a provider's key may be gone."""
        try:
            return self._service(self._settings)
        except config.ConfigError as error:
            if self._settings is self._from_file:
                raise
            log.error("changes by API are left out: %s", "; ".join(error.errors))  # noqa: TRY400
            self._settings = self._from_file
            return self._service(self._settings)

    def change(self, what: str, name: str, table: Mapping[str, Any] | None) -> None:
        """Change a route or a category from now on, and after a restart. Raises ConfigError for a
        table that cannot be used and OSError where it cannot be kept; nothing has changed then."""
        wanted = changes.read(self._from_file).having(what, name, table)
        settings = wanted.apply(self._from_file)
        service = self._service(settings)
        self._changes = wanted.save()
        self._take(settings, service)
        if self._edits is not None:
            self._edits.tell(what, name, table)

    def _follow_changes(self) -> None:
        """Take over what another worker changed by API."""
        self._changes = changes.read(self._from_file)
        self._enforce(self._changes)

    def _adopt(self, routes: changes.Tables, categories: changes.Tables) -> None:
        """Take over what was changed by API on another machine."""
        made = replace(self._changes, routes=routes, categories=categories)
        if self._enforce(made):
            try:
                made = made.save()
            except OSError as error:
                log.warning("%s cannot be written: %s", made.path, error.strerror)
            self._changes = made

    def _enforce(self, made: changes.Changes) -> bool:
        """Serve with these changes, if that is possible."""
        try:
            settings = made.apply(self._from_file)
            service = self._service(settings)
        except config.ConfigError as error:
            log.error("changes by API are left out: %s", "; ".join(error.errors))  # noqa: TRY400
            return False
        self._take(settings, service)
        return True

    def _take(self, settings: config.Config, service: Service) -> None:
        """Serve with this configuration from the next request on."""
        if self.memory.classifier is not None:
            teach(self.memory.classifier, self._settings, settings)
        self.memory.embedder.configure(*embedder(settings))
        self._settings = settings
        self.house.service = self._serving = service
        self.house.limits = limits(settings)
        self.house.admission.configure(
            most=settings.server.max_open, target_s=settings.server.max_lag_ms / 1000
        )

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
        await self._session.close()
        if self._siblings is not None:
            await self._siblings.close()
        self._sources.close()
        await self.memory.local.stop()
        for _ in range(CANCEL_TRIES):  # a client library may swallow one while it connects
            for task in tuple(self._spawned):
                task.cancel()
            if self._spawned:
                await asyncio.wait(tuple(self._spawned), timeout=CANCEL_SECONDS)
        await asyncio.to_thread(self.memory.telemetry.close)
        self.memory.cache.close()
        self.memory.journal.flush()
        if self.memory.store is not None:
            await asyncio.to_thread(self.memory.store.close)
        if self.memory.traces is not None:
            await asyncio.to_thread(self.memory.traces.close)

    def reload(self) -> None:
        """Read the configuration again; a broken one is refused and the old one stays."""
        try:
            environ = config.environment()
            source = self._settings.source
            settings = config.load(None if source == "defaults" else source, environ)
            settings = config.with_server(settings, self._overrides)
            hosts = [host for host, _ in self.house.addresses]
            check_reach(hosts, is_open=is_open(settings))
            self._environ = environ
            made = changes.read(settings)
            changed = made.apply(settings)
            service = self._service(changed)
        except config.ConfigError as error:
            for line in error.errors:
                log.error("configuration refused: %s", line)  # noqa: TRY400 - a user's mistake
            return
        self._from_file, self._changes = settings, made
        self._take(changed, service)
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

    def _flush(self) -> None:
        self.memory.journal.flush()
        self.house.wheel.arm(FLUSH_SECONDS, self._flush)

    def _look(self) -> None:
        self._watch.look()
        if self._changes.is_stale():
            self._follow_changes()
        self.house.wheel.arm(EACH_SECONDS, self._look)

    # ---- building -----------------------------------------------------------------------------

    def _service(self, settings: config.Config) -> Service:
        memory = self.memory
        house = self.house
        providers = reachable(settings, self._environ, local=memory.local.available)
        book = catalog.Catalog(settings, providers)
        endpoints = self._sources.endpoints(providers, self._environ)
        rules, terms = rules_of(settings, book)
        memory.limits.configure(provider_quotas(settings, providers, rules))
        memory.budgets.hedges.share = settings.routing.hedge_budget
        default = default_chain(settings, book)
        names = Names(
            rules=rules,
            resolve=book.resolve,
            close=book.close,
            categories=chains(settings, book),
            default=default,
            listed=tuple(target for target in default if target.provider == catalog.LOCAL),
            known=book.known,
        )
        engine = Engine(
            wheel=house.wheel,
            now=house.now,
            wall=time.time,  # noqa: TID251 - the wire stamps wall time
            rand=random.random,
            breakers=memory.breakers,
            latency=memory.latency,
            gaps=memory.gaps,
            limits=memory.limits,
            budgets=memory.budgets,
            account=self._accounting.account,
            alarm=self._watch.alarm,
            lost=self._accounting.lost,
            price=self._accounting.price,
        )
        planner = Planner(
            names,
            memory.breakers,
            memory.latency,
            random.random,
            known(settings, book, providers, engine.wall),
            memory.limits,
        )
        memory.tally.configure(
            [*(rule.name for rule in rules), AUTO],
            [target.model for rule in rules for target in rule.targets]
            + [target.model for target in default],
        )
        reference = price(
            memory.recorder, memory.store, settings, book, [target.name for target in default]
        )
        steps = Steps(endpoints, book.model, memory.limits.limits)
        memory.strong = strong_share(settings, memory.strong)
        chooses = chooser(settings, memory.classifier, memory.strong, planner, book, engine, steps)
        pipeline = Pipeline(planner, memory.classifier, memory.cache, engine, steps, terms, chooses)
        table = allowances(settings)
        memory.quotas.configure(table)
        memory.alerts.hook = hook(settings)
        quotas = None if table.is_empty else memory.quotas
        return Service(
            settings,
            keyring(settings),
            pipeline,
            book,
            reference=reference,
            quotas=quotas,
            traces=memory.traces,
            pulse=memory.pulse,
        )

    def _admit(self, exchange: Exchange, route: str) -> None:
        self._serving.admit(exchange, route)

    def _running(self, siblings: Siblings | None) -> Running:
        return Running(
            memory=self.memory,
            house=self.house,
            service=lambda: self._serving,
            change=self.change,
            now=self.house.now,
            wall=time.time,  # noqa: TID251 - the ledger's days
            siblings=siblings,
        )
