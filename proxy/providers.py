"""Providers as rows: what a known name stands for, and what a configuration makes of it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Any, get_args
from urllib.parse import SplitResult, urlsplit

from proxy.config import Config, ConfigError, Secret
from proxy.config_file import meant
from proxy.config_values import DialectName
from proxy.environment import text_of
from proxy.google import FROM_METADATA, Credentials
from proxy.google import read as read_google
from proxy.schema_targets import Provider as ProviderTable
from proxy.secret import checked

LOCAL = "local"
LOCAL_MODEL = "smollm2-135m-instruct"
DIALECTS: tuple[str, ...] = get_args(DialectName)

# What a provider does differently from its dialect. Requests first, then answers.
QUIRKS: Mapping[str, str] = {
    "no_stream_options": "refuses stream_options",
    "no_user": "refuses user",
    "no_penalties": "refuses presence_penalty and frequency_penalty",
    "no_logit_bias": "refuses logit_bias",
    "no_logprobs": "refuses logprobs and top_logprobs",
    "no_n": "answers once only",
    "no_seed": "refuses seed",
    "no_stop": "refuses stop",
    "no_tools": "refuses tools and tool_choice",
    "no_parallel_tools": "refuses parallel_tool_calls",
    "no_response_format": "refuses response_format",
    "max_completion_tokens": "wants max_completion_tokens for max_tokens",
    "max_tokens": "wants max_tokens for max_completion_tokens",
    "random_seed": "calls seed random_seed",
    "no_developer": "knows no developer role: it is told as system",
    "nine_ids": "wants ids of calls to be nine letters and digits",
    "reasoning_limits": "refuses sampling parameters where OpenAI's models reason",
    "deployment_path": "has the model in the path: /openai/deployments/MODEL and ?api-version",
    "raw_predict": "has the model in the path, as Vertex does for Claude",
    "content_parts": "sends delta.content as a list where it thinks",
    "tool_index": "sends tool calls without index or type",
    "object_name": "sends another object name than chat.completion.chunk",
    "service_tier": "sends a service_tier that strict clients refuse",
    "azure_first_chunk": "begins with a chunk without id, object and model",
    "usage_in_every_chunk": "repeats the usage",
    "usage_in_finish": "sends the usage with the finish_reason",
    "error_events": "fails inside a stream by event: error",
    "speaks_responses": "knows OpenAI's Responses too",
    "calls_by_schema": "calls no tools: a call that must be made is asked for as JSON by a schema",
}


@dataclass(frozen=True, slots=True)
class Provider:
    """Where requests go and how they authenticate. path: the base URL's, no trailing slash."""

    name: str
    dialect: str
    host: str
    port: int
    tls: bool
    path: str
    auth: str = "bearer"
    key: Secret | None = None
    keys: tuple[Secret, ...] = ()  # all of them, key first
    access_key: str = ""  # sigv4's public half; key is the secret one
    session: Secret | None = None  # sigv4's temporary token
    google: Credentials | None = None  # what tokens are asked for with
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    quirks: frozenset[str] = frozenset()
    capabilities: frozenset[str] = frozenset()  # of models that nobody described
    max_context_tokens: int | None = None  # likewise
    tier: int = 4  # 0: one's own machine, else as data/providers.toml says
    region: str = ""
    api_version: str = ""
    models: tuple[str, ...] = ()  # bare ids that are its own, one * each
    ca_file: str | None = None
    proxy: str | None = field(default=None, repr=False)  # may hold a password
    connect_seconds: float = 5.0
    prewarm: int = 0
    max_idle_connections: int = 256


Row = Mapping[str, Any]


@lru_cache(1)
def rows() -> Mapping[str, Row]:
    """The known providers, by name."""
    text = files("proxy").joinpath("data/providers.toml").read_text(encoding="utf-8")
    return {row["name"]: row for row in tomllib.loads(text)["provider"]}


@lru_cache(1)
def aliases() -> Mapping[str, str]:
    """Other names of the known providers."""
    return {alias: name for name, row in rows().items() for alias in row.get("aliases", ())}


def row_of(name: str) -> Row:
    """The row behind a provider's name or alias; empty for a name that nobody knows."""
    return rows().get(aliases().get(name, name), {})


def providers(config: Config, environ: Mapping[str, str]) -> dict[str, Provider]:
    """Every provider that requests may go to, declared ones first.

    A known provider whose key is in the environment is there without being declared. Raises
    ConfigError with every declared one that lacks what its row does not say.
    """
    found: dict[str, Provider] = {}
    errors: list[str] = []
    for number, table in enumerate(config.providers):
        try:
            found[table.name] = _built(table, row_of(table.name), environ)
        except ValueError as error:
            errors.append(f"{config.at('provider', number)}: {error}")
    declared = {aliases().get(one.name, one.name) for one in config.providers}
    for name, row in rows().items() if config.routing.from_environment else ():
        try:
            if name not in declared and _is_switched_on(row, environ):
                found[name] = _built(ProviderTable(name=name), row, environ)
        except ValueError as error:
            errors.append(f"{name}: {error}")
    if errors:
        raise ConfigError(errors)
    if config.local.enabled and LOCAL not in found:
        found[LOCAL] = Provider(
            LOCAL, "openai", "127.0.0.1", 0, tls=False, path="/v1", auth="none", tier=0,
            quirks=frozenset(("calls_by_schema",)), capabilities=frozenset(("prefill",)),
            max_context_tokens=config.local.context_tokens, connect_seconds=60.0,
        )  # fmt: skip
    return found


