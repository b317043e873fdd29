"""What a configuration says of money: prices in force, limits, budgets, and where alerts go."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING

from proxy import catalog, config
from proxy.chat import Usage
from proxy.ledger.postgres import SCHEMES, Server
from proxy.ledger.sqlite import File
from proxy.ledger.tariff import pico
from proxy.ledger.webhook import Hook
from proxy.routing.signals import BYTES_PER_TOKEN
from proxy.state.allowance import Allowance, Table

if TYPE_CHECKING:
    from proxy.exchange import Exchange
    from proxy.ledger.book import Place
    from proxy.ledger.record import Recorder
    from proxy.ledger.store import Store
    from proxy.timing import Clock


def allowances(settings: config.Config) -> Table:
    """What callers may ask for and spend. Raises ConfigError for budgets without a ledger."""

    def money(usd: float | None) -> int | None:
        return None if usd is None else pico(usd)

    def each(rate: int | None) -> int | None:
        """A worker's part of a rate: the kernel spreads connections over them evenly. Where a
        server is shared, it divides better: by who needs it."""
        if rate is None or settings.shared.url is not None:
            return rate
        return max(1, rate // max(1, settings.server.workers))

    ledger = settings.ledger
    table = Table(
        keys={
            key.name: Allowance(
                each(key.requests_per_minute),
                each(key.tokens_per_minute),
                money(key.budget_usd_per_day),
                money(key.budget_usd_per_month),
            )
            for key in settings.auth.keys
        },
        routes={
            route.name: Allowance(
                per_day=money(route.budget_usd_per_day),
                per_month=money(route.budget_usd_per_month),
            )
            for route in settings.routes
        },
        everyone=Allowance(
            per_day=money(ledger.budget_usd_per_day), per_month=money(ledger.budget_usd_per_month)
        ),
        alert_share=ledger.alert_share,
    )
    if table.has_budgets and not ledger.enabled:
        where = settings.at("ledger", "enabled")
        raise config.ConfigError([f"{where}: budgets need the ledger: it knows what was spent"])
    return table


def hook(settings: config.Config) -> Hook | None:
    """Where alerts are posted."""
    ledger = settings.ledger
    if ledger.webhook is None:
        return None
    key = ledger.webhook_key
    return Hook(ledger.webhook.reveal(), key.reveal() if key is not None else "")


def place(settings: config.Config, wall: Clock) -> Place:
    """Where the ledger is. Raises ConfigError for what cannot be one."""
    ledger = settings.ledger
    if ledger.url is None:
        return File(ledger.path)
    where = settings.at("ledger", "url")
    url = ledger.url.reveal()
    if ledger.path is not None:
        raise config.ConfigError([f"{where}: there is a path too: write one of them"])
    if url.partition("://")[0] not in SCHEMES:
        raise config.ConfigError([f"{where}: must be postgresql://USER:PASSWORD@HOST/DATABASE"])
    if find_spec("psycopg") is None:
        raise config.ConfigError(
            [f"{where}: Postgres needs its driver: pip install 'firsttoken[postgres]'"]
        )
    return Server(url, wall)


def token_estimate(exchange: Exchange) -> int:
    """Tokens that a request may need, as far as it says: its prompt, and what it asks for."""
    body = exchange.body
    asked = body.get("max_completion_tokens") or body.get("max_tokens") or 0
    return exchange.prompt_bytes // BYTES_PER_TOKEN + (asked if type(asked) is int else 0)


def price(
    recorder: Recorder,
    store: Store | None,
    settings: config.Config,
    book: catalog.Catalog,
    default: Iterable[str],
) -> str | None:
    """Let the ledger know what everything costs from now on. The model that savings are measured
    against. default: the targets of `auto`."""
    reference = reference_model(settings, book, default)
    recorder.configure(book.prices, None if reference is None else book.prices(reference))
    if store is not None:
        store.configure(settings.ledger.retention_days)
    return reference


def reference_model(
    settings: config.Config, book: catalog.Catalog, default: Iterable[str]
) -> str | None:
    """What savings are measured against: the configured model, or the dearest of all targets."""
    chosen = settings.ledger.reference_model
    if chosen is not None:
        return book.resolve(chosen) or chosen
    names = [
        book.resolve(name) or name
        for name in (
            *(
                item if isinstance(item, str) else item.target
                for route in settings.routes
                for item in route.targets
            ),
            *(target for category in settings.categories for target in category.targets),
            *default,
        )
        if "*" not in name
    ]
    usage = Usage(1000, 1000)
    at = datetime.now(UTC)
    priced = [(cost, name) for name in names if (cost := book.cost(usage, name, at))]
    return max(priced)[1] if priced else None
