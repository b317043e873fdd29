from __future__ import annotations

import csv
import io
import time
from datetime import UTC, datetime

import orjson
import pytest

from proxy.admin.rows import cell
from proxy.config import ConfigError
from tests.admin.house import ENVIRON, house
from tests.ledger.books import ledger

TODAY = f"{datetime.now(UTC):%Y-%m-%d}"


async def test_what_was_asked_is_in_the_books() -> None:
    async with house() as it:
        first = await it.ask(firsttoken={"tags": ["red"], "use_case": "analysis"})
        await it.ask("again", stream=True)
        used = first["usage"]
        found = await it.get("/api/usage", by="model")
        (group,) = found["groups"]
        cost = (used["prompt_tokens"] + 2 * used["completion_tokens"]) / 1e6
        assert group["name"] == "primary/mock-t4-f0-i0"
        assert group["requests"] == found["total"]["requests"] == 2
        # The reference is the dearest target: ten times as dear as the one that answered.
        assert found["reference_model"] == "backup/mock-t4-f0-i0"
        total = found["total"]
        assert total["reference_cost"] == pytest.approx(10 * total["cost"])
        assert total["saved_by_routing"] == pytest.approx(9 * total["cost"])
        assert group["ttft_ms"]["p50"] > 0
        (tag,) = (await it.get("/api/usage", by="tag"))["groups"]
        assert (tag["name"], tag["requests"]) == ("red", 1)
        assert tag["cost"] == pytest.approx(cost)
        (day,) = (await it.get("/api/usage"))["groups"]
        assert day["name"] == TODAY
        kinds = {one["name"] for one in (await it.get("/api/usage", by="task_type"))["groups"]}
        assert kinds == {"analysis", ""}


@pytest.mark.parametrize("lane", ["true", "false"])
async def test_streamed_or_not_it_costs_the_same(lane: str) -> None:
    async with house(server=f"fast_lane = {lane}") as it:
        for stream in (True, False):
            await it.ask("What does it cost?", stream=stream)
        streamed, whole = (await it.get("/api/requests"))["requests"]
        for name in ("cost_usd", "prompt", "completion", "cached", "reasoning", "reference_usd"):
            assert streamed[name] == whole[name], name
        assert streamed["cost_usd"] > 0
        assert not streamed["estimated"]


@pytest.mark.parametrize(
    ("ledger", "words"),
    [
        ('url = "env:MYSQL"', "must be postgresql://"),
        ('url = "env:PG"\npath = "ledger.db"', "write one of them"),
    ],
)
async def test_a_database_that_is_not_spoken_is_refused(ledger: str, words: str) -> None:
    environ = {**ENVIRON, "MYSQL": "mysql://h/d", "PG": "postgresql://u:secret@h/d"}
    with pytest.raises(ConfigError, match=words) as refused:
        async with house(environ, ledger=f"[ledger]\n{ledger}"):
            pass
    assert "secret" not in str(refused.value)


async def test_liveness_by_head_too() -> None:
    async with house() as it:
        assert (await it.call("HEAD", "/health"))[0] == 200


async def test_a_hit_saves_what_the_answer_cost() -> None:
    async with house(cache="true") as it:
        for _ in range(2):
            await it.ask("What is the capital of France?", temperature=0)
        total = (await it.get("/api/usage"))["total"]
        assert (total["requests"], total["cache_hits"], total["hit_rate"]) == (2, 1, 0.5)
        assert total["saved_by_cache"] == pytest.approx(total["cost"])


async def test_money_is_shown_in_the_configured_currency() -> None:
    ledger = '[ledger]\ncurrency = "CAD"\nusd_rate = 1.37'
    async with house(ledger=ledger) as it:
        used = (await it.ask())["usage"]
        usd = (used["prompt_tokens"] + 2 * used["completion_tokens"]) / 1e6
        found = await it.get("/api/usage")
        assert found["currency"] == "CAD"
        assert found["total"]["cost"] == pytest.approx(usd * 1.37)


async def test_single_rows_and_their_pages() -> None:
    async with house() as it:
        for _ in range(3):
            await it.ask()
        page = await it.get("/api/requests", limit=2)
        rest = await it.get("/api/requests", limit=2, before=page["next"])
        assert (len(page["requests"]), len(rest["requests"]), rest["next"]) == (2, 1, None)
        row = page["requests"][0]
        assert (row["route"], row["outcome"], row["stream"]) == ("chat", "ok", False)
        assert row["time"].startswith(TODAY)
        assert row["tags"] == []
        (same,) = (await it.get("/api/requests", id=row["id"]))["requests"]
        assert same == row
        assert (await it.get("/api/requests", provider="backup"))["requests"] == []


