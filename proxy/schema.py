"""The schema of the configuration file: every setting with its unit and its default.

Secrets are written as env:NAME or file:PATH (proxy.secret). Reading a file is proxy.config's part.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    PrivateAttr,
    model_validator,
)

from proxy.config_file import Places
from proxy.config_values import (
    Count,
    Digest,
    Millis,
    Name,
    Seconds,
    Share,
    TargetName,
    Usd,
)
from proxy.schema_table import Table
from proxy.schema_targets import Category, Model, Provider, Route
from proxy.secret import HeaderValue, SecretUrl, SecretValue

DEFAULTS = "defaults"  # the source of a configuration without a file
MIB = 1024 * 1024
DEVICE = r"^(auto|cpu|cuda(:\d{1,2})?)$"  # what the embedder runs on


class Server(Table):
    """Where it listens, and how long a client may take."""

    host: str = "127.0.0.1"
    port: int = Field(default=3456, ge=0, le=65_535)
    """0: any free one."""
    workers: int = Field(default=1, ge=1, le=256)
    """Processes on the same port."""
    fast_lane: bool = True
    """false: aiohttp serves every request, slower and alike."""
    anonymous: bool = False
    """true: strangers are served without a key, on any address."""
    max_body_bytes: int = Field(default=20 * MIB, ge=1024, le=1024 * MIB)
    """Of a request. Gemini and Bedrock take 20 MB, and no chat needs more."""
    max_open: int = Field(default=100_000, ge=8, le=10_000_000)
    """Requests being answered at a time; beyond it, and beyond what the process may have open, a
    client gets 503 with retry-after at once."""
    max_lag_ms: float = Field(default=100.0, ge=0, le=10_000)
    """When everything is this late for half a second, less is let in; 0: never."""
    head_seconds: Seconds = 10.0
    """For a request's head to arrive whole."""
    body_seconds: Seconds = 60.0
    """For a request's body to arrive whole."""
    idle_seconds: Seconds = 75.0
    """A client's connection may wait this long for its next request."""
    drain_seconds: Annotated[float, Field(ge=0, le=86_400)] = 30.0
    """After SIGTERM open answers may go on this long."""
    hang_seconds: Seconds = 10.0
    """A worker whose event loop has not turned for so long is killed and replaced."""
    keep_alive_seconds: Annotated[float, Field(ge=0, le=86_400)] = 15.0
    """Silence before a comment keeps load balancers from cutting a stream; 0: never."""
    log: Literal["lines", "json", "off"] = "lines"


class Key(Table):
    """A caller's key."""

    name: Name
    key: SecretValue | None = None
    key_sha256: Digest | None = None
    requests_per_minute: Count | None = None
    tokens_per_minute: Count | None = None
    budget_usd_per_month: Usd | None = None
    budget_usd_per_day: Usd | None = None
    routes: list[str] | None = None
    """The models it may ask for; absent: all."""
    cache_group: Name | None = None
    """Callers of one group share cached answers; absent: the key's own."""

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if (self.key is None) == (self.key_sha256 is None):
            raise ValueError('needs exactly one of key = "env:NAME" and key_sha256 = "..."')
        return self


class Auth(Table):
    """Who may call."""

    admin_key: SecretValue | None = None
    keys: list[Key] = Field(default_factory=list, alias="key")


class Cache(Table):
    """Answers kept."""

    enabled: bool = True
    exact: bool = True
    semantic: bool = True
    ttl_seconds: float = Field(default=86_400.0, gt=0, le=366 * 86_400)
    max_bytes: int = Field(default=256 * MIB, ge=0)
    """Of all answers, compressed."""
    max_entry_bytes: int = Field(default=1 * MIB, ge=0)
    similarity: float = Field(default=0.95, ge=0.5, le=1)
    """Cosine that a paraphrase needs besides passing every guard."""
    max_temperature: float = Field(default=1.0, ge=0, le=2)
    """Requests above it are not cached; 1.0 is what an unset temperature means."""
    max_error_rate: float | None = Field(default=None, gt=0, lt=0.5)
    """Turns on the verified mode: the share of wrong hits stays below."""
    tool_calls: bool = False
    """Keep answers that call tools."""
    replay: Literal["at_once", "paced"] = "at_once"
    """paced: a stored stream is told as if it were being written."""
    tokens_per_second: float | None = Field(default=None, gt=0, le=10_000)
    """The pace of such a replay; absent: that of the answer when it was made."""
    path: str | None = None
    """Where answers survive a restart; absent: in memory only."""


