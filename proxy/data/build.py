"""Build models.json, the catalogue's snapshot: windows, capabilities and prices of known models.

    pip install genai-prices==0.2.3 && pip download --no-deps litellm==1.83.0
    python proxy/data/build.py litellm-1.83.0-py3-none-any.whl > proxy/data/models.json

Prices are genai-prices' (MIT), with their tiers and dates; LiteLLM's table (MIT) gives output
limits and capabilities, and Qwen's prices, which the first lacks. Neither is needed at run time.
JSON and not TOML: 1,500 models load in milliseconds with orjson, in 0.2 s with tomllib.
"""

from __future__ import annotations

import re
import sys
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from importlib import import_module
from importlib.metadata import version
from typing import Any

import orjson

TABLE = "litellm/model_prices_and_context_window_backup.json"
PER_MILLION = Decimal(1_000_000)

# ours: (genai-prices' provider, ids to take, LiteLLM's prefixes)
SOURCES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "openai": ("openai", r"(?!ft:)[^/:]+", ("",)),
    "anthropic": ("anthropic", r".+", ("",)),
    "gemini": ("google", r"gem(ini|ma)-.+", ("gemini/", "")),
    "vertex": ("google", r"claude-.+", ("vertex_ai/", "")),
    "mistral": ("mistral", r"[^:]+", ("mistral/",)),
    "deepseek": ("deepseek", r".+", ("deepseek/", "")),
    "kimi": ("moonshotai", r".+", ("moonshot/",)),
    "glm": ("zai", r".+", ("zai/",)),
    "zhipu": ("zhipuai", r".+", ("zai/",)),
    "grok": ("x-ai", r".+", ("xai/",)),
    "groq": ("groq", r".+", ("groq/",)),
    "cerebras": ("cerebras", r".+", ("cerebras/",)),
    "together": ("together", r".+", ("together_ai/",)),
    "fireworks": ("fireworks", r".+", ("fireworks_ai/accounts/fireworks/models/",)),
    "perplexity": ("perplexity", r"(sonar|r1).*", ("perplexity/",)),
    "cohere": ("cohere", r".+", ("",)),
    "bedrock": ("aws", r".+", ("",)),
    "azure": ("azure", r"[^:]+", ("azure/",)),
    "openrouter": ("openrouter", r"[^:]+(:free)?", ("openrouter/",)),
}
ONLY_LITELLM = {"qwen": "dashscope/"}

CAPABILITIES = {
    "supports_function_calling": "tools",
    "supports_vision": "vision",
    "supports_response_schema": "json_schema",
    "supports_reasoning": "reasoning",
    "supports_pdf_input": "files",
    "supports_audio_input": "audio",
    "supports_assistant_prefill": "prefill",
}
# Families that are younger than the table. Anthropic takes no prefill from 4.6 on.
FAMILIES: dict[str, tuple[tuple[str, str], ...]] = {
    "openai": (
        (r"gpt-(5|6).*", "tools vision json_schema reasoning files"),
        (r"gpt-4(o|\.1).*", "tools vision json_schema files"),
    ),
    "anthropic": (
        (r"claude-3.*", "tools vision prefill"),
        (r"claude-(opus|sonnet|haiku)-4-[0-5]", "tools vision files reasoning prefill"),
        (r"claude-[a-z]+-[4-9].*", "tools vision files reasoning json_schema"),
    ),
    "vertex": ((r"claude-[a-z]+-[4-9].*", "tools vision files reasoning"),),
    "gemini": (
        (r"gemini-(?!.*(tts|embedding|image|live)).*",
         "tools vision json_schema reasoning files audio"),
    ),
    "grok": ((r"grok-4.*", "tools vision json_schema reasoning"),),
    "mistral": ((r"(mistral|ministral)-(?!embed|ocr).*", "tools json_schema prefill"),),
    "deepseek": (
        (r"deepseek-(v4.*|flash|reasoner)", "tools json_schema reasoning"),
        (r"deepseek-.*", "tools json_schema"),
    ),
    "kimi": ((r"kimi-k(2\.[6-9]|3).*", "tools vision json_schema reasoning"),),
    "glm": ((r"glm-(4\.[5-9]|5).*", "tools reasoning"),),
    "zhipu": ((r"glm-(4\.[5-9]|5).*", "tools reasoning"),),
    "cohere": ((r"command-.*", "tools json_schema"),),
    "perplexity": ((r"sonar.*", "json_schema"),),
}  # fmt: skip


