"""Where the shared server is: one URL for a single one, for Sentinel and for Cluster.

redis://, rediss:// (TLS) and unix:// are the client's own forms. redis+sentinel://HOST:PORT,...
/NAME[/DB] asks sentinels for the primary of that name, redis+cluster://HOST:PORT,... begins with
these nodes of a cluster; rediss+... speaks TLS. valkey:// and its kin mean the same. A user and a
password (ACL) stand before the @, options of the client (ssl_ca_certs=PATH) behind a ?.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

PORTS = {"": 6379, "sentinel": 26379, "cluster": 6379}
CLOSE_SECONDS = 1.0
_END = re.compile("[/?#]")  # of what says where a server is
_OPTION = re.compile(r"unexpected keyword argument '(\w+)'")


@dataclass(frozen=True, slots=True)
class Address:
    """A URL taken apart. form: "" for one server, sentinel or cluster. url: of one server."""

    form: str
    url: str = field(default="", repr=False)
    hosts: tuple[tuple[str, int], ...] = ()
    service: str = ""
    options: dict[str, Any] = field(default_factory=dict, repr=False)


def address(url: str) -> Address:
    """Raises ValueError, which never shows the URL: it may hold a password."""
    scheme, _, rest = url.partition("://")
    scheme = scheme.lower().replace("valkeys", "rediss").replace("valkey", "redis")
    plain, _, form = scheme.partition("+")
    if form not in PORTS or plain not in ("redis", "rediss", "unix") or (plain == "unix" and form):
        raise ValueError(
            "must begin with redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://"
        )
    netloc = _END.split(rest, maxsplit=1)[0]
    try:  # a list of hosts is none of a URL's, and newer Pythons say so
        found = urlsplit(f"redis://{rest[len(netloc) :]}" if form else f"redis://{rest}")
        _ = found.port
    except ValueError:  # whose words show what they are about
        raise ValueError("is not a URL") from None
    if not form:
        if plain != "unix":
            _number(found.path.strip("/") or "0")
        return Address("", f"{plain}://{rest}")
    login, _, hosts = netloc.rpartition("@")
    options: dict[str, Any] = dict(parse_qsl(found.query))
    user, _, password = login.partition(":")
    if user:
        options["username"] = unquote(user)
    if password:
        options["password"] = unquote(password)
    if plain == "rediss":
        options["ssl"] = True
    service, _, db = found.path.strip("/").partition("/")
    if form == "sentinel" and not service:
        raise ValueError("needs the name of the primary after the sentinels: .../mymaster")
    if db:
        options["db"] = _number(db)
    return Address(form, "", tuple(_host(one, PORTS[form]) for one in hosts.split(",")), service,
                   options)  # fmt: skip


def connect(where: Address, timeout_s: float) -> Any:
    """A client of redis-py's asyncio side that tries once and answers with bytes. Raises nothing
    before its first command."""
    redis = import_module("redis.asyncio")
    retry = import_module("redis.asyncio.retry").Retry
    once = retry(import_module("redis.backoff").NoBackoff(), 0)
    limits = {"socket_timeout": timeout_s, "socket_connect_timeout": timeout_s, "retry": once}
    if where.form == "cluster":
        nodes = import_module("redis.asyncio.cluster")
        return nodes.RedisCluster(
            startup_nodes=[nodes.ClusterNode(host, port) for host, port in where.hosts],
            **limits, **where.options,
        )  # fmt: skip
    if where.form == "sentinel":
        sentinel = import_module("redis.asyncio.sentinel").Sentinel(
            where.hosts, sentinel_kwargs=limits, **limits, **where.options
        )
        return sentinel.master_for(where.service)
    return redis.from_url(where.url, **limits)


def prove(where: Address) -> None:
    """Make what a connection would be, and open none: the client looks at the options of a URL only
    then. Raises ValueError."""
    try:
        client = connect(where, 1.0)
        if where.form != "cluster":
            client.connection_pool.make_connection()
    except (TypeError, ValueError) as error:  # whose words show a value
        named = _OPTION.search(str(error))
        raise ValueError(
            f"has an option behind its ? that the client does not {'know' if named else 'take'}"
            + (f": {named[1]}" if named else "")
        ) from None


async def close(client: Any) -> None:
    """End its connections, also those to the sentinels; one that does not end in time is left."""
    pool = getattr(client, "connection_pool", None)
    manager = getattr(pool, "sentinel_manager", None)
    for one in (client, *(manager.sentinels if manager is not None else ())):
        with suppress(*failures()):
            await asyncio.wait_for(one.aclose(), CLOSE_SECONDS)


def failures() -> tuple[type[BaseException], ...]:
    """What a server that is gone, slow or wrong raises."""
    return (import_module("redis.exceptions").RedisError, OSError, TimeoutError, EOFError)


def _host(text: str, port: int) -> tuple[str, int]:
    host, colon, number = text.rpartition(":")
    if not colon or number.endswith("]"):  # no port, or the colons of an IPv6 address
        host, number = text, ""
    host = host.strip("[]")
    if not host:
        raise ValueError("has a host without a name")
    return host, _number(number) if number else port


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise ValueError("has a port or database that is no number")
    return int(text)
