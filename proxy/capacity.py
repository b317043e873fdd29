"""What providers may be asked, which keys and regions are one pool, and what a request costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from proxy import catalog, config
from proxy.chat import Usage
from proxy.routing.names import Rule, endpoint_name
from proxy.routing.plan import Known
from proxy.state.limits import Quota
from proxy.timing import Clock

Pools = dict[str, tuple[tuple[str, int], ...]]


def pools(settings: config.Config, providers: Mapping[str, catalog.Provider]) -> Pools:
    """provider -> its endpoints, as (provider, key), where there is more than one.

    A provider with several keys has one for each; one that names a pool joins that provider's.
    Raises ConfigError for a pool that is no provider.
    """
    own = {
        name: [(name, key) for key in range(max(1, len(one.keys)))]
        for name, one in providers.items()
    }
    members = {name: list(keys) for name, keys in own.items()}
    problems: list[str] = []
    for number, one in enumerate(settings.providers):
        if one.pool is None or one.name not in own or one.pool == one.name:
            continue
        if one.pool in members:
            members[one.pool] += own[one.name]
        else:
            problems.append(f'{settings.at("provider", number, "pool")}: no provider "{one.pool}"')
    if problems:
        raise config.ConfigError(problems)
    return {name: tuple(found) for name, found in members.items() if len(found) > 1}


def provider_quotas(
    settings: config.Config, providers: Mapping[str, catalog.Provider], rules: Iterable[Rule]
) -> dict[str, Quota]:
    """What each endpoint may be asked by this process, a key each: workers divide it evenly; where
    a server is shared, it is divided among all who share it (division.py). One that is only chosen
    by its load is counted."""
    workers = 1 if settings.shared.url is not None else settings.server.workers

    def part(limit: int | None) -> int | None:
        return limit and max(1, limit // workers)

    counted = {
        target.provider for rule in rules if rule.strategy == "fastest" for target in rule.targets
    }
    for members in pools(settings, providers).values():
        counted |= {name for name, _ in members}
    tables = {one.name: one for one in settings.providers}
    found: dict[str, Quota] = {}
    for name, provider in providers.items():
        table = tables.get(name)
        quota = Quota()
        if table is not None:
            quota = Quota(
                part(table.max_concurrent),
                part(table.requests_per_minute),
                part(table.tokens_per_minute),
            )
        if quota != Quota() or name in counted:
            for key in range(max(1, len(provider.keys))):
                found[endpoint_name(name, key)] = quota
    return found


def known(
    settings: config.Config,
    book: catalog.Catalog,
    providers: Mapping[str, catalog.Provider],
    wall: Clock,
) -> Known:
    """What a plan asks of the catalogue."""

    def price(target: str, prompt: int, completion: int) -> float | None:
        cost = book.cost(Usage(prompt, completion), target, datetime.fromtimestamp(wall(), UTC))
        return None if cost is None else float(cost)

    return Known(book.model, price, pools(settings, providers))
