"""The configuration: one strict schema, read once, frozen. Only this module reads the environment.

Every error names its place. Secrets are written as env:NAME or file:PATH and are held in a type
that never shows them.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

DEFAULT_PATH = "firsttoken.toml"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@-]{0,99}")
_PATTERN = re.compile(r"[A-Za-z0-9_.:@/*-]{1,200}")


class ConfigError(Exception):
    """The configuration cannot be used. errors: one line each, with its place."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("\n".join(errors))
        self.errors = errors


class Secret:
    """A value that never shows itself."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value, for the one place that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(...)"

    __str__ = __repr__

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a secret cannot be pickled")


def _secret(value: object, info: Any) -> Secret:
    environ = (info.context or {}).get("environ", {})
    if isinstance(value, Secret):
        return value
    if isinstance(value, str) and value.startswith("env:"):
        name = value[4:]
        found = environ.get(name, "")
        if not found:
            raise ValueError(f"the environment variable {name} is not set")
        return Secret(found)
    if isinstance(value, str) and value.startswith("file:"):
        try:
            found = Path(value[5:]).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"cannot read the file {value[5:]}") from error
        if not found:
            raise ValueError(f"the file {value[5:]} is empty")
        return Secret(found)
    raise ValueError('a secret is written as "env:NAME" or "file:PATH", never in plain text')


def _check_name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("a name has letters, digits and . _ - : @ only")
    return value


def _check_pattern(value: str) -> str:
    if not _PATTERN.fullmatch(value) or value.count("*") > 1:
        raise ValueError("a route name has letters, digits, . _ - : @ / and at most one *")
    return value


SecretValue = Annotated[Secret, BeforeValidator(_secret)]
Name = Annotated[str, AfterValidator(_check_name)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Millis = Annotated[float, Field(ge=1, le=3_600_000)]


class Table(BaseModel):
    """A table of the file: unknown keys are errors, types are not guessed."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        arbitrary_types_allowed=True,
        populate_by_name=True,
    )


class Server(Table):
    """Where it listens, and how long a client may take."""

    host: str = "127.0.0.1"
    port: int = Field(3456, ge=0, le=65535)
    fast_lane: bool = True
    anonymous: bool = False  # serve strangers without a key, on any address
    max_body_bytes: int = Field(20 * 1024 * 1024, ge=1024, le=1 << 30)
    head_seconds: Seconds = 10.0
    body_seconds: Seconds = 60.0
    idle_seconds: Seconds = 75.0
    drain_seconds: Seconds = 30.0
    log: Literal["lines", "json", "off"] = "lines"


class Key(Table):
    """A caller's key."""

    name: Name
    key: SecretValue | None = None
    key_sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")
    cache_group: Name | None = None  # callers of one group share cached answers
    routes: list[str] | None = None

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if (self.key is None) == (self.key_sha256 is None):
            raise ValueError("give exactly one of key and key_sha256")
        return self


class Auth(Table):
    """Who may call."""

    admin_key: SecretValue | None = None
    keys: list[Key] = Field(default_factory=list, alias="key")


class Provider(Table):
    """A provider: known names need only the key, any other is declared."""

    name: Name
    dialect: str | None = None
    base_url: str | None = Field(None, pattern=r"^https?://[^\s/]+")
    key: SecretValue | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    quirks: list[str] = Field(default_factory=list)
    ca_file: str | None = None
    proxy: str | None = Field(None, pattern=r"^http://")
    connect_seconds: Seconds = 5.0
    prewarm: int = Field(0, ge=0, le=64)


class WeightedTarget(Table):
    """A target with its share."""

    target: str
    weight: float = Field(1.0, gt=0)


