"""The admin side of a running proxy, tied to its parts: every endpoint that is not a completion."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from aiohttp import web

from proxy.admin import predecessors
from proxy.admin.api import Api
from proxy.admin.cache import CacheDesk
from proxy.admin.completing import Completer, Kitchen
from proxy.admin.control import Control, Plant
from proxy.admin.endpoint import Desk, Endpoint
from proxy.admin.live import Live, Sight
from proxy.admin.money import Money
from proxy.admin.predecessors.seam import Core
from proxy.admin.usage import Usage
from proxy.cache.shelf import Shelf
from proxy.parts import Memory

if TYPE_CHECKING:
    from proxy.catalog import Catalog
    from proxy.config import Config
    from proxy.downstream.auth import Keyring
    from proxy.exchange import Caller
    from proxy.timing import Clock

TYPICAL_BYTES = 2000  # of a prompt, for the deadline that is shown


@dataclass(frozen=True, slots=True)
class Running:
    """What the admin side asks of the running proxy. Everything is in force when it is asked."""

    memory: Memory
    config: Callable[[], Config]
    keys: Callable[[], Keyring]
    reference: Callable[[], str | None]
    route_of: Callable[[str], str]  # of a model's name; raises ClientError
    book: Callable[[], Catalog]
    gauges: Callable[[], Mapping[str, float]]
    draining: Callable[[], bool]
    change: Callable[[str, str, Mapping[str, Any] | None], None]
    kitchen: Kitchen
    now: Clock
    wall: Clock


def endpoints(running: Running, api: Api) -> list[Endpoint]:
    """Every endpoint beside the traffic."""

    def money() -> Money:
        ledger = running.config().ledger
        return Money(ledger.currency, Decimal(repr(ledger.usd_rate)).normalize())

    memory = running.memory
    usage = Usage(lambda: memory.store, money, running.reference, running.wall)
    control = Control(_plant(running, money))
    live = Live(
        Sight(
            recent=lambda: memory.store.recent if memory.store is not None else None,
            gauges=running.gauges,
            breakers=lambda: memory.breakers.snapshot(running.now()),
            draining=running.draining,
            money=money,
            wall=running.wall,
        )
    )
    cache = CacheDesk(Shelf(memory.cache, memory.classifier, running.route_of))
    core = Core(
        completer=Completer(running.kitchen),
        usage=usage,
        control=control,
        book=running.book,
        breakers=lambda: memory.breakers.snapshot(running.now()),
        reset=memory.breakers.reset,
        cache_stats=memory.cache.stats,
        wall=running.wall,
    )
    desks = (api, cache, usage, control, live)
    every = [endpoint for desk in desks for endpoint in desk.endpoints()]
    every += predecessors.endpoints(core)
    api.described, api.more = every, usage.overview
    return every


def _plant(running: Running, money: Callable[[], Money]) -> Plant:
    memory = running.memory
    return Plant(
        config=running.config,
        book=running.book,
        classifier=lambda: memory.classifier,
        breakers=lambda: memory.breakers.snapshot(running.now()),
        deadline_s=lambda target: memory.latency.deadline(target, TYPICAL_BYTES, running.now()),
        limits=lambda: memory.quotas.snapshot(running.now()),
        change=running.change,
        money=money,
        wall=running.wall,
    )


def routes(running: Running, api: Api) -> list[web.RouteDef]:
    """The endpoints as aiohttp's routes, behind their keys."""

    def is_admin(authorization: bytes | None, local: bool) -> bool:
        return running.keys().is_admin(authorization, loopback=local)

    def caller(authorization: bytes | None, api_key: bytes | None) -> Caller:
        return running.keys().caller(authorization, api_key)

    return Desk(is_admin, caller).routes(endpoints(running, api))


def own_version() -> str:
    """The installed version; a checkout that was never installed has none."""
    try:
        return version("firsttoken")
    except PackageNotFoundError:
        return "0"
