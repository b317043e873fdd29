"""Providers as rows: what a known name stands for, and what a configuration makes of it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from importlib.resources import files
from typing import Any, get_args
from urllib.parse import urlsplit

from proxy.chat import Usage
from proxy.config import Config, ConfigError, Secret
from proxy.config_file import meant
from proxy.config_values import DialectName
from proxy.models import NO_PRICES, Model, Models
from proxy.prices import FREE, PriceList
from proxy.schema import Provider as ProviderTable
from proxy.secret import checked

LOCAL = "local"
LOCAL_MODEL = "smollm2-135m-instruct"
DIALECTS: tuple[str, ...] = get_args(DialectName)

# What a provider does differently from its dialect. Requests first, then answers.
QUIRKS: Mapping[str, str] = {
    "no_stream_options": "refuses stream_options",
    "no_user": "refuses user",
    "no_penalties": "refuses presence_penalty and frequency_penalty",
    "no_logit_bias": "refuses logit_bias",
    "no_logprobs": "refuses logprobs and top_logprobs",
    "no_n": "answers once only",
    "no_seed": "refuses seed",
    "no_stop": "refuses stop",
    "no_tools": "refuses tools and tool_choice",
    "no_parallel_tools": "refuses parallel_tool_calls",
    "no_response_format": "refuses response_format",
    "max_completion_tokens": "wants max_completion_tokens for max_tokens",
    "random_seed": "calls seed random_seed",
    "deployment_path": "has the model in the path: /openai/deployments/MODEL and ?api-version",
    "content_parts": "sends delta.content as a list where it thinks",
    "tool_index": "sends tool calls without index or type",
    "object_name": "sends another object name than chat.completion.chunk",
    "service_tier": "sends a service_tier that strict clients refuse",
    "azure_first_chunk": "begins with a chunk without id, object and model",
    "usage_in_every_chunk": "repeats the usage",
    "usage_in_finish": "sends the usage with the finish_reason",
    "error_events": "fails inside a stream by event: error",
}


@dataclass(frozen=True, slots=True)
class Provider:
    """Where requests go and how they authenticate. path: the base URL's, no trailing slash."""

    name: str
    dialect: str
    host: str
    port: int
    tls: bool
    path: str
    auth: str = "bearer"
    key: Secret | None = None
    keys: tuple[Secret, ...] = ()  # all of them, key first
    access_key: str = ""  # sigv4's public half; key is the secret one
    session: Secret | None = None  # sigv4's temporary token
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    quirks: frozenset[str] = frozenset()
    capabilities: frozenset[str] = frozenset()  # of models that nobody described
    max_context_tokens: int | None = None  # likewise
    tier: int = 4  # 0: one's own machine, else as data/providers.toml says
    region: str = ""
    api_version: str = ""
    models: tuple[str, ...] = ()  # bare ids that are its own, one * each
    ca_file: str | None = None
    proxy: str | None = field(default=None, repr=False)  # may hold a password
    connect_seconds: float = 5.0
    prewarm: int = 0
    max_idle_connections: int = 256


Row = Mapping[str, Any]


@lru_cache(1)
def rows() -> Mapping[str, Row]:
    """The known providers, by name."""
    text = files("proxy").joinpath("data/providers.toml").read_text(encoding="utf-8")
    return {row["name"]: row for row in tomllib.loads(text)["provider"]}


@lru_cache(1)
def aliases() -> Mapping[str, str]:
    """Other names of the known providers."""
    return {alias: name for name, row in rows().items() for alias in row.get("aliases", ())}


def row_of(name: str) -> Row:
    """The row behind a provider's name or alias; empty for a name that nobody knows."""
    return rows().get(aliases().get(name, name), {})


def providers(config: Config, environ: Mapping[str, str]) -> dict[str, Provider]:
    """Every provider that requests may go to, declared ones first.

    A known provider whose key is in the environment is there without being declared. Raises
    ConfigError with every declared one that lacks what its row does not say.
    """
    found: dict[str, Provider] = {}
    errors: list[str] = []
    for number, table in enumerate(config.providers):
        try:
            found[table.name] = _built(table, row_of(table.name), environ)
        except ValueError as error:
            errors.append(f"{config.at('provider', number)}: {error}")
    declared = {aliases().get(one.name, one.name) for one in config.providers}
    for name, row in rows().items() if config.routing.from_environment else ():
        try:
            if name not in declared and _is_switched_on(row, environ):
                found[name] = _built(ProviderTable(name=name), row, environ)
        except ValueError as error:
            errors.append(f"{name}: {error}")
    if errors:
        raise ConfigError(errors)
    if config.local.enabled and LOCAL not in found:
        found[LOCAL] = Provider(
            LOCAL, "openai", "127.0.0.1", 0, tls=False, path="/v1", auth="none", tier=0,
            capabilities=frozenset(("prefill",)), max_context_tokens=config.local.context_tokens,
            connect_seconds=60.0,
        )  # fmt: skip
    return found


def _is_switched_on(row: Row, environ: Mapping[str, str]) -> bool:
    if "switch" in row:
        return bool(environ.get(row["switch"]))
    has_key = bool(_key(row, environ) or _aws(row, environ))
    return has_key and not _missing(row["base_url"], _variables(row, "", environ))