def _is_switched_on(row: Row, environ: Mapping[str, str]) -> bool:
    if "switch" in row:
        return bool(environ.get(row["switch"]))
    try:
        google = _google(ProviderTable(name=row["name"]), row, None, environ)
    except ValueError:
        google = None  # meant for other programs
    if not (_key(row, environ) or _aws(environ, row["dialect"]) or google):
        return False
    return not _missing(row["base_url"], _variables(row, "", environ, google))


def _key(row: Row, environ: Mapping[str, str]) -> Secret | None:
    for name in row.get("env", ()):
        if environ.get(name):
            return Secret(checked(environ[name], f"the environment variable {name}"))
    return None


def _aws(environ: Mapping[str, str], dialect: str) -> tuple[str, Secret] | None:
    """AWS's pair of keys, for providers that sign with them."""
    public, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    if dialect == "bedrock" and public and secret:
        return public, Secret(checked(secret, "the environment variable AWS_SECRET_ACCESS_KEY"))
    return None


@dataclass(frozen=True, slots=True)
class _Login:
    """How a provider knows us: see Provider."""

    auth: str
    keys: tuple[Secret, ...]
    access_key: str = ""
    session: Secret | None = None


def _login(
    table: ProviderTable, row: Row, own: _Login, dialect: str, environ: Mapping[str, str]
) -> _Login:
    """Its own, or AWS's where that is meant. Raises ValueError where there is none."""
    if own.keys or own.auth in ("none", "google"):
        return own
    login = _aws_login(environ, dialect) or own
    if not login.keys and table.base_url is None and "switch" not in row:
        raise ValueError(f'needs a key: set {row["env"][0]}, or write key = "env:NAME"')
    return login


def _aws_login(environ: Mapping[str, str], dialect: str) -> _Login | None:
    """By AWS's pair of keys, where the environment has them."""
    pair = _aws(environ, dialect)
    if pair is None:
        return None
    token = environ.get("AWS_SESSION_TOKEN")
    return _Login("sigv4", (pair[1],), pair[0], Secret(token) if token else None)


def _google(
    table: ProviderTable, row: Row, key: Secret | None, environ: Mapping[str, str]
) -> Credentials | None:
    """Google's credentials where these are meant: a key that is JSON, the file that Google's own
    tools read, or the machine's own. Raises ValueError where they cannot be used."""
    path = environ.get(row.get("credentials", ""))
    if key is None and path and table.auth in (None, "google"):
        try:
            key = Secret(text_of(path, "GOOGLE_APPLICATION_CREDENTIALS names it"))
        except ConfigError as error:
            raise ValueError(str(error)) from None
    elif table.auth != "google" and not ("credentials" in row and key and _is_json(key)):
        return None
    return FROM_METADATA if key is None else read_google(key.reveal())


def _is_json(key: Secret) -> bool:
    return key.reveal().lstrip().startswith("{")


_VARIABLE = re.compile(r"\{([A-Z_]+)\}")
_OTHER_NAMES = {"AWS_REGION": "AWS_DEFAULT_REGION"}
_VERSIONS = ("AZURE_OPENAI_API_VERSION", "OPENAI_API_VERSION")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
DEPLOYMENT_VERSION = "2024-10-21"  # the last general one of Azure's deployment paths


def variables_in(template: str) -> list[str]:
    """The environment variables that a base URL is made of."""
    return _VARIABLE.findall(template)


def _variables(
    row: Row, region: str, environ: Mapping[str, str], google: Credentials | None = None
) -> dict[str, str]:
    given = {name: environ[name] for name in environ if environ[name]}
    for name, other in _OTHER_NAMES.items():
        if other in given:
            given.setdefault(name, given[other])
    if google is not None and google.project:
        given.setdefault("GOOGLE_CLOUD_PROJECT", google.project)
    known = {**row.get("defaults", {}), **given}
    if region and "region" in row:
        known[row["region"]] = region
    return known


def _missing(template: str, variables: Mapping[str, str]) -> list[str]:
    return [name for name in variables_in(template) if name not in variables]


