"""What a client hears of a provider's failure."""

from __future__ import annotations

import pytest

from proxy.errors import Kind, UpstreamFailure, to_client


@pytest.mark.parametrize(
    ("value", "passes"),
    [
        ("7", True),
        ("1.5", True),
        ("Sun, 06 Nov 1994 08:49:37 GMT", True),
        ("soon-ish", False),
        ("-1", False),
        ("", False),
        ("1e9", False),
        ("7, 8", False),
    ],
)
def test_a_retry_after_is_passed_on_where_it_says_something(value: str, passes: bool) -> None:
    sent = {"retry-after": value, "x-ratelimit-remaining-requests": "0"}
    told = to_client(UpstreamFailure(Kind.RATE_LIMITED, "slow down", status=429, headers=sent))
    assert ("retry-after" in told.headers) is passes
    assert told.headers["x-ratelimit-remaining-requests"] == "0"


@pytest.mark.parametrize("kind", [Kind.KEY_REFUSED, Kind.MODEL_UNKNOWN])
def test_the_providers_words_about_our_key_stay_here(kind: Kind) -> None:
    failure = UpstreamFailure(kind, "Incorrect key sk-1", status=401, code="invalid_api_key")
    told = to_client(failure)
    assert (told.status, told.code) == (502, f"upstream_{kind.value}")
    assert "sk-1" not in told.message


def test_what_is_wrong_with_the_request_is_told_in_the_providers_words() -> None:
    failure = UpstreamFailure(Kind.REFUSED, "No such tool", status=422, code="bad_tool")
    told = to_client(failure)
    assert (told.status, told.code, told.message) == (422, "bad_tool", "No such tool")
