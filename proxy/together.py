"""What makes this proxy one with others: the way to the server they share, for each of its uses."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib.util import find_spec
from secrets import token_bytes
from typing import TYPE_CHECKING, Protocol

from proxy import config
from proxy.cache.share import Share
from proxy.shared.address import Address, address, prove
from proxy.shared.edits import Edits
from proxy.shared.pulse import Parts, Pulse
from proxy.state.alerts import Alert
from proxy.state.division import Division

if TYPE_CHECKING:
    from proxy.cache.cache import Cache
    from proxy.changes import Changes, Tables
    from proxy.ledger.webhook import Alerts
    from proxy.state.breaker import Breakers
    from proxy.state.latency import Latency
    from proxy.state.limits import Limits
    from proxy.state.quotas import Quotas
    from proxy.timing import Clock

log = logging.getLogger("firsttoken")


class Remembers(Protocol):
    """What of the proxy's memory is shared."""

    breakers: Breakers
    latency: Latency
    quotas: Quotas
    limits: Limits
    alerts: Alerts


def shared_address(settings: config.Config) -> Address | None:
    """The server that several proxies share. Raises ConfigError for a URL that is none, and where
    its client is not installed."""
    url = settings.shared.url
    if url is None:
        return None
    where = settings.at("shared", "url")
    if find_spec("redis") is None:
        raise config.ConfigError([f"{where} needs the client: pip install 'firsttoken[shared]'"])
    try:
        found = address(url.reveal())
        prove(found)
    except ValueError as error:
        raise config.ConfigError([f"{where} {error}"]) from None
    return found


def share_of(where: Address, settings: config.Config, cache: Cache) -> Share:
    """The cache's way to other nodes."""
    return Share(where, settings.shared.prefix, token_bytes(8), cache.absorb, cache.exact.drop)


def pulse_of(
    where: Address, settings: config.Config, memory: Remembers, now: Clock, wall: Clock
) -> Pulse:
    """The way of everything else to other nodes. wall: says which day a budget is of."""

    def tell(up: bool, why: str) -> None:
        if up:
            log.info("the shared server answers: limits, budgets and breakers are common")
            return
        words = f"the shared server is gone, this process goes on alone: {why}"
        memory.alerts.tell(Alert("shared_down", "shared server", words))

    memory.quotas.is_shared = True
    division = Division(memory.quotas, memory.limits, settings.server.workers)
    parts = Parts(division, memory.breakers, memory.latency, now, wall)
    return Pulse(
        where, settings.shared.prefix, parts, tell, deadline_s=settings.shared.deadline_ms / 1000
    )


def edits_of(
    pulse: Pulse, current: Callable[[], Changes], take: Callable[[Tables, Tables], None]
) -> Edits:
    """The way of changes by API to other nodes."""
    edits = Edits(pulse.key("changes"), lambda: (current().routes, current().categories), take)
    pulse.follow = edits.follow
    return edits
