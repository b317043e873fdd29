"""The endpoints beside the traffic that need nothing but a view: liveness, metrics, models,
breakers, deadlines, a text's category, and the description of them all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

from proxy.admin.endpoint import Call, Endpoint, Param, answer
from proxy.admin.openapi import document

if TYPE_CHECKING:
    from proxy.admin.metrics import Exposition

JsonHandler = Callable[[Mapping[str, Any]], Any]

_TEXT = Param("text", about="The text to read.")


@dataclass(slots=True)
class Views:
    """What the admin endpoints show; each a plain call into its owner."""

    exposition: Exposition
    models: Callable[[], Sequence[Mapping[str, Any]]]
    config: Callable[[], Mapping[str, Any]]
    ready: Callable[[], tuple[bool, str]]
    classify: JsonHandler
    breakers: Callable[[], Mapping[str, Any]]
    reset_breaker: Callable[[str | None], None]
    deadlines: Callable[[], Any]


class Api:
    """Handlers over the views."""

    def __init__(self, views: Views, version: str) -> None:
        self._views = views
        self._version = version
        self.described: Sequence[Endpoint] = ()

    def swap(self, views: Views) -> None:
        """A reload built new views."""
        self._views = views

    def endpoints(self) -> list[Endpoint]:
        """Everything served here."""
        ready = Param("ready", "boolean", "Whether it takes requests, rather than lives.", False)
        return [
            Endpoint("GET", "/health", self.health, "Liveness, or with ?ready readiness.",
                     (ready,), access="public", group="state"),
            Endpoint("GET", "/metrics", self.metrics,
                     "Prometheus metrics; JSON where it is asked for.", answer="text/plain",
                     group="state"),
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
            Endpoint("GET", "/api/deadlines", self.deadlines,
                     "The first-token deadlines learned so far.", group="state"),
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
        ready, why = self._views.ready()
        return answer({"status": "ready" if ready else why}, 200 if ready else 503)

    def metrics(self, call: Call) -> web.Response:
        """Prometheus text, or JSON where it is asked for."""
        if "application/json" in call.request.headers.get("Accept", ""):
            return answer(self._views.exposition.as_json())
        return web.Response(
            body=self._views.exposition.text(),
            headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
        )

    def models(self, _: Call) -> Any:
        """In OpenAI's shape."""
        return {"object": "list", "data": list(self._views.models())}

    def config(self, _: Call) -> Any:
        return self._views.config()

    def breakers(self, _: Call) -> Any:
        return self._views.breakers()

    def reset_breakers(self, call: Call) -> Any:
        """The breakers as they are then."""
        self._views.reset_breaker(call["target"])
        return self._views.breakers()

    def deadlines(self, _: Call) -> Any:
        return self._views.deadlines()

    def classify(self, call: Call) -> Any:
        return self._views.classify(call.body)

    def openapi(self, _: Call) -> Any:
        """OpenAPI 3.1 of every endpoint of the admin API."""
        return document(self.described, self._version)
