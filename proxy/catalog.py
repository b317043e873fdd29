"""Providers as rows: what a known name stands for, and what a configuration makes of it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from proxy.config import Config, ConfigError, Secret
from proxy.config import Provider as ProviderTable

LOCAL = "local"
LOCAL_MODEL = "smollm2-135m-instruct"
DIALECTS = ("openai",)


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
    headers: Mapping[str, str] = field(default_factory=dict)
    quirks: frozenset[str] = frozenset()
    ca_file: str | None = None
    proxy: str | None = None
    connect_seconds: float = 5.0
    prewarm: int = 0


@lru_cache(1)
def rows() -> Mapping[str, Mapping[str, Any]]:
    """The known providers, by name."""
    text = files("proxy").joinpath("data/providers.toml").read_text(encoding="utf-8")
    return {row["name"]: row for row in tomllib.loads(text)["provider"]}


def providers(config: Config, environ: Mapping[str, str]) -> dict[str, Provider]:
    """Every provider that requests may go to, declared ones first.

    A known provider whose key is in the environment is there without being declared. Raises
    ConfigError for a declared one that lacks what its row does not say.
    """
    found: dict[str, Provider] = {}
    for table in config.providers:
        found[table.name] = _declared(table, config.source, environ)
    for name, row in rows().items():
        if name in found:
            continue
        key = _key(row, environ)
        if key is not None:
            found[name] = _built(ProviderTable(name=name), row, key)
        elif name == "ollama" and environ.get("OLLAMA_BASE_URL"):
            base = environ["OLLAMA_BASE_URL"].rstrip("/").removesuffix("/v1")
            found[name] = _built(ProviderTable(name=name, base_url=f"{base}/v1"), row, None)
    if config.local.enabled and LOCAL not in found:
        found[LOCAL] = Provider(LOCAL, "openai", "127.0.0.1", 0, tls=False, path="/v1", auth="none",
                                connect_seconds=60.0)  # fmt: skip
    return found


def patterns(found: Mapping[str, Provider]) -> list[tuple[str, str]]:
    """(pattern, provider) for the bare model ids that a provider's row claims."""
    return [
        (pattern, name)
        for name, row in rows().items()
        if name in found
        for pattern in row.get("models", ())
    ]


def _declared(table: ProviderTable, source: str, environ: Mapping[str, str]) -> Provider:
    row = rows().get(table.name, {})
    place = f"{source}: [[provider]] {table.name!r}"
    if table.base_url is None and "base_url" not in row:
        raise ConfigError([f"{place}: base_url: is missing, and the name is not a known provider"])
    dialect = table.dialect or row.get("dialect", "openai")
    if dialect not in DIALECTS:
        raise ConfigError([f"{place}: dialect: must be one of {', '.join(DIALECTS)}"])
    return _built(table, row, table.key or _key(row, environ))


def _key(row: Mapping[str, Any], environ: Mapping[str, str]) -> Secret | None:
    for name in row.get("env", ()):
        if environ.get(name):
            return Secret(environ[name])
    return None


def _built(table: ProviderTable, row: Mapping[str, Any], key: Secret | None) -> Provider:
    url = urlsplit(table.base_url or row["base_url"])
    tls = url.scheme == "https"
    return Provider(
        name=table.name,
        dialect=table.dialect or row.get("dialect", "openai"),
        host=url.hostname or "",
        port=url.port or (443 if tls else 80),
        tls=tls,
        path=url.path.rstrip("/"),
        auth=row.get("auth", "bearer"),
        key=key,
        headers={k: v.reveal() if isinstance(v, Secret) else v for k, v in table.headers.items()},
        quirks=frozenset((*row.get("quirks", ()), *table.quirks)),
        ca_file=table.ca_file,
        proxy=table.proxy.reveal() if table.proxy is not None else None,
        connect_seconds=table.connect_seconds,
        prewarm=table.prewarm,
    )
