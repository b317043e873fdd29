"""Everything about one provider that a request needs: its pool, its dialect, its head bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from proxy.dialects.registry import dialect, spoken
from proxy.headers import safe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.dialects.dialect import Dialect
    from proxy.upstream.pool import Pool


@dataclass(slots=True)
class Endpoint:
    """auth: the provider's header lines that authenticate us, each ending in CRLF."""

    name: str
    pool: Pool
    family: str  # the dialect the provider is configured with
    prefix: str  # the base URL's path, without a trailing slash
    auth: bytes
    quirks: frozenset[str] = frozenset()
    secret: str = ""  # to be scrubbed from the provider's words
    _heads: dict[tuple[str, bool], bytes] = field(default_factory=dict)

    def dialect_for(self, client: Dialect) -> Dialect:
        """What to speak with this provider for a client: its own dialect where both know it."""
        name = spoken(self.family, client.name)
        return client if name == client.name else dialect(name)

    def request(
        self, path: str, body: bytes, *, stream: bool, headers: Mapping[str, str] | None = None
    ) -> bytes:
        """A whole POST request. Header bytes of the client are never forwarded."""
        head = self._heads.get((path, stream))
        if head is None:
            head = self._heads[(path, stream)] = self._head(path, stream)
            if len(self._heads) > 512:  # paths that hold a client-chosen model
                self._heads.clear()
        if headers:
            head = head.replace(
                b"Content-Length: ",
                "".join(f"{safe(k)}: {safe(v)}\r\n" for k, v in headers.items()).encode()
                + b"Content-Length: ",
            )
        return b"%b%d\r\n\r\n%b" % (head, len(body), body)

    def _head(self, path: str, stream: bool) -> bytes:
        origin = self.pool.origin
        host = f"[{origin.host}]" if ":" in origin.host else origin.host
        if origin.port != (443 if origin.tls else 80):
            host = f"{host}:{origin.port}"
        accept = "text/event-stream" if stream else "application/json"
        return (
            (
                f"POST {safe(self.prefix + path).replace(' ', '%20')} HTTP/1.1\r\nHost: {host}\r\n"
                f"Content-Type: application/json\r\nAccept: {accept}\r\n"
                f"Accept-Encoding: identity\r\nUser-Agent: firsttoken\r\n"
            ).encode()
            + self.auth
            + b"Content-Length: "
        )
