"""Every endpoint of the five routers, in the shapes that their users' programs read."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from proxy.admin.predecessors.coordination import BUDGET_TIERS, PROVIDERS, USE_CASES
from proxy.catalog import aliases, row_of
from tests.admin.house import ENVIRON, House, house

MESSAGES = [{"role": "user", "content": "hello"}]
CAD = '[ledger]\ncurrency = "CAD"\nusd_rate = 1.25'
OLD = """
[[provider]]
name = "qwen"
dialect = "openai"
base_url = "{url}"
key = "env:PRIMARY_KEY"
"""


def shape(value: Any) -> Any:
    """Names and types, without the values."""
    if isinstance(value, dict):
        return {name: shape(one) for name, one in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


# ---- A ----------------------------------------------------------------------------------------


async def test_a_providers() -> None:
    async with house() as it:
        found = await it.get("/api/coordination/llm/providers")
    assert found["success"] is True
    assert tuple(found["providers"]) == PROVIDERS
    assert len(PROVIDERS) == 15
    tiers = [found["providers"][name]["tier"] for name in PROVIDERS]
    assert tiers == [1] * 4 + [2] * 4 + [3] * 4 + [4] * 3
    claude = found["providers"]["claude"]
    assert claude["models"]["sonnet"]["input_per_1m"] > 0
    assert claude["models"]["opus"]["context_tokens"] >= 200_000
    assert claude["configured"] is False


async def test_a_use_cases() -> None:
    async with house() as it:
        found = await it.get("/api/coordination/llm/use-cases")
    assert len(found) == 10
    assert found["classification"] == {"primary": "qwen/turbo", "fallback": "glm/4-air"}
    assert all(shape(one) == {"primary": "str", "fallback": "str"} for one in found.values())


def test_a_every_old_name_still_means_a_model() -> None:
    for primary, fallback, _ in USE_CASES.values():
        for name in (primary, fallback):
            provider, _, model = name.partition("/")
            assert aliases().get(provider, provider) == row_of(provider)["name"]
            assert model in row_of(provider)["short"], name


async def test_a_generate() -> None:
    async with house() as it:
        found = await it.post(
            "/api/coordination/llm/generate",
            {"messages": MESSAGES, "use_case": "classification", "budget_tier": "standard"},
        )
        assert found["success"] is True
        assert found["content"].strip().startswith("tok")
        assert found["usage"]["total_tokens"] > 0
        assert found["cost_usd"] > 0
        (kind,) = (await it.get("/api/usage", by="task_type"))["groups"]
        assert kind["name"] == "classification"
        for wrong in ({"use_case": "gossip"}, {"budget_tier": "lavish"}):
            status, answer = await it.call(
                "POST", "/api/coordination/llm/generate", json={"messages": MESSAGES, **wrong}
            )
            assert (status, answer["error"]["param"]) == (400, next(iter(wrong)))
    assert list(BUDGET_TIERS.values()) == [0.001, 0.01, 0.05, 0.20, 1.00]


async def test_a_generate_goes_by_its_use_case_and_falls_back() -> None:
    async with house() as it:
        url = it.upstream.base_url
        extra = "".join(OLD.format(url=url).replace("qwen", name) for name in ("qwen", "glm"))
        async with house(extra=extra) as other:
            body = {"messages": MESSAGES, "use_case": "classification"}
            found = await other.post("/api/coordination/llm/generate", body)
            assert (found["provider"], found["model"]) == ("qwen", "qwen-turbo")
            assert found["fallback_used"] is False
            other.app.memory.breakers.reset()
            dead = extra.replace(url, "http://127.0.0.1:1/v1", 1)
        async with house(extra=dead) as other:
            found = await other.post("/api/coordination/llm/generate", body)
            assert (found["provider"], found["model"]) == ("glm", "glm-4.5-air")
            assert found["fallback_used"] is True


# ---- C ----------------------------------------------------------------------------------------


async def test_c_process() -> None:
    key = '[[auth.key]]\nname = "web"\nkey = "env:K"\n'
    async with house(extra=key) as it:
        body = {"task": "Look at this", "preferred_model": "gemini-1.5-flash",
                "requirements": ["analysis"]}  # fmt: skip
        assert (await it.call("POST", "/orchestrator/process", json=body))[0] == 401
        status, found = await it.call(
            "POST", "/orchestrator/process", json=body, headers={"X-API-Key": "sk-caller"}
        )
        assert status == 200
        assert found["success"] is True
        assert "tok" in found["result"]
        row = (await it.get("/api/requests"))["requests"][0]
        assert (row["key"], row["task_type"]) == ("web", "analysis")


async def test_c_a_preferred_model_that_is_there_is_used() -> None:
    async with house() as it:
        body = {"task": "x", "preferred_model": "backup/mock-t2-f0-i0"}
        found = await it.post("/orchestrator/process", body)
        assert (found["provider"], found["model"]) == ("backup", "mock-t2-f0-i0")
        agent = await it.post(
            "/orchestrator/process", {"task": "x", "requirements": ["gemini_rapid"]}
        )
        assert agent["success"] is True
        sent = orjson.loads(it.upstream.requests[-1].body)
        assert sent["temperature"] == 0.7


# ---- D ----------------------------------------------------------------------------------------

COMPLETION = {
    "content": "str",
    "model": "str",
    "provider": "str",
    "usage": {"promptTokens": "int", "completionTokens": "int", "totalTokens": "int"},
    "metadata": {"taskType": "str", "latencyMs": "float", "cached": "bool",
                 "fallbackAttempts": "int", "timestamp": "str"},
}  # fmt: skip


async def complete(it: House, task: str = "simple", **options: Any) -> Any:
    body = {"taskType": task, "messages": MESSAGES, "options": options}
    return await it.post("/api/trpc/llm.complete", body)


async def test_d_complete() -> None:
    async with house(cache="true") as it:
        found = await complete(it)
        assert shape(found) == COMPLETION
        assert found["metadata"]["taskType"] == "simple"
        sent = orjson.loads(it.upstream.requests[-1].body)
        assert (sent["temperature"], sent["max_tokens"], sent["top_p"]) == (0.7, 1000, 0.9)
        assert (await complete(it))["metadata"]["cached"] is True
        assert (await complete(it, bypassCache=True))["metadata"]["cached"] is False
        forced = await complete(it, forceProvider="backup", forceModel="mock-t2-f0-i0")
        assert (forced["provider"], forced["model"]) == ("backup", "mock-t2-f0-i0")


async def test_d_a_task_type_has_its_chain() -> None:
    route = '[[route]]\nname = "verification"\ntargets = ["backup/mock-t2-f0-i0"]\n'
    category = '[[category]]\nname = "analysis"\ntargets = ["backup/mock-t2-f0-i0"]\n'
    async with house(extra=route + category) as it:
        for task in ("verification", "analysis"):
            assert (await complete(it, task))["provider"] == "backup", task
        assert (await complete(it, "simple"))["provider"] == "primary"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": MESSAGES}, "taskType"),
        ({"taskType": "gossip", "messages": MESSAGES}, "taskType"),
        ({"taskType": "simple"}, "messages"),
        ({"taskType": "simple", "messages": MESSAGES, "options": {"topP": 2}}, "options.topP"),
        (
            {"taskType": "simple", "messages": MESSAGES, "options": {"forceModel": "no"}},
            "options.forceModel",
        ),
    ],
)
async def test_d_what_is_wrong_is_told(body, param) -> None:
    async with house() as it:
        status, answer = await it.call("POST", "/api/trpc/llm.complete", json=body)
        assert (status, answer["error"]["param"]) == (400, param)


async def test_d_a_batch_is_answered_in_order() -> None:
    async with house() as it:
        requests: list[Any] = [
            {"taskType": "simple", "messages": MESSAGES,
             "options": {"forceModel": f"primary/mock-t{n}-f{100 - 30 * n}-i0"}}
            for n in (1, 2, 3)
        ]  # fmt: skip
        requests.insert(1, {"taskType": "gossip", "messages": MESSAGES})
        found = await it.post(
            "/api/trpc/llm.batchComplete", {"requests": requests, "concurrency": 3}
        )
        first, wrong, second, third = found["results"]
        assert [one["model"][:7] for one in (first, second, third)] == [
            "mock-t1", "mock-t2", "mock-t3",
        ]  # fmt: skip
        assert wrong["error"]["status"] == 400
        assert shape(first) == COMPLETION


async def test_d_no_more_than_so_many_at_once() -> None:
    async with house() as it:
        requests = [{"taskType": "simple", "messages": MESSAGES,
                     "options": {"forceModel": "primary/mock-t1-f100-i0"}}] * 4  # fmt: skip
        asked = asyncio.create_task(
            it.post("/api/trpc/llm.batchComplete", {"requests": requests, "concurrency": 2})
        )
        await asyncio.sleep(0.07)
        assert len(it.upstream.requests) == 2
        assert len((await asked)["results"]) == 4


async def test_d_summary() -> None:
    async with house(ledger=CAD, cache="true") as it:
        for _ in range(2):
            await complete(it, "qualification")
        found = await it.get("/api/trpc/llmAnalytics.summary", days=7)
        spent = {"calls": "int", "tokens": "int", "estimatedCostCAD": "float"}
        door = {"state": "str", "failureCount": "int", "successCount": "int",
                "nextAttemptTime": "NoneType"}  # fmt: skip
        assert shape(found) == {
            "totalCalls": "int",
            "totalTokens": "int",
            "totalCostCAD": "float",
            "totalSavingsCAD": "float",
            "providers": {"primary": {**spent, "avgLatencyMs": "float", "errorRate": "float"}},
            "models": {
                "mock-t4-f0-i0": {"provider": "str", **spent, "avgLatencyMs": "float"}
            },
            "taskTypes": {"qualification": spent},
            "dailyUsage": [{"date": "str", **spent}],
            "cacheMetrics": {"hits": "int", "misses": "int", "hitRate": "float",
                             "savingsCAD": "float"},
            "circuitBreakerStatus": {"primary": door, "backup": door},
        }  # fmt: skip
        assert found["totalCalls"] == 2
        assert found["cacheMetrics"]["hitRate"] == 0.5
        assert found["cacheMetrics"]["savingsCAD"] == pytest.approx(found["totalCostCAD"])
        usd = (await it.get("/api/usage"))["total"]["tokens"]
        assert found["totalTokens"] == usd["total"]
        wrapped = await it.get("/api/trpc/llmAnalytics.summary", input='{"json":{"days":1}}')
        assert wrapped["totalCalls"] == 2


async def test_d_forecast() -> None:
    async with house(ledger=CAD) as it:
        await complete(it)
        found = await it.get("/api/trpc/llmAnalytics.forecast", horizonDays=30)
        assert shape(found) == {
            "currentMonthlyCAD": "float", "projectedMonthlyCAD": "float", "dailyForecast": [],
        }  # fmt: skip
        assert found["projectedMonthlyCAD"] == found["currentMonthlyCAD"] > 0


async def test_d_breakers() -> None:
    async with house() as it:
        body = {"model": "primary/fault-401", "messages": MESSAGES}
        await it.call("POST", "/v1/chat/completions", json=body)
        found = await it.get("/api/trpc/llmAnalytics.circuitBreakerStatus")
        assert found["primary"]["state"] == "OPEN"
        assert found["primary"]["nextAttemptTime"].endswith("Z")
        assert found["backup"] == {
            "state": "CLOSED", "failureCount": 0, "successCount": 0, "nextAttemptTime": None,
        }  # fmt: skip
        await it.post("/api/trpc/llmAnalytics.circuitBreakerReset", {"provider": "backup"})
        found = await it.get("/api/trpc/llmAnalytics.circuitBreakerStatus")
        assert found["primary"]["state"] == "OPEN"
        await it.post("/api/trpc/llmAnalytics.circuitBreakerReset", {"provider": "primary"})
        found = await it.get("/api/trpc/llmAnalytics.circuitBreakerStatus")
        assert found["primary"]["state"] == "CLOSED"


# ---- E ----------------------------------------------------------------------------------------


async def test_e_categories_by_api_survive_a_restart(tmp_path) -> None:
    file = tmp_path / "firsttoken.toml"
    async with house(path=file) as it:
        body = {"name": "poems", "models": ["backup/mock-t2-f0-i0"], "keywords": ["sonnet"],
                "description": "verse"}  # fmt: skip
        found = await it.post("/config/category", body)
        assert found["category"]["models"] == ["backup/mock-t2-f0-i0"]
        status, answer = await it.call(
            "POST", "/config/category", json={"name": "x", "models": ["unheard-of"]}
        )
        assert (status, answer["error"]["param"]) == (400, "models")
    async with house(path=file) as it:
        shown = await it.get("/config")
        assert [one["name"] for one in shown["category"]] == ["poems"]
        answer = await it.ask("x", model="auto", firsttoken={"category": "poems"})
        assert answer["model"] == "mock-t2-f0-i0"
        assert (await it.call("DELETE", "/config/category/poems"))[0] == 200
        assert (await it.call("DELETE", "/config/category/poems"))[0] == 404
    async with house(path=file) as it:
        assert (await it.get("/config"))["category"] == []


@pytest.mark.parametrize(
    "body",
    [
        {"mapping": {"gpt-4": "backup/mock-t2-f0-i0"}},
        {"model": "gpt-4", "target": "backup/mock-t2-f0-i0"},
        {"gpt-4": "backup/mock-t2-f0-i0"},
    ],
)
async def test_e_names_stand_for_models(tmp_path, body) -> None:
    async with house(path=tmp_path / "firsttoken.toml") as it:
        assert (await it.post("/config/model-mapping", body))["mapping"] == {
            "gpt-4": "backup/mock-t2-f0-i0"
        }
        assert (await it.ask(model="gpt-4"))["model"] == "mock-t2-f0-i0"
        assert (await it.call("POST", "/config/model-mapping", json={"mapping": {}}))[0] == 400


async def test_e_a_breaker_is_reset_by_the_models_name() -> None:
    async with house() as it:
        for name in ("fault-401", "primary/fault-401"):
            body = {"model": "primary/fault-401", "messages": MESSAGES}
            await it.call("POST", "/v1/chat/completions", json=body)
            assert (await it.get("/api/breakers"))["primary/fault-401"]["state"] == "OPEN"
            found = await it.post(f"/circuit-breaker/reset/{name}")
            assert found["reset"] == ["primary/fault-401"]
            assert await it.get("/api/breakers") == {}


async def test_e_figures_as_json() -> None:
    async with house() as it:
        await it.ask()
        headers = {"Accept": "application/json"}
        status, found = await it.call("GET", "/metrics", headers=headers)
        assert status == 200
        assert found["requests"] == {"total": 1, "success": 1, "failed": 0}
        assert found["mean_latency_ms"] > 0
        assert found["total_cost_usd"] > 0
        assert found["models"] == {"mock-t4-f0-i0": 1}
        assert found["circuit_breakers"] == {}
        (last,) = found["last_requests"]
        assert (last["route"], last["outcome"]) == ("chat", "ok")
        assert (await it.call("GET", "/health"))[1]["status"] == "ok"


async def test_strangers_may_complete_only_with_a_key_and_never_look() -> None:
    server = "[auth]\nadmin_key = 'env:ADMIN_KEY'\n[[auth.key]]\nname = 'web'\nkey = 'env:K'"
    async with house(ENVIRON, server=server) as it:
        bodies = {
            "/api/trpc/llm.complete": {"taskType": "simple", "messages": MESSAGES},
            "/api/coordination/llm/generate": {"messages": MESSAGES},
            "/orchestrator/process": {"task": "x"},
        }
        for path, body in bodies.items():
            assert (await it.call("POST", path, json=body))[0] == 401
            headers = {"Authorization": "Bearer sk-caller"}
            assert (await it.call("POST", path, json=body, headers=headers))[0] == 200
        for path in ("/api/trpc/llmAnalytics.summary", "/config", "/metrics"):
            headers = {"Authorization": "Bearer sk-caller"}
            assert (await it.call("GET", path, headers=headers))[0] == 401


async def test_one_key_was_enough_for_everything() -> None:
    extra = '[auth]\nadmin_key = "env:ADMIN_KEY"\n[[auth.key]]\nname = "web"\nkey = "env:K"'
    async with house(extra=extra) as it:
        for key, status in (("sk-admin-secret", 200), ("sk-caller", 200), ("sk-other", 401)):
            body = {"task": "say hello"}
            answer = await it.call(
                "POST", "/orchestrator/process", json=body, headers={"X-API-Key": key}
            )
            assert answer[0] == status, key
