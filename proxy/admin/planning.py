"""POST /api/plan: where a request would go and why, without sending it."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

import orjson

from proxy.admin.endpoint import Call, Endpoint, Param
from proxy.dialects.registry import dialect
from proxy.exchange import Exchange, Options
from proxy.routing.plan import Plan
from proxy.routing.tiers import TIERS

_KIND = "openai"
_OPTIONS = ("use_case", "budget_tier", "category")


class Planning:
    """explain: a request's plan, from the proxy in force. Raises ClientError."""

    def __init__(self, explain: Callable[[Exchange], Plan]) -> None:
        self._explain = explain

    def endpoints(self) -> list[Endpoint]:
        """Everything served here."""
        body = (
            Param("model", about="As in a chat completion.", default="auto"),
            Param("text", about="The prompt; or messages."),
            Param("messages", "array", "As in a chat completion.", items="object"),
            Param("use_case"),
            Param("category"),
            Param("budget_tier", choices=tuple(TIERS)),
        )
        return [
            Endpoint("POST", "/api/plan", self.plan,
                     "Where a request would go, in which order, and why; nothing is sent.",
                     body=body, open_body=True, group="state"),
            Endpoint("GET", "/api/tiers", lambda _: {"tiers": dict(TIERS)},
                     "The budget tiers: USD that one request may cost.", group="state"),
        ]  # fmt: skip

    def plan(self, call: Call) -> dict[str, Any]:
        """The plan as JSON."""
        beside = ("text", "firsttoken", *_OPTIONS)
        body = {name: value for name, value in call.body.items() if name not in beside}
        body |= {"model": call["model"]}
        body.setdefault("messages", [{"role": "user", "content": call["text"] or ""}])
        dialect(_KIND).check(body)
        options = _options(call)
        exchange = Exchange(_KIND, body, call.caller, perf_counter(), options)
        exchange.model = call["model"]
        exchange.prompt_bytes = len(orjson.dumps(body))
        plan = self._explain(exchange)
        return {
            "route": exchange.route,
            "category": exchange.category,
            "confidence": round(exchange.confidence, 4),
            "complexity": round(exchange.complexity, 4),
            "language": exchange.language,
            "strategy": plan.rule.strategy,
            "targets": [target.name for target in plan.targets],
            "skipped": [{"target": name, "why": why} for name, why in plan.skipped],
            "why": exchange.why or plan.reason,
            "wait_s": plan.wait_s,
        }


def _options(call: Call) -> Options:
    """A request's own options, written beside it or, as in the request itself, in `firsttoken`."""
    within = call.body.get("firsttoken")
    given = within if isinstance(within, dict) else {}
    wanted = [call[name] if call[name] is not None else given.get(name) for name in _OPTIONS]
    use_case, tier, category = (one if isinstance(one, str) else None for one in wanted)
    return Options(use_case=use_case, budget_tier=tier, category=category)
