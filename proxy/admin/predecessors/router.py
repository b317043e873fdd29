"""Predecessor E: its configuration by API, its breakers, and its figures as JSON."""

from __future__ import annotations

from typing import Any

from proxy.admin.endpoint import Call, Endpoint, Param, bad, texts
from proxy.admin.predecessors.seam import Core


class Router:
    """Its endpoints that are not ours already under the same path."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def endpoints(self) -> list[Endpoint]:
        """Everything served here."""
        category = (
            Param("name", required=True),
            Param("models", "array", "Names of models, in order.", items="string"),
            Param("keywords", "array", "Words that decide for it.", items="string"),
            Param("description"),
        )
        return [
            Endpoint("POST", "/config/category", self.set_category,
                     "Add or replace a category; it survives a restart.", body=category, group="E"),
            Endpoint("DELETE", "/config/category/{name}", self.remove_category,
                     "Remove a category.", parts=(Param("name"),), group="E"),
            Endpoint("POST", "/config/model-mapping", self.map_models,
                     "Let names stand for models; it survives a restart.",
                     body=(Param("mapping", "object", "Names and the models they stand for."),
                           Param("model", about="Or one name."),
                           Param("target", about="And its model.")),
                     open_body=True, group="E"),
            Endpoint("POST", "/circuit-breaker/reset/{model}", self.reset,
                     "Close a model's breaker.", parts=(Param("model"),), deep=True, group="E"),
        ]  # fmt: skip

    def set_category(self, call: Call) -> dict[str, Any]:
        """Its models are our targets; a bare name is looked up."""
        name = call["name"]
        models = texts("models", call["models"], 100)
        keywords = texts("keywords", call["keywords"])
        if not models and not keywords:
            raise bad("models", "or keywords must be given")
        table = {
            "description": call["description"] or "",
            "targets": [self._target(model) for model in models],
            "keywords": list(keywords),
        }
        self._core.control.change("categories", name, table)
        return {"status": "ok", "category": {"name": name, **table, "models": table["targets"]}}

    def remove_category(self, call: Call) -> dict[str, Any]:
        """Raises ClientError 404."""
        self._core.control.remove_category(call)
        return {"status": "ok", "removed": call["name"]}

    def map_models(self, call: Call) -> dict[str, Any]:
        """Each name becomes a route; all or, up to the first that cannot be, some."""
        mapping = call["mapping"]
        if mapping is None and call["model"] and call["target"]:
            mapping = {call["model"]: call["target"]}
        elif mapping is None:
            mapping = {k: v for k, v in call.body.items() if k not in ("model", "target")}
        if not mapping or not all(isinstance(one, str) and one for one in mapping.values()):
            raise bad("mapping", "must hold names and the models they stand for")
        wanted = {name: self._target(model) for name, model in mapping.items()}
        for name, target in wanted.items():
            self._core.control.change("routes", name, {"targets": [target]})
        return {"status": "ok", "mapping": wanted}

    def reset(self, call: Call) -> dict[str, Any]:
        """By the whole name or the model's own."""
        model = call["model"]
        hit = [
            target
            for target in self._core.breakers()
            if model in (target, target.partition("/")[2])
        ]
        for target in hit or [self._core.book().resolve(model) or model]:
            self._core.reset(target)
        return {"status": "ok", "model": model, "reset": hit}

    def _target(self, model: str) -> str:
        found = self._core.book().resolve(model)
        if found is None:
            raise bad("models", f"has a model that is not known here: {model[:100]}")
        return found