def _base_url(
    table: ProviderTable,
    row: Row,
    dialect: str,
    environ: Mapping[str, str],
    google: Credentials | None,
) -> str:
    if table.base_url is not None:
        bare = urlsplit(table.base_url).path in ("", "/")
        if bare and dialect == "openai" and row.get("switch") == "OLLAMA_BASE_URL":
            return table.base_url.rstrip("/") + "/v1"  # Ollama's own clients name its host only
        return table.base_url
    if not row:
        hint = meant(table.name, [*rows(), *aliases()])
        raise ValueError(f"needs base_url: the name is not a known provider's{hint}")
    template: str = row.get("base_urls", {}).get(dialect, row["base_url"])
    variables = _variables(row, table.region or "", environ, google)
    if missing := _missing(template, variables):
        raise ValueError(f"needs base_url, or {' and '.join(missing)} in the environment")
    values = {name: variables[name].rstrip("/") for name in variables_in(template)}
    if values.get("OLLAMA_BASE_URL"):
        values["OLLAMA_BASE_URL"] = values["OLLAMA_BASE_URL"].removesuffix("/v1")
    url = _VARIABLE.sub(lambda one: values[one[1]], template)
    return url.replace("//global-aiplatform.", "//aiplatform.")  # Vertex without a region


def _split(url: str) -> SplitResult:
    found = urlsplit(url)
    if found.scheme not in ("http", "https") or not found.hostname or found.username is not None:
        raise ValueError("its base URL in the environment must be http:// or https:// and a host")
    return found


def _azure(
    table: ProviderTable, row: Row, path: str, environ: Mapping[str, str]
) -> tuple[str, str, bool]:
    """(path, api-version, whether the deployment is in the path): Azure's older interface is
    meant where its quirk or a dated version says so."""
    version = table.api_version or ""
    if row.get("name") != "azure":
        return path, version, "deployment_path" in table.quirks
    version = version or next((environ[name] for name in _VERSIONS if environ.get(name)), "")
    deployed = "deployment_path" in table.quirks
    base = path.removesuffix("/v1").removesuffix("/openai")
    if deployed or (_DATE.match(version) and not path.endswith("/models")):
        return f"{base}/openai", version or DEPLOYMENT_VERSION, True
    return path, version, False


def _built(table: ProviderTable, row: Row, environ: Mapping[str, str]) -> Provider:
    """A provider from its table over its row. Raises ValueError in words for its author."""
    dialect = table.dialect or row.get("dialect", "openai")
    keys = tuple(table.keys) or tuple(k for k in (table.key or _key(row, environ),) if k)
    google = _google(table, row, keys[0] if keys else None, environ)
    url = _split(_base_url(table, row, dialect, environ, google))
    auth = "google" if google is not None else table.auth or row.get("auth", "bearer")
    login = _login(table, row, _Login(auth, keys), dialect, environ)
    tls = url.scheme == "https"
    path, version, deployed = _azure(table, row, url.path.rstrip("/"), environ)
    return Provider(
        name=table.name,
        dialect=dialect,
        host=url.hostname or "",
        port=_port(url.netloc, tls=tls),
        tls=tls,
        path=path,
        auth=login.auth,
        key=login.keys[0] if login.keys else None,
        keys=login.keys,
        access_key=login.access_key,
        session=login.session,
        google=google,
        headers={k: v.reveal() if isinstance(v, Secret) else v for k, v in table.headers.items()},
        quirks=_quirks(table, row, dialect, path, deployed=deployed),
        capabilities=frozenset(row.get("capabilities", ())),
        max_context_tokens=row.get("max_context_tokens"),
        tier=row.get("tier", 4),
        region=_region(table, row, url.hostname or "", environ),
        api_version=version,
        models=(*table.models, *row.get("models", ())),
        ca_file=table.ca_file,
        proxy=table.proxy.reveal() if table.proxy is not None else None,
        connect_seconds=table.connect_seconds,
        prewarm=table.prewarm,
        max_idle_connections=table.max_idle_connections,
    )


def _quirks(
    table: ProviderTable, row: Row, dialect: str, path: str, *, deployed: bool
) -> frozenset[str]:
    """What it does differently: as its row and its table say, and as its path tells."""
    unknown = [quirk for quirk in table.quirks if quirk not in QUIRKS]
    if unknown:
        raise ValueError(f'quirks: unknown "{unknown[0]}"{meant(unknown[0], list(QUIRKS))}')
    quirks = {*row.get("quirks", ()), *table.quirks}
    if deployed:
        quirks.add("deployment_path")
    if dialect == "anthropic" and path.endswith("/publishers/anthropic"):
        quirks.add("raw_predict")
    return frozenset(quirks)


def _region(table: ProviderTable, row: Row, host: str, environ: Mapping[str, str]) -> str:
    """Where it is: as declared, as the environment says, or as an address of AWS tells."""
    if table.region is None and host.startswith("bedrock") and host.endswith(".amazonaws.com"):
        return host.split(".")[1]
    known = _variables(row, table.region or "", environ)
    return known.get(row.get("region", ""), table.region or "")


def _port(netloc: str, *, tls: bool) -> int:
    try:
        port = urlsplit(f"//{netloc}").port
    except ValueError:
        raise ValueError("base_url: the port must be a number up to 65535") from None
    return port or (443 if tls else 80)


def patterns(found: Mapping[str, Provider]) -> list[tuple[str, str]]:
    """(pattern, provider) for the bare model ids that each provider claims, first come first."""
    return [(pattern, name) for name, one in found.items() for pattern in one.models]
