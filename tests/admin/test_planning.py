"""What POST /api/plan says of a request that nobody sends."""

from __future__ import annotations

from proxy.errors import Kind
from tests.admin.house import house

CODE = "Write a Python function that reverses a linked list"
CATEGORY = """
[[category]]
name = "code"
targets = ["backup/mock-t4-f0-i0", "primary/mock-t4-f0-i0"]
"""


async def test_the_plan_says_who_and_why() -> None:
    async with house(extra=CATEGORY) as it:
        found = await it.post("/api/plan", {"text": CODE})
        assert found["category"] == "code"
        assert found["targets"] == ["backup/mock-t4-f0-i0", "primary/mock-t4-f0-i0"]
        assert found["why"].startswith("category code, by embedding")
        found = await it.post("/api/plan", {"model": "chat", "text": CODE})
        assert (found["route"], found["why"]) == ("chat", "route")
        assert it.upstream.requests == []


async def test_a_tier_and_a_broken_target_are_told() -> None:
    async with house(extra=CATEGORY) as it:
        asked = {"text": CODE, "budget_tier": "economy"}
        found = await it.post("/api/plan", asked | {"max_tokens": 1000})
        assert found["targets"] == ["primary/mock-t4-f0-i0"]
        assert "over 0.01 USD: backup/mock-t4-f0-i0" in found["why"]
        breakers = it.app.memory.breakers
        breakers.failed("backup/mock-t4-f0-i0", Kind.KEY_REFUSED, it.app.house.now())
        found = await it.post("/api/plan", {"text": CODE})
        assert found["skipped"] == [{"target": "backup/mock-t4-f0-i0", "why": "breaker open"}]
        assert found["targets"] == ["primary/mock-t4-f0-i0"]


async def test_what_cannot_be_planned_is_refused() -> None:
    async with house() as it:
        status, answer = await it.call("POST", "/api/plan", json={"model": "nobody", "text": "x"})
        assert (status, answer["error"]["code"]) == (404, "model_not_found")
        status, _ = await it.call("POST", "/api/plan", json={"budget_tier": "royal", "text": "x"})
        assert status == 400
        assert (await it.get("/api/tiers"))["tiers"]["economy"] == 0.01


async def test_a_request_may_be_pasted_as_it_is() -> None:
    async with house() as it:
        asked = {
            "model": "auto",
            "messages": [{"role": "user", "content": "hello"}],
            "firsttoken": {"use_case": "code_generation", "budget_tier": "premium"},
        }
        assert (await it.post("/api/plan", asked))["category"] == "code"
        asked["use_case"] = "translation"
        assert (await it.post("/api/plan", asked))["category"] == "translation"