class Embeddings(Table):
    """What reads the prompts."""

    enabled: bool = True
    model: str | None = None
    """A word table's path, or for the embedder process a sentence-transformers model."""
    device: str = Field(default="auto", pattern=DEVICE)
    socket: str | None = None
    """The embedder process's Unix socket; absent: everything in process."""
    budget_ms: float = Field(default=2.0, gt=0, le=1000)
    """An embedding that takes longer is not waited for."""


class Local(Table):
    """The embedded model. eager: started with the proxy, not by its first request."""

    enabled: bool = True
    eager: bool = False
    model_path: str | None = None
    context_tokens: int = Field(default=4096, ge=256, le=1 << 20)
    parallel: int = Field(default=2, ge=1, le=16)


class Routing(Table):
    """How targets are chosen and given up."""

    mode: Literal["embedding", "keywords", "llm", "hybrid"] = "embedding"
    router_model: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """The small model that decides in the modes llm and hybrid: provider/model, or a known id."""
    router_ms: Millis = 300.0
    """It is waited for so long; then the embedding decides."""
    router_below: Share = 0.5
    """In the mode hybrid it is asked where the embedding is less sure than this."""
    hedge_budget: Share = 0.05
    """Extra requests by hedging, as a share of all."""
    strong_share: Share | None = None
    """At most this share of `auto` goes to a category's first target; absent: all."""
    breaker_failures: int = Field(default=3, ge=1, le=1000)
    """In a row, before a target is left alone."""
    breaker_seconds: Seconds = 300.0
    """How long it is left alone, but for single probes every few seconds."""
    from_environment: bool = True
    """Known providers whose key is in the environment are there without a [[provider]]."""


class Ledger(Table):
    """Where spend is kept."""

    enabled: bool = True
    path: str | None = None
    """SQLite file; absent: in memory only."""
    url: SecretUrl | None = None
    """Postgres, for several nodes; instead of path."""
    retention_days: int = Field(default=400, ge=1, le=36_500)
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$")
    usd_rate: float = Field(default=1.0, gt=0, le=1e6)
    """Units of the currency for one USD."""
    reference_model: TargetName | None = None
    """What savings are measured against."""
    budget_usd_per_day: Usd | None = None
    budget_usd_per_month: Usd | None = None
    alert_share: Share = 0.8
    """Of a budget, at which an alert warns."""
    webhook: SecretUrl | None = None
    webhook_key: SecretValue | None = None
    """Signs the alerts."""


class Traces(Table):
    """OpenTelemetry traces, sent by OTLP over HTTP."""

    endpoint: SecretUrl | None = None
    """Of the collector, such as http://127.0.0.1:4318; absent: no traces."""
    headers: dict[str, HeaderValue] = Field(default_factory=dict)
    sample: Share = 1.0
    """Of requests without a traceparent of their own; those with one say themselves."""
    service_name: Name = "firsttoken"


class Shared(Table):
    """Several proxies that act as one."""

    url: SecretUrl | None = None
    """redis://, rediss:// or unix://, of a Valkey or Redis."""
    prefix: Name = "firsttoken"
    deadline_ms: float = Field(default=20.0, gt=0, le=1000)
    """After which a node goes on alone."""


class Config(Table):
    """The whole file."""

    server: Server = Server()
    auth: Auth = Auth()
    providers: list[Provider] = Field(default_factory=list, alias="provider")
    routes: list[Route] = Field(default_factory=list, alias="route")
    categories: list[Category] = Field(default_factory=list, alias="category")
    models: list[Model] = Field(default_factory=list, alias="model")
    cache: Cache = Cache()
    embeddings: Embeddings = Embeddings()
    local: Local = Local()
    routing: Routing = Routing()
    ledger: Ledger = Ledger()
    traces: Traces = Traces()
    shared: Shared = Shared()
    _places: Places = PrivateAttr(Places(DEFAULTS))

    @property
    def source(self) -> str:
        """The file it was read from, or "defaults"."""
        return self._places.source

    @property
    def hedge_budget(self) -> float:
        return self.routing.hedge_budget

    def at(self, *path: str | int) -> str:
        """The place of a setting, to begin an error with: file:line: [[route]] 2 "chat": name."""
        return self._places.at(*path)

    def redacted(self) -> dict[str, Any]:
        """The configuration without its secrets, for the admin API."""
        return {"source": self.source, **self.model_dump(mode="json", by_alias=True)}
