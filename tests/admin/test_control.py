from __future__ import annotations

import asyncio
import logging

import orjson
import pytest

from proxy.admin.live import VIEWERS_LIMIT
from tests.admin.house import house

LEGAL = {
    "name": "legal",
    "description": "contracts and law",
    "examples": ["Is this clause enforceable?", "What does the indemnity clause mean?",
                 "Can my landlord keep the deposit under the lease?"],
    "keywords": ["contract", "liability"],
    "targets": ["backup/mock-t4-f0-i0"],
}  # fmt: skip


async def test_routes_show_what_decides_about_their_targets() -> None:
    async with house() as it:
        (route,) = (await it.get("/api/routes"))["routes"]
        assert (route["name"], route["strategy"]) == ("chat", "ordered")
        first = route["targets"][0]
        assert (first["target"], first["breaker"]) == ("primary/mock-t4-f0-i0", "CLOSED")
        assert first["usd_per_mtok"]["input"] == 1.0
        assert first["first_token_s"] > 0


async def test_a_route_is_changed_while_it_runs_and_after_a_restart(tmp_path) -> None:
    file = tmp_path / "firsttoken.toml"
    async with house(path=file) as it:
        new = {"name": "fast", "targets": ["backup/mock-t4-f0-i0"], "strategy": "fastest"}
        assert len((await it.post("/api/routes", new))["routes"]) == 2
        assert (await it.ask(model="fast"))["choices"]
        status, _ = await it.call("DELETE", "/api/routes", params={"name": "chat"})
        assert status == 200
        body = {"model": "chat", "messages": [{"role": "user", "content": "x"}]}
        assert (await it.call("POST", "/v1/chat/completions", json=body))[0] == 404
    async with house(path=file) as it:  # the file itself is as it was
        assert [one["name"] for one in (await it.get("/api/routes"))["routes"]] == ["fast"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"name": "x", "targets": []}, "targets"),
        ({"name": "x", "targets": ["nobody/gpt"]}, "no provider"),
        ({"name": "x", "targets": ["primary/m"], "colour": "red"}, "colour"),
        ({"name": "x", "targets": ["primary/m"], "strategy": "best"}, "strategy"),
        ({"targets": ["primary/m"]}, "'name' is required"),
    ],
)
async def test_a_change_that_cannot_be_is_refused_and_nothing_changes(body, words) -> None:
    async with house() as it:
        before = await it.get("/api/routes")
        status, answer = await it.call("POST", "/api/routes", json=body)
        assert status == 400
        assert words in answer["error"]["message"]
        assert await it.get("/api/routes") == before


async def test_a_change_that_cannot_be_kept_is_refused(tmp_path, monkeypatch) -> None:
    async with house(path=tmp_path / "firsttoken.toml") as it:
        (tmp_path / "firsttoken.changes.json").mkdir()
        new = {"name": "fast", "targets": ["backup/mock-t4-f0-i0"]}
        status, answer = await it.call("POST", "/api/routes", json=new)
        assert (status, answer["error"]["code"]) == (503, "not_writable")
        assert len((await it.get("/api/routes"))["routes"]) == 1


async def test_a_category_is_learned_at_run_time(tmp_path) -> None:
    file = tmp_path / "firsttoken.toml"
    text = "Is the liability clause of this contract enforceable?"
    async with house(path=file) as it:
        before = (await it.post("/api/classify", {"text": text}))["category"]
        found = await it.post("/api/categories", LEGAL)
        (legal,) = [one for one in found["categories"] if one["own"]]
        assert legal == {**LEGAL, "own": True}
        assert before != "legal"
        assert (await it.post("/api/classify", {"text": text}))["category"] == "legal"
    async with house(path=file) as it:
        assert (await it.post("/api/classify", {"text": text}))["category"] == "legal"
        assert (await it.call("DELETE", "/api/categories/legal"))[0] == 200
        assert (await it.post("/api/classify", {"text": text}))["category"] == before
        assert (await it.call("DELETE", "/api/categories/legal"))[0] == 404


async def test_another_worker_takes_a_change_over(tmp_path) -> None:
    file = tmp_path / "firsttoken.toml"
    text = "Is the liability clause of this contract enforceable?"
    async with house(path=file) as one, house(path=file) as two:
        await one.post("/api/routes", {"name": "fast", "targets": ["backup/mock-t4-f0-i0"]})
        await two.post("/api/categories", LEGAL)  # at once: neither undoes the other
        async with asyncio.timeout(5):
            while (await one.post("/api/classify", {"text": text}))["category"] != "legal":
                await asyncio.sleep(0.05)
        for it in (one, two):
            assert len((await it.get("/api/routes"))["routes"]) == 2
            assert [c["name"] for c in (await it.get("/api/config"))["category"]] == ["legal"]


