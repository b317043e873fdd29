"""How we authenticate at a provider: header lines, built once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.headers import safe

if TYPE_CHECKING:
    from proxy.catalog import Provider

_HEADER = {
    "bearer": "Authorization: Bearer ",
    "api-key": "api-key: ",
    "x-api-key": "x-api-key: ",
    "x-goog-api-key": "x-goog-api-key: ",
}


def lines(provider: Provider) -> bytes:
    """The provider's own header lines, each ending in CRLF."""
    text = "".join(f"{safe(name)}: {safe(value)}\r\n" for name, value in provider.headers.items())
    if provider.key is not None and provider.auth in _HEADER:
        text += f"{_HEADER[provider.auth]}{safe(provider.key.reveal())}\r\n"
    return text.encode()
