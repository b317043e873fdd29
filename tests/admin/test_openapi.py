"""The document says what the router does, and the router does what the document says."""

from __future__ import annotations

import re
from typing import Any

from tests.admin.house import house

LISTS = ("/v1/models", "/models")


def is_traffic(path: str, paths: set[str]) -> bool:
    """Whether the providers' own documents describe it, /v1/... and its short form, or it is
    the page that people look at."""
    if path == "/ui" or path.startswith("/ui/"):
        return True
    return path not in LISTS and (path.startswith("/v1/") or f"/v1{path}" in paths)


async def test_every_route_is_described_and_every_description_is_served() -> None:
    async with house() as it:
        document = await it.get("/api/openapi.json")
        runner = it.app.house._runner
        assert runner is not None
        served = {
            (route.method, route.resource.canonical)
            for route in runner.app.router.routes()
            if route.resource is not None and route.method not in ("HEAD", "OPTIONS")
        }
        described = {
            (method.upper(), path)
            for path, methods in document["paths"].items()
            for method in methods
        }
        paths = {path for _, path in served}
        beside = {one for one in served if not is_traffic(one[1], paths)}
        beside = {one for one in beside if one[1] != "/" and not one[1].startswith("/ui")}  # a page
        assert beside == described


async def test_every_operation_is_whole() -> None:
    async with house() as it:
        document = await it.get("/api/openapi.json")
    ids = []
    for path, methods in document["paths"].items():
        for operation in methods.values():
            ids.append(operation["operationId"])
            assert operation["summary"].endswith("."), path
            parts = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
            assert parts == set(re.findall(r"{(\w+)}", path))
    assert len(set(ids)) == len(ids)


def sample(schema: dict[str, Any], wrong: bool) -> Any:
    """A value of a schema, or one that is not."""
    if "enum" in schema:
        return "no-such-choice" if wrong else schema["enum"][0]
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    samples = {"string": ("x", 5), "integer": (7, "seven"), "number": (1.5, "much"),
               "boolean": (True, "perhaps"), "object": ({}, []), "array": (["x"], "x")}  # fmt: skip
    return samples[kind][wrong] if kind else {"any": 1}


async def test_what_the_document_forbids_is_refused_in_one_shape() -> None:
    async with house() as it:
        document = await it.get("/api/openapi.json")
        asked = 0
        for template, methods in document["paths"].items():
            path = re.sub(r"{\w+}", "x", template)
            for method, operation in methods.items():
                for param in operation["parameters"]:
                    schema = param["schema"]
                    if param["in"] != "query" or (schema.get("type") == "string" and (
                        "enum" not in schema
                    )):  # fmt: skip
                        continue
                    query = {param["name"]: str(sample(schema, True))}
                    status, body = await it.call(method.upper(), path, params=query)
                    assert (status, body["error"]["param"]) == (400, param["name"]), (path, query)
                    asked += 1
                content = operation.get("requestBody", {}).get("content", {})
                schema = content.get("application/json", {}).get("schema", {})
                for name, one in schema.get("properties", {}).items():
                    if not one.get("type"):
                        continue
                    body = {
                        other: sample(it_is, False)
                        for other, it_is in schema["properties"].items()
                        if other in schema["required"]
                    }
                    body[name] = sample(one, True)
                    status, answer = await it.call(method.upper(), path, json=body)
                    assert status == 400, (path, name, answer)
                    assert set(answer["error"]) == {"message", "type", "param", "code"}
                    asked += 1
                for raw in (b"{", b"[]", b'"x"') if content else ():
                    headers = {"Content-Type": "application/json"}
                    status, answer = await it.call(method.upper(), path, data=raw, headers=headers)
                    assert (status, set(answer)) == (400, {"error"})
                    asked += 1
        assert asked > 50
