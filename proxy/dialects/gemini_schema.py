"""JSON Schemas as Gemini takes them, in parametersJsonSchema and responseJsonSchema.

What it refuses is told in what it knows, as pydantic-ai 2.38.0 (MIT) does in profiles/google.py:
const is an enum of one, a format is words, bounds that exclude are left out. Beside a reference
nothing else may stand (ai.google.dev/api/generate-content, responseJsonSchema), definitions have
one name, and an intersection is what it comes to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy.chat import Json
from proxy.dialects.loose import mapping, strings

_REFUSED = frozenset(
    ("$schema", "discriminator", "examples", "exclusiveMinimum", "exclusiveMaximum")
)
_FORMATS = frozenset(("date-time", "date", "time"))
_NAMED = ("properties", "$defs")  # what holds schemas by name
_LISTED = ("anyOf", "oneOf", "prefixItems")
_INNER = ("items", "additionalProperties")
_OLD, _NEW = "#/definitions/", "#/$defs/"
_DEEPEST = 64  # levels; what is deeper is told as it is
_TYPES: Mapping[type, str] = {bool: "boolean", int: "integer", float: "number", str: "string"}


def schema_for(schema: Mapping[str, Any]) -> Json:
    """The schema, in words that Gemini knows."""
    return _object(dict(schema), _DEEPEST)


def _told(schema: Any, depth: int) -> Any:
    if schema is True:
        return {}
    return _object(schema, depth) if isinstance(schema, dict) and depth else schema


def _object(schema: Json, depth: int) -> Json:
    found = _merged(schema)
    if "definitions" in found:
        found["$defs"] = {**mapping(found.pop("definitions")), **mapping(found.get("$defs"))}
    found = {name: value for name, value in found.items() if name not in _REFUSED}
    for name in _NAMED:
        if isinstance(found.get(name), dict):
            held = found[name].items()
            found[name] = {key: _told(one, depth - 1) for key, one in held if one is not False}
    for name in _LISTED:
        if isinstance(found.get(name), list):
            found[name] = [_told(one, depth - 1) for one in found[name]]
    for name in _INNER:
        if isinstance(found.get(name), dict):
            found[name] = _told(found[name], depth - 1)
    _say_const(found)
    _say_format(found)
    return _alone(found)


def _merged(schema: Json) -> Json:
    """One schema for all that must hold."""
    parts = schema.get("allOf")
    if not isinstance(parts, list) or not all(isinstance(one, dict) for one in parts):
        return dict(schema)
    found: Json = {}
    for one in (*map(_merged, parts), {k: v for k, v in schema.items() if k != "allOf"}):
        properties = {**mapping(found.get("properties")), **mapping(one.get("properties"))}
        required = [*strings(found.get("required")), *strings(one.get("required"))]
        found.update(one)
        if properties:
            found["properties"] = properties
        if required:
            found["required"] = list(dict.fromkeys(required))
    return found


def _say_const(schema: Json) -> None:
    if "const" not in schema:
        return
    value = schema.pop("const")
    if value is None:
        schema.setdefault("type", "null")
        return
    schema["enum"] = [value]
    if type(value) in _TYPES:
        schema.setdefault("type", _TYPES[type(value)])


def _say_format(schema: Json) -> None:
    form = schema.get("format")
    if schema.get("type") == "string" and isinstance(form, str) and form not in _FORMATS:
        del schema["format"]
        said = schema.get("description")
        schema["description"] = f"{said} (format: {form})" if said else f"Format: {form}"


def _alone(schema: Json) -> Json:
    """A reference stands alone; what is said of it, around it."""
    target = schema.get("$ref")
    if not isinstance(target, str):
        return schema
    if target.startswith(_OLD):
        target = _NEW + target.removeprefix(_OLD)
    rest = {name: value for name, value in schema.items() if name != "$ref"}
    if all(name.startswith("$") for name in rest):
        return {**rest, "$ref": target}
    return {**rest, "anyOf": [{"$ref": target}]}
