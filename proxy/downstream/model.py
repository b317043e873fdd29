"""GET /v1/models/NAME: what a name means here, without asking a provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from proxy.downstream.server import head_of, spoken_by

if TYPE_CHECKING:
    from proxy.downstream.passage import Passage
    from proxy.routing.plan import Rule

OWNER = "firsttoken"


class Naming:
    """The handler of single models."""

    def __init__(self, passage: Passage) -> None:
        self._passage = passage

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/v1/models/{name:.+}", self.handle)]

    async def handle(self, request: web.Request) -> web.Response:
        """One model. Raises ClientError 404 with names that are close, or 403."""
        head = head_of(request)
        keys = self._passage.house.service.keys
        caller = keys.caller(head.get(b"authorization"), head.get(b"x-api-key"))
        name = request.match_info["name"]
        rule = self._passage.pipeline().planner.rule(name, caller.routes)
        described = (_anthropic if spoken_by(request) == "anthropic" else _openai)(name, rule)
        return web.Response(body=orjson.dumps(described), content_type="application/json")


def _openai(name: str, rule: Rule) -> dict[str, Any]:
    is_route = rule.terms > 0 or len(rule.targets) > 1  # a name of no route has the first terms
    owner = OWNER if is_route else rule.targets[0].provider
    return {"id": name, "object": "model", "created": 0, "owned_by": owner}


def _anthropic(name: str, rule: Rule) -> dict[str, Any]:
    return {
        "type": "model",
        "id": name,
        "display_name": rule.name,
        "created_at": "1970-01-01T00:00:00Z",  # as their own list says where nobody knows
    }