def _key(row: Row, environ: Mapping[str, str]) -> Secret | None:
    for name in row.get("env", ()):
        if environ.get(name):
            return Secret(checked(environ[name], f"the environment variable {name}"))
    return None


def _aws(row: Row, environ: Mapping[str, str]) -> tuple[str, Secret] | None:
    """AWS's pair of keys, for the provider that signs with them."""
    public, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    if row.get("name") == "bedrock" and public and secret:
        return public, Secret(secret)
    return None


_VARIABLE = re.compile(r"\{([A-Z_]+)\}")


def _variables(row: Row, region: str, environ: Mapping[str, str]) -> dict[str, str]:
    given = {name: environ[name] for name in environ if environ[name]}
    known = {**row.get("defaults", {}), **given}
    if region and "region" in row:
        known[row["region"]] = region
    return known


def _missing(template: str, variables: Mapping[str, str]) -> list[str]:
    return [name for name in _VARIABLE.findall(template) if name not in variables]


def _base_url(table: ProviderTable, row: Row, dialect: str, environ: Mapping[str, str]) -> str:
    if table.base_url is not None:
        return table.base_url
    if not row:
        hint = meant(table.name, [*rows(), *aliases()])
        raise ValueError(f"needs base_url: the name is not a known provider's{hint}")
    template: str = row.get("base_urls", {}).get(dialect, row["base_url"])
    variables = _variables(row, table.region or "", environ)
    if missing := _missing(template, variables):
        raise ValueError(f"needs base_url, or {' and '.join(missing)} in the environment")
    values = {name: variables[name].rstrip("/") for name in _VARIABLE.findall(template)}
    if values.get("OLLAMA_BASE_URL"):
        values["OLLAMA_BASE_URL"] = values["OLLAMA_BASE_URL"].removesuffix("/v1")
    return _VARIABLE.sub(lambda one: values[one[1]], template)


def _built(table: ProviderTable, row: Row, environ: Mapping[str, str]) -> Provider:
    """A provider from its table over its row. Raises ValueError in words for its author."""
    dialect = table.dialect or row.get("dialect", "openai")
    url = urlsplit(_base_url(table, row, dialect, environ))
    if url.scheme not in ("http", "https") or not url.hostname or url.username is not None:
        raise ValueError("its base URL in the environment must be http:// or https:// and a host")
    unknown = [quirk for quirk in table.quirks if quirk not in QUIRKS]
    if unknown:
        raise ValueError(f'quirks: unknown "{unknown[0]}"{meant(unknown[0], list(QUIRKS))}')
    auth = table.auth or row.get("auth", "bearer")
    keys = tuple(table.keys) or tuple(k for k in (table.key or _key(row, environ),) if k)
    access_key, session = "", None
    if not keys and auth != "none" and (pair := _aws(row, environ)) is not None:
        auth, access_key, keys = "sigv4", pair[0], (pair[1],)
        token = environ.get("AWS_SESSION_TOKEN")
        session = Secret(token) if token else None
    if not keys and auth != "none" and table.base_url is None and "switch" not in row:
        raise ValueError(f'needs a key: set {row["env"][0]}, or write key = "env:NAME"')
    tls = url.scheme == "https"
    return Provider(
        name=table.name,
        dialect=dialect,
        host=url.hostname,
        port=_port(url.netloc, tls=tls),
        tls=tls,
        path=url.path.rstrip("/"),
        auth=auth,
        key=keys[0] if keys else None,
        keys=keys,
        access_key=access_key,
        session=session,
        headers={k: v.reveal() if isinstance(v, Secret) else v for k, v in table.headers.items()},
        quirks=frozenset((*row.get("quirks", ()), *table.quirks)),
        capabilities=frozenset(row.get("capabilities", ())),
        max_context_tokens=row.get("max_context_tokens"),
        tier=row.get("tier", 4),
        region=_variables(row, table.region or "", environ).get(row.get("region", ""), ""),
        api_version=table.api_version or "",
        models=(*table.models, *row.get("models", ())),
        ca_file=table.ca_file,
        proxy=table.proxy.reveal() if table.proxy is not None else None,
        connect_seconds=table.connect_seconds,
        prewarm=table.prewarm,
        max_idle_connections=table.max_idle_connections,
    )


def _port(netloc: str, *, tls: bool) -> int:
    try:
        port = urlsplit(f"//{netloc}").port
    except ValueError:
        raise ValueError("base_url: the port must be a number up to 65535") from None
    return port or (443 if tls else 80)


def patterns(found: Mapping[str, Provider]) -> list[tuple[str, str]]:
    """(pattern, provider) for the bare model ids that each provider claims, first come first."""
    return [(pattern, name) for name, one in found.items() for pattern in one.models]


class Catalog:
    """Which target a name means, and what is known of it."""

    def __init__(self, config: Config, found: Mapping[str, Provider]) -> None:
        self.providers = found
        groups = {name: _groups(name) for name in found}
        self.models = Models(config.models, groups)
        self.aliases = dict(self._every_alias(config))

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
    for key in ("router_model",):
        if config.routing.router_model is not None:
            yield config.at("routing", key), config.routing.router_model


def _advice(provider: str, found: Iterable[str]) -> str:
    row = row_of(provider)
    if row:
        wanted = [*row.get("env", ())[:1], *_VARIABLE.findall(row["base_url"])]
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
