"""What was changed by API: routes and categories over those of the file, kept beside it.

The operator's own file is never written. A change is a table under its name, or null for one that
was removed.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from proxy.config import DEFAULTS, Config, ConfigError
from proxy.config_file import Stamp, in_words, stamp
from proxy.schema_targets import Category, Route

log = logging.getLogger("firsttoken")

SUFFIX = ".changes.json"
_LIMIT = 1000  # entries of one kind

Tables = Mapping[str, Mapping[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Changes:
    """path: where they are kept; stamp: the file they were read from or written to."""

    path: Path
    routes: Tables = field(default_factory=dict)
    categories: Tables = field(default_factory=dict)
    stamp: Stamp = None

    def having(self, what: str, name: str, table: Mapping[str, Any] | None) -> Changes:
        """These and one more. what: routes or categories; table None: removed. Raises ConfigError
        when there are too many."""
        tables = {**(self.routes if what == "routes" else self.categories), name: table}
        if len(tables) > _LIMIT:
            raise ConfigError([f"there are {_LIMIT} changed {what} already"])
        return replace(self, routes=tables) if what == "routes" else replace(
            self, categories=tables
        )  # fmt: skip

    def apply(self, config: Config) -> Config:
        """The configuration with these changes. Raises ConfigError for what the schema refuses."""
        routes = {one.name: one for one in config.routes}
        categories = {one.name: one for one in config.categories}
        for name, table in self.routes.items():
            routes.pop(name, None)
            if table is not None:
                routes[name] = _checked(Route, {**table, "name": name}, f'route "{name}"')
        for name, table in self.categories.items():
            categories.pop(name, None)
            if table is not None:
                place = f'category "{name}"'
                categories[name] = _checked(Category, {**table, "name": name}, place)
        if not self.routes and not self.categories:
            return config
        changed = config.model_copy(
            update={"routes": list(routes.values()), "categories": list(categories.values())}
        )
        changed._places = config._places
        return changed

    def is_stale(self) -> bool:
        """Whether somebody else has changed the file since."""
        return stamp(self.path) != self.stamp

    def save(self) -> Changes:
        """Write them, whole or not at all; as they are then. Raises OSError."""
        body = orjson.dumps(
            {"routes": self.routes, "categories": self.categories}, option=orjson.OPT_INDENT_2
        )
        made = self.path.with_name(f"{self.path.name}.{os.getpid()}.new")
        with made.open("wb") as out:
            out.write(body)
            out.flush()
            os.fsync(out.fileno())
        written = stamp(made)
        made.replace(self.path)
        return replace(self, stamp=written)


def path_of(config: Config) -> Path:
    """Where the changes of a configuration are kept: beside its file."""
    source = "firsttoken.toml" if config.source == DEFAULTS else config.source
    return Path(source).with_suffix(SUFFIX)


def read(config: Config) -> Changes:
    """The changes that were made. A damaged file is set aside with a warning."""
    path = path_of(config)
    seen = stamp(path)
    try:
        found = orjson.loads(path.read_bytes())
        made = Changes(path, dict(found["routes"]), dict(found["categories"]), seen)
        made.apply(config)
    except FileNotFoundError:
        return Changes(path)
    except OSError as error:
        log.warning("%s cannot be read: %s", path, error.strerror)
        return Changes(path, stamp=seen)
    except (ValueError, KeyError, TypeError, ConfigError) as error:
        aside = path.with_suffix(".damaged")
        log.warning("%s cannot be used (%s); it is now %s", path, error, aside)
        try:
            path.replace(aside)
        except OSError:
            log.warning("%s could not be set aside", path)
        return Changes(path, stamp=stamp(path))
    return made


def _checked(model: type[Any], table: Mapping[str, Any], place: str) -> Any:
    try:
        return model.model_validate(table)
    except ValidationError as error:
        raise ConfigError(
            [
                f"{place}: {'.'.join(str(part) for part in one['loc'])}: {in_words(one, model)}"
                for one in error.errors(include_url=False)
            ]
        ) from None
