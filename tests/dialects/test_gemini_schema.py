"""What Gemini refuses of JSON Schema, told in what it knows."""

from __future__ import annotations

import copy

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.dialects.gemini_schema import schema_for
from proxy.dialects.registry import dialect

D = {"type": "object", "properties": {"n": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"type": "object"}, {"type": "object"}),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "type": "object",
          "examples": [{}], "title": "T"}, {"type": "object", "title": "T"}),
        ({"const": "a"}, {"enum": ["a"], "type": "string"}),
        ({"const": True}, {"enum": [True], "type": "boolean"}),
        ({"const": 3, "type": "number"}, {"enum": [3], "type": "number"}),
        ({"const": None}, {"type": "null"}),
        ({"type": "integer", "exclusiveMinimum": 0, "maximum": 9},
         {"type": "integer", "maximum": 9}),
        ({"type": "string", "format": "email"}, {"type": "string", "description": "Format: email"}),
        ({"type": "string", "format": "uuid", "description": "An id"},
         {"type": "string", "description": "An id (format: uuid)"}),
        ({"type": "string", "format": "date-time"}, {"type": "string", "format": "date-time"}),
        ({"type": "integer", "format": "int64"}, {"type": "integer", "format": "int64"}),
        ({"$ref": "#/$defs/D", "$defs": {"D": D}}, {"$defs": {"D": D}, "$ref": "#/$defs/D"}),
        ({"$ref": "#/$defs/D", "description": "d"},
         {"description": "d", "anyOf": [{"$ref": "#/$defs/D"}]}),
        ({"type": "object", "definitions": {"D": D},
          "properties": {"d": {"$ref": "#/definitions/D"}}},
         {"type": "object", "$defs": {"D": D}, "properties": {"d": {"$ref": "#/$defs/D"}}}),
        ({"allOf": [{"$ref": "#/$defs/D"}], "default": {}},
         {"default": {}, "anyOf": [{"$ref": "#/$defs/D"}]}),
        ({"allOf": [{"type": "object", "properties": {"a": {"const": 1}}, "required": ["a"]},
                    {"properties": {"b": True}, "required": ["a", "b"]}], "description": "both"},
         {"type": "object", "description": "both", "required": ["a", "b"],
          "properties": {"a": {"enum": [1], "type": "integer"}, "b": {}}}),
        ({"anyOf": [{"const": "x"}, {"type": "null"}]},
         {"anyOf": [{"enum": ["x"], "type": "string"}, {"type": "null"}]}),
        ({"type": "array", "prefixItems": [{"const": 1}], "items": {"const": 2}},
         {"type": "array", "prefixItems": [{"enum": [1], "type": "integer"}],
          "items": {"enum": [2], "type": "integer"}}),
        ({"type": "object", "additionalProperties": {"type": "string", "format": "ipv4"}},
         {"type": "object",
          "additionalProperties": {"type": "string", "description": "Format: ipv4"}}),
        ({"type": "object", "properties": {"const": {"type": "string"}, "no": False},
          "additionalProperties": False},
         {"type": "object", "properties": {"const": {"type": "string"}},
          "additionalProperties": False}),
    ],
)  # fmt: skip
def test_a_schema_as_gemini_takes_it(schema, told) -> None:
    before = copy.deepcopy(schema)
    assert schema_for(schema) == told
    assert schema == before
    assert schema_for(told) == told


# What a request can hold: JSON is read by orjson, which makes a float of any larger integer.
integers = st.integers(-(2**63), 2**64 - 1)
values = st.recursive(
    st.none() | st.booleans() | integers | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["$ref", "const", "allOf", "anyOf", "items", "properties", "definitions",
                         "format", "type", "required", "x"]), inner, max_size=4),
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["allOf", "properties", "$defs", "items", "const"]), values))
def test_any_json_is_told(schema) -> None:
    body = {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": schema}}],
    }
    asked = dialect("openai").parse(body)
    told = dialect("gemini").render(asked, "gemini-2.5-flash").body
    (function,) = told["tools"][0]["functionDeclarations"]
    assert function["name"] == "f"
    assert orjson.loads(orjson.dumps(told)) == told


def test_both_places_of_a_schema_are_told() -> None:
    schema = {"type": "object", "properties": {"kind": {"const": "a"}}}
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}],
            "tools": [{"type": "function", "function": {"name": "f", "parameters": schema}}],
            "response_format": {"type": "json_schema",
                                "json_schema": {"name": "n", "schema": schema}}}  # fmt: skip
    told = dialect("gemini").render(dialect("openai").parse(body), "gemini-3.8-flash").body
    assert "const" not in str(told)
    assert told["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"]["type"] == "object"
