"""Everything about one provider that a request needs: its pool, its dialect, its head bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

from proxy.dialects.openai_models import SAMPLING, habit, reasons, refuses_sampling
from proxy.dialects.registry import CALLS_BY_SCHEMA, dialect, spoken

if TYPE_CHECKING:
    from proxy.chat import Json
    from proxy.dialects.dialect import Dialect
    from proxy.upstream.auth import Sign
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

# Quirk -> the name that a parameter has here.
RENAMED_PARAMETERS: Mapping[str, tuple[str, str]] = {
    "max_completion_tokens": ("max_tokens", "max_completion_tokens"),
    "max_tokens": ("max_completion_tokens", "max_tokens"),
    "random_seed": ("seed", "random_seed"),
}

SAMPLED = frozenset(SAMPLING)

_RELOCATED = frozenset(("deployment_path", "raw_predict"))
_VERTEX = "vertex-2023-10-16"  # Claude's interface there, in the body

_EVENTS = b"text/event-stream"
_JSON = b"application/json"

# Quirks that strict OpenAI clients stumble over: such streams are read and written again
# (PROVIDERS 5.2). Every other provider's events pass byte for byte.
_REPAIRED = frozenset(
    (
        "azure_first_chunk",
        "content_parts",
        "object_name",
        "service_tier",
        "tool_index",
        "usage_in_every_chunk",
    )
)
_HEADS_KEPT = 512  # paths may hold a model that a client chose


@dataclass(frozen=True, slots=True)
class Wants:
    """What differs for one model: fields to look at at all, those that are refused, those that
    have another name, whether developers are told as system, whether ids have nine characters, and
    the model of OpenAI's whose effort decides whether it can be told how to sample."""

    watched: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    renames: tuple[tuple[str, str], ...] = ()
    as_system: bool = False
    nine_ids: bool = False
    reasoner: str = ""

    def refuses(self, body: Json) -> frozenset[str]:
        """Parameters that are left out of this body."""
        if not self.reasoner:
            return self.refused
        inner = body.get("reasoning")
        effort = inner.get("effort") if isinstance(inner, dict) else body.get("reasoning_effort")
        effort = effort if isinstance(effort, str) else None
        return self.refused | SAMPLED if refuses_sampling(self.reasoner, effort) else self.refused


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
    api_version: str = ""  # Azure's, in the query
    sign: Sign | None = None
    complete: Callable[[bytes], bytes] | None = None  # see token.py
    relocates: bool = field(init=False)  # whether located() has anything to do
    repairs: bool = field(init=False)  # whether its streams are told anew even to its own kin
    _host: str = field(init=False)
    wants: dict[str, Wants] = field(default_factory=dict)  # of OpenAI-shaped bodies, by model
    _heads: tuple[dict[str, bytes], dict[str, bytes]] = field(default_factory=lambda: ({}, {}))
    spoken: dict[str, Dialect] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.relocates = bool(self.api_version) or not self.quirks.isdisjoint(_RELOCATED)
        self.repairs = not self.quirks.isdisjoint(_REPAIRED)
        origin = self.pool.origin
        host = f"[{origin.host}]" if ":" in origin.host else origin.host
        plain = origin.port == (443 if origin.tls else 80)
        self._host = host if plain else f"{host}:{origin.port}"

    def dialect_for(self, client: Dialect, body: Json | None = None) -> Dialect:
        """What to speak with this provider for a client: its own dialect where both know it.

        Kept in spoken, except where it hangs on the request.
        """
        if "calls_by_schema" in self.quirks:
            if body is not None and body.get("tools"):
                return CALLS_BY_SCHEMA
            return dialect(spoken(self.family, client.name))
        found = self.spoken.get(client.name)
        if found is None:
            found = self.spoken[client.name] = dialect(
                spoken(self.family, client.name, responses="speaks_responses" in self.quirks)
            )
        return found

    def learn(self, model: str) -> Wants:
        """Fills wants for a model."""
        if len(self.wants) > _HEADS_KEPT:
            self.wants.clear()
        found = self.wants[model] = self._wanted(model)
        return found

    def _wanted(self, model: str) -> Wants:
        if self.family != "openai":
            return Wants()
        refused = {n for quirk in self.quirks for n in REFUSED_PARAMETERS.get(quirk, ())}
        reasoner = model if "reasoning_limits" in self.quirks and reasons(model) else ""
        if habit(reasoner) == "always":
            refused.add("stop")
        renames = tuple(pair for quirk, pair in RENAMED_PARAMETERS.items() if quirk in self.quirks)
        as_system = "no_developer" in self.quirks
        nine_ids = "nine_ids" in self.quirks
        turns = {"messages"} if as_system or nine_ids else set()
        watched = refused | {old for old, _ in renames} | turns
        if reasoner:
            watched |= SAMPLED
        return Wants(frozenset(watched), frozenset(refused), renames, as_system, nine_ids, reasoner)

    def located(self, path: str, body: Json, *, stream: bool) -> str:
        """The path with what this provider wants in it: the model, its interface's version."""
        if "raw_predict" in self.quirks:  # Claude at Vertex: the model is in the path only
            model = quote(body.pop("model"), safe="@")
            body.setdefault("anthropic_version", _VERTEX)
            path = f"/models/{model}:{'streamRawPredict' if stream else 'rawPredict'}"
        elif "deployment_path" in self.quirks:
            path = f"/deployments/{quote(body['model'], safe='')}{path}"
        if self.api_version:
            path += f"{'&' if '?' in path else '?'}api-version={quote(self.api_version)}"
        return path

    def request(
        self, path: str, body: bytes, *, stream: bool, accepts: bytes = _EVENTS, more: bytes = b""
    ) -> bytes:
        """A whole POST request. Header bytes of the client are never forwarded, but for more:
        lines that were checked.

        path: below the base URL, encoded, query included. accepts: a stream's content type,
        always the same for a path.
        """
        heads = self._heads[stream]
        head = heads.get(path)
        if head is None:
            head = self._head(path, accepts if stream else _JSON)
            if len(heads) > _HEADS_KEPT:
                heads.clear()
            heads[path] = head
        if more:
            head += more
        if self.sign is not None:
            head += self.sign("POST", self._host, self._target(path), body)
        return b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)

    def _target(self, path: str) -> str:
        """What stands in the request line: nothing in it can end the line."""
        return quote(self.prefix + path, safe="%/?&=:@!$'()*+,;~[]")

    def _head(self, path: str, accepts: bytes) -> bytes:
        return (
            f"POST {self._target(path)} HTTP/1.1\r\nHost: {self._host}\r\n"
            f"Content-Type: application/json\r\nAccept: {accepts.decode()}\r\n"
            f"Accept-Encoding: identity\r\nUser-Agent: firsttoken\r\n"
        ).encode() + self.auth