def main(wheel: str) -> bytes:
    """The snapshot's bytes: sorted, so that a rebuild shows what changed."""
    with zipfile.ZipFile(wheel) as archive:
        table = orjson.loads(archive.read(TABLE))
    table = {**{undated(name): found for name, found in table.items()}, **table}
    known = {one.id: one for one in import_module("genai_prices.data").providers}
    models: dict[str, dict[str, Any]] = {}
    for name, (source, wanted, prefixes) in SOURCES.items():
        for model in known[source].models:
            ident = model.id.lower() if name in ("glm", "zhipu") else model.id
            if re.fullmatch(wanted, ident):
                names = [ident, undated(ident), *sorted(equals(model.match))]
                found: dict[str, Any] = next(
                    (table[p + n] for n in names for p in prefixes if p + n in table), {}
                )
                models[f"{name}/{ident}"] = row(name, ident, model, found)
    for name, prefix in ONLY_LITELLM.items():
        for ident, found in table.items():
            if ident.startswith(prefix) and found.get("mode") == "chat":
                models[f"{name}/{ident.removeprefix(prefix)}"] = row(name, ident, None, found)
    head = {
        "sources": {
            "g": f"genai-prices {version('genai-prices')}",
            "l": f"litellm {wheel.rsplit('/', 1)[-1].split('-')[1]}",
        },
        "models": {name: models[name] for name in sorted(models)},
    }
    text = orjson.dumps(head, option=orjson.OPT_APPEND_NEWLINE)
    return re.sub(rb'("models":\{|\},)("[^"]+":\{"s")', rb"\1\n\2", text)  # one model a line


def row(name: str, ident: str, model: Any, found: dict[str, Any]) -> dict[str, Any]:
    """One model. Empty values are left out."""
    prices = litellm_prices(found) if model is None else list(genai_prices(model))
    whole = {
        "s": "l" if model is None else "g",
        "context": (model.context_window if model else None) or found.get("max_input_tokens"),
        "output": found.get("max_output_tokens"),
        "can": capabilities(name, ident, found),
        "also": sorted({one.lower() for one in equals(model.match)} - {ident.lower()})
        if model
        else [],
        "old": bool(model and model.deprecated),
        "prices": prices,
    }
    return {key: value for key, value in whole.items() if value}


def capabilities(name: str, ident: str, found: dict[str, Any]) -> list[str]:
    """What the table says, else what the family has."""
    if found:
        return sorted(word for flag, word in CAPABILITIES.items() if found.get(flag))
    for pattern, words in FAMILIES.get(name, ()):
        if re.fullmatch(pattern, ident):
            return sorted(words.split())
    return []


def undated(name: str) -> str:
    """A model's name without the date of its version."""
    return re.sub(r"(-\d{4}-\d\d-\d\d|-\d{8}|-latest)$", "", name)


def equals(clause: Any) -> set[str]:
    """The other ids that a model is known by."""
    if (value := getattr(clause, "equals", None)) is not None:
        return {value}
    return {one for inner in getattr(clause, "or_", ()) for one in equals(inner)}


UNITS = (("in", "input_mtok"), ("out", "output_mtok"), ("cached", "cache_read_mtok"),
         ("written", "cache_write_mtok"))  # fmt: skip


def genai_prices(model: Any) -> Iterator[dict[str, Any]]:
    """Each price with the day or the hours (UTC) from which it holds; the last that does counts."""
    conditions = model.prices if isinstance(model.prices, list) else [model.prices]
    for one in conditions:
        inner = getattr(one, "prices", one)
        price: dict[str, Any] = {}
        tiers: dict[int, dict[str, str]] = {}
        for short, unit in UNITS:
            value = getattr(inner, unit, None)
            if value is None:
                continue
            price[short] = plain(getattr(value, "base", value))
            for tier in getattr(value, "tiers", ()):
                tiers.setdefault(tier.start, {})[short] = plain(tier.price)
        if not price:
            continue
        if tiers:
            price["tiers"] = [[start, tiers[start]] for start in sorted(tiers)]
        constraint: Any = getattr(one, "constraint", None)
        if (start := getattr(constraint, "start_date", None)) is not None:
            price["from"] = start.isoformat()
        if (begin := getattr(constraint, "start_time", None)) is not None:
            price["hours"] = [begin.strftime("%H:%M"), constraint.end_time.strftime("%H:%M")]
        yield price


def litellm_prices(found: dict[str, Any]) -> list[dict[str, Any]]:
    """USD per token, as floats: turned into exact decimals per million by their shortest form."""
    if found.get("tiered_pricing"):
        steps = found["tiered_pricing"]
        tiers = [[int(one["range"][0]), per_million(one)] for one in steps[1:]]
        return [{**per_million(steps[0]), **({"tiers": tiers} if tiers else {})}]
    price: dict[str, Any] = per_million(found)
    return [price] if price else []


def per_million(found: dict[str, Any]) -> dict[str, str]:
    units = (("in", "input_cost_per_token"), ("out", "output_cost_per_token"),
             ("cached", "cache_read_input_token_cost"))  # fmt: skip
    return {
        short: plain(Decimal(str(found[unit])) * PER_MILLION)
        for short, unit in units
        if found.get(unit) is not None
    }


def plain(value: Decimal) -> str:
    """Digits without an exponent or trailing zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


if __name__ == "__main__":
    sys.stdout.buffer.write(main(sys.argv[1]))
