"""Promises and whether they were kept."""

import pytest

from benchmarks.load import slo
from benchmarks.load.tally import Tally


def tally():
    """A thousand requests, six of which failed."""
    one = Tally()
    one.ttft.extend([0.1] * 993 + [5.0])
    one.total.extend([1.0] * 994)
    one.ok, one.tokens, one.seconds = 994, 9940, 100.0
    for _ in range(6):
        one.fail("closed_early")
    return one


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("ttft_p99<300ms", True),
        ("ttft_p99.3<300ms", True),
        ("ttft_p99.5<300ms", False),  # more than one in 200 had none
        ("ttft_max<300ms", False),
        ("total_max<2s", False),  # six never ended well
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
    "text",
    [
        "ttft",
        "ttft<fast",
        "nothing<3ms",
        "rate_p99<3",
        "ttft<3kg",
        "<",
        "ttft_p999<3ms",
        "ttft_p0<3ms",
        "ttft_p9.9.9<3ms",
        "ttft<1.2.3ms",
        "error_rate<1.2.3%",
    ],
)
def test_nonsense_is_refused(text):
    with pytest.raises(ValueError, match="cannot read"):
        slo.parse(text)


def test_what_never_came_breaks_a_promise():
    one = tally()
    assert slo.parse("ttft_p99<300ms")[0].holds(one)
    one.unfinished = 5
    assert not slo.parse("ttft_p99<300ms")[0].holds(one)
    assert slo.parse("ttft_p90<300ms")[0].holds(one)
    verdict = slo.parse("ttft_p99<300ms")[0].verdict(one)
    assert "6 failed and 5 unfinished had none" in verdict


def test_bounds_of_single_answers():
    assert slo.bounds(["ttft:300", "e2el:5000ms"]) == (("ttft", 0.3), ("total", 5.0))
    one = tally()
    one.good = 500
    assert slo.parse("goodput>4")[0].holds(one)
    for wrong in ("ttft", "ttft:nan", "ttft:-1"):
        with pytest.raises(ValueError, match="try ttft:300"):
            slo.bounds([wrong])
