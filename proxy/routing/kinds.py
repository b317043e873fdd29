"""What kinds of requests there are, by every name they go by, and who is asked by default.

The chains are the older routers' rules in today's names: a primary and a fallback for each use
case, from whatever providers are there. Whoever writes a [[route]] or a [[category]] knows better.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from proxy.routing.names import Target, target_of

MULTILINGUAL = "multilingual"

# Use cases, task types and agents of older routers, and the category that each of them means.
MEANT: Mapping[str, str] = MappingProxyType(
    {
        "code_generation": "code",
        "testing": "code",
        "diag_postgresql": "code",
        "documentation": "summarization",
        "chat": "conversation",
        "simple": "conversation",
        "creative_writing": "creative",
        "content_generation": "creative",
        "qualification": "classification",
        "verification": "reasoning",
        "expert": "reasoning",
        "function_calling": "tools",
    }
)

CHAINS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "classification": ("qwen/turbo", "glm/4-air", "groq/llama-8b"),
        "code": ("deepseek/coder", "claude/sonnet", "openai/gpt4"),
        "summarization": ("groq/llama-70b", "qwen/turbo", "gemini/flash-lite"),
        "extraction": ("groq/llama-70b", "qwen/turbo", "openai/4o-mini"),
        "web_search": ("perplexity/large", "perplexity/small"),
        "long_context": ("kimi/128k", "claude/sonnet", "gemini/flash"),
        "analysis": ("claude/sonnet", "openai/4o", "gemini/pro"),
        "reasoning": ("claude/opus", "deepseek/reasoner", "openai/gpt4"),
        "conversation": ("openai/4o-mini", "groq/llama-70b", "mistral/small"),
        "qa": ("openai/4o-mini", "groq/llama-70b", "gemini/flash"),
        "translation": ("qwen/max", "glm/4-plus", "mistral/large"),
        MULTILINGUAL: ("qwen/max", "glm/4-plus", "kimi/k2"),
        "creative": ("claude/sonnet", "mistral/large", "openai/4o"),
        "tools": ("openai/4o", "claude/sonnet", "mistral/large"),
        # Agents that were a provider's by name, and kinds of their own.
        "gemini_analysis": ("gemini/pro", "claude/sonnet", "openai/4o"),
        "gemini_rapid": ("gemini/flash-lite", "groq/llama-8b", "qwen/turbo"),
    }
)

# What a model is told of a category, where one is asked to decide.
SAID: Mapping[str, str] = MappingProxyType(
    {
        "code": "write, explain or mend program code",
        "reasoning": "mathematics, logic, puzzles, step by step",
        "analysis": "compare, weigh, judge, find causes",
        "summarization": "shorten a text",
        "translation": "put a text into another language",
        "classification": "sort a text into given labels",
        "extraction": "pull names, dates or fields out of a text",
        "creative": "stories, poems, slogans, letters",
        "conversation": "small talk, greetings, opinions",
        "web_search": "news, prices, weather: what only the web knows today",
        "qa": "a question of fact",
    }
)

# Languages that the models of MULTILINGUAL speak better than most.
_SPOKEN_THERE = frozenset(("ar", "zh", "ja", "ko", "fa", "ur", "th"))
_BY_LANGUAGE = frozenset(("", "conversation", "qa", "translation", "summarization", "creative"))


def meaning(name: str, own: Mapping[str, object]) -> str:
    """The category that a use case, task type or agent means. own: names that mean themselves."""
    return name if name in own else MEANT.get(name, name)


def by_language(category: str, language: str) -> str:
    """The category whose chain serves a request in this language, ISO 639-1."""
    if language in _SPOKEN_THERE and category in _BY_LANGUAGE:
        return MULTILINGUAL
    return category


def default_chains(
    resolve: Callable[[str], str | None], default: tuple[Target, ...]
) -> dict[str, tuple[Target, ...]]:
    """The chain of each category: those of its models that are there, then everybody else.

    resolve: provider/model for a name, None where its provider is not there. A category of which no
    model is there has no chain.
    """
    found: dict[str, tuple[Target, ...]] = {}
    for category, names in CHAINS.items():
        known = [target_of(name) for text in names if (name := resolve(text)) is not None]
        if known:
            found[category] = tuple(dict.fromkeys([*known, *default]))
    return found
