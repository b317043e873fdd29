"""What the proxy is made of, and how it is changed while it runs: routes, categories, providers,
models, limits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from proxy.admin.endpoint import Call, Endpoint, Param, bad, texts
from proxy.admin.money import Money
from proxy.catalog import Catalog, Provider, row_of, rows
from proxy.config import Config, ConfigError
from proxy.errors import ClientError
from proxy.models import Model
from proxy.timing import Clock

ROUTE_FIELDS = (
    Param("name", about="May hold one *.", required=True),
    Param("targets", "array", "provider/model, or objects with target and weight.", required=True),
    Param("strategy", about="How targets are ordered."),
    Param("first_token_ms", "any", '"auto" or milliseconds.'),
    Param("between_tokens_ms", "any", '"auto" or milliseconds.'),
    Param("answer_ms", "number", "Milliseconds."),
    Param("on_stall", about="What a stall does.", choices=("hedge", "switch")),
    Param("on_break", about="What a broken answer does.", choices=("continue", "error")),
    Param("cache", "boolean", "Whether it reads and fills the cache."),
)
CATEGORY_FIELDS = (
    Param("name", required=True),
    Param("description"),
    Param("examples", "array", "Prompts of this kind; best are 5 to 20.", items="string"),
    Param("keywords", "array", "Words that decide for it.", items="string"),
    Param("targets", "array", "provider/model, in order.", items="string"),
)


class Classifier(Protocol):
    """What is asked of the classifier."""

    @property
    def categories(self) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Plant:
    """The running proxy, as far as it is shown and changed here. Asked anew each time.

    change: routes or categories, a name, and its table or None; raises ConfigError and OSError.
    """

    config: Callable[[], Config]
    book: Callable[[], Catalog]
    classifier: Callable[[], Classifier | None]
    breakers: Callable[[], Mapping[str, Any]]
    deadline_s: Callable[[str], float]
    limits: Callable[[], Sequence[Mapping[str, Any]]]
    change: Callable[[str, str, Mapping[str, Any] | None], None]
    money: Callable[[], Money]
    wall: Clock


class Control:
    """Handlers over the plant."""

    def __init__(self, plant: Plant) -> None:
        self._plant = plant

    def endpoints(self) -> list[Endpoint]:
        """Everything served here."""
        name = Param("name", required=True)
        return [
            Endpoint("GET", "/api/routes", self.routes, "The virtual models and their targets.",
                     group="configuration"),
            Endpoint("POST", "/api/routes", self.set_route,
                     "Add or replace a route; it survives a restart.",
                     body=ROUTE_FIELDS, open_body=True, group="configuration"),
            Endpoint("DELETE", "/api/routes", self.remove_route, "Remove a route.", (name,),
                     group="configuration"),
            Endpoint("GET", "/api/categories", self.categories,
                     "The kinds of requests, built-in and own.", group="categories"),
            Endpoint("POST", "/api/categories", self.set_category,
                     "Add or replace a category by examples, keywords or targets; it takes part"
                     " at once and survives a restart.", body=CATEGORY_FIELDS, group="categories"),
            Endpoint("DELETE", "/api/categories/{name}", self.remove_category,
                     "Remove a category that was added.", parts=(name,), group="categories"),
            Endpoint("GET", "/api/providers", self.providers,
                     "Every provider: where it is, whether its key is there, how it does.",
                     group="state"),
            Endpoint("GET", "/api/models", self.models,
                     "What is known of the providers' models: windows, prices, capabilities.",
                     (Param("provider", about="Only of this one."),
                      Param("limit", "integer", "How many.", 500, least=1, most=10_000)),
                     group="models"),
            Endpoint("GET", "/api/limits", self.limits, "Limits and budgets, and what is used.",
                     group="usage"),
        ]  # fmt: skip

    # ---- routes -----------------------------------------------------------------------------

    def routes(self, _: Call) -> dict[str, Any]:
        """Each route, and of each target what decides about it."""
        config = self._plant.config()
        breakers = self._plant.breakers()
        found = []
        for route in config.routes:
            table = route.model_dump(mode="json", exclude={"targets"})
            shown = []
            for item in route.targets:
                text, weight = (item, 1.0) if isinstance(item, str) else (item.target, item.weight)
                shown.append({**self.target(text, breakers), "weight": weight})
            found.append({**table, "targets": shown})
        return {"routes": found}

    def target(self, text: str, breakers: Mapping[str, Any]) -> dict[str, Any]:
        """A target, and how it does."""
        name = text if "*" in text else self._plant.book().resolve(text) or text
        state = breakers.get(name, {}).get("state", "CLOSED")
        shown = {"target": name, "breaker": state}
        if "*" not in name:
            shown["first_token_s"] = round(self._plant.deadline_s(name), 3)
            shown |= self._described(self._plant.book().model(name))
        return shown

    def set_route(self, call: Call) -> dict[str, Any]:
        """Add or replace. Raises ClientError 400 with what the schema says."""
        self.change("routes", call["name"], _table(call))
        return self.routes(call)

    def remove_route(self, call: Call) -> dict[str, Any]:
        """Raises ClientError 404."""
        if call["name"] not in {one.name for one in self._plant.config().routes}:
            raise missing("route", call["name"])
        self.change("routes", call["name"], None)
        return self.routes(call)

    def has_route(self, name: str) -> bool:
        """Whether there is a route of this name."""
        return any(one.name == name for one in self._plant.config().routes)

    def has_category(self, name: str) -> bool:
        """Whether a category of this name has a chain."""
        return any(one.name == name and one.targets for one in self._plant.config().categories)

    # ---- categories -------------------------------------------------------------------------

    def categories(self, _: Call) -> dict[str, Any]:
        """Each category; a built-in one has no examples to show."""
        own = {one.name: one for one in self._plant.config().categories}
        classifier = self._plant.classifier()
        known = list(classifier.categories) if classifier is not None else []
        found = []
        for name in dict.fromkeys([*known, *own]):
            table = own.get(name)
            found.append(
                {
                    "name": name,
                    "own": table is not None,
                    "description": table.description if table else "",
                    "examples": list(table.examples) if table else [],
                    "keywords": list(table.keywords) if table else [],
                    "targets": list(table.targets) if table else [],
                }
            )
        return {"categories": found}

    def set_category(self, call: Call) -> dict[str, Any]:
        """Add or replace. Raises ClientError 400."""
        for name in ("examples", "keywords", "targets"):
            texts(name, call[name])
        if not (call["examples"] or call["keywords"] or call["targets"]):
            raise bad("examples", "or keywords or targets must be given")
        self.change("categories", call["name"], _table(call))
        return self.categories(call)

    def remove_category(self, call: Call) -> dict[str, Any]:
        """Raises ClientError 404."""
        if call["name"] not in {one.name for one in self._plant.config().categories}:
            raise missing("category", call["name"])
        self.change("categories", call["name"], None)
        return self.categories(call)

    def change(self, what: str, name: str, table: Mapping[str, Any] | None) -> None:
        """Change the configuration. Raises ClientError, and nothing has changed."""
        try:
            self._plant.change(what, name, table)
        except ConfigError as error:
            words = "; ".join(error.errors)
            raise ClientError(400, words, code="invalid_configuration") from None
        except OSError as error:
            words = f"The change could not be written down: {error.strerror}."
            raise ClientError(503, words, "server_error", "not_writable") from None

    # ---- providers and models ---------------------------------------------------------------

    def providers(self, _: Call) -> dict[str, Any]:
        """The configured ones first, then the known ones without a key."""
        book = self._plant.book()
        breakers = self._plant.breakers()
        found = [self.provider(one, breakers) for one in book.providers.values()]
        missing_ones = [
            {"name": name, "configured": False, "tier": row.get("tier", 4),
             "dialect": row.get("dialect", "openai"), "key": "missing",
             "environment": list(row.get("env", ()))}
            for name, row in rows().items()
            if name not in book.providers
        ]  # fmt: skip
        return {"providers": found + missing_ones}

    def provider(self, one: Provider, breakers: Mapping[str, Any]) -> dict[str, Any]:
        """One that requests may go to."""
        doors = {name: door for name, door in breakers.items() if name.startswith(f"{one.name}/")}
        shut = [name for name, door in doors.items() if door["state"] != "CLOSED"]
        key = "present" if one.keys else "not needed" if one.auth == "none" else "missing"
        return {
            "name": one.name,
            "configured": True,
            "tier": one.tier,
            "dialect": one.dialect,
            "host": one.host,
            "tls": one.tls,
            "key": key,
            "keys": len(one.keys),
            "environment": list(row_of(one.name).get("env", ())),
            "capabilities": sorted(one.capabilities),
            "max_context_tokens": one.max_context_tokens,
            "healthy": not shut,
            "breakers": doors,
        }

    def models(self, call: Call) -> dict[str, Any]:
        """Of the configured providers."""
        book = self._plant.book()
        wanted = [one for one in book.providers if call["provider"] in (None, one)]
        names = book.models.names(wanted)
        if call["provider"] is not None:
            names = [name for name in names if name.startswith(f"{call['provider']}/")]
        shown = [{"name": name, **self._described(book.model(name))}
                 for name in names[: call["limit"]]]  # fmt: skip
        return {"models": shown, "total": len(names)}

    def limits(self, _: Call) -> dict[str, Any]:
        """Money in the configured currency."""
        money = self._plant.money()
        found = []
        for one in self._plant.limits():
            shown = dict(one)
            if str(shown["kind"]).startswith("budget"):
                shown["limit"] = money.of(int(shown["limit"]))
                shown["used"] = money.of(int(shown["used"]))
            found.append(shown)
        return {"currency": money.currency, "limits": found}

    def _described(self, model: Model) -> dict[str, Any]:
        at = datetime.fromtimestamp(self._plant.wall(), UTC)
        price = model.prices.at(at)
        rates = None
        if price is not None:
            rates = {
                name: None if value is None else float(value)
                for name, value in (
                    ("input", price.rates.input),
                    ("output", price.rates.output),
                    ("cached", price.rates.cached),
                    ("written", price.rates.written),
                )
            }
        return {
            "context_tokens": model.context_tokens,
            "max_output_tokens": model.max_output_tokens,
            "capabilities": None if model.capabilities is None else sorted(model.capabilities),
            "usd_per_mtok": rates,
            "price_source": model.prices.source,
            "deprecated": model.deprecated,
        }


def missing(what: str, name: str) -> ClientError:
    """A 404 for something that may have existed."""
    return ClientError(404, f"There is no {what} {name[:100]!r}.", code="not_found", param="name")


def _table(call: Call) -> dict[str, Any]:
    return {name: value for name, value in call.body.items() if value is not None}
