"""The cache's endpoints: figures, entries, why two prompts share an answer, pin, warm, forget."""

from __future__ import annotations

from typing import Any

from proxy.admin.endpoint import Call, Endpoint, Param
from proxy.cache.shelf import Shelf, Wanted

_EITHER = "A prompt, or a whole request."
_ID = (Param("id", about="The entry's id, as GET /api/cache/entries tells it."),)
_WANTED = (
    Param("pattern", about="A glob over the prompt, or over llm:cache:CATEGORY_OR_TAG:ID."),
    Param("category", about="Only of this category."),
    Param("tag", about="Only with this tag."),
)
_WARM = (
    Param("request", "object", "The body of a chat or completions request.", required=True),
    Param("answer", about="The text of its answer."),
    Param("response", "object", "Or its whole answer, as the endpoint gave it."),
    Param("tenant", about="The caller's name, or its cache_group; absent: anonymous."),
    Param("category"),
    Param("tags", "array", items="string"),
    Param("cost_usd", "number", "What the answer cost.", least=0),
)


class CacheDesk:
    """Handlers over the shelf."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def endpoints(self) -> list[Endpoint]:
        """Everything served here."""
        page = (*_WANTED, Param("limit", "integer", "How many.", 100, least=1, most=1000),
                Param("after", about="The `next` of the page before."))  # fmt: skip
        explain = (Param("a", "any", _EITHER, required=True),
                   Param("b", "any", _EITHER, required=True))  # fmt: skip
        pinned = (Param("pinned", "boolean", "false: no longer.", True),)
        forget = "Forget what matches all that is given; nothing given: everything."
        return [
            Endpoint("GET", "/api/cache", self.stats, "Counts and sizes of the cache.",
                     group="cache"),
            Endpoint("DELETE", "/api/cache", self.invalidate, forget, _WANTED, group="cache"),
            Endpoint("POST", "/api/cache/invalidate", self.invalidate, forget, body=_WANTED,
                     group="cache"),
            Endpoint("POST", "/api/cache/explain", self.explain,
                     "Whether one prompt would be answered with another's answer, and why.",
                     body=explain, open_body=True, group="cache"),
            Endpoint("POST", "/api/cache/warm", self.warm, "Keep an answer that is known.",
                     body=_WARM, group="cache"),
            Endpoint("GET", "/api/cache/entries", self.browse,
                     "Entries, most recently used first, without their answers.", page,
                     group="cache"),
            Endpoint("GET", "/api/cache/entries/{id}", self.look, "One entry with its answer.",
                     parts=_ID, group="cache"),
            Endpoint("DELETE", "/api/cache/entries/{id}", self.drop, "Forget one entry.",
                     parts=_ID, group="cache"),
            Endpoint("POST", "/api/cache/entries/{id}/pin", self.pin,
                     "Keep one entry whatever its age and use, or no longer.", parts=_ID,
                     body=pinned, group="cache"),
            Endpoint("GET", "/api/trpc/llmAnalytics.cacheMetrics", self.metrics,
                     "Hits, misses and savings, as predecessor D told them.", group="predecessors"),
            Endpoint("POST", "/api/trpc/llmAnalytics.cacheInvalidate", self.invalidate, forget,
                     body=_WANTED[:1], open_body=True, group="predecessors"),
        ]  # fmt: skip

    def stats(self, _: Call) -> Any:
        return self._shelf.stats()

    def metrics(self, _: Call) -> Any:
        return self._shelf.metrics()

    def explain(self, call: Call) -> Any:
        return self._shelf.explain(call.body)

    def warm(self, call: Call) -> Any:
        return self._shelf.warm(call.values)

    def look(self, call: Call) -> Any:
        return self._shelf.look(call["id"])

    def drop(self, call: Call) -> Any:
        return self._shelf.drop(call["id"])

    def pin(self, call: Call) -> Any:
        return self._shelf.pin(call["id"], call["pinned"])

    async def browse(self, call: Call) -> Any:
        """A page of entries."""
        return await self._shelf.browse(_wanted(call), limit=call["limit"], after=call["after"])

    async def invalidate(self, call: Call) -> Any:
        """How many entries there were."""
        return await self._shelf.invalidate(_wanted(call))


def _wanted(call: Call) -> Wanted:
    values = call.values
    return Wanted(values.get("pattern"), values.get("category"), values.get("tag"))
