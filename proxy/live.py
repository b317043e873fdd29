"""`firsttoken check --live`: every key of every provider, tested at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from proxy import catalog, config
from proxy.timing import Wheel
from proxy.upstream.auth import Sign, signature
from proxy.upstream.auth import lines as auth_lines
from proxy.upstream.endpoint import Endpoint
from proxy.upstream.pool import Origin, Pool
from proxy.upstream.session import Session
from proxy.upstream.token import Refused, Token
from proxy.upstream.trial import REFUSED, WORKS, Verdict, tried

DEADLINE_SECONDS = 20.0  # for one key; all are tested at the same time
HEAD = ("provider", "key", "state", "latency", "first token", "model", "")


@dataclass(frozen=True, slots=True)
class Line:
    """One key's verdict. key: its number among its provider's, 0 where it needs none."""

    provider: str
    key: int
    model: str
    verdict: Verdict

    @property
    def works(self) -> bool:
        return self.verdict.state == WORKS

    def as_json(self) -> dict[str, Any]:
        """For --json."""
        return {
            "provider": self.provider,
            "key": self.key,
            "model": self.model or None,
            **asdict(self.verdict),
        }


async def check(settings: config.Config, environ: Mapping[str, str]) -> list[Line]:
    """Every key, in the order of the configuration. Raises ConfigError."""
    found = catalog.providers(settings, environ)
    if problems := catalog.problems(settings, found):
        raise config.ConfigError(problems)
    models = models_of(settings, found)
    keys = [
        (replace(one, key=key), number if key is not None else 0)
        for name, one in found.items()
        if name != catalog.LOCAL
        for number, key in enumerate(one.keys or (None,), 1)
    ]
    session = Session()
    bench = _Bench(environ)
    try:
        async with asyncio.TaskGroup() as group:
            bench.group = group
            asked = [
                group.create_task(_tried(session, bench, one, models.get(one.name, "")))
                for one, _ in keys
            ]
    finally:
        bench.close()
        await session.close()
    return [
        Line(one.name, number, models.get(one.name, ""), task.result())
        for (one, number), task in zip(keys, asked, strict=True)
    ]


async def _tried(
    session: Session, bench: _Bench, provider: catalog.Provider, model: str
) -> Verdict:
    """The verdict on one key, for which a token may have to be asked for first."""
    sign = signature(provider, time.time)  # noqa: TID251 - a signature is stamped
    if provider.google is not None:
        token = Token(provider.google, time.time, provider.proxy)  # noqa: TID251 - likewise
        try:
            await token.renew()
        except Refused as error:
            return Verdict(REFUSED, note=f"no token: {error}")
        sign = token.sign
    return await tried(session, bench.endpoint(provider, sign), model, DEADLINE_SECONDS)


def models_of(settings: config.Config, found: Mapping[str, catalog.Provider]) -> dict[str, str]:
    """A model for each provider to be asked: the first that the configuration names, else the
    provider's default."""
    book = catalog.Catalog(settings, found)
    named = [
        item if isinstance(item, str) else item.target
        for route in settings.routes
        for item in route.targets
    ]
    named += [target for category in settings.categories for target in category.targets]
    models: dict[str, str] = {}
    for name in named:
        provider, _, model = (book.resolve(name) or name).partition("/")
        if "*" not in model:
            models.setdefault(provider, model)
    for provider in found:
        default = catalog.row_of(provider).get("default_model")
        if default is not None:
            models.setdefault(provider, str(default))
    return models


class _Bench:
    """What endpoints need, for as long as they are tested."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        loop = asyncio.get_running_loop()
        self._environ = environ
        self._now = loop.time
        self._wheel = Wheel(loop.time, loop.call_at)
        self._pools: list[Pool] = []
        self.group: asyncio.TaskGroup

    def endpoint(self, provider: catalog.Provider, sign: Sign | None) -> Endpoint:
        """A provider with one key, and connections of its own."""
        origin = Origin(
            provider.host,
            provider.port,
            provider.tls,
            provider.ca_file,
            provider.proxy or config.forward_proxy(self._environ, provider.host, tls=provider.tls),
            provider.connect_seconds,
        )
        pool = Pool(origin, self._wheel, self._now, self._spawn)
        self._pools.append(pool)
        return Endpoint(
            provider.name,
            pool,
            provider.dialect,
            provider.path,
            auth_lines(provider),
            provider.quirks,
            provider.key.reveal() if provider.key is not None else "",
            provider.api_version,
            sign,
        )

    def close(self) -> None:
        for pool in self._pools:
            pool.close()

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> object:
        return self.group.create_task(coroutine)


def table(lines: Sequence[Line]) -> list[str]:
    """The verdicts for a reader."""
    rows = [HEAD, *(_row(one) for one in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _row(line: Line) -> tuple[str, ...]:
    verdict = line.verdict
    return (
        line.provider,
        str(line.key) if line.key else "none",
        verdict.state,
        _millis(verdict.latency_ms),
        _millis(verdict.first_token_ms),
        line.model or "-",
        verdict.note,
    )


def _millis(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} ms"
