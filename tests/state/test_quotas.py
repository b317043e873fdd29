from __future__ import annotations

from datetime import UTC, datetime
from time import perf_counter

import pytest

from proxy.errors import ClientError
from proxy.state.alerts import REPEAT_SECONDS, STORM, Alert, Calm
from proxy.state.allowance import Allowance, Table
from proxy.state.quotas import Quotas, _span

USD = 10**12
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp()
HALF_DAY = 43_200.0
NOW = 5000.0


def limits(keys=None, routes=None, everyone=None) -> Quotas:
    table = Table(
        {name: Allowance(**one) for name, one in (keys or {}).items()},
        {name: Allowance(**one) for name, one in (routes or {}).items()},
        Allowance(**(everyone or {})),
    )
    return Quotas(table, NOW, NOON)


def refused(found: ClientError | None) -> ClientError:
    assert found is not None
    assert found.status == 429
    return found


def test_requests_a_minute() -> None:
    book = limits({"web": {"requests_per_minute": 2}})
    assert book.admit("web", "chat", 10, NOW) is None
    assert book.admit("web", "chat", 10, NOW + 10) is None
    error = refused(book.admit("web", "chat", 10, NOW + 20.5))
    assert (error.type, error.code) == ("requests", "rate_limit_exceeded")
    assert error.headers["retry-after"] == "40"
    assert error.headers["x-ratelimit-limit-requests"] == "2"
    assert error.headers["x-ratelimit-remaining-requests"] == "0"
    assert "2 requests per minute. Try again in 39.5s" in error.message
    assert book.admit("web", "chat", 10, NOW + 60) is None
    assert book.admit("other", "chat", 10, NOW) is None


def test_tokens_a_minute_are_put_right_by_what_was_used() -> None:
    book = limits({"web": {"tokens_per_minute": 1000}})
    assert book.admit("web", "chat", 800, NOW) is None
    assert refused(book.admit("web", "chat", 300, NOW)).type == "tokens"
    book.charge("web", "chat", 800, 100, 0, NOW + 1)
    assert book.admit("web", "chat", 300, NOW + 1) is None
    assert book.headers("web", NOW + 1) == {
        "x-ratelimit-limit-tokens": "1000",
        "x-ratelimit-remaining-tokens": "600",
        "x-ratelimit-reset-tokens": "1m0s",
    }
    assert book.headers("nobody", NOW) == {}


def test_a_request_that_never_fits_is_told_so() -> None:
    error = refused(limits({"web": {"tokens_per_minute": 10}}).admit("web", "", 11, NOW))
    assert "retry-after" not in error.headers
    assert error.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("scope", ["keys", "routes", "everyone"])
def test_a_budget_warns_and_then_stops(scope: str) -> None:
    allowance = {"per_day": 10 * USD}
    named = {"keys": {"web": allowance}, "routes": {"chat": allowance}, "everyone": allowance}
    book = limits(**{scope: named[scope]})
    assert book.charge("web", "chat", 0, 5, 7 * USD, NOW) == []
    (warning,) = book.charge("web", "chat", 0, 5, 1 * USD, NOW)
    assert warning.kind == "budget_warning"
    assert "80%" in warning.words
    assert book.charge("web", "chat", 0, 5, 1 * USD, NOW) == []
    assert book.admit("web", "chat", 1, NOW) is None
    (stop,) = book.charge("web", "chat", 0, 5, 2 * USD, NOW)
    assert stop.kind == "budget_exceeded"
    assert stop.figures == {"period": "day", "spent_usd": 11.0, "limit_usd": 10.0}
    error = refused(book.admit("web", "chat", 1, NOW))
    assert (error.type, error.code) == ("insufficient_quota", "insufficient_quota")
    assert "begins anew at 2026-02-01T00:00:00Z" in error.message
    assert error.headers["retry-after"] == "43201"
    assert book.charge("web", "chat", 0, 5, USD, NOW) == []  # told once


def test_budgets_begin_anew_at_midnight_and_with_the_month() -> None:
    book = limits({"web": {"per_day": 10 * USD, "per_month": 15 * USD}})
    book.charge("web", "", 0, 0, 10 * USD, NOW)
    assert book.admit("web", "", 1, NOW + HALF_DAY - 1) is not None
    assert book.admit("web", "", 1, NOW + HALF_DAY) is None  # February: both begin anew
    book.charge("web", "", 0, 0, 10 * USD, NOW + HALF_DAY)
    assert refused(book.admit("web", "", 1, NOW + HALF_DAY)).message.count("this day")
    assert book.admit("web", "", 1, NOW + 3 * HALF_DAY) is None
    kinds = [one.kind for one in book.charge("web", "", 0, 0, 5 * USD, NOW + 3 * HALF_DAY)]
    assert kinds == ["budget_exceeded"]
    error = refused(book.admit("web", "", 1, NOW + 3 * HALF_DAY))
    assert "2026-03-01T00:00:00Z" in error.message


