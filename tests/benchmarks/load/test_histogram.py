"""The histogram against exact quantiles, and its arithmetic."""

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.load.histogram import PARTS, Histogram

TIMES = st.lists(st.floats(1e-6, 1e4), min_size=1, max_size=200)


@given(TIMES, st.sampled_from([0.01, 0.5, 0.9, 0.99, 1.0]))
@settings(max_examples=200)
def test_quantiles_are_exact_to_a_bucket(values, q):
    one = Histogram()
    one.extend(values)
    exact = float(np.quantile(values, q, method="inverted_cdf"))
    assert one.quantile(q) == pytest.approx(exact, rel=1.0 / PARTS)


@given(TIMES, TIMES)
@settings(max_examples=50)
def test_merging_is_adding(a, b):
    one, two, both = Histogram(), Histogram(), Histogram()
    one.extend(a)
    two.extend(b)
    both.extend(a + b)
    one.merge(two)
    assert (one.counts == both.counts).all()
    assert one.summary() == pytest.approx(both.summary())


def test_what_is_dumped_is_read_back():
    one = Histogram()
    one.extend([0.001, 0.002, 5.0])
    two = Histogram.load(orjson.loads(orjson.dumps(one.dump())))
    assert two.summary() == one.summary()
    assert Histogram.load(orjson.loads(orjson.dumps(Histogram().dump()))).summary() is None


def test_edges():
    one = Histogram()
    assert one.summary() is None
    for value in (0.0, -1.0, 1e-30, 1e30):
        one.add(value)
    assert one.quantile(1.0) > 1e5
    assert one.curve()[-1][1] == 1.0
