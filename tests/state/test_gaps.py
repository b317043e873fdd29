"""The silence that a stream may have in its middle."""

from __future__ import annotations

import random

import pytest

from proxy.state.gaps import (
    FLOOR_S,
    LIMIT,
    MOST_S,
    PAUSING_FLOOR_S,
    PAUSING_PRIOR_S,
    PRIOR_S,
    Gaps,
)


def after(median_s: float, sigma: float = 0.5, streams: int = 100, *, pausing=False) -> Gaps:
    rand = random.Random(1)
    gaps = Gaps()
    for number in range(streams):
        gap = median_s * rand.lognormvariate(0, sigma)
        gaps.observe("p/m", gap, number / 10, pausing=pausing)
    return gaps


def test_before_anything_is_known_the_prior_holds() -> None:
    gaps = Gaps()
    assert gaps.deadline("p/m") == PRIOR_S
    assert gaps.deadline("p/m", pausing=True) == PAUSING_PRIOR_S
    gaps.observe("p/m", 0.05, 0.0)
    assert gaps.deadline("p/m") == PRIOR_S


def test_a_fast_provider_is_held_to_the_floor() -> None:
    assert after(0.08).deadline("p/m") == FLOOR_S


def test_a_provider_that_pauses_is_given_what_it_needs() -> None:
    limit = after(2.5).deadline("p/m")
    assert 12.0 < limit < 30.0
    assert after(40.0).deadline("p/m") == MOST_S


@pytest.mark.parametrize("sigma", [0.3, 0.6, 1.0])
def test_hardly_any_healthy_stream_is_cut_off(sigma: float) -> None:
    limit = after(2.5, sigma, 200).deadline("p/m")
    rand = random.Random(8)
    cut = sum(2.5 * rand.lognormvariate(0, sigma) > limit for _ in range(10_000))
    assert cut <= 30


def test_thinking_and_tools_have_their_own_history_and_a_higher_floor() -> None:
    gaps = after(0.1)
    for number in range(100):
        gaps.observe("p/m", 9.0, number / 10, pausing=True)
    assert gaps.deadline("p/m") == FLOOR_S
    assert gaps.deadline("p/m", pausing=True) > PAUSING_FLOOR_S
    assert after(0.1, pausing=True).deadline("p/m", pausing=True) == PAUSING_FLOOR_S


def test_stalls_do_not_lengthen_the_limit() -> None:
    gaps = after(2.0)
    before = gaps.deadline("p/m")
    rand = random.Random(2)
    for number in range(200):
        if number % 10 == 0:
            gaps.censored("p/m", gaps.deadline("p/m"), 11.0)
        else:
            gaps.observe("p/m", 2.0 * rand.lognormvariate(0, 0.5), 11.0)
    assert gaps.deadline("p/m") < 1.5 * before


def test_what_is_kept_is_bounded_and_shown() -> None:
    gaps = Gaps()
    for number in range(LIMIT + 5):
        gaps.observe(f"p/{number}", 1.0, 0.0)
    rows = gaps.snapshot()
    assert len(rows) == LIMIT
    assert rows[0]["streams"] == 1