def test_a_restart_remembers_and_does_not_warn_again() -> None:
    book = limits({"web": {"per_month": 10 * USD}}, everyone={"per_month": 100 * USD})
    book.restore("month", {"web": 9 * USD, "other": 95 * USD}, {"chat": 104 * USD})
    assert refused(book.admit("web", "", 1, NOW)).message.startswith("The budget of all callers")
    assert book.charge("web", "", 0, 0, USD // 2, NOW) == []
    (alert,) = book.charge("web", "", 0, 0, USD // 2, NOW)
    assert (alert.kind, alert.subject) == ("budget_exceeded", "key web month")


def test_a_reload_keeps_what_was_used() -> None:
    book = limits({"web": {"requests_per_minute": 2, "per_day": 10 * USD}})
    book.admit("web", "", 1, NOW)
    book.charge("web", "", 0, 0, 9 * USD, NOW)
    allowance = Allowance(requests_per_minute=1, per_day=9 * USD, per_month=20 * USD)
    book.configure(Table({"web": allowance}))
    assert refused(book.admit("web", "", 1, NOW)).code == "insufficient_quota"
    book.configure(Table({"web": Allowance(requests_per_minute=1)}))
    assert refused(book.admit("web", "", 1, NOW)).code == "rate_limit_exceeded"
    book.configure(Table())
    assert book.admit("web", "", 1, NOW) is None


def test_what_is_used_can_be_seen() -> None:
    book = limits({"web": {"requests_per_minute": 5}}, everyone={"per_day": 4 * USD})
    book.admit("web", "", 1, NOW)
    book.charge("web", "", 0, 0, USD, NOW)
    assert [(one["scope"], one["kind"], one["used"]) for one in book.snapshot(NOW)] == [
        ("key", "requests_per_minute", 1),
        ("all", "budget_per_day", USD),
    ]


def test_a_table_without_limits_says_so() -> None:
    assert Table({"web": Allowance()}).is_empty
    assert not Table(routes={"chat": Allowance(per_day=1)}).is_empty


def test_it_costs_next_to_nothing_where_nothing_is_limited() -> None:
    book = limits({"web": {"requests_per_minute": 10**9, "tokens_per_minute": 10**12}})

    def took_us(key: str) -> float:
        best = 1.0
        for _ in range(5):
            began = perf_counter()
            for _ in range(2000):
                book.admit(key, "chat", 10, NOW)
            best = min(best, (perf_counter() - began) / 2000)
        return best * 1e6

    assert took_us("nobody") < 1.5
    assert took_us("web") < 12


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.02, "20ms"), (1.5, "1.5s"), (59.9, "59.9s"), (360, "6m0s")]
)
def test_durations_as_openai_writes_them(seconds: float, text: str) -> None:
    assert _span(seconds) == text


def test_the_same_is_not_told_again_and_again() -> None:
    calm = Calm()
    alert = Alert("breaker_open", "p/m", "words")
    assert calm.news(alert, 0.0) == [alert]
    assert calm.news(alert, 10.0) == []
    assert calm.news(alert, REPEAT_SECONDS) == [alert]
    anew = Alert("budget_warning", "x", "words", repeats=True)
    assert calm.news(anew, 0.0) == calm.news(anew, 1.0) == [anew]


def test_a_storm_is_told_as_one() -> None:
    calm = Calm()
    told = [calm.news(Alert("k", f"s{number}", ""), 0.0) for number in range(STORM + 30)]
    assert sum(map(len, told)) == STORM
    storm, alert = calm.news(Alert("k", "later", ""), 61.0)
    assert (storm.kind, storm.figures["held_back"], alert.subject) == ("storm", 30, "later")


def test_what_was_held_is_settled_once() -> None:
    book = limits({"web": {"tokens_per_minute": 1000}})
    assert book.admit("web", "", 700, NOW, "r1") is None
    assert refused(book.admit("web", "", 700, NOW, "r2")).type == "tokens"
    assert (book.settle("r2"), book.settle("never")) == (0, 0)
    book.charge("web", "", book.settle("r1"), 100, 0, NOW)
    assert book.settle("r1") == 0
    assert book.headers("web", NOW)["x-ratelimit-remaining-tokens"] == "900"
    assert not book._held
