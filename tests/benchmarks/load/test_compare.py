"""Ratios and how sure they are."""

from random import Random

import pytest

from benchmarks.load import compare
from benchmarks.load.tally import Tally


def rounds(mean, count, seed):
    random = Random(seed)
    found = []
    for _ in range(count):
        one = Tally()
        one.ttft.extend(random.gauss(mean, mean / 20) for _ in range(200))
        one.total.extend([mean * 2] * 200)
        one.ok, one.seconds = 200, 2.0
        one.cut(1.0, 0)
        found.append(one)
    return found


def test_turns_alternate():
    assert compare.order(3) == ["A", "B", "B", "A", "A", "B"]


def test_a_difference_is_found_and_none_invented():
    found = {one.name: one for one in compare.ratios(rounds(0.1, 8, 1), rounds(0.12, 8, 2))}
    assert found["ttft p50"].ratio == pytest.approx(1.2, rel=0.03)
    assert found["ttft p50"].sure
    assert found["ttft p50"].low <= found["ttft p50"].ratio <= found["ttft p50"].high
    assert not found["requests/s"].sure
    assert "gap p50" not in found


def test_rounds_join():
    whole = compare.merged(rounds(0.1, 3, 1))
    assert whole.ok == 600
    assert whole.seconds == 6.0
    assert [one.at for one in whole.slices] == [1.0, 3.0, 5.0]
