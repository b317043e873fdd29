"""Predecessor D: completions by task type, one or many, and the analytics of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

import orjson

from proxy.admin.completing import Completion, Order
from proxy.admin.endpoint import Call, Endpoint, Param, bad
from proxy.admin.money import Money, date_of
from proxy.admin.predecessors.seam import Core
from proxy.catalog import row_of
from proxy.errors import ClientError
from proxy.exchange import Caller, Options
from proxy.ledger import reports
from proxy.ledger.reports import Figures
from proxy.state.periods import iso

TASK_TYPES = ("qualification", "content_generation", "verification", "analysis", "simple")
TIERS = ("openrouter", "huggingface", "ollama")  # in this order
MOST_REQUESTS = 1000
MOST_AT_ONCE = 50
_WORST = ("OPEN", "HALF_OPEN", "CLOSED")
_BODY = (
    Param("taskType", about="What it is for.", required=True, choices=TASK_TYPES),
    Param("messages", "array", "As in a chat completion.", required=True, items="object"),
    Param("options", "object", "temperature, maxTokens, topP, bypassCache, forceProvider,"
          " forceModel."),
)  # fmt: skip
_OPTIONS = {
    "temperature": Param("options.temperature", "number", default=0.7, least=0, most=2),
    "maxTokens": Param("options.maxTokens", "integer", default=1000, least=1),
    "topP": Param("options.topP", "number", default=0.9, least=0, most=1),
    "bypassCache": Param("options.bypassCache", "boolean", default=False),
    "forceProvider": Param("options.forceProvider"),
    "forceModel": Param("options.forceModel"),
}


class Completions:
    """llm.complete and llm.batchComplete."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def endpoints(self) -> list[Endpoint]:
        """Everything served here."""
        batch = (
            Param("requests", "array", "Each as for llm.complete.", required=True, items="object"),
            Param("concurrency", "integer", "How many at once.", 5, least=1, most=MOST_AT_ONCE),
        )
        return [
            Endpoint("POST", "/api/trpc/llm.complete", self.complete,
                     "An answer by the chain of its task type.", body=_BODY, access="caller",
                     group="D"),
            Endpoint("POST", "/api/trpc/llm.batchComplete", self.batch,
                     "Many answers, in the order of the requests.", body=batch, access="caller",
                     group="D"),
        ]  # fmt: skip

    async def complete(self, call: Call) -> dict[str, Any]:
        """In its shape."""
        return await self._answer(call.caller, call.body)

    async def batch(self, call: Call) -> dict[str, Any]:
        """One that fails says so in its place."""
        requests = call["requests"]
        if len(requests) > MOST_REQUESTS:
            raise bad("requests", f"may hold {MOST_REQUESTS} at most")
        gate = asyncio.Semaphore(call["concurrency"])

        async def one(request: Any) -> dict[str, Any]:
            async with gate:
                try:
                    return await self._answer(call.caller, request)
                except ClientError as error:
                    return {"error": {"message": error.message, "code": error.code,
                                      "status": error.status}}  # fmt: skip

        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(one(request)) for request in requests]
        return {"results": [task.result() for task in asked]}

    async def _answer(self, caller: Caller, request: Any) -> dict[str, Any]:
        if not isinstance(request, dict):
            raise bad("requests", "must hold objects")
        for param in _BODY:
            param.check(request.get(param.name))
        given = request.get("options") or {}
        wish = {name: param.check(given.get(name)) for name, param in _OPTIONS.items()}
        kind = request["taskType"]
        order = Order(
            caller,
            request["messages"],
            self._chain(kind, wish["forceProvider"], wish["forceModel"]),
            Options(use_case=kind, cache="bypass" if wish["bypassCache"] else None, tags=(kind,)),
            {"temperature": wish["temperature"], "max_tokens": wish["maxTokens"],
             "top_p": wish["topP"]},
        )  # fmt: skip
        return self._shape(kind, await self._core.completer.complete(order))

    def _chain(self, kind: str, provider: str | None, model: str | None) -> tuple[str, ...]:
        """What is forced, and nothing else; else a route of the task type's name, its category's
        chain by way of auto, or the three tiers."""
        book = self._core.book()
        if provider or model:
            forced = model or ""
            if provider:
                forced = f"{provider}/{model or row_of(provider).get('default_model', '')}"
            if book.resolve(forced) is None:
                raise bad("options.forceModel", f"is not known here: {forced[:100]}")
            return (forced,)
        if self._core.control.has_route(kind):
            return (kind,)
        if self._core.control.has_category(kind):
            return ()
        return tuple(
            f"{tier}/{row_of(tier)['default_model']}"
            for tier in TIERS
            if tier in book.providers and "default_model" in row_of(tier)
        )

    def _shape(self, kind: str, found: Completion) -> dict[str, Any]:
        usage = found.usage
        return {
            "content": found.content,
            "model": found.model,
            "provider": found.provider,
            "usage": {
                "promptTokens": usage.prompt,
                "completionTokens": usage.completion,
                "totalTokens": usage.total,
            },
            "metadata": {
                "taskType": kind,
                "latencyMs": found.latency_ms,
                "cached": found.cached,
                "fallbackAttempts": max(0, found.attempts - 1),
                "timestamp": iso(self._core.wall()),
            },
        }


