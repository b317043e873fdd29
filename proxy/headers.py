"""Header lines of our answers: what every exchange tells about itself, safe by construction."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.exchange import Exchange

STREAM = b"Content-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n"
JSON = b"Content-Type: application/json\r\n"

# What a provider's answer may tell our client under its own name (never cookies, never hops).
KEPT = ("retry-after", "retry-after-ms", "x-should-retry")
KEPT_PREFIXES = ("x-ratelimit-", "anthropic-ratelimit-")


@lru_cache(4096)
def safe(value: str) -> str:
    """A value that cannot end a header line: visible ASCII as it is, the rest quoted."""
    return quote(value, safe="!#$&'()*+,-./:;<=>?@[]^_`{|}~ ")


def kept(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    """The provider's headers that a client may see, with values that are safe to repeat."""
    found: dict[str, str] = {}
    for raw_name, raw_value in headers.items():
        name = raw_name.decode("latin-1")
        if name in KEPT or name.startswith(KEPT_PREFIXES):
            value = raw_value.decode("latin-1").strip()
            if value.isprintable() and len(value) <= 256 and value.isascii():
                found[name] = value
    return found


def lines(headers: Mapping[str, str]) -> bytes:
    """Header lines for a mapping."""
    return "".join(f"{safe(name)}: {safe(value)}\r\n" for name, value in headers.items()).encode()


def about(exchange: Exchange) -> bytes:
    """The x-firsttoken lines of an answer (PRODUCT section 3), with its stages' milliseconds."""
    text = (
        f"x-request-id: {exchange.id}\r\n"
        f"x-firsttoken-provider: {safe(exchange.provider)}\r\n"
        f"x-firsttoken-model: {safe(exchange.provider_model)}\r\n"
        f"x-firsttoken-route: {safe(exchange.route)}\r\n"
        f"x-firsttoken-category: {safe(exchange.category)}\r\n"
        f"x-firsttoken-cache: {exchange.cache}\r\n"
        f"x-firsttoken-attempts: {exchange.attempts}\r\n"
        f"server-timing: auth;dur={exchange.auth_s * 1e3:.3f}, "
        f"classify;dur={exchange.classify_s * 1e3:.3f}, "
        f"cache;dur={exchange.cache_s * 1e3:.3f}, "
        f"upstream;dur={exchange.upstream_s * 1e3:.3f}\r\n"
    )
    if exchange.why:
        text += f"x-firsttoken-why: {safe(exchange.why)}\r\n"
    if exchange.dropped:
        text += f"x-firsttoken-dropped: {safe(', '.join(exchange.dropped))}\r\n"
    return text.encode()