class Route(Table):
    """A virtual model."""

    name: Annotated[str, AfterValidator(_check_pattern)]
    targets: list[str | WeightedTarget] = Field(min_length=1)
    strategy: Literal["ordered", "weighted", "fastest", "cheapest"] = "ordered"
    first_token_ms: Literal["auto"] | Millis = "auto"
    between_tokens_ms: Millis = 10_000.0
    answer_ms: Millis = 120_000.0
    on_stall: Literal["hedge", "switch"] = "hedge"
    on_break: Literal["continue", "error"] = "continue"
    stream_upstream: bool = False
    cache: bool = True


class Category(Table):
    """A kind of request, decided by the classifier."""

    name: Name
    description: str = ""
    examples: list[str] = Field(default_factory=list)
    keywords: list[str] = Field(default_factory=list)
    targets: list[str] = Field(default_factory=list)


class Cache(Table):
    """Answers kept."""

    enabled: bool = True
    semantic: bool = True
    ttl_seconds: float = Field(86_400.0, gt=0)
    max_bytes: int = Field(256 * 1024 * 1024, ge=0)
    similarity: float = Field(0.92, ge=0.5, le=1)
    max_temperature: float = Field(1.0, ge=0, le=2)


class Embeddings(Table):
    """The classifier: its model file, else the one that is shipped."""

    enabled: bool = True
    model: str | None = None


class Local(Table):
    """The embedded model. eager: started with the proxy, not by its first request."""

    enabled: bool = True
    eager: bool = False
    model_path: str | None = None
    context_tokens: int = Field(4096, ge=256)
    parallel: int = Field(2, ge=1, le=16)


class Config(Table):
    """The whole file."""

    server: Server = Server()
    auth: Auth = Auth()
    providers: list[Provider] = Field(default_factory=list, alias="provider")
    routes: list[Route] = Field(default_factory=list, alias="route")
    categories: list[Category] = Field(default_factory=list, alias="category")
    cache: Cache = Cache()
    embeddings: Embeddings = Embeddings()
    local: Local = Local()
    hedge_budget: float = Field(0.05, ge=0, le=1)
    source: str = Field("defaults", exclude=True)

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        for what, names in (
            ("provider", [one.name for one in self.providers]),
            ("route", [one.name for one in self.routes]),
            ("category", [one.name for one in self.categories]),
            ("auth.key", [one.name for one in self.auth.keys]),
        ):
            twice = {name for name in names if names.count(name) > 1}
            if twice:
                raise ValueError(f"[[{what}]] {min(twice)!r} is declared twice")
        if not (self.auth.keys or self.server.anonymous or is_loopback(self.server.host)):
            raise ValueError(
                f"[server] host {self.server.host!r} is reachable from outside and no [[auth.key]]"
                " is set: add one, or allow strangers with anonymous = true"
            )
        return self

    def redacted(self) -> dict[str, Any]:
        """The configuration without its secrets, for the admin API."""
        shown: dict[str, Any] = self.model_dump(
            exclude={
                "auth": {"admin_key": True, "keys": {"__all__": {"key", "key_sha256"}}},
                "providers": {"__all__": {"key", "headers"}},
            },
        )
        return {"source": self.source, **shown}


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a listener on this host."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def load(path: str | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """The configuration in force: the named file, $FIRSTTOKEN_CONFIG, ./firsttoken.toml, or none.

    environ: the process environment by default, with .env of the working directory beneath it.
    Raises ConfigError.
    """
    seen = environment() if environ is None else environ
    chosen = path or seen.get("FIRSTTOKEN_CONFIG")
    if chosen is None:
        if not Path(DEFAULT_PATH).exists():
            return parse("", "defaults", seen)
        chosen = DEFAULT_PATH
    try:
        text = Path(chosen).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError([f"{chosen}: cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([f"{chosen}: is not UTF-8 text"]) from error
    return parse(text, chosen, seen)


def parse(text: str, source: str, environ: Mapping[str, str]) -> Config:
    """A configuration from the text of a file. Raises ConfigError."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{source}: is not valid TOML: {error}"]) from error
    if "source" in raw:
        raise ConfigError([f"{source}: source: unknown key"])
    try:
        config = Config.model_validate(raw, context={"environ": environ})
    except ValidationError as error:
        raise ConfigError([_told(source, one, raw) for one in error.errors()]) from None
    return config.model_copy(update={"source": source})


