"""When to try again, in every spelling that providers use."""

from __future__ import annotations

import pytest

from proxy.routing.retry import MOST_SECONDS, backoff, moment, retry_after

WALL = 1_795_000_000.0  # 2026-11-18T11:06:40Z


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("0.25", 0.25),
        ("6ms", 0.006),
        ("1m30.5s", 90.5),
        ("2h", 7200.0),
        ("1795000012", 12.0),
        ("2026-11-18T11:06:50Z", 10.0),
        ("Wed, 18 Nov 2026 11:06:45 GMT", 5.0),
        ("Wed, 18 Nov 2020 11:06:45 GMT", 0.0),
        ("soon", None),
        ("-3", None),
        ("inf", None),
        ("1m soon", None),
        ("", None),
    ],
)
def test_moments(text: str, seconds: float | None) -> None:
    found = moment(text, WALL)
    assert found == (None if seconds is None else pytest.approx(seconds))


def test_the_more_exact_header_wins() -> None:
    assert retry_after({"retry-after-ms": "1500", "retry-after": "9"}, WALL) == 1.5
    assert retry_after({"retry-after": "9", "x-ratelimit-reset": "1"}, WALL) == 9
    resets = {"x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "3s"}
    assert retry_after(resets, WALL) == 3
    assert retry_after({"content-type": "x"}, WALL) is None


def test_backoff_doubles_with_full_jitter_up_to_a_bound() -> None:
    assert [backoff(n, 0.5) for n in range(3)] == [0.1, 0.2, 0.4]
    assert backoff(50, 1.0) == MOST_SECONDS
    assert backoff(5, 0.0) == 0.0
