"""Everything about one provider that a request needs: its pool, its dialect, its head bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from proxy.dialects.registry import dialect, spoken
from proxy.headers import safe

if TYPE_CHECKING:
    from proxy.dialects.dialect import Dialect
    from proxy.upstream.pool import Pool

# Quirk -> parameters that are left out of requests, with a note to the client (PROVIDERS 5.3).
REFUSED_PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "no_stream_options": ("stream_options",),
    "no_user": ("user",),
    "no_penalties": ("presence_penalty", "frequency_penalty"),
    "no_logit_bias": ("logit_bias",),
    "no_logprobs": ("logprobs", "top_logprobs"),
    "no_n": ("n",),
    "no_seed": ("seed",),
    "no_stop": ("stop",),
    "no_tools": ("tools", "tool_choice"),
    "no_parallel_tools": ("parallel_tool_calls",),
    "no_response_format": ("response_format",),
}


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
    drops: frozenset[str] = field(init=False)  # parameters that this provider refuses
    _heads: dict[tuple[str, bool], bytes] = field(default_factory=dict)
    _spoken: dict[str, Dialect] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.drops = frozenset(
            name for quirk in self.quirks for name in REFUSED_PARAMETERS.get(quirk, ())
        )

    def dialect_for(self, client: Dialect) -> Dialect:
        """What to speak with this provider for a client: its own dialect where both know it."""
        found = self._spoken.get(client.name)
        if found is None:
            found = self._spoken[client.name] = dialect(spoken(self.family, client.name))
        return found

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
