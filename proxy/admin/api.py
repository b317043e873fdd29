"""The endpoints beside the traffic that need nothing but a view: liveness, metrics, models,
breakers, deadlines, a text's category, and the description of them all.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

from proxy.admin.endpoint import Call, Endpoint, Param, answer, bad
from proxy.admin.openapi import document

if TYPE_CHECKING:
    from proxy.admin.metrics import Exposition

TARGET_LIMIT = 300  # characters of a target's name

JsonHandler = Callable[[Mapping[str, Any]], Any]

_TEXT = Param("text", about="The text to read.")


@dataclass(slots=True)
class Views:
    """What the admin endpoints show; each a plain call into what is in force then."""

    exposition: Exposition
    models: Callable[[], Sequence[Mapping[str, Any]]]
    config: Callable[[], Mapping[str, Any]]
    draining: Callable[[], bool]
    classify: JsonHandler
    breakers: Callable[[], Mapping[str, Any]]
    reset_breaker: Callable[[str | None], None]
    open_breaker: Callable[[str], None]
    deadlines: Callable[[], Any]
    silences: Callable[[], Any]


class Api:
    """Handlers over the views."""

    def __init__(self, views: Views, version: str) -> None:
        self._views = views
        self._version = version
        self.described: Sequence[Endpoint] = ()
        self.more: Callable[[], Awaitable[Mapping[str, Any]]] | None = None  # for the JSON figures

    def endpoints(self) -> list[Endpoint]:
        """Everything served here."""
        ready = Param("ready", "boolean", "Whether it takes requests, rather than lives.", False)
        return [
            Endpoint("GET", "/health", self.health, "Liveness, or with ?ready readiness.",
                     (ready,), access="public", group="state"),
            Endpoint("GET", "/metrics", self.metrics,
                     "Prometheus metrics; JSON where it is asked for.",
                     answers=("text/plain", "application/json"), group="state"),
            Endpoint("GET", "/v1/models", self.models, "What a client may ask for.",
                     access="caller", group="models"),
            Endpoint("GET", "/models", self.models, "What a client may ask for.",
                     access="caller", group="models"),
            Endpoint("GET", "/config", self.config, "The configuration in force, no secrets.",
                     group="configuration"),
            Endpoint("GET", "/api/config", self.config, "The configuration in force, no secrets.",
                     group="configuration"),
            Endpoint("GET", "/api/breakers", self.breakers, "Each target's circuit breaker.",
                     group="state"),
            Endpoint("POST", "/api/breakers/reset", self.reset_breakers,
                     "Close one target's breaker, or all.",
                     body=(Param("target", about="provider/model; absent: all."),), group="state"),
            Endpoint("POST", "/api/breakers/open", self.open_breaker,
                     "Open one target's breaker by hand: it is passed by until it is reset, or"
                     " for as long as failures would shut it.",
                     body=(Param("target", about="provider/model.", required=True),),
                     group="state"),
            Endpoint("GET", "/api/deadlines", self.deadlines,
                     "The first-token deadlines learned so far.", group="state"),
            Endpoint("GET", "/api/deadlines/tokens", self.silences,
                     "The silences between tokens learned so far, and after which an answer counts "
                     "as stalled.", group="state"),
            Endpoint("POST", "/api/classify", self.classify,
                     "A text's category, and what decided it.",
                     body=(_TEXT, Param("prompt", about="Another name of text.")),
                     group="categories"),
            Endpoint("GET", "/api/openapi.json", self.openapi, "This document."),
        ]  # fmt: skip

    def health(self, call: Call) -> web.Response:
        """Liveness for everyone; readiness with ?ready."""
        if "ready" not in call.request.query:
            return answer({"status": "ok"})
        if self._views.draining():
            return answer({"status": "draining"}, 503)
        return answer({"status": "ready"})

    async def metrics(self, call: Call) -> web.Response:
        """Prometheus text, or JSON where it is asked for, with what predecessor E told."""
        if "application/json" in call.request.headers.get("Accept", ""):
            shown = self._views.exposition.as_json()
            shown["circuit_breakers"] = self._views.breakers()
            return answer({**shown, **(await self.more() if self.more is not None else {})})
        return web.Response(
            body=self._views.exposition.text(),
            headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
        )

    def models(self, call: Call) -> Any:
        """What this caller may ask for: in OpenAI's shape, or in Anthropic's for its clients."""
        mine = call.caller.routes
        found = [one for one in self._views.models() if mine is None or one["id"] in mine]
        if "anthropic-version" in call.request.headers:
            return _page([str(one["id"]) for one in found], call.request.query)
        return {"object": "list", "data": found}

    def config(self, _: Call) -> Any:
        return self._views.config()

    def breakers(self, _: Call) -> Any:
        return self._views.breakers()

    def reset_breakers(self, call: Call) -> Any:
        """The breakers as they are then."""
        self._views.reset_breaker(call["target"])
        return self._views.breakers()

    def open_breaker(self, call: Call) -> Any:
        """The breakers as they are then. Raises ClientError 400."""
        provider, slash, model = call["target"].partition("/")
        if not (provider and slash and model) or len(call["target"]) > TARGET_LIMIT:
            raise bad("target", "must be provider/model")
        self._views.open_breaker(call["target"])
        return self._views.breakers()

    def deadlines(self, _: Call) -> Any:
        return self._views.deadlines()

    def silences(self, _: Call) -> Any:
        return self._views.silences()

    def classify(self, call: Call) -> Any:
        return self._views.classify(call.body)

    def openapi(self, _: Call) -> Any:
        """OpenAPI 3.1 of every endpoint of the admin API."""
        return document(self.described, self._version)


def _page(names: Sequence[str], query: Mapping[str, str]) -> dict[str, Any]:
    """A page of Anthropic's list of models: all of it, where no limit is asked for."""
    after, limit = query.get("after_id"), query.get("limit", "")
    start = names.index(after) + 1 if after in names else 0
    size = max(1, int(limit)) if limit.isascii() and limit.isdigit() else len(names)
    shown = names[start : start + size]
    return {
        "data": [
            {"type": "model", "id": one, "display_name": one, "created_at": "1970-01-01T00:00:00Z"}
            for one in shown
        ],
        "has_more": start + size < len(names),
        "first_id": shown[0] if shown else None,
        "last_id": shown[-1] if shown else None,
    }
