"""Where answers come from: the providers' endpoints, and the connections that outlive a reload."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from proxy import catalog, config
from proxy.routing.names import endpoint_name
from proxy.upstream.auth import lines as auth_lines
from proxy.upstream.auth import signature
from proxy.upstream.endpoint import Endpoint
from proxy.upstream.pool import LocalPool, Origin, Pool
from proxy.upstream.token import Token

if TYPE_CHECKING:
    from proxy.downstream.house import House
    from proxy.upstream.local import LocalModel


class Sources:
    """Pools by origin. spawn: starts a task whose end is seen."""

    def __init__(self, house: House, local: LocalModel, spawn: Callable[[Any], Any]) -> None:
        self._house = house
        self._local = local
        self._spawn = spawn
        self._pools: dict[tuple[Any, ...], Pool] = {}
        self._tokens: dict[tuple[str, ...], Token] = {}

    def endpoints(
        self, providers: Mapping[str, catalog.Provider], environ: Mapping[str, str]
    ) -> dict[str, Endpoint]:
        """An endpoint for each key of each provider, by the endpoint's name."""
        return {
            endpoint_name(name, number): self._endpoint(replace(one, key=key), environ)
            for name, one in providers.items()
            for number, key in enumerate(one.keys or (one.key,))
        }

    def close(self) -> None:
        """Drop idle connections; keep none from now on."""
        for pool in self._pools.values():
            pool.close()

    def _endpoint(self, provider: catalog.Provider, environ: Mapping[str, str]) -> Endpoint:
        house = self._house
        if provider.name == catalog.LOCAL:
            local = self._local
            pool: Pool = self._pools.setdefault(
                (catalog.LOCAL,), LocalPool(local, house.wheel, house.now, self._spawn)
            )
            auth = f"Authorization: Bearer {local.key}\r\n".encode()
            quirks = provider.quirks
            return Endpoint(provider.name, pool, provider.dialect, provider.path, auth, quirks)
        origin = Origin(
            provider.host,
            provider.port,
            provider.tls,
            provider.ca_file,
            provider.proxy or config.forward_proxy(environ, provider.host, tls=provider.tls),
            provider.connect_seconds,
        )
        token = self._token(provider, origin.proxy)
        kept = self._pools.get((origin, token))
        if kept is None:
            ready = None if token is None else token.ready
            kept = Pool(
                origin, house.wheel, house.now, self._spawn, ready, house.backlog, house.outbox
            )
            self._pools[(origin, token)] = kept
            kept.warm(provider.prewarm)
        kept.most_idle = provider.max_idle_connections
        return Endpoint(
            provider.name,
            kept,
            provider.dialect,
            provider.path,
            auth_lines(provider),
            provider.quirks,
            provider.key.reveal() if provider.key is not None else "",
            provider.api_version,
            signature(provider, time.time) if token is None else token.sign,  # noqa: TID251 - stamped
            None if token is None else token.complete,
        )

    def _token(self, provider: catalog.Provider, proxy: str | None) -> Token | None:
        """Google's tokens, which outlive a reload."""
        if provider.google is None:
            return None
        told = (provider.google.kind, repr(provider.google.told), provider.google.token_uri)
        token = self._tokens.get(told)
        if token is None:
            token = self._tokens[told] = Token(provider.google, time.time, proxy)  # noqa: TID251
            self._spawn(token.keep())
        return token
