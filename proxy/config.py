"""The configuration: a file read once, checked against proxy.schema, frozen.

Every error names its place. What a known provider's name stands for, and whether targets exist,
is proxy.catalog's to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from proxy.config_file import ConfigError, Places, all_told, meant, read, told
from proxy.environment import environment, forward_proxy, is_loopback, text_of
from proxy.schema import DEFAULTS, Config, Server
from proxy.schema_targets import Provider, Route
from proxy.secret import Secret

__all__ = [
    "DEFAULTS", "Config", "ConfigError", "Path", "Provider", "Route", "Secret", "environment",
    "forward_proxy", "is_loopback", "load", "parse", "with_server",
]  # fmt: skip

DEFAULT_PATH = "firsttoken.toml"


def load(path: str | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """The configuration in force: the named file, $FIRSTTOKEN_CONFIG, ./firsttoken.toml, or none.

    environ: the process environment by default, with .env of the working directory beneath it.
    Raises ConfigError.
    """
    seen = environment() if environ is None else environ
    chosen = path or seen.get("FIRSTTOKEN_CONFIG")
    if not chosen:
        if not Path(DEFAULT_PATH).exists():
            return parse("", DEFAULTS, seen)
        chosen = DEFAULT_PATH
    return parse(text_of(chosen, "create it, or leave --config out"), chosen, seen)


def parse(text: str, source: str, environ: Mapping[str, str]) -> Config:
    """A configuration from the text of a file. Raises ConfigError."""
    places = read(text, source)
    raw, variables = _with_environment(places.raw, environ)
    config, errors = _validated(raw, replace(places, variables=variables), environ)
    if config is None or errors:
        raise ConfigError(errors)
    return config


def with_server(config: Config, overrides: Mapping[str, Any]) -> Config:
    """The configuration with some of [server] from the command line. Raises ConfigError."""
    errors: list[str] = []
    server = config.server
    try:
        server = Server.model_validate({**config.server.model_dump(), **overrides})
    except ValidationError as error:
        line = Places("command line", {}, {})
        errors = [told({**one, "loc": ("server", *one["loc"])}, line, Config)
                  for one in error.errors(include_url=False)]  # fmt: skip
    changed = config.model_copy(update={"server": server})
    errors = errors or list(_contradictions(changed))
    if errors:
        raise ConfigError(errors)
    return changed


def _validated(
    raw: Mapping[str, Any], places: Places, environ: Mapping[str, str]
) -> tuple[Config | None, list[str]]:
    # The caller raises, not an except clause: no exception that holds the input is kept alive.
    context = {"environ": environ, "folder": Path(places.source).parent}
    try:
        config = Config.model_validate(raw, context=context)
    except ValidationError as error:
        return None, all_told(error.errors(include_url=False), places, Config)
    config._places = places
    return config, list(_contradictions(config))


_FROM_ENVIRONMENT = (
    ("ROUTING_MODE", "mode", {"ollama": "llm", "api": "llm"}),
    ("OLLAMA_ROUTER_MODEL", "router_model", "ollama/"),
    ("ROUTER_API_MODEL", "router_model", ""),
)  # what the predecessor read; the file's own words win


def _with_environment(
    raw: Mapping[str, Any], environ: Mapping[str, str]
) -> tuple[Mapping[str, Any], Mapping[tuple[str | int, ...], str]]:
    """What is configured with what the environment adds, and which variable each of that is."""
    routing = raw.get("routing", {})
    if not isinstance(routing, dict):
        return raw, {}
    added: dict[str, Any] = {}
    whence: dict[tuple[str | int, ...], str] = {}
    rows = _FROM_ENVIRONMENT
    if environ.get("ROUTING_MODE") == "api":
        rows = rows[:1] + rows[:0:-1]  # the remote model goes before the local one
    for variable, key, rule in rows:
        value = environ.get(variable)
        if value and key not in routing and key not in added:
            added[key] = rule.get(value, value) if isinstance(rule, dict) else rule + value
            whence["routing", key] = variable
    return ({**raw, "routing": {**added, **routing}} if added else raw), whence


def _contradictions(config: Config) -> Iterator[str]:
    """What each setting alone allows, and all together do not."""
    for path, names in (
        (("provider",), [one.name for one in config.providers]),
        (("route",), [one.name for one in config.routes]),
        (("category",), [one.name for one in config.categories]),
        (("model",), [one.name for one in config.models]),
        (("auth", "key"), [one.name for one in config.auth.keys]),
    ):
        for number, name in enumerate(names):
            if name in names[:number]:
                first = names.index(name) + 1
                yield f"{config.at(*path, number)}: number {first} has this name already"
    server = config.server
    if not (config.auth.keys or server.anonymous or is_loopback(server.host)):
        yield (
            f'{config.at("server", "host")}: "{server.host}" is reachable from outside and there'
            " is no [[auth.key]]: add one, or serve strangers with anonymous = true"
        )
    if config.routing.mode in ("llm", "hybrid") and config.routing.router_model is None:
        yield f'{config.at("routing", "mode")}: needs router_model, such as "ollama/qwen3:4b"'
    if config.ledger.path is not None and config.ledger.url is not None:
        yield f"{config.at('ledger')}: has both path and url: write one of them"
    known = [one.name for one in config.routes]
    for number, key in enumerate(config.auth.keys):
        for place, name in enumerate(key.routes or ()):
            hint = meant(name, known)
            if hint and name not in known:
                where = config.at("auth", "key", number, "routes", place)
                yield f'{where}: there is no route "{name}"{hint}'
