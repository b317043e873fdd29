"""A distribution seen through cut-off attempts."""

from __future__ import annotations

import random
from math import exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.state.sketch import HALF_LIFE_S, WIDTH, Sketch


def test_without_a_cut_the_moments_are_the_samples_own() -> None:
    sketch = Sketch()
    for seconds in (0.1, 0.2, 0.4):
        sketch.add(seconds, 1.0)
    reading = sketch.read()
    assert exp(reading.mean) == pytest.approx(0.2, rel=0.02)
    assert reading.variance == pytest.approx(2 / 3 * log(2) ** 2, rel=0.03)
    assert reading.silent == 0
    assert reading.weight == pytest.approx(3, rel=0.03)


@pytest.mark.parametrize("sigma", [0.3, 0.6, 1.0])
def test_the_95th_percentile_is_within_a_bin_of_the_exact_one(sigma: float) -> None:
    rand = random.Random(3)
    times = [rand.lognormvariate(-1.0, sigma) for _ in range(4000)]
    sketch = Sketch()
    for seconds in times:
        sketch.add(seconds, 1.0)
    recent = sorted(times[-130:])
    assert abs(sketch.read().p95 - log(recent[int(len(recent) * 0.95)])) < 2 * WIDTH


def test_stalls_are_counted_as_silent_and_not_as_slow() -> None:
    rand = random.Random(4)
    alone, joined = Sketch(), Sketch()
    for number in range(3000):
        seconds = rand.lognormvariate(-1.0, 0.4)
        alone.add(seconds, 1.0)
        if number % 10 == 0:
            joined.cut(1.6, 1.0)
        else:
            joined.add(seconds, 1.0)
    assert joined.read().silent == pytest.approx(0.1, abs=0.045)
    assert joined.read().p95 == pytest.approx(alone.read().p95, abs=2 * WIDTH)


def test_a_cut_attempt_counts_among_the_slower_ones() -> None:
    """Half of all attempts are given up at random times: what is seen is too fast by itself."""
    rand = random.Random(5)
    naive, joined = Sketch(), Sketch()
    for _ in range(4000):
        seconds, patience = rand.lognormvariate(-1.0, 0.5), rand.lognormvariate(-0.9, 0.5)
        if seconds <= patience:
            naive.add(seconds, 1.0)
            joined.add(seconds, 1.0)
        else:
            joined.cut(patience, 1.0)
    assert naive.read().mean < -1.15
    assert joined.read().mean == pytest.approx(-1.0, abs=0.13)


def test_nothing_but_cuts_says_nothing_of_how_long_answers_take() -> None:
    sketch = Sketch()
    for _ in range(5):
        sketch.cut(2.0, 1.0)
    assert sketch.read().silent == 1.0


def test_a_silence_makes_the_past_count_less() -> None:
    sketch = Sketch()
    for _ in range(200):
        sketch.add(0.2, 1.0)
    before = sketch.read().weight
    sketch.add(0.2, 1.0 + 2 * HALF_LIFE_S)
    assert sketch.read().weight < 0.3 * before


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1e5)), max_size=60))
def test_whatever_comes_the_reading_is_sane(samples: list[tuple[bool, float]]) -> None:
    sketch = Sketch()
    for number, (answered, seconds) in enumerate(samples):
        (sketch.add if answered else sketch.cut)(seconds, number * 100.0)
    reading = sketch.read()
    assert 0.0 <= reading.silent <= 1.0
    assert reading.variance >= 0.0
    assert -7.0 <= reading.mean <= 12.0
    assert -7.0 <= reading.p95 <= 12.0
    assert (reading.silent == 1.0) == (not any(answered for answered, _ in samples))


def test_it_lives_through_more_samples_than_a_weight_can_hold() -> None:
    sketch = Sketch()
    for _ in range(20_000):
        sketch.add(0.5, 1.0)
    assert exp(sketch.read().mean) == pytest.approx(0.5, rel=0.01)
    assert sketch.read().weight == pytest.approx(1 / 0.015, rel=0.05)
