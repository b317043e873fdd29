"""The admin side of a running proxy, tied to its parts: every endpoint that is not a completion."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from aiohttp import web

from proxy.admin import predecessors
from proxy.admin.api import Api, Views
from proxy.admin.cache import CacheDesk
from proxy.admin.completing import Completer, Kitchen
from proxy.admin.control import Control, Plant
from proxy.admin.endpoint import Desk, Endpoint
from proxy.admin.hardware import Hardware
from proxy.admin.live import Live, Sight
from proxy.admin.metrics import Exposition
from proxy.admin.money import Money
from proxy.admin.planning import Planning
from proxy.admin.predecessors.seam import Core
from proxy.admin.session import Sessions
from proxy.admin.ui import Ui
from proxy.admin.usage import Usage
from proxy.cache.shelf import Shelf
from proxy.errors import ClientError
from proxy.parts import Memory, classify, tenant_of

if TYPE_CHECKING:
    from proxy import chat
    from proxy.admin.siblings import Siblings
    from proxy.downstream.house import House
    from proxy.downstream.household import Answering
    from proxy.exchange import Caller, Exchange, Sink
    from proxy.routing.plan import Plan, Rule
    from proxy.serving import Service
    from proxy.timing import Clock

TYPICAL_BYTES = 2000  # of a prompt, for the deadline that is shown


@dataclass(frozen=True, slots=True)
class Running:
    """What the admin side asks of the running proxy. service: the one in force when it is asked;
    change: see App.change; is_current: whether the configuration file is the one in force."""

    memory: Memory
    house: House
    service: Callable[[], Service]
    change: Callable[[str, str, Mapping[str, Any] | None], None]
    now: Clock
    wall: Clock
    is_current: Callable[[], bool]
    siblings: Siblings | None = None

    async def others(self, path: str, headers: Mapping[str, str]) -> Sequence[bytes]:
        """What the workers beside this one answer to a GET."""
        return () if self.siblings is None else await self.siblings.ask("GET", path, headers, b"")

    def breakers(self) -> dict[str, dict[str, Any]]:
        """Those of targets that had trouble."""
        return self.memory.breakers.snapshot(self.now())

    def draining(self) -> bool:
        """Whether the proxy is about to end."""
        return self.house.draining

    def models(self) -> list[dict[str, str | int]]:
        """What a client may ask for."""
        return self.service().pipeline.planner.models()

    def config(self) -> dict[str, Any]:
        """The configuration without its secrets."""
        return self.service().config.redacted()

    def rule_of(self, model: str) -> Rule:
        """What a model's name means. Raises ClientError."""
        return self.service().pipeline.planner.rule(model)

    def knows(self, model: str) -> bool:
        """Whether a model's name means anything."""
        try:
            self.rule_of(model)
        except ClientError:
            return False
        return True

    def serve(self, exchange: Exchange, sink: Sink) -> Answering | None:
        """Answer one request."""
        return self.service().serve(exchange, sink)

    def cost(self, usage: chat.Usage, target: str) -> Decimal | None:
        """USD of an answer, by the prices of now."""
        return self.service().book.cost(usage, target, datetime.fromtimestamp(self.wall(), UTC))

    def classify(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """A text's category, and what decided it."""
        text = body.get("text") or body.get("prompt") or ""
        return classify(self.memory.classifier, str(text))

    def explain(self, exchange: Exchange) -> Plan:
        """Where a request would go; nothing is sent, and nothing counts. Raises ClientError."""
        return self.service().pipeline.explain(exchange)

    def gauges(self) -> dict[str, float]:
        """Figures for the metrics; a name ending in _total is a counter."""
        memory, house = self.memory, self.house
        stats = {f"cache_{name}": float(value) for name, value in memory.cache.stats().items()}
        for name in ("exact_hits", "semantic_hits", "misses", "stored", "guarded", "evictions"):
            stats[f"cache_{name}_total"] = stats.pop(f"cache_{name}", 0.0)
        return {
            "config_up": float(self.is_current()),
            "connections": float(len(house.fronts) + len(house.guards)),
            "open_answers": float(house.open_answers),
            "turned_away_total": float(house.turned_away),
            "refused_total": float(house.admission.refused),
            **{f"refused_{status}_total": float(n) for status, n in house.refusals.items()},
            "open_limit": house.admission.limit,
            "hedges_total": float(memory.budgets.hedges.spent),
            "breakers_open": float(memory.breakers.shut),
            "breakers_opened_total": float(memory.breakers.opened),
            "log_lines_dropped_total": float(memory.journal.dropped),
            "alerts_total": float(memory.alerts.told),
            "alerts_failed_total": float(memory.alerts.failed),
            "limited_total": float(memory.quotas.refused),
            **_embedder_figures(memory),
            **(memory.traces.figures() if memory.traces is not None else {}),
            **(memory.pulse.figures() if memory.pulse is not None else {}),
            **(memory.store.figures() if memory.store is not None else {}),
            **stats,
        }


def _embedder_figures(memory: Memory) -> dict[str, float]:
    client = memory.embedder
    if client.path is None:
        return {}
    return {
        "embedder_up": float(client.alive),
        "embedder_in_time": float(client.up),
        "embedder_answers_total": float(client.answered),
        "embedder_failures_total": float(client.late),
    }


def endpoints(running: Running) -> list[Endpoint]:
    """Every endpoint beside the traffic."""

    def money() -> Money:
        ledger = running.service().config.ledger
        return Money(ledger.currency, Decimal(repr(ledger.usd_rate)).normalize())

    memory = running.memory
    api = Api(_views(running), own_version())
    usage = Usage(lambda: memory.store, money, lambda: running.service().reference, running.wall)
    control = Control(_plant(running, money))
    live = Live(_sight(running, money))
    cache = CacheDesk(
        Shelf(
            memory.cache,
            memory.classifier,
            lambda model: running.rule_of(model).name,
            lambda name: tenant_of(running.service().config, name),
        )
    )
    kitchen = Kitchen(running.serve, running.house.answers, running.knows, running.cost)
    core = Core(
        completer=Completer(kitchen),
        usage=usage,
        control=control,
        book=lambda: running.service().book,
        breakers=running.breakers,
        reset=memory.breakers.reset,
        wall=running.wall,
    )
    planning = Planning(running.explain)
    hardware = Hardware(memory.telemetry, memory.embedder)
    desks = (api, cache, usage, control, live, planning, hardware)
    every = [endpoint for desk in desks for endpoint in desk.endpoints()]
    every += predecessors.endpoints(core)
    api.described, api.more = every, usage.overview
    return every


def _sight(running: Running, money: Callable[[], Money]) -> Sight:
    memory = running.memory
    return Sight(
        recent=lambda: memory.store.recent if memory.store is not None else None,
        gauges=running.gauges,
        breakers=running.breakers,
        draining=running.draining,
        money=money,
        wall=running.wall,
        others=running.others if running.siblings is not None else None,
    )


def _views(running: Running) -> Views:
    memory = running.memory
    return Views(
        exposition=Exposition(memory.tally, running.gauges, lambda: memory.telemetry.gpus),
        models=running.models,
        config=running.config,
        draining=running.draining,
        classify=running.classify,
        breakers=running.breakers,
        reset_breaker=memory.breakers.reset,
        open_breaker=lambda target: memory.breakers.open(target, running.now()),
        deadlines=memory.latency.snapshot,
        silences=memory.gaps.snapshot,
    )


def _plant(running: Running, money: Callable[[], Money]) -> Plant:
    memory = running.memory
    return Plant(
        config=lambda: running.service().config,
        book=lambda: running.service().book,
        classifier=lambda: memory.classifier,
        breakers=running.breakers,
        deadline_s=lambda target: memory.latency.deadline(target, TYPICAL_BYTES, running.now()),
        limits=lambda: memory.quotas.snapshot(running.now()),
        change=running.change,
        money=money,
        wall=running.wall,
    )


def routes(running: Running) -> list[web.RouteDef]:
    """The endpoints as aiohttp's routes, behind their keys."""

    def is_admin(authorization: bytes | None, local: bool) -> bool:
        return running.service().keys.is_admin(authorization, loopback=local)

    def caller(authorization: bytes | None, api_key: bytes | None) -> Caller:
        return running.service().keys.caller(authorization, api_key)

    sessions = Sessions(lambda: running.service().keys, running.now, running.wall)
    desk = Desk(is_admin, caller, sessions.admits)
    # /ui/session before /ui/{name}: the first that matches serves.
    return [*desk.routes(endpoints(running)), *sessions.routes(), *Ui().routes()]


def own_version() -> str:
    """The installed version; a checkout that was never installed has none."""
    try:
        return version("firsttoken")
    except PackageNotFoundError:
        return "0"