async def test_files_of_rows_and_of_sums() -> None:
    async with house() as it:
        await it.ask(firsttoken={"tags": ["=1+1", "b"]})
        await it.ask()
        _, text = await it.call("GET", "/api/usage/export", params={"format": "csv"})
        lines = list(csv.DictReader(io.StringIO(text)))
        assert len(lines) == 2
        assert {line["tags"] for line in lines} == {"'=1+1,b", ""}
        exact = lines[0]["cost_usd"]
        assert "e" not in exact.lower()
        assert len(exact.partition(".")[2]) == 12
        _, text = await it.call("GET", "/api/usage/export")
        rows = [orjson.loads(line) for line in text.splitlines()]
        assert float(exact) == pytest.approx(rows[0]["cost_usd"])
        _, text = await it.call("GET", "/api/usage", params={"by": "key", "format": "csv"})
        (line,) = csv.DictReader(io.StringIO(text))
        assert (line["key"], line["requests"]) == ("anonymous", "2")
        assert float(line["cost_usd"]) == pytest.approx(sum(row["cost_usd"] for row in rows))


async def test_a_forecast_with_little_data_says_so() -> None:
    async with house() as it:
        await it.ask()
        found = await it.get("/api/forecast")
        assert (found["method"], found["days"], found["month_projected"]) == ("none", [], None)
        assert found["month_so_far"] > 0


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"by": "moon"}, "by"),
        ({"days": "0"}, "days"),
        ({"days": "x"}, "days"),
        ({"since": "yesterday"}, "since"),
        ({"since": "2026-02-02", "until": "2026-02-01"}, "since"),
        ({"by": "tag", "key": "a"}, "key"),
        ({"outcome": "fine"}, "outcome"),
    ],
)
async def test_a_bad_question_is_told_what_is_wrong(query, param) -> None:
    async with house() as it:
        status, body = await it.call("GET", "/api/usage", params=query)
        assert (status, body["error"]["param"]) == (400, param)


async def test_without_a_ledger_there_is_nothing_to_report() -> None:
    async with house(ledger="[ledger]\nenabled = false") as it:
        await it.ask()
        status, body = await it.call("GET", "/api/usage")
        assert (status, body["error"]["code"]) == (503, "ledger_unavailable")


async def test_strangers_are_kept_out() -> None:
    async with house(server="[auth]\nadmin_key = 'env:ADMIN_KEY'") as it:
        for path in ("/api/usage", "/api/usage/export", "/api/requests", "/api/forecast"):
            assert (await it.call("GET", path))[0] == 401
            headers = {"Authorization": "Bearer sk-admin-secret"}
            assert (await it.call("GET", path, headers=headers))[0] == 200


def test_numbers_are_no_formulas() -> None:
    assert [cell(one) for one in ("-1.5", "-x", "+1", "@a", "plain", -3, None)] == [
        "-1.5", "'-x", "'+1", "'@a", "plain", -3, None,
    ]  # fmt: skip


async def test_a_forecast_from_a_past(tmp_path) -> None:
    file = tmp_path / "ledger.db"
    with ledger(file) as book:
        midnight = time.time() // 86_400 * 86_400
        for day in range(35, 0, -1):
            book.wall = midnight - day * 86_400 + 3600
            weekend = datetime.fromtimestamp(book.wall, UTC).weekday() >= 5
            for _ in range(2 if weekend else 10):
                book.record()
        cost = book.record()
        book.rows("SELECT 1")
    async with house(ledger=f'[ledger]\npath = "{file}"') as it:
        found = await it.get("/api/forecast", days=14)
        assert (found["method"], found["history_days"]) == ("trend_and_week", 35)
        for one in found["days"]:
            weekend = datetime.fromisoformat(one["day"]).weekday() >= 5
            due = (2 if weekend else 10) * cost / 1e12
            assert one["expected"] == pytest.approx(due, rel=0.35, abs=0.004)
            assert one["low"] <= one["expected"] <= one["high"]
        assert found["month_projected"] >= found["month_so_far"]
        old = await it.get("/api/trpc/llmAnalytics.forecast", horizonDays=14)
        assert [one["day"] for one in old["dailyForecast"]] == [d["day"] for d in found["days"]]
        assert old["projectedMonthlyCAD"] == found["month_projected"]


async def test_nothing_private_is_written_down(tmp_path) -> None:
    secret = "the launch code is 0000"
    extra = '[[auth.key]]\nname = "web"\nkey = "env:K"\n'
    async with house(ledger=f'[ledger]\npath = "{tmp_path}/ledger.db"', extra=extra) as it:
        headers = {"Authorization": "Bearer sk-caller"}
        answer = await it.ask(secret, headers=headers)
        assert (await it.get("/api/usage"))["total"]["requests"] == 1
        said = answer["choices"][0]["message"]["content"].strip()
    for file in tmp_path.iterdir():
        content = file.read_bytes()
        for private in (secret, "sk-caller", "sk-primary", said):
            assert private.encode() not in content, file