class Analytics:
    """llmAnalytics.*; what concerns the cache is among the cache's endpoints."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def endpoints(self) -> list[Endpoint]:
        """Everything served here."""
        base = "/api/trpc/llmAnalytics"
        wrapped = Param("input", about="The parameters as a JSON object, as tRPC sends them.")
        days = Param("days", "integer", "So many days up to today.", 7, least=1, most=3660)
        horizon = Param("horizonDays", "integer", "How far.", 30, least=1, most=366)
        return [
            Endpoint("GET", f"{base}.summary", self.summary,
                     "Calls, tokens, money and times by provider, model, task type and day.",
                     (days, wrapped), group="D"),
            Endpoint("GET", f"{base}.forecast", self.forecast, "What the coming days cost.",
                     (horizon, wrapped), group="D"),
            Endpoint("GET", f"{base}.circuitBreakerStatus", lambda _: self.status(),
                     "Each provider's breaker.", group="D"),
            Endpoint("POST", f"{base}.circuitBreakerReset", self.reset,
                     "Close a provider's breakers, or all.", body=(Param("provider"),), group="D"),
        ]  # fmt: skip

    async def summary(self, call: Call) -> dict[str, Any]:
        """Money is in the configured currency, whatever the old names say."""
        usage = self._core.usage
        money = usage.money()
        period = usage.last_days(_given(call, "days"))
        found: dict[str, list[Figures]] = {}
        for by in ("total", "provider", "model", "task_type", "day"):
            found[by] = await usage.ask(partial(reports.summary, period=period, by=by))

        spent = partial(_spent, money)
        (total,) = found["total"]
        return {
            "totalCalls": total.requests,
            "totalTokens": total.tokens,
            "totalCostCAD": money.of(total.cost),
            "totalSavingsCAD": money.of(total.saved + total.saved_by_routing),
            "providers": {
                str(one.name[0]): {**spent(one), "avgLatencyMs": _mean_ms(one),
                                   "errorRate": _share(one.errors, one.requests)}
                for one in found["provider"]
                if one.name[0]
            },
            "models": {
                str(one.name[1]): {"provider": one.name[0], **spent(one),
                                   "avgLatencyMs": _mean_ms(one)}
                for one in reversed(found["model"])
                if one.name[1]
            },
            "taskTypes": {str(one.name[0]): spent(one) for one in found["task_type"]
                          if one.name[0]},
            "dailyUsage": [{"date": date_of(int(one.name[0])), **spent(one)}
                           for one in found["day"]],
            "cacheMetrics": {
                "hits": total.hits,
                "misses": total.requests - total.hits,
                "hitRate": _share(total.hits, total.requests),
                "savingsCAD": money.of(total.saved),
            },
            "circuitBreakerStatus": self.status(),
        }  # fmt: skip

    async def forecast(self, call: Call) -> dict[str, Any]:
        """Without enough of a past there are no days, and the month is what it is so far."""
        found = await self._core.usage.outlook(_given(call, "horizonDays"))
        so_far = found["month_so_far"]
        projected = found["month_projected"]
        return {
            "currentMonthlyCAD": so_far,
            "projectedMonthlyCAD": so_far if projected is None else projected,
            "dailyForecast": [
                {"day": one["day"], "estimatedCostCAD": one["expected"]} for one in found["days"]
            ],
        }

    def status(self) -> dict[str, Any]:
        """A provider is as bad as the worst of its models."""
        found: dict[str, dict[str, Any]] = {
            name: {"state": "CLOSED", "failureCount": 0, "successCount": 0,
                   "nextAttemptTime": None}
            for name in self._core.book().providers
        }  # fmt: skip
        for target, door in self._core.breakers().items():
            one = found.get(target.partition("/")[0])
            if one is not None:
                self._worsen(one, door)
        return found

    def _worsen(self, one: dict[str, Any], door: Mapping[str, Any]) -> None:
        one["failureCount"] += door["failureCount"]
        one["successCount"] += door["successCount"]
        if _WORST.index(door["state"]) < _WORST.index(one["state"]):
            one["state"] = door["state"]
            wait = door["nextAttemptTime"]
            one["nextAttemptTime"] = None if wait is None else iso(self._core.wall() + wait)

    def reset(self, call: Call) -> dict[str, Any]:
        """Answers with the breakers as they are then."""
        provider = call["provider"]
        if provider is None:
            self._core.reset(None)
        else:
            for target in self._core.breakers():
                if provider in (target, target.partition("/")[0]):
                    self._core.reset(target)
        return {"success": True, "circuitBreakerStatus": self.status()}


def _spent(money: Money, one: Figures) -> dict[str, Any]:
    return {"calls": one.requests, "tokens": one.tokens, "estimatedCostCAD": money.of(one.cost)}


def _given(call: Call, name: str) -> Any:
    """A parameter, from the query or from tRPC's wrapping of it."""
    text = call["input"]
    if text is None:
        return call[name]
    try:
        given = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise bad("input", "must be a JSON object") from None
    if isinstance(given, dict):
        given = given.get("json", given)
    if not isinstance(given, dict):
        raise bad("input", "must be a JSON object")
    checked = Param(name, "integer", default=call[name], least=1, most=3660)
    return checked.check(given.get(name))


def _mean_ms(one: Figures) -> float:
    return round(one.total_us / one.requests / 1000, 3) if one.requests else 0.0


def _share(part: int, whole: int) -> float:
    return round(part / whole, 6) if whole else 0.0
