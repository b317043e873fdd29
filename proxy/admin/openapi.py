"""The OpenAPI document of the admin API, made from the rows that serve it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from proxy.admin.endpoint import Endpoint, Param

_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}


def document(endpoints: Iterable[Endpoint], version: str) -> dict[str, Any]:
    """OpenAPI 3.1 of these endpoints."""
    paths: dict[str, dict[str, Any]] = {}
    for one in endpoints:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "firsttoken",
            "version": version,
            "description": "What is beside the traffic: configuration, usage, cache, breakers, and"
            " the endpoints of the routers that firsttoken replaces.",
        },
        "paths": paths,
        "components": {
            "schemas": {"Error": _ERROR},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(one: Endpoint) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": one.about,
        "operationId": f"{one.method.lower()}{one.path.replace('{', '').replace('}', '')}",
        "tags": [one.group],
        "parameters": [_parameter(param, "path") for param in one.parts]
        + [_parameter(param, "query") for param in one.query],
        "responses": {
            "200": {"description": "The answer.", "content": {kind: {} for kind in one.answers}},
            "default": {
                "description": "What is wrong.",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
            },
        },
        "security": [] if one.access == "public" else [{"key": []}],
    }
    if one.body is not None:
        operation["requestBody"] = {
            "required": any(param.required for param in one.body),
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "properties": {param.name: _member(param) for param in one.body},
                        "required": [param.name for param in one.body if param.required],
                        "additionalProperties": one.open_body,
                    }
                }
            },
        }
    return operation


def _parameter(param: Param, place: str) -> dict[str, Any]:
    return {
        "name": param.name,
        "in": place,
        "required": place == "path" or param.required,
        "description": param.about,
        "schema": _schema(param),
    }


def _member(param: Param) -> dict[str, Any]:
    """Of a body: null is as good as nothing."""
    schema = _schema(param)
    if not param.required and "type" in schema:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"].append(None)
    return schema


def _schema(param: Param) -> dict[str, Any]:
    schema: dict[str, Any] = {} if param.kind == "any" else {"type": param.kind}
    if param.about:
        schema["description"] = param.about
    if param.default is not None:
        schema["default"] = param.default
    if param.kind == "array" and param.items != "any":
        schema["items"] = {"type": param.items}
    if param.choices:
        schema["enum"] = list(param.choices)
    if param.least is not None:
        schema["minimum"] = param.least
    if param.most is not None:
        schema["maximum"] = param.most
    return schema
