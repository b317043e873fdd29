"""Predecessor C: tasks with requirements, a preferred model, and agents that have their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy.admin.completing import Order
from proxy.admin.endpoint import Call, Endpoint, Param, texts
from proxy.admin.predecessors.seam import Core
from proxy.exchange import Options

# Agent: its model, its temperature, and our category for it.
AGENTS: Mapping[str, tuple[str, float, str]] = {
    "code_generation": ("claude/sonnet", 0.2, "code"),
    "documentation": ("openai/4o", 0.5, "creative"),
    "testing": ("claude/sonnet", 0.3, "code"),
    "diag_postgresql": ("openai/4o", 0.1, "analysis"),
    "gemini_analysis": ("gemini/pro", 0.4, "analysis"),
    "gemini_rapid": ("gemini/flash", 0.7, "conversation"),
}


class Orchestrator:
    """Its endpoint."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def endpoints(self) -> list[Endpoint]:
        """Everything served here."""
        body = (
            Param("task", about="What is to be done.", required=True),
            Param("preferred_model", about="Tried first, where it is there."),
            Param(
                "requirements",
                "array",
                "Kinds of work, such as analysis, or an agent's name.",
                items="string",
            ),
            Param("temperature", "number", least=0, most=2),
        )
        return [
            Endpoint("POST", "/orchestrator/process", self.process,
                     "A task, done by the preferred model or by the one for its requirements.",
                     body=body, open_body=True, access="caller", group="C"),
        ]  # fmt: skip

    async def process(self, call: Call) -> dict[str, Any]:
        """The key comes in X-API-Key."""
        wishes = texts("requirements", call["requirements"], 20)
        agent = next((AGENTS[wish] for wish in wishes if wish in AGENTS), None)
        chain = [call["preferred_model"]] if call["preferred_model"] else []
        temperature, category = call["temperature"], wishes[0][:100] if wishes else None
        if agent is not None:
            model, own, category = agent
            chain.append(model)
            temperature = own if temperature is None else temperature
        order = Order(
            call.caller,
            [{"role": "user", "content": call["task"]}],
            [*chain, "auto"] if chain else (),
            Options(use_case=wishes[0][:100] if wishes else None, category=category),
            {"temperature": temperature},
        )
        found = await self._core.completer.complete(order)
        usage = found.usage
        return {
            "success": True,
            "status": "success",
            "result": found.content,
            "provider": found.provider,
            "model": found.model,
            "usage": {
                "prompt_tokens": usage.prompt,
                "completion_tokens": usage.completion,
                "total_tokens": usage.total,
            },
            "cost_usd": float(found.cost_usd),
            "processing_time_ms": found.latency_ms,
        }
