from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import orjson
import pytest

from proxy.admin.rows import cell
from tests.admin.house import house

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
