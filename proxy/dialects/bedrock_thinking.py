"""How each model family at Bedrock is told how much to think: fields beside the common ones."""

from __future__ import annotations

import re

from proxy.chat import ChatRequest, Json

LEAST_BUDGET = 1024  # of Claude
_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 24576}
_LEVELS = ("low", "medium", "high")
_CLAUDE = re.compile(r"claude-[a-z]+-(\d+)(?:-(\d{1,2})(?!\d))?")
_ADAPTIVE_SINCE = (4, 6)


def is_adaptive(model: str) -> bool:
    """Whether this is a Claude that decides itself how long to think."""
    version = _CLAUDE.search(model)
    return version is not None and (int(version[1]), int(version[2] or 0)) >= _ADAPTIVE_SINCE


def thinking(request: ChatRequest, model: str, dropped: set[str]) -> Json:
    """The model's own fields; what it cannot be told is noted as dropped."""
    effort, budget = request.reasoning_effort, request.reasoning_budget
    if effort is None and budget is None:
        return {}
    off = effort == "none" or budget == 0
    level = effort if effort in _LEVELS else "low" if effort == "minimal" else "high"
    if effort is None:
        level = "medium"
    if "claude" in model:
        return _claude(request, model, level, off=off)
    if off:
        found: Json = {"reasoningConfig": {"type": "disabled"}} if "nova-2" in model else {}
    elif "nova-2" in model:
        found = {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": level}}
    elif "gpt-oss" in model:
        found = {"reasoning_effort": level}
    elif "qwen3" in model or "deepseek" in model or "kimi" in model:
        found = {"reasoning_config": level}
    else:
        found = {}
    if not found:
        dropped.add("reasoning_effort")
    return found


def _claude(request: ChatRequest, model: str, level: str, *, off: bool) -> Json:
    if is_adaptive(model):
        if off:
            return {"thinking": {"type": "disabled"}}
        found: Json = {"thinking": {"type": "adaptive", "display": "summarized"}}
        if request.reasoning_effort is not None:
            found["output_config"] = {"effort": level}
        return found
    budget = request.reasoning_budget
    if budget is None:
        budget = _BUDGETS.get(request.reasoning_effort or "", _BUDGETS["high"])
    if request.max_tokens is not None:  # thoughts count, and must leave room for an answer
        budget = min(budget, request.max_tokens - 1)
    if off or budget < LEAST_BUDGET:
        return {}
    return {"thinking": {"type": "enabled", "budget_tokens": budget}}
