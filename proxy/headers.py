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


class _Milliseconds(dict[int, bytes]):
    """Microseconds, as milliseconds are written. Those of a quick stage are there already: writing
    a float takes twice as long as reading this."""

    def __missing__(self, us: int) -> bytes:
        return b"%d.%03d" % divmod(us, 1000)


_MS = _Milliseconds((us, b"0.%03d" % us) for us in range(1000))
_NONE = _MS[0]


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
    """The x-firsttoken lines of an answer, with its stages' milliseconds."""
    classify_s, cache_s = exchange.classify_s, exchange.cache_s
    return (
        b"x-request-id: %b\r\n%bserver-timing: auth;dur=%b, classify;dur=%b, cache;dur=%b, "
        b"upstream;dur=%.3f\r\n"
    ) % (
        exchange.id.encode(),
        _choices(
            exchange.provider,
            exchange.provider_model,
            exchange.route,
            exchange.category,
            exchange.cache,
            exchange.attempts,
            exchange.why,
            exchange.dropped,
        ),
        _MS[int(exchange.auth_s * 1e6)],
        _MS[int(classify_s * 1e6)] if classify_s else _NONE,
        _MS[int(cache_s * 1e6)] if cache_s else _NONE,
        exchange.upstream_s * 1e3,
    )


@lru_cache(4096)
def _choices(  # noqa: PLR0913, PLR0917 - one line each
    provider: str,
    model: str,
    route: str,
    category: str,
    cache: str,
    attempts: int,
    why: str,
    dropped: tuple[str, ...],
) -> bytes:
    """What was chosen for a request; the same words serve thousands."""
    text = (
        f"x-firsttoken-provider: {safe(provider)}\r\n"
        f"x-firsttoken-model: {safe(model)}\r\n"
        f"x-firsttoken-route: {safe(route)}\r\n"
        f"x-firsttoken-category: {safe(category)}\r\n"
        f"x-firsttoken-cache: {cache}\r\n"
        f"x-firsttoken-attempts: {attempts}\r\n"
    )
    if why:
        text += f"x-firsttoken-why: {safe(why)}\r\n"
    if dropped:
        text += f"x-firsttoken-dropped: {safe(', '.join(dropped))}\r\n"
    return text.encode()
