"""Known models: windows, capabilities, prices. A snapshot (data/models.json, built by
data/build.py), read when first asked; the configuration's [[model]] rows go before it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from importlib.resources import files
from typing import Any

import orjson

from proxy.prices import Price, PriceList, Rates, parse
from proxy.schema_targets import Model as ModelTable

NO_PRICES = PriceList()

# Versions of one model: -2024-07-18, -20251001, -0613, -latest, @20250514, :beta.
_VERSION = re.compile(r"(?:[-@]\d{4}-\d\d-\d\d|[-@]\d{8}|-\d{4}|-latest|-v\d+:\d+|:beta)$")


@dataclass(frozen=True, slots=True)
class Model:
    """name: provider/model as in the catalogue. None: nobody said."""

    name: str
    context_tokens: int | None = None
    max_output_tokens: int | None = None
    capabilities: frozenset[str] | None = None
    prices: PriceList = NO_PRICES
    deprecated: bool = False

    @property
    def prefill(self) -> bool:
        """Whether it goes on from the beginning of an assistant's turn."""
        return self.capabilities is not None and "prefill" in self.capabilities


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The models of data/models.json. rows: as they stand; index: every spelling, lower case."""

    rows: Mapping[str, Mapping[str, Any]]
    index: Mapping[str, str]
    sources: Mapping[str, str]

    def find(self, groups: Sequence[str], model: str) -> str | None:
        """The name of a provider's model, however its version is written."""
        low = model.lower()
        for group in groups:
            key = self.index.get(f"{group}/{low}")
            if key is None:
                key = self.index.get(f"{group}/{undated(low)}")
            if key is not None:
                return key
        return None

    def model(self, name: str) -> Model:
        """The model of a row. Raises KeyError."""
        return _read(self.rows[name], name, self.sources)


def _read(row: Mapping[str, Any], name: str, sources: Mapping[str, str]) -> Model:
    return Model(
        name,
        row.get("context"),
        row.get("output"),
        frozenset(row["can"]) if "can" in row else None,
        parse(row.get("prices", ()), sources.get(row.get("s", ""), "")),
        bool(row.get("old")),
    )


def undated(model: str) -> str:
    """A model's name without its version's date."""
    return _VERSION.sub("", model)


@lru_cache(1)
def snapshot() -> Snapshot:
    """The snapshot, read once."""
    data = orjson.loads(files("proxy").joinpath("data/models.json").read_bytes())
    rows: dict[str, Any] = data["models"]
    index: dict[str, str] = {}
    for name, row in rows.items():
        group = name.partition("/")[0]
        for also in row.get("also", ()):
            index.setdefault(f"{group}/{also}", name)
        index.setdefault(undated(name.lower()), name)
    for name in rows:
        index[name.lower()] = name  # an exact id goes before every other spelling
    return Snapshot(rows, index, data["sources"])


class Models:
    """The snapshot under the configuration's own rows."""

    def __init__(self, own: Iterable[ModelTable], groups: Mapping[str, Sequence[str]]) -> None:
        self._own = {one.name: one for one in own}
        self._groups = groups
        self._found: dict[str, Model | None] = {}

    def get(self, name: str) -> Model | None:
        """The model behind provider/model, or None for one that nobody described."""
        if name not in self._found:
            if len(self._found) > 4096:
                self._found.clear()  # names may be a client's: bounded
            self._found[name] = self._look_up(name)
        return self._found[name]

    def _look_up(self, name: str) -> Model | None:
        provider, _, model = name.partition("/")
        book = snapshot()
        groups = self._groups.get(provider, ())
        key = book.find(groups, model) or book.find(groups, model.rpartition("/")[2])
        found = None if key is None else replace(book.model(key), name=name)
        own = self._own.get(name)
        return found if own is None else _corrected(found or Model(name), own)

    def names(self, providers: Iterable[str]) -> list[str]:
        """Every model that these providers are known to serve, as provider/model."""
        book = snapshot()
        wanted = [(one, group) for one in providers for group in self._groups.get(one, ())]
        found = [
            f"{provider}/{key.partition('/')[2]}"
            for provider, group in wanted
            for key, row in book.rows.items()
            if key.startswith(f"{group}/") and not row.get("old")
        ]
        return list(dict.fromkeys([*self._own, *found]))

    def owner_of(self, model: str, providers: Iterable[str]) -> str | None:
        """The target, as provider/model, of a bare id: the first provider known to serve it."""
        for provider in providers:
            if snapshot().find(self._groups.get(provider, ()), model) is not None:
                return f"{provider}/{model}"
        return None

    def close(self, name: str, providers: Iterable[str], count: int = 3) -> list[str]:
        """Models that exist and look like this one, with or without its provider."""
        every = self.names(providers)
        by_model = {one.partition("/")[2]: one for one in reversed(every)}
        words = name.lower()
        found = difflib.get_close_matches(words, every, count, 0.6)
        found += [by_model[one] for one in difflib.get_close_matches(words, by_model, count, 0.6)]
        return list(dict.fromkeys(found))[:count]


def _corrected(model: Model, own: ModelTable) -> Model:
    """The configuration's words over the snapshot's. A price of its own replaces all others."""
    prices = model.prices
    if own.input_usd_per_mtok is not None or own.output_usd_per_mtok is not None:
        rates = Rates(
            _decimal(own.input_usd_per_mtok) or Decimal(0),
            _decimal(own.output_usd_per_mtok) or Decimal(0),
            _decimal(own.cached_usd_per_mtok),
        )
        prices = PriceList((Price(rates),), "configuration")
    return replace(
        model,
        context_tokens=own.context_tokens or model.context_tokens,
        max_output_tokens=own.max_output_tokens or model.max_output_tokens,
        capabilities=model.capabilities
        if own.capabilities is None
        else frozenset(own.capabilities),
        prices=prices,
    )


def _decimal(value: float | None) -> Decimal | None:
    """The number as it was written: repr of a float is its shortest exact spelling."""
    return None if value is None else Decimal(repr(value))
