"""When a running stream counts as stalled."""

from __future__ import annotations

import pytest

from proxy.routing.silence import RATE_WINDOW_S, next_look_s, stalled


@pytest.mark.parametrize(
    ("silent", "tokens", "window", "least", "word"),
    [
        (10.0, 50, 10.0, None, "stopped"),
        (9.9, 0, 10.0, None, None),
        (1.0, 60, 5.0, 10.0, None),
        (1.0, 20, 5.0, 10.0, "4.0 tokens a second"),
        (1.0, 2, 2.0, 10.0, None),
    ],
    ids=["silent", "no floor", "fast enough", "too slow", "too early to say"],
)
def test_verdicts(
    silent: float, tokens: int, window: float, least: float | None, word: str | None
) -> None:
    found = stalled(silent, 10.0, tokens, window, least)
    assert (found is None) if word is None else (word in (found or ""))


def test_the_next_look() -> None:
    assert next_look_s(0.0, 10.0, None) == 10.0
    assert next_look_s(7.5, 10.0, None) == 2.5
    assert next_look_s(0.0, 10.0, 5.0) == RATE_WINDOW_S
    assert next_look_s(10.5, 10.0, None) > 0