def with_server(config: Config, overrides: Mapping[str, Any]) -> Config:
    """The configuration with some of [server] from the command line. Raises ConfigError."""
    raw = config.model_dump(by_alias=True)
    raw["server"].update(overrides)
    try:
        checked = Config.model_validate(raw)
    except ValidationError as error:
        raise ConfigError([_told("command line", one, raw) for one in error.errors()]) from None
    return checked.model_copy(update={"source": config.source})


def environment() -> dict[str, str]:
    """The process environment, over what .env in the working directory says."""
    found: dict[str, str] = {}
    try:
        lines = Path(".env").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        lines = []
    for line in lines:
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and name and not name.startswith("#"):
            value = value.strip()
            if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
                value = value[1:-1]
            found[name.strip()] = value
    found.update(os.environ)  # noqa: TID251 - the one reader of the environment
    return found


def forward_proxy(environ: Mapping[str, str], host: str, *, tls: bool) -> str | None:
    """The forward proxy that the environment names for this host, or None.

    HTTPS_PROXY, HTTP_PROXY and NO_PROXY in either case, as curl reads them.
    """
    if host == "localhost" or is_loopback(host):
        return None
    for entry in (environ.get("NO_PROXY") or environ.get("no_proxy") or "").split(","):
        entry = entry.strip().lstrip(".")
        if entry == "*" or (entry and (host == entry or host.endswith("." + entry))):
            return None
    name = "HTTPS_PROXY" if tls else "HTTP_PROXY"
    found = environ.get(name) or environ.get(name.lower())
    return found if found and found.startswith("http://") else None


_SINGULAR = {"provider", "route", "category"}


def _told(source: str, error: Any, raw: Mapping[str, Any]) -> str:
    """One line: file, place, what is wrong, and what was perhaps meant."""
    place = _place(error["loc"], raw)
    kind = error["type"]
    message = str(error["msg"]).removeprefix("Value error, ")
    if kind == "extra_forbidden":
        message = "unknown key"
        close = difflib.get_close_matches(str(error["loc"][-1]), _known(error["loc"]), 1)
        if close:
            message += f"; did you mean {close[0]}?"
    elif kind == "missing":
        message = "is missing"
    where = f"{source}: {place}" if place else source
    return f"{where}: {message}"


def _place(loc: tuple[str | int, ...], raw: Mapping[str, Any]) -> str:
    words: list[str] = []
    here: Any = raw
    for part in loc:
        if isinstance(part, int):
            if isinstance(here, list) and part < len(here):
                here = here[part]
                name = here.get("name") if isinstance(here, dict) else None
                words.append(f"number {part + 1}" + (f" {name!r}" if name else ""))
            continue
        if isinstance(here, dict) and part in here:
            here = here[part]
            words.append(
                f"[[{part}]]"
                if part in _SINGULAR
                else f"[{part}]"
                if isinstance(here, dict)
                else part
            )
        elif part in Config.model_fields or not str(part)[:1].isupper():
            words.append(str(part))
    shown = [word for word in words if not word.startswith(("function-", "literal[", "lax-or"))]
    return " ".join(shown)


def _known(loc: tuple[str | int, ...]) -> list[str]:
    """The keys of the table that an unknown key was found in."""
    table: Any = Config
    for part in loc[:-1]:
        if isinstance(part, int):
            continue
        field = next(
            (one for name, one in table.model_fields.items() if part in (name, one.alias)), None
        )
        if field is None:
            return []
        inner = getattr(field.annotation, "__args__", None) or (field.annotation,)
        table = next(
            (one for one in inner if isinstance(one, type) and issubclass(one, Table)), None
        )
        if table is None:
            return []
    return [one.alias or name for name, one in table.model_fields.items()]
