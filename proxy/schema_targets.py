"""The part of the schema that says who is asked: providers, routes, categories, models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)

from proxy.config_values import (
    CREDENTIAL,
    HEADER,
    AuthStyle,
    AutoMillis,
    BaseUrl,
    Capability,
    Count,
    DialectName,
    Millis,
    Name,
    Seconds,
    Share,
    Strategy,
    TargetName,
    Usd,
    check_pattern,
)
from proxy.schema_table import Table
from proxy.secret import HeaderValue, SecretUrl, SecretValue


class Provider(Table):
    """A provider: known names need only the key, any other is declared."""

    ADVICE: ClassVar[Mapping[str, str]] = {
        "tls_verify": "certificates are always checked; a private one is trusted by ca_file",
        "api_key": 'write key = "env:NAME"',
        "url": "write base_url",
        "timeout": "write connect_seconds here, first_token_ms and answer_ms in [[route]]",
    }

    name: Name
    dialect: DialectName | None = None
    """The wire format; absent: the known name's, else openai."""
    base_url: BaseUrl | None = None
    key: SecretValue | None = None
    keys: list[SecretValue] = Field(default_factory=list)
    """Several keys share the load; instead of key."""
    pool: Name | None = None
    """Another provider, whose targets go here as well: regions or accounts of the same."""
    auth: AuthStyle | None = None
    headers: dict[str, HeaderValue] = Field(default_factory=dict)
    quirks: list[str] = Field(default_factory=list)
    """What differs from the dialect, from proxy.catalog.QUIRKS, beside the known name's own."""
    api_version: str | None = Field(default=None, pattern=r"^[A-Za-z0-9.-]{1,40}$")
    """Azure's api-version."""
    region: str | None = Field(default=None, pattern=r"^[a-z0-9-]{1,40}$")
    """Bedrock's and Vertex's."""
    models: list[str] = Field(default_factory=list)
    """Bare model ids that it serves; one * each."""
    ca_file: str | None = None
    """Trusted besides nothing else, for a private certificate; checks are never off."""
    proxy: SecretUrl | None = None
    """http:// URL of a forward proxy; absent: HTTPS_PROXY, HTTP_PROXY and NO_PROXY."""
    connect_seconds: Seconds = 5.0
    prewarm: int = Field(default=0, ge=0, le=64)
    """Connections opened before the first request."""
    max_idle_connections: int = Field(default=256, ge=0, le=10_000)
    max_concurrent: Count | None = None
    requests_per_minute: Count | None = None
    tokens_per_minute: Count | None = None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.key is not None and self.keys:
            raise ValueError("has both key and keys: write one of them")
        return self

    @field_validator("headers")
    @classmethod
    def _sendable(cls, headers: dict[str, Any]) -> dict[str, Any]:
        for name, value in headers.items():
            if not HEADER.fullmatch(name):
                raise ValueError("a header's name has a character that HTTP forbids")
            if isinstance(value, str) and CREDENTIAL.search(name):
                raise ValueError(f'{name} is a secret: write "env:NAME" or "file:PATH"')
        return headers

    @field_validator("proxy")
    @classmethod
    def _plain_http(cls, proxy: SecretUrl | None) -> SecretUrl | None:
        if proxy is not None and not proxy.reveal().startswith("http://"):
            raise ValueError("must be an http:// URL; TLS to the provider goes through it")
        return proxy


class WeightedTarget(Table):
    """A target with its share."""

    target: TargetName
    weight: float = Field(default=1.0, gt=0, le=1e6)


def _form(value: object) -> str:
    return "a table" if isinstance(value, dict | WeightedTarget) else "a text"


RouteTarget = Annotated[
    Annotated[TargetName, Tag("a text")] | Annotated[WeightedTarget, Tag("a table")],
    Discriminator(_form),
]


class Route(Table):
    """A virtual model."""

    name: Annotated[str, AfterValidator(check_pattern)]
    targets: list[RouteTarget] = Field(min_length=1)
    strategy: Strategy = "ordered"
    first_token_ms: AutoMillis = "auto"
    """The deadline for the first token of each attempt."""
    between_tokens_ms: AutoMillis = 10_000.0
    """The longest silence inside an answer; absent: learned, at least 20 s, for answers that think
    or call tools in between."""
    answer_ms: Millis = 120_000.0
    """The deadline of a whole answer that is not streamed."""
    on_stall: Literal["hedge", "switch"] = "hedge"
    on_break: Literal["continue", "error"] = "continue"
    hedge_budget: Share | None = None
    """Extra requests as a share; absent: [routing] hedge_budget."""
    cache: bool = True
    stream_upstream: bool = False
    """Streams from the provider even where the client does not, so that a stall is seen."""
    sticky: Literal["none", "key", "user"] = "none"
    """With strategy weighted: the same caller, or the same `user`, keeps its target."""
    strict_params: bool = False
    """A parameter that the target cannot honour is an error, not dropped."""
    min_tokens_per_second: float | None = Field(default=None, gt=0, le=10_000)
    """A slower answer counts as stalled; absent: never."""
    budget_usd_per_day: Usd | None = None
    """Of all callers together, UTC; what is beyond is refused with 429."""
    budget_usd_per_month: Usd | None = None

    @model_validator(mode="after")
    def _stars(self) -> Self:
        for one in self.targets:
            name = one if isinstance(one, str) else one.target
            if name.count("*") > 1:
                raise ValueError(f'targets: "{name}" may hold one * only')
            if "*" in name and "*" not in self.name:
                raise ValueError(f'targets: "{name}" repeats a *, but the route\'s name has none')
        return self


class Category(Table):
    """A kind of request, decided by the classifier."""

    name: Name
    description: str = ""
    examples: list[str] = Field(default_factory=list)
    keywords: list[str] = Field(default_factory=list)
    targets: list[TargetName] = Field(default_factory=list)


class Model(Table):
    """A model of the catalogue, added or corrected."""

    name: TargetName
    aliases: list[Name] = Field(default_factory=list)
    context_tokens: Count | None = None
    max_output_tokens: Count | None = None
    capabilities: list[Capability] | None = None
    input_usd_per_mtok: Usd | None = None
    """USD per million tokens, as all prices here."""
    output_usd_per_mtok: Usd | None = None
    cached_usd_per_mtok: Usd | None = None
