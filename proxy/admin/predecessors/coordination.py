"""Predecessor A: fifteen providers in four tiers, ten use cases, five budget tiers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from proxy.admin.completing import Order
from proxy.admin.endpoint import Call, Endpoint, Param
from proxy.admin.predecessors.seam import Core
from proxy.catalog import row_of
from proxy.exchange import Options
from proxy.models import Models

# In its own names and order.
PROVIDERS = (
    "claude", "openai", "mistral", "gemini", "qwen", "deepseek", "kimi", "glm", "groq", "grok",
    "perplexity", "openrouter", "huggingface", "github", "copilot",
)  # fmt: skip
TIERS = {1: "premium", 2: "cost_optimized", 3: "speed_scale", 4: "developer_enterprise"}
# Use case: primary, fallback, and our category for it.
USE_CASES: Mapping[str, tuple[str, str, str]] = {
    "classification": ("qwen/turbo", "glm/4-air", "classification"),
    "code_generation": ("deepseek/coder", "claude/sonnet", "code"),
    "summarization": ("groq/llama-70b", "qwen/turbo", "summarization"),
    "web_search": ("perplexity/large", "perplexity/small", "web_search"),
    "long_context": ("kimi/128k", "claude/sonnet", "long_context"),
    "analysis": ("claude/sonnet", "openai/4o", "analysis"),
    "reasoning": ("claude/opus", "deepseek/reasoner", "reasoning"),
    "chat": ("openai/4o-mini", "groq/llama-70b", "conversation"),
    "translation": ("qwen/max", "glm/4-plus", "translation"),
    "creative_writing": ("claude/sonnet", "mistral/large", "creative"),
}
BUDGET_TIERS: Mapping[str, float] = {
    "ultra_economy": 0.001, "economy": 0.01, "standard": 0.05, "premium": 0.20, "enterprise": 1.00,
}  # fmt: skip  # USD, the most one request may cost


class Coordination:
    """Its three endpoints."""

    def __init__(self, core: Core) -> None:
        self._core = core
        groups = {name: _groups(name) for name in PROVIDERS}
        self._models = Models((), groups)

    def endpoints(self) -> list[Endpoint]:
        """Everything served here."""
        base = "/api/coordination/llm"
        body = (
            Param("messages", "array", "As in a chat completion.", required=True, items="object"),
            Param("use_case", about="What it is for.", choices=tuple(USE_CASES)),
            Param("budget_tier", about="What it may cost.", choices=tuple(BUDGET_TIERS)),
            Param("max_tokens", "integer", least=1),
            Param("temperature", "number", least=0, most=2),
        )
        return [
            Endpoint("GET", f"{base}/providers", self.providers,
                     "Fifteen providers with their tiers, models and prices.", group="A"),
            Endpoint("GET", f"{base}/use-cases", lambda _: self.use_cases(),
                     "Ten routing rules, each a primary and a fallback.", group="A"),
            Endpoint("POST", f"{base}/generate", self.generate,
                     "An answer by the use case's primary, else by its fallback.", body=body,
                     open_body=True, access="caller", group="A"),
        ]  # fmt: skip

    def providers(self, _: Call) -> dict[str, Any]:
        """By their old names."""
        there = self._core.book().providers
        return {
            "success": True,
            "providers": {name: self._provider(name, there) for name in PROVIDERS},
        }

    def use_cases(self) -> dict[str, Any]:
        """In the old names, which still resolve."""
        return {
            name: {"primary": primary, "fallback": fallback}
            for name, (primary, fallback, _) in USE_CASES.items()
        }

    async def generate(self, call: Call) -> dict[str, Any]:
        """Primary, fallback, error; where neither has a key, any model of the category."""
        chain: list[str] = []
        category = None
        if call["use_case"] is not None:
            *chain, category = USE_CASES[call["use_case"]]
        options = Options(
            use_case=call["use_case"], budget_tier=call["budget_tier"], category=category
        )
        params = {name: call[name] for name in ("max_tokens", "temperature")}
        order = Order(call.caller, call["messages"], chain, options, params)
        found = await self._core.completer.complete(order)
        usage = found.usage
        return {
            "success": True,
            "content": found.content,
            "provider": _old_name(found.provider),
            "model": found.model,
            "use_case": call["use_case"],
            "budget_tier": call["budget_tier"],
            "usage": {
                "prompt_tokens": usage.prompt,
                "completion_tokens": usage.completion,
                "total_tokens": usage.total,
            },
            "cost_usd": float(found.cost_usd),
            "latency_ms": found.latency_ms,
            "cached": found.cached,
            "fallback_used": found.attempts > 1,
        }

    def _provider(self, name: str, there: Mapping[str, Any]) -> dict[str, Any]:
        row = row_of(name)
        own = next((one for one in (name, row["name"]) if one in there), None)
        short: Mapping[str, str] = row.get("short", {})
        default = row.get("default_model")
        ids = {**short, **({"default": default} if default else {})}
        tier = row.get("tier", 4)
        return {
            "name": row["name"],
            "configured": own is not None,
            "tier": tier,
            "tier_name": TIERS[tier],
            "default_model": default,
            "max_context_tokens": row.get("max_context_tokens"),
            "capabilities": list(row.get("capabilities", ())),
            "models": {old: self._model(name, today) for old, today in ids.items()},
        }

    def _model(self, provider: str, model: str) -> dict[str, Any]:
        known = self._models.get(f"{provider}/{model}")
        at = datetime.fromtimestamp(self._core.wall(), UTC)
        price = known.prices.at(at) if known is not None else None
        return {
            "id": model,
            "context_tokens": known.context_tokens if known is not None else None,
            "input_per_1m": float(price.rates.input) if price is not None else None,
            "output_per_1m": float(price.rates.output) if price is not None else None,
        }


def _groups(name: str) -> tuple[str, ...]:
    row = row_of(name)
    return tuple(row.get("catalogue", (row["name"],)))


def _old_name(provider: str) -> str:
    row = row_of(provider)
    for name in PROVIDERS:
        if provider == name or (row and row_of(name) is row):
            return name
    return provider
