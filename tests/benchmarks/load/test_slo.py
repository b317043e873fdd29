"""Promises and whether they were kept."""

import pytest

from benchmarks.load import slo
from benchmarks.load.tally import Tally


def tally():
    one = Tally()
    one.ttft.extend([0.1] * 99 + [0.5])
    one.total.extend([1.0] * 100)
    one.ok, one.tokens, one.seconds = 99, 990, 10.0
    one.fail("closed_early")
    return one


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("ttft_p99<300ms", True),
        ("ttft_max<300ms", False),
        ("ttft<0.3s", True),
        ("ttft_mean <= 105ms", True),
        ("ttft_mean<103", False),
        ("e2el_p50<900ms", False),
        ("error_rate<=1%", True),
        ("error_rate<0.5%", False),
        ("rate>9", True),
        ("tokens_per_s>=100", False),
        ("itl_p99<10s", False),  # there were none: nothing proves it
    ],
)
def test_verdicts(text, held):
    (one,) = slo.parse(text)
    assert one.holds(tally()) is held
    assert one.verdict(tally()).startswith("ok" if held else "MISS")


def test_several():
    assert [one.figure for one in slo.parse("ttft_p99<1s, error_rate<1%,")] == [
        "ttft",
        "error_rate",
    ]


@pytest.mark.parametrize(
    "text", ["ttft", "ttft<fast", "nothing<3ms", "rate_p99<3", "ttft<3kg", "<"]
)
def test_nonsense_is_refused(text):
    with pytest.raises(ValueError, match="cannot read"):
        slo.parse(text)


def test_what_never_came_breaks_a_promise():
    one = tally()
    one.unfinished = 5
    assert not slo.parse("ttft_p99<300ms")[0].holds(one)
    assert slo.parse("ttft_p90<300ms")[0].holds(one)
    assert "inf" in slo.parse("ttft_p99<300ms")[0].verdict(one)


def test_bounds_of_single_answers():
    assert slo.bounds(["ttft:300", "e2el:5000ms"]) == (("ttft", 0.3), ("total", 5.0))
    one = tally()
    one.good = 50
    assert slo.parse("goodput>4")[0].holds(one)
    with pytest.raises(ValueError, match="try ttft:300"):
        slo.bounds(["ttft"])
