"""Names and what they mean: providers, models, prices, and what is wrong with a configuration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from proxy.chat import Usage
from proxy.config import Config, ConfigError
from proxy.config_file import meant
from proxy.models import NO_PRICES, Model, Models
from proxy.prices import FREE, PriceList
from proxy.providers import (
    DIALECTS,
    LOCAL,
    LOCAL_MODEL,
    QUIRKS,
    Provider,
    aliases,
    patterns,
    providers,
    row_of,
    rows,
    variables_in,
)

__all__ = [
    "DIALECTS",
    "LOCAL",
    "LOCAL_MODEL",
    "QUIRKS",
    "Catalog",
    "Provider",
    "describe",
    "problems",
    "providers",
    "row_of",
    "rows",
]


class Catalog:
    """Which target a name means, and what is known of it."""

    def __init__(self, config: Config, found: Mapping[str, Provider]) -> None:
        self.providers = found
        groups = {name: _groups(name) for name in found}
        self.models = Models(config.models, groups)
        self.aliases = dict(self._every_alias(config))
        self._known: list[str] = []  # looked up when somebody asks for the list

    def resolve(self, name: str) -> str | None:
        """The target, as provider/model, that a model's name means; None for an unknown one.

        provider/model with the provider's other names and the model's old ones, a bare id that
        a provider claims, or an alias.
        """
        if (known := self.aliases.get(name)) is not None:
            return known
        provider, slash, model = name.partition("/")
        if slash and model and (owner := self._owner(provider)) is not None:
            return f"{owner}/{row_of(owner).get('short', {}).get(model, model)}"
        for pattern, owner in patterns(self.providers):
            head, star, tail = pattern.partition("*")
            fits = len(name) >= len(head) + len(tail)
            if name == pattern or (star and fits and name.startswith(head) and name.endswith(tail)):
                return f"{owner}/{name}"
        return self.models.owner_of(name, self.providers)

    def model(self, target: str) -> Model:
        """What is known of a target; what nobody described has its provider's capabilities."""
        found = self.models.get(target)
        owner = self.providers.get(target.partition("/")[0])
        if owner is None:
            return found or Model(target)
        if found is None:
            prices = FREE if owner.tier == 0 else NO_PRICES
            return Model(target, owner.max_context_tokens, None, owner.capabilities, prices)
        return found

    def prices(self, target: str) -> PriceList:
        return self.model(target).prices

    def cost(self, usage: Usage, target: str, at: datetime) -> Decimal | None:
        """USD of an answer by this target, exact; None where no price is known."""
        return self.prices(target).cost(usage, at)

    def known(self) -> list[str]:
        """Every model, as provider/model, that these providers are known to serve."""
        if not self._known:
            self._known = self.models.names(self.providers)
        return self._known

    def close(self, name: str, count: int = 3) -> list[str]:
        """Targets that exist and look like this name."""
        return self.models.close(name, self.providers, count)

    def _owner(self, provider: str) -> str | None:
        if provider in self.providers:
            return provider
        other = aliases().get(provider, provider)
        if other in self.providers:
            return other
        return next((one for one in self.providers if aliases().get(one) == other), None)

    def _every_alias(self, config: Config) -> Iterator[tuple[str, str]]:
        if LOCAL in self.providers:
            yield LOCAL_MODEL, f"{LOCAL}/{LOCAL_MODEL}"
        for owner in self.providers:
            row = row_of(owner)
            for prefix in {owner, row.get("name", owner), *row.get("aliases", ())}:
                for old, today in row.get("short", {}).items():
                    yield f"{prefix}/{old}", f"{owner}/{today}"
        for model in config.models:
            for alias in (model.name, *model.aliases):
                yield alias, model.name


def _groups(provider: str) -> Sequence[str]:
    row = row_of(provider)
    groups: Sequence[str] = row.get("catalogue", (row.get("name", provider),))
    return groups


def problems(config: Config, found: Mapping[str, Provider]) -> list[str]:
    """Every target that names a provider which is not there, with its place."""
    book = Catalog(config, found)
    return [
        f'{where}: no provider "{provider}"{_advice(provider, found)}'
        for where, target in _targets(config)
        if book.resolve(target) is None
        for provider in (target.partition("/")[0],)
    ]


def _targets(config: Config) -> Iterator[tuple[str, str]]:
    for number, route in enumerate(config.routes):
        for place, item in enumerate(route.targets):
            target = item if isinstance(item, str) else item.target
            yield config.at("route", number, "targets", place), target
    for number, category in enumerate(config.categories):
        for place, target in enumerate(category.targets):
            yield config.at("category", number, "targets", place), target
    routing = config.routing
    if routing.router_model is not None and routing.mode in ("llm", "hybrid"):
        yield config.at("routing", "router_model"), routing.router_model


def _advice(provider: str, found: Iterable[str]) -> str:
    row = row_of(provider)
    if row:
        wanted = [*row.get("env", ())[:1], *variables_in(row["base_url"])]
        named = " and ".join(name for name in wanted if name not in row.get("defaults", {}))
        return f": set {named or row.get('switch')}, or declare it with [[provider]]"
    return f" (there are: {', '.join(sorted(found))}){meant(provider, [*found, *rows()])}"


def describe(config: Config, environ: Mapping[str, str]) -> list[str]:
    """What a configuration means, in lines. Raises ConfigError with every wrong target."""
    found = providers(config, environ)
    if errors := problems(config, found):
        raise ConfigError(errors)
    server = config.server
    lines = [f"{config.source}: ok", f"listens on {server.host}:{server.port}"]
    callers = ", ".join(one.name for one in config.auth.keys)
    lines.append(f"serves {callers or ('anybody' if server.anonymous else 'anybody on loopback')}")
    for one in found.values():
        where = "starts when needed" if one.name == LOCAL else f"{one.host}:{one.port}{one.path}"
        key = {0: "no key", 1: "key set"}.get(len(one.keys), f"{len(one.keys)} keys")
        lines.append(f"provider {one.name:12} {one.dialect:10} {key:8} {where}")
    for route in config.routes:
        chain = [item if isinstance(item, str) else item.target for item in route.targets]
        lines.append(f"route    {route.name:12} {route.strategy:10} {' -> '.join(chain)}")
    for category in config.categories:
        chain = list(category.targets) or ["the default chain"]
        examples = f"{len(category.examples)} examples"
        lines.append(f"category {category.name:12} {examples:10} {' -> '.join(chain)}")
    return lines
