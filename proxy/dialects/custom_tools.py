"""Tools that take text of any form, told to models that know functions only.

OpenAI's custom tools have no schema; a model elsewhere gets a function with one text, under a
reserved prefix by which the answer's calls are known for what they are.
"""

from __future__ import annotations

import orjson

from proxy.chat import Json, Tool
from proxy.dialects.loose import mapping, string

CUSTOM = "custom__"
_TEXT: Json = {"type": "string", "description": "The tool's whole input, as it is."}
_SCHEMA: Json = {
    "type": "object",
    "properties": {"input": _TEXT},
    "required": ["input"],
    "additionalProperties": False,
}


def custom_tool(tool: Json) -> Tool:
    """The function that stands for a custom tool. A grammar becomes part of its description."""
    form = mapping(tool.get("format"))
    words = [string(tool.get("description"))]
    if form.get("type") == "grammar":
        rule = string(form.get("definition"))
        words.append(f"The input must follow this {string(form.get('syntax'))} grammar:\n{rule}")
    return Tool(CUSTOM + tool["name"], "\n\n".join(one for one in words if one), _SCHEMA)


def custom_arguments(text: str) -> str:
    """The function's arguments for such an input."""
    return orjson.dumps({"input": text}).decode()


def custom_input(arguments: str) -> str:
    """The input among a function's arguments; the arguments themselves where there is none."""
    try:
        given = orjson.loads(arguments or "{}")
    except orjson.JSONDecodeError:
        return arguments
    return string(given.get("input")) if isinstance(given, dict) else arguments