async def test_a_reload_teaches_the_files_categories(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PRIMARY_KEY", "sk-primary-secret")
    file = tmp_path / "firsttoken.toml"
    text = "Is the liability clause of this contract enforceable?"
    async with house(path=file) as it:
        keywords = '[[category]]\nname = "legal"\nkeywords = ["contract", "liability"]\n'
        file.write_text(file.read_text() + keywords)
        it.app.reload()
        assert (await it.post("/api/classify", {"text": text}))["category"] == "legal"


async def test_changes_that_are_no_more_possible_are_left_out(tmp_path, caplog) -> None:
    file = tmp_path / "firsttoken.toml"
    (tmp_path / "firsttoken.changes.json").write_text(
        '{"routes": {"gone": {"targets": ["nobody/m"]}}, "categories": {}}'
    )
    with caplog.at_level(logging.ERROR):
        async with house(path=file) as it:
            assert [one["name"] for one in (await it.get("/api/routes"))["routes"]] == ["chat"]
    assert "left out" in caplog.text


@pytest.mark.parametrize("text", ["{broken", "[]", '{"routes": {"x": {"targets": 5}}}'])
async def test_damaged_changes_are_set_aside(tmp_path, caplog, text: str) -> None:
    (tmp_path / "firsttoken.changes.json").write_text(text)
    async with house(path=tmp_path / "firsttoken.toml") as it:
        assert len((await it.get("/api/routes"))["routes"]) == 1
    assert (tmp_path / "firsttoken.changes.damaged").read_text() == text


async def test_providers_tell_of_keys_and_never_tell_them() -> None:
    async with house() as it:
        body = {"model": "primary/fault-401", "messages": [{"role": "user", "content": "x"}]}
        await it.call("POST", "/v1/chat/completions", json=body)
        _, text = await it.call("GET", "/api/providers")
        found = {one["name"]: one for one in text["providers"]}
        assert found["primary"]["key"] == "present"
        assert not found["primary"]["healthy"]
        assert found["backup"]["healthy"]
        assert found["mistral"] == {
            "name": "mistral", "configured": False, "tier": 1, "dialect": "openai",
            "key": "missing", "environment": ["MISTRAL_API_KEY"],
        }  # fmt: skip
        assert "sk-primary" not in str(text)
        shown = await it.get("/api/config")
        assert "sk-primary" not in str(shown)
        await it.post("/api/breakers/reset", {"target": "primary/fault-401"})
        assert await it.get("/api/breakers") == {}


async def test_models_and_limits() -> None:
    key = '[[auth.key]]\nname = "web"\nkey = "env:K"\nbudget_usd_per_day = 2.5\n'
    async with house(extra=key) as it:
        found = await it.get("/api/models", provider="backup")
        assert [one["name"] for one in found["models"]] == ["backup/mock-t4-f0-i0"]
        (limit,) = (await it.get("/api/limits"))["limits"]
        assert (limit["scope"], limit["name"], limit["limit"], limit["used"]) == (
            "key", "web", 2.5, 0.0,
        )  # fmt: skip


async def test_live_figures_once_a_second() -> None:
    async with house() as it:
        for _ in range(5):
            await it.ask()
        await asyncio.sleep(2.3)
        async with it.client.get("/api/live") as answer:
            assert answer.content_type == "text/event-stream"
            assert await answer.content.readline() == b"event: past\n"
            past = orjson.loads((await answer.content.readline()).removeprefix(b"data: "))
            assert past == await it.get("/api/past")
            assert len(past["seconds"]) == 180
            assert past["seconds"][-1]["requests_per_s"] == 0.5
            assert await answer.content.readline() == b"\n"
            line = await answer.content.readline()
        assert line.startswith(b"data: {")
        now = await it.get("/api/now")
        assert now["requests_per_s"] == 0.5
        assert now["ttft_ms"]["p50"] > 0
        assert now["cost_per_s"] > 0
        assert now["gauges"]["connections"] >= 1


async def test_many_may_watch_but_not_everyone(monkeypatch) -> None:
    monkeypatch.setattr("proxy.admin.live.VIEWERS_LIMIT", 1)
    assert VIEWERS_LIMIT == 100
    async with house() as it, it.client.get("/api/live") as first:
        await first.content.readline()
        assert (await it.call("GET", "/api/live"))[0] == 429
