"""A neutral request as a Messages request.

What differs (PROVIDERS 5.3, and Anthropic's own notes on OpenAI compatibility): a limit is
required; all system words come first, apart; turns alternate; a tool's result is a block of the
user's turn. A schema for the answer is native where the model has it and the schema is closed;
else the model is made to call a reserved tool, whose input the decoder reads as the answer's text;
where it cannot be made to, it is told.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

from proxy.chat import ChatRequest, Json, Tool
from proxy.dialects.anthropic_models import Traits, traits
from proxy.dialects.anthropic_shapes import ANSWER_TOOL
from proxy.dialects.anthropic_turns import calls_in, ends_unsigned, turns
from proxy.dialects.content import unplaced
from proxy.dialects.dialect import Rendered
from proxy.dialects.marks import marked
from proxy.dialects.shapes import effort_of, short_name

_NO_PLACE = (
    "seed", "n", "presence_penalty", "frequency_penalty", "logit_bias", "logprobs", "top_logprobs",
)  # fmt: skip
_UNDERSTOOD = frozenset({"thinking", "cache_control"})  # among the extra parameters
_CHOICES = {"auto": "auto", "required": "any", "none": "none"}
_FORCING = frozenset({"any", "tool"})
_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 32768}
_EFFORTS = {  # Anthropic's words; any other word leaves it to the model
    "minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "max",
}  # fmt: skip
_USER_CHARS = 256  # Anthropic's bound
_LEAST_BUDGET = 1024  # tokens; Anthropic refuses less
_ROOM = 1024  # tokens left to the answer beside its thinking
_ANY_OBJECT: Json = {"type": "object"}
_SCHEMA_WORDS = frozenset(
    ("type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf",
     "allOf", "$ref", "$defs", "description", "title", "format")
)  # fmt: skip
_JSON_ONLY = "Answer with one JSON object and nothing else: no words around it, no code fence."


@dataclass(slots=True)
class _Draft:
    body: Json
    traits: Traits
    dropped: list[str] = field(default_factory=list)
    instructions: list[str] = field(default_factory=list)  # added to the system words
    thinks: bool = False


def render_message(request: ChatRequest, model: str) -> Rendered:
    """See Dialect.render."""
    took = traits(model)
    draft = _Draft({"model": model, "max_tokens": request.max_tokens or took.max_tokens}, took)
    draft.dropped.extend(unplaced(request, _NO_PLACE, _UNDERSTOOD))
    _tools(request, draft)
    _think(request, draft)
    _format(request, draft)
    _sample(request, draft)
    system, draft.body["messages"] = turns(request.messages, draft.dropped)
    system.extend({"type": "text", "text": words} for words in draft.instructions)
    if system:
        plain = len(system) == 1 and "cache_control" not in system[0]
        draft.body["system"] = system[0]["text"] if plain else system
    if request.stop:
        kept = [words for words in request.stop if words.strip()]  # blank ones are refused
        if kept:
            draft.body["stop_sequences"] = kept
        if len(kept) < len(request.stop):
            draft.dropped.append("stop")
    if request.user:
        draft.body["metadata"] = {"user_id": short_name(request.user, _USER_CHARS)}
    if request.stream:
        draft.body["stream"] = True
    if isinstance(mark := (request.extra or {}).get("cache_control"), dict):
        draft.body["cache_control"] = mark  # of all that can be kept, up to the last turn
    return Rendered("/messages", draft.body, tuple(dict.fromkeys(draft.dropped)))


def _tools(request: ChatRequest, draft: _Draft) -> None:
    tools = [_tool(tool) for tool in request.tools]
    choice: Json = {}
    if not tools:
        # Turns with calls are refused where no tool is declared.
        tools = [{"name": name, "input_schema": _ANY_OBJECT} for name in calls_in(request.messages)]
        choice = {"type": "none"} if tools else {}
    elif request.tool_choice is not None:
        choice = _choice(request.tool_choice)
    if request.parallel_tool_calls is False and request.tools and choice.get("type") != "none":
        choice = {"type": "auto", **choice, "disable_parallel_tool_use": True}
    if choice.get("type") in _FORCING and not draft.traits.forced:
        choice["type"] = "auto"
        choice.pop("name", None)
        draft.dropped.append("tool_choice")
    if tools:
        draft.body["tools"] = tools
    if choice:
        draft.body["tool_choice"] = choice


def _tool(tool: Tool) -> Json:
    told: Json = {"name": tool.name, "input_schema": tool.parameters or _ANY_OBJECT}
    if "type" not in told["input_schema"]:
        told["input_schema"] = {"type": "object", **told["input_schema"]}
    if tool.description:
        told["description"] = tool.description
    return marked(told, tool.cache_mark)


def _choice(choice: str) -> Json:
    if choice.startswith("function:"):
        return {"type": "tool", "name": choice.removeprefix("function:")}
    return {"type": _CHOICES[choice]}


def _think(request: ChatRequest, draft: _Draft) -> None:
    """Thinking by effort or by budget; not where a tool is forced (by budget), the limit is too
    low, or the last turn's thoughts are lost: Anthropic refuses all three."""
    effort, budget = request.reasoning_effort, request.reasoning_budget
    asked = (request.extra or {}).get("thinking")  # Anthropic's own words, through another client
    if isinstance(asked, dict):
        budget = asked.get("budget_tokens") or budget
        effort = effort or ("high" if asked.get("type") in ("enabled", "adaptive") else None)
    if effort in (None, "none") and budget is None:
        return
    forced = draft.body.get("tool_choice", {}).get("type") in _FORCING
    if draft.traits.adaptive:
        effort = effort or effort_of(budget or 0)
        draft.body["thinking"] = {"type": "adaptive", "display": "summarized"}
        if effort in _EFFORTS:
            draft.body["output_config"] = {"effort": _EFFORTS[effort]}
        draft.thinks = True
        return
    most = draft.body["max_tokens"] - _ROOM
    budget = min(int(budget or _BUDGETS.get(str(effort), _BUDGETS["medium"])), most)
    if forced or budget < _LEAST_BUDGET or ends_unsigned(request.messages):
        draft.dropped.append("reasoning_effort")
        return
    draft.body["thinking"] = {"type": "enabled", "budget_tokens": budget}
    draft.thinks = True


