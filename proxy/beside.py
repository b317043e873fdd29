"""The admin side of a running proxy, tied to its parts: every endpoint that is not a completion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from aiohttp import web

from proxy.admin.api import Api
from proxy.admin.cache import CacheDesk
from proxy.admin.endpoint import Desk, Endpoint
from proxy.admin.money import Money
from proxy.admin.usage import Usage
from proxy.cache.shelf import Shelf
from proxy.parts import Memory

if TYPE_CHECKING:
    from proxy.config import Config
    from proxy.downstream.auth import Keyring
    from proxy.exchange import Caller
    from proxy.timing import Clock


@dataclass(frozen=True, slots=True)
class Running:
    """What the admin side asks of the running proxy. Everything is in force when it is asked."""

    memory: Memory
    config: Callable[[], Config]
    keys: Callable[[], Keyring]
    reference: Callable[[], str | None]
    route_of: Callable[[str], str]  # of a model's name; raises ClientError
    wall: Clock


def endpoints(running: Running, api: Api) -> list[Endpoint]:
    """Every endpoint beside the traffic."""

    def money() -> Money:
        ledger = running.config().ledger
        return Money(ledger.currency, Decimal(repr(ledger.usd_rate)).normalize())

    usage = Usage(lambda: running.memory.store, money, running.reference, running.wall)
    memory = running.memory
    cache = CacheDesk(Shelf(memory.cache, memory.classifier, running.route_of))
    every = [*api.endpoints(), *cache.endpoints(), *usage.endpoints()]
    api.described = every
    return every


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
