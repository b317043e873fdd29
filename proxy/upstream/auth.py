"""How we authenticate at a provider: header lines, built once, or a signature of each request."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from proxy.headers import lines as header_lines
from proxy.headers import safe
from proxy.upstream.sigv4 import Signer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.catalog import Provider

# (method, host, target, body) -> header lines, each ending in CRLF.
Sign = Callable[[str, str, str, bytes], bytes]

_HEADER = {
    "bearer": "Authorization: Bearer ",
    "api-key": "api-key: ",
    "x-api-key": "x-api-key: ",
    "x-goog-api-key": "x-goog-api-key: ",
}
# What a dialect wants said with every request, unless the provider's own headers say it.
_EVERY: Mapping[str, tuple[str, str]] = {"anthropic": ("anthropic-version", "2023-06-01")}


def lines(provider: Provider) -> bytes:
    """The provider's own header lines, each ending in CRLF."""
    given = dict(provider.headers)
    every = _EVERY.get(provider.dialect)
    if every is not None and every[0] not in {name.lower() for name in given}:
        given[every[0]] = every[1]
    text = "".join(f"{safe(name)}: {safe(value)}\r\n" for name, value in given.items())
    if provider.key is not None and provider.auth in _HEADER:
        text += f"{_HEADER[provider.auth]}{safe(provider.key.reveal())}\r\n"
    return text.encode()


def signature(provider: Provider, wall: Callable[[], float]) -> Sign | None:
    """What signs each request, for a provider that wants it. wall: unix seconds."""
    if provider.auth != "sigv4" or provider.key is None:
        return None
    signer = Signer(
        provider.access_key,
        provider.key.reveal(),
        region=provider.region,
        service="bedrock",
        session=provider.session.reveal() if provider.session is not None else "",
    )

    def sign(method: str, host: str, target: str, body: bytes) -> bytes:
        return header_lines(signer.lines(method, host, target, body, wall()))

    return sign