def _format(request: ChatRequest, draft: _Draft) -> None:
    wanted = request.response_format or {}
    if wanted.get("type") == "json_object":
        draft.instructions.append(_JSON_ONLY)
    if wanted.get("type") != "json_schema":
        return
    about = wanted.get("json_schema")
    schema = about.get("schema") if isinstance(about, dict) else None
    if not isinstance(schema, dict):
        draft.instructions.append(_JSON_ONLY)
    elif draft.traits.schemas and _closed(schema):
        form = {"type": "json_schema", "schema": schema}
        draft.body["output_config"] = {**draft.body.get("output_config", {}), "format": form}
    elif schema.get("type") == "object":
        _answer_tool(request, draft, schema)
    else:
        draft.instructions.append(f"{_JSON_ONLY} It follows this JSON schema: {_text(schema)}")


def _answer_tool(request: ChatRequest, draft: _Draft, schema: Json) -> None:
    tools = draft.body.setdefault("tools", [])
    what = "Gives the final answer. Its input is all that the reader will see."
    tools.append({"name": ANSWER_TOOL, "description": what, "input_schema": schema})
    choice = draft.body.get("tool_choice", {})
    if choice.get("type") in _FORCING:
        return  # a real call was asked for first
    may_force = draft.traits.forced and (draft.traits.adaptive or not draft.thinks)
    if not may_force:
        draft.body["tool_choice"] = {"type": "auto"}
        draft.instructions.append(f"Give your final answer by calling {ANSWER_TOOL}.")
    elif request.tools and choice.get("type") != "none":
        draft.body["tool_choice"] = {**choice, "type": "any"}
    else:
        draft.body["tool_choice"] = {"type": "tool", "name": ANSWER_TOOL}


def _closed(schema: Any) -> bool:
    """Whether this schema is one that Anthropic compiles: closed objects, known words only."""
    if not isinstance(schema, dict) or not schema.keys() <= _SCHEMA_WORDS:
        return False
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        return False
    inner = [
        *(schema.get("properties") or {}).values(),
        *(schema.get("$defs") or {}).values(),
        *(schema.get("anyOf") or ()),
        *(schema.get("allOf") or ()),
        *([schema["items"]] if "items" in schema else ()),
    ]
    return all(_closed(one) for one in inner)


def _text(schema: Json) -> str:
    return orjson.dumps(schema).decode()


def _sample(request: ChatRequest, draft: _Draft) -> None:
    """Temperature goes up to 1 only; not beside top_p, nor where the model thinks."""
    said = {
        name: value
        for name in ("temperature", "top_p", "top_k")
        if (value := getattr(request, name)) is not None
    }
    if not draft.traits.samples or draft.thinks:
        draft.dropped.extend(name for name in said if said[name] != 1)
        return
    if said.get("temperature", 0) > 1:
        said["temperature"] = 1
        draft.dropped.append("temperature")
    if "temperature" in said and said.pop("top_p", 1) != 1:
        draft.dropped.append("top_p")
    draft.body.update(said)
