from __future__ import annotations

import asyncio
from pathlib import Path

import orjson
import pytest

from proxy.__main__ import main
from tests.admin.house import House, house

FRANCE = "What is the capital of France?"


async def test_entries_are_shown_pinned_and_forgotten() -> None:
    async with house(cache="true") as it:
        await it.ask(FRANCE, firsttoken={"tags": ["geo"]})
        await it.ask("Hello there")
        page = await it.get("/api/cache/entries", tag="geo")
        (shown,) = page["entries"]
        assert (shown["text"], page["next"]) == (FRANCE, None)
        name = shown["id"]
        whole = await it.get(f"/api/cache/entries/{name}")
        assert whole["answer"]["choices"][0]["message"]["content"]
        assert (await it.post(f"/api/cache/entries/{name}/pin"))["pinned"] is True
        status, gone = await it.call("DELETE", f"/api/cache/entries/{name}")
        assert (status, gone) == (200, {"invalidated": 1})
        assert (await it.call("GET", f"/api/cache/entries/{name}"))[0] == 404
        assert (await it.get("/api/cache"))["entries"] == 1
        status, gone = await it.call("DELETE", "/api/cache", params={"pattern": "*hello*"})
        assert (status, gone) == (200, {"invalidated": 1})
        assert (await it.get("/api/cache"))["entries"] == 0


async def test_predecessor_d_sees_its_own_shapes() -> None:
    async with house(cache="true") as it:
        await it.ask(FRANCE, firsttoken={"tags": ["qualification"]})
        await it.ask(FRANCE)
        found = await it.get("/api/trpc/llmAnalytics.cacheMetrics")
        assert (found["hits"], found["misses"], found["hitRate"]) == (1, 1, 0.5)
        assert set(found) == {"hits", "misses", "hitRate", "estimatedSavingsUSD"}
        path = "/api/trpc/llmAnalytics.cacheInvalidate"
        assert await it.post(path, {"pattern": "llm:cache:analysis:*"}) == {"invalidated": 0}
        assert await it.post(path, {"pattern": "llm:cache:qualification:*"}) == {"invalidated": 1}


async def test_explain_tells_of_each_guard() -> None:
    async with house(cache="true") as it:
        said = await it.post("/api/cache/explain", {"a": "GDP in 2024", "b": "GDP in 2025"})
        assert said["hit"] is False
        assert {"name": "numbers", "pass": False, "why": "2024 / 2025"} in said["guards"]
        same = await it.post("/api/cache/explain", {"a": FRANCE, "b": FRANCE})
        assert same["hit"] is True


async def test_a_key_is_asked_for() -> None:
    async with house(
        cache="true",
        extra='[auth]\nadmin_key = "env:ADMIN_KEY"\n[[auth.key]]\nname = "k"\nkey = "env:K"\n',
    ) as it:
        for method, path in (("GET", "/api/cache/entries"), ("DELETE", "/api/cache")):
            assert (await it.call(method, path))[0] == 401
            status, _ = await it.call(
                method, path, headers={"Authorization": "Bearer sk-admin-secret"}
            )
            assert status == 200


async def test_an_answer_is_kept_for_those_who_are_there() -> None:
    keys = """
[auth]
admin_key = "env:ADMIN_KEY"
[[auth.key]]
name = "k"
key = "env:K"
cache_group = "team"
"""
    row = {"request": {"model": "chat", "messages": [{"role": "user", "content": FRANCE}]}}
    headers = {"Authorization": "Bearer sk-admin-secret"}
    kept: dict[str | None, str | None] = {}
    async with house(cache="true", extra=keys) as it:
        for tenant in ("k", "team", "kk", None):
            body = {**row, "answer": "Paris."} | ({} if tenant is None else {"tenant": tenant})
            _, told = await it.call("POST", "/api/cache/warm", json=body, headers=headers)
            kept[tenant] = told.get("id")
    assert kept["k"] == kept["team"] is not None
    assert kept["kk"] is None is kept[None]


# ---- the command ---------------------------------------------------------------------------------


async def run(it: House, *words: str) -> int:
    url = str(it.client._base_url)
    return await asyncio.to_thread(main, ["cache", *words, "--url", url])


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


async def test_a_file_warms_the_cache(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    request = {"model": "chat", "messages": [{"role": "user", "content": FRANCE}]}
    file = tmp_path / "rows.jsonl"
    rows = [
        {"request": request, "answer": "Paris."},
        {"prompt": "Hello there"},
        {"request": {**request, "messages": [{"role": "user", "content": "Hi"}]}},
    ]
    file.write_bytes(b"\n\n".join(map(orjson.dumps, rows)))
    async with house(cache="true") as it:
        assert await run(it, "warm", str(file), "--model", "chat") == 0
        assert capsys.readouterr().out == "1 kept, 2 asked, 0 failed\n"
        before = len(it.upstream.requests)
        answer = await it.ask(FRANCE)
        assert answer["choices"][0]["message"]["content"] == "Paris."
        await it.ask("Hello there")
        await it.ask("Hi")
        assert len(it.upstream.requests) == before == 2
        assert await run(it, "stats") == 0
        assert " 3  answers kept\n" in capsys.readouterr().out
        assert await run(it, "stats", "--json") == 0
        assert orjson.loads(capsys.readouterr().out)["entries"] == 3
        assert await run(it, "invalidate", "*france*") == 0
        assert await run(it, "invalidate") == 0
        assert capsys.readouterr().out == "1 forgotten\n2 forgotten\n"


async def test_what_fails_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(b'{"nothing": 1}\n{"request": {"model": "chat"}, "answer": "x"}\n')
    async with house(cache="true") as it:
        assert await run(it, "warm", str(file)) == 1
        told = capsys.readouterr()
        assert told.out == "0 kept, 0 asked, 2 failed\n"
        assert told.err.splitlines() == [
            f"{file}:1: a row needs a 'request' or a 'prompt'",
            f"{file}:2: 'request' is not one whose answer could be cached.",
        ]
        file.write_bytes(b'{\n3\n{"prompt": "Hello there"}\n')
        assert await run(it, "warm", str(file), "--model", "chat") == 1
        told = capsys.readouterr()
        assert told.out == "0 kept, 1 asked, 2 failed\n"
        assert "1: not JSON" in told.err
        assert "2: not a JSON object" in told.err
        assert await run(it, "warm", "nowhere.jsonl") == 2
        assert "cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9", "ftp://x", "nonsense", "http://x:y", "http://[x"]
)
def test_no_proxy_there(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "stats", "--url", url]) in (1, 2)
    told = capsys.readouterr().err
    assert told.startswith("firsttoken: ")
    assert told.count("\n") == 1
