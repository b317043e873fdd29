"""What several processes say, told as one."""

from __future__ import annotations

import orjson
from prometheus_client.parser import text_string_to_metric_families

from proxy.admin.metrics import Exposition
from proxy.admin.whole import added, breakers, entries, limits, listed, metrics
from proxy.ledger.tally import STAGE_BOUNDS, Tally
from tests.ledger.books import exchange, recorder


def exposition(seconds: list[float], hits: float) -> bytes:
    tally = Tally()
    book = recorder(tally=tally)
    for one in seconds:
        book.record(exchange(auth_s=one), 1.0)
    return Exposition(tally, lambda: {"cache_exact_hits_total": hits, "connections": 2.0}).text()


def test_samples_are_summed_family_by_family() -> None:
    text = metrics([exposition([1e-6], 3.0), exposition([1e-6, 1.0], 4.0), exposition([], 0.0)])
    found = {one.name: one for one in text_string_to_metric_families(text.decode())}
    (hits,) = found["firsttoken_cache_exact_hits"].samples
    assert hits.value == 7.0
    assert found["firsttoken_cache_exact_hits"].type == "counter"
    assert found["firsttoken_connections"].samples[0].value == 6.0
    assert found["firsttoken_processes"].samples[0].value == 3.0
    counts = {
        sample.labels.get("le"): sample.value
        for sample in found["firsttoken_stage_seconds"].samples
        if sample.labels["stage"] == "auth" and sample.name.endswith("_bucket")
    }
    assert counts[str(STAGE_BOUNDS[0])] == 2.0
    assert counts["+Inf"] == 3.0


def test_a_family_that_is_empty_somewhere_is_one_family() -> None:
    empty = b"# HELP a_total A\n# TYPE a_total counter\n# HELP b B\n# TYPE b gauge\nb 1.0\n"
    full = empty.replace(b"# HELP b", b'a_total{x="y # z"} 2.0\n# HELP b')
    told = metrics([empty, full, full])
    assert told.count(b"# TYPE a_total") == 1
    assert b'a_total{x="y # z"} 4.0\n' in told
    assert b"b 3.0\n" in told


def test_up_is_what_is_up_for_all() -> None:
    text = b"# HELP a_up A\n# TYPE a_up gauge\na_up %b\n"
    assert b"a_up 1.0\n" in metrics([text % b"1.0", text % b"1.0"])
    assert b"a_up 0.0\n" in metrics([text % b"1.0", text % b"0.0", text % b"1.0"])
    assert orjson.loads(added([b'{"a_up": 1.0}', b'{"a_up": 0.0}'])) == {"a_up": 0.0}


def test_numbers_are_added_and_rates_averaged() -> None:
    one = orjson.dumps({"hits": 1, "nested": {"a": 2}, "hit_rate": 0.5, "mode": "on"})
    two = orjson.dumps({"hits": 2, "nested": {"a": 3, "b": 1}, "hit_rate": 0.7, "mode": "on"})
    assert orjson.loads(added([one, two])) == {
        "hits": 3, "nested": {"a": 5, "b": 1}, "hit_rate": 0.6, "mode": "on",
    }  # fmt: skip


def test_live_figures_are_one() -> None:
    def now(rate: float, p50: float | None) -> bytes:
        return orjson.dumps({"time": 100.0, "requests_per_s": rate, "hit_rate": None,
                             "ttft_ms": {"p50": p50}, "breakers": {}})  # fmt: skip

    assert orjson.loads(added([now(3.0, None), now(4.0, 20.0), now(0.0, 40.0)])) == {
        "time": 100.0, "requests_per_s": 7.0, "hit_rate": None, "ttft_ms": {"p50": 30.0},
        "breakers": {},
    }  # fmt: skip


def test_the_past_is_added_second_by_second() -> None:
    one = orjson.dumps({"seconds": [{"time": 1, "requests_per_s": 1.0}, {"time": 2,
                        "requests_per_s": 2.0}]})  # fmt: skip
    assert orjson.loads(added([one, one]))["seconds"] == [
        {"time": 1, "requests_per_s": 2.0}, {"time": 2, "requests_per_s": 4.0},
    ]  # fmt: skip


def test_the_worst_breaker_is_told() -> None:
    def row(state: str, failures: int) -> dict[str, object]:
        return {"state": state, "failureCount": failures, "successCount": 1,
                "lastFailure": state.lower(), "nextAttemptTime": None}  # fmt: skip

    told = orjson.loads(
        breakers(
            [orjson.dumps({"p/m": row("CLOSED", 0)}),
             orjson.dumps({"p/m": row("OPEN", 3), "p/n": row("HALF_OPEN", 1)})]
        )
    )  # fmt: skip
    assert told["p/m"]["state"] == "OPEN"
    assert told["p/m"]["failureCount"] == 3
    assert told["p/m"]["successCount"] == 2
    assert told["p/m"]["processes"] == ["CLOSED", "OPEN"]
    assert told["p/n"]["processes"] == ["HALF_OPEN"]


def test_rows_keep_their_process() -> None:
    told = orjson.loads(listed([b'[{"a":1}]', b'[{"a":2},{"a":3}]']))
    assert [(one["a"], one["process"]) for one in told] == [(1, 0), (2, 1), (3, 1)]


def test_an_entry_that_several_keep_is_shown_once() -> None:
    pages = [{"entries": [{"id": "a"}, {"id": "b"}], "next": "b"},
             {"entries": [{"id": "b"}, {"id": "c"}], "next": None},
             {"entries": [{"id": "d"}], "next": "d"}]  # fmt: skip
    told = orjson.loads(entries([orjson.dumps(page) for page in pages]))
    assert [row["id"] for row in told["entries"]] == ["a", "b", "c", "d"]
    assert told["next"] == "b,d"
    assert orjson.loads(entries([orjson.dumps(pages[1])]))["next"] is None


def test_rates_are_summed_where_they_are_divided_and_budgets_are_not() -> None:
    def page(used: int, spent: float, *, shared: bool) -> bytes:
        row = {"scope": "key", "name": "k", "shared": shared, "reset_seconds": float(used)}
        return orjson.dumps({"currency": "USD", "limits": [
            row | {"kind": "requests_per_minute", "limit": 50, "used": used},
            row | {"kind": "budget_per_day", "limit": 2.0, "used": spent},
        ]})  # fmt: skip

    told = orjson.loads(limits([page(10, 0.5, shared=False), page(20, 0.7, shared=False)]))
    rate, budget = told["limits"]
    assert (rate["limit"], rate["used"], rate["reset_seconds"]) == (100, 30, 20.0)
    assert (budget["limit"], budget["used"]) == (2.0, 0.7)
    told = orjson.loads(limits([page(10, 0.5, shared=True), page(20, 0.7, shared=True)]))
    assert (told["limits"][0]["limit"], told["limits"][0]["used"]) == (50, 20)
