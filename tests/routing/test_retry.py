"""When to try again, in every spelling that providers use."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import Kind
from proxy.routing.retry import (
    MOST_SECONDS,
    WAIT_SECONDS,
    backoff,
    may_retry,
    moment,
    retry_after,
    retry_in,
)
from proxy.state.budget import Budget

WALL = 1_795_000_000.0  # 2026-11-18T11:06:40Z


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("0.25", 0.25),
        ("6ms", 0.006),
        ("20ms", 0.02),
        ("6m0s", 360.0),
        ("1d2h", 93_600.0),
        ("1m30.5s", 90.5),
        ("2h", 7200.0),
        ("450µs", 0.00045),
        ("1795000012", 12.0),
        ("1795000012000", 12.0),
        ("1794999999000", 0.0),
        ("2026-11-18T11:06:50Z", 10.0),
        ("2026-11-18T12:06:50+01:00", 10.0),
        ("Wed, 18 Nov 2026 11:06:45 GMT", 5.0),
        ("Wed, 18 Nov 2020 11:06:45 GMT", 0.0),
        (" 3 ", 3.0),
        ("soon", None),
        ("-3", None),
        ("inf", None),
        ("nan", None),
        ("1e400", None),
        ("1m soon", None),
        ("5 s", None),
        ("", None),
    ],
)
def test_moments(text: str, seconds: float | None) -> None:
    found = moment(text, WALL)
    assert found == (None if seconds is None else pytest.approx(seconds))


@given(st.text(max_size=60))
def test_no_rubbish_raises(text: str) -> None:
    found = moment(text, WALL)
    assert found is None or found >= 0


def test_the_more_exact_header_wins() -> None:
    assert retry_after({"retry-after-ms": "1500", "retry-after": "9"}, WALL) == 1.5
    assert retry_after({"x-ms-retry-after-ms": "20"}, WALL) == 0.02
    assert retry_after({"retry-after": "9", "x-ratelimit-reset": "1"}, WALL) == 9
    assert retry_after({"retry-after": "rubbish", "x-ratelimit-reset": "1"}, WALL) == 1
    assert retry_after({"content-type": "x"}, WALL) is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "3s"}, 3.0),
        ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-remaining-requests": "0",
          "x-ratelimit-reset-tokens": "6m0s", "x-ratelimit-remaining-tokens": "9000"}, 1.0),
        ({"anthropic-ratelimit-requests-reset": "2026-11-18T11:06:55Z"}, 15.0),
        ({"ratelimitbysize-reset": "33"}, 33.0),
    ],
    ids=["the latest", "the used up one", "anthropic", "mistral"],
)  # fmt: skip
def test_limits(headers: dict[str, str], seconds: float) -> None:
    assert retry_after(headers, WALL) == seconds
    assert retry_after(headers, WALL, limited=False) is None, "sent with every answer"


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("Limit reached. Please try again in 1m12.5s. Visit", 72.5),
        ("Please retry in 18.6s.", 18.6),
        ("Please try again later", None),
    ],
)
def test_words(words: str, seconds: float | None) -> None:
    assert retry_after({}, WALL, words=words) == seconds


def test_a_provider_may_forbid_it() -> None:
    assert may_retry({})
    assert may_retry({"x-should-retry": "true"})
    assert not may_retry({"x-should-retry": "false"})


def test_backoff_doubles_with_full_jitter_up_to_a_bound() -> None:
    assert [backoff(n, 0.5) for n in range(3)] == [0.1, 0.2, 0.4]
    assert backoff(50, 1.0) == MOST_SECONDS
    assert backoff(5, 0.0) == 0.0


def test_what_is_tried_again_and_when() -> None:
    purse = Budget(0.2, 20.0, 20.0)
    assert retry_in(Kind.SERVER, 1, None, 0.5, purse) == 0.2
    assert retry_in(Kind.RATE_LIMITED, 0, 2.0, 0.5, purse) == pytest.approx(2.1)
    assert retry_in(Kind.RATE_LIMITED, 1, 0.0, 0.5, purse) == 0.2, "nothing is not at once"
    assert retry_in(Kind.RATE_LIMITED, 0, WAIT_SECONDS + 0.1, 0.5, purse) is None
    assert retry_in(Kind.REFUSED, 0, None, 0.5, purse) is None
    assert retry_in(Kind.STALL, 0, None, 0.5, purse) is None


def test_retries_have_a_budget() -> None:
    purse = Budget(0.2, 20.0, 2.0)
    waits = [retry_in(Kind.SERVER, 0, None, 0.5, purse) for _ in range(4)]
    assert waits[:2] == [0.1, 0.1]
    assert waits[-1] is None
