"""The one place that builds the parts of a running proxy and ties them together."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.http_parser import HttpRequestParser, HttpRequestParserPy

from proxy import changes, config
from proxy.accounting import Accounting
from proxy.admin.whole import whole
from proxy.assembly import Assembly
from proxy.beside import Running, routes
from proxy.config_file import stamp
from proxy.downstream.embed import Embeddings
from proxy.downstream.house import House
from proxy.downstream.model import Naming
from proxy.downstream.passage import Passage
from proxy.downstream.realtime import Realtime
from proxy.downstream.server import Completions, errors
from proxy.parts import (
    admission,
    cache_settings,
    embedder,
    is_open,
    limits,
    needs_restart,
    remember,
    teach,
)
from proxy.service import check_reach
from proxy.sources import Sources
from proxy.together import edits_of, pulse_of, shared_address
from proxy.upkeep import CacheUpkeep
from proxy.upstream.session import Session
from proxy.watch import EACH_SECONDS, Watch

if TYPE_CHECKING:
    import socket

    from proxy.admin.siblings import Siblings
    from proxy.exchange import Exchange
    from proxy.serving import Service
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
        self._settings = self._begun = settings = self._changes.apply(settings)
        self._stamp = stamp(settings.source)  # of the file that is in force
        self._overrides = overrides
        self._spawned: set[asyncio.Task[None]] = set()
        self.house = House(limits(settings), admission(settings, asyncio.get_running_loop().time))
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
        self._assembly = Assembly(
            self.house, self.memory, self._sources, self._accounting, self._watch
        )
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
        self._serving = self._first_service()
        self._session = Session()
        try:
            await self._listen(sockets, siblings)
        except (OSError, config.ConfigError):
            await self._session.close()
            raise
        self.address = self.house.addresses[0]
        self._begin()
        # A request leaves no cycles, so there is little to find; looking costs 0.25 ms for a
        # thousand objects, and the loop stands still for it: so not at many at a time. All of them
        # are hardly ever looked at.
        gc.set_threshold(800, 1, 12_500)
        gc.collect()
        gc.freeze()  # the word table and the configuration: never garbage
        return self.address

    async def _listen(self, sockets: Sequence[socket.socket], siblings: Siblings | None) -> None:
        house, server = self.house, self._settings.server
        await house.open(await self._application(siblings), self._serving)
        check_reach((str(one.getsockname()[0]) for one in sockets), is_open=is_open(self._settings))
        if not sockets:
            await house.listen(server.host, server.port)
        for one in sockets:
            await house.adopt(one)

    async def _application(self, siblings: Siblings | None) -> web.Application:
        """What answers beside the lean lane, for all workers where there are several."""
        most_bytes = self._settings.server.max_body_bytes
        passage = Passage(self.house, self._session, lambda: self._serving.pipeline, self._admit)
        beside = routes(self._running(siblings))
        around = [errors(self.house)]
        if siblings is not None:
            self._siblings = siblings
            among = web.Application(middlewares=around, client_max_size=most_bytes)
            among.add_routes(beside)
            await siblings.open(among)
            around = [*around, whole(siblings)]
        application = web.Application(middlewares=around, client_max_size=most_bytes)
        application.add_routes(
            [
                *Completions(self.house).routes(),
                *beside,
                *Embeddings(passage).routes(),
                *Realtime(passage).routes(),
                *Naming(passage).routes(),
                *passage.routes(),  # what is left: the last
            ]
        )
        return application

    def _begin(self) -> None:
        """Start what runs beside the traffic."""
        memory = self.memory
        self._flush()
        if self._settings.cache.enabled:
            upkeep = CacheUpkeep(memory.cache, self._where, self.house.wheel)
            upkeep.begin(self._settings, self.spawn)
        if memory.store is not None:
            memory.store.start()
        if memory.traces is not None:
            memory.traces.start()
        self._look()
        if memory.pulse is not None:
            _ = self.spawn(memory.pulse.run())
        _ = self.spawn(memory.alerts.run())
        _ = self.spawn(self._watch.restore())
        memory.telemetry.start()
        _ = self.spawn(memory.embedder.run())
        if self._settings.local.eager and memory.local.available:
            _ = self.spawn(memory.local.start())

    def _first_service(self) -> Service:
        """What the file says with what was changed by API, or without it where that is no more
        possible: a provider's key may be gone."""
        try:
            return self._assembly.service(self._settings, self._environ)
        except config.ConfigError as error:
            if self._settings is self._from_file:
                raise
            log.error("changes by API are left out: %s", "; ".join(error.errors))  # noqa: TRY400
            self._settings = self._from_file
            return self._assembly.service(self._settings, self._environ)

    def change(self, what: str, name: str, table: Mapping[str, Any] | None) -> None:
        """Change a route or a category from now on, and after a restart. Raises ConfigError for a
        table that cannot be used and OSError where it cannot be kept; nothing has changed then."""
        wanted = changes.read(self._from_file).having(what, name, table)
        settings = wanted.apply(self._from_file)
        service = self._assembly.service(settings, self._environ)
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
            service = self._assembly.service(settings, self._environ)
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
        if self._begun.cache.enabled:  # else nobody looks after it
            self.memory.cache.configure(cache_settings(settings, self.memory.classifier))
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
            seen = stamp(source)
            settings = config.load(None if source == "defaults" else source, environ)
            settings = config.with_server(settings, self._overrides)
            hosts = [host for host, _ in self.house.addresses]
            check_reach(hosts, is_open=is_open(settings))
            self._environ = environ
            made = changes.read(settings)
            changed = made.apply(settings)
            service = self._assembly.service(changed, environ)
        except config.ConfigError as error:
            for line in error.errors:
                log.error("configuration refused: %s", line)  # noqa: TRY400 - a user's mistake
            return
        self._from_file, self._changes, self._stamp = settings, made, seen
        self._take(changed, service)
        log.info("configuration reloaded from %s", settings.source)
        if waiting := needs_restart(self._begun, settings):
            log.warning("a restart is needed for what changed in %s", ", ".join(waiting))

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
            is_current=lambda: stamp(self._settings.source) == self._stamp,
            siblings=siblings,
        )
