"""Short versions of the long runs: they work, and nothing is wrong or lost."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.load.flood import Order, Told, flood
from tests.load.house import house
from tests.load.overload import Found as Overload
from tests.load.overload import body
from tests.load.soak import ROUTES, Found, Look, slope, soak

pytestmark = [pytest.mark.loopback, pytest.mark.slow]


def test_a_short_soak_is_all_right() -> None:
    with house(cache=True, extra=ROUTES) as proxy:
        found = soak(proxy, 600, each=200)
    assert found.wrong == []
    assert found.done >= 600
    assert found.looks[-1].descriptors - found.looks[0].descriptors < 20, "descriptors"
    assert set(found.outcomes) >= {"good", "whole", "left", "fallback", "broken"}
    assert "0 wrong" in found.line()


def test_memory_counts_from_when_the_process_is_warm() -> None:
    found = Found(Counter(good=1_000_000))
    for number in range(11):  # 100 s each; it fills up for 300, and then creeps
        rss = 100_000_000 + min(number, 3) * 20_000_000 + number * 80_000
        found.looks.append(Look(number * 100_000, rss, 20, number * 100.0))
    line = found.line()
    assert "after 300000 and 300 s" in line
    assert "slope +0.50% a million" in line
    assert slope(found.looks[:1]) == 0.0


def test_the_client_of_a_flood_tells_what_became_of_every_request() -> None:
    with house(server="max_open = 8") as proxy:
        told = flood(Order(proxy.port, body("mock-t1000-f30-i0"), 1.5, rate=60))
        assert set(told.outcomes) == {"whole"}
        assert 40 <= told.outcomes["whole"] <= 90
        slow = body("mock-t1000-f400-i0")
        told = flood(Order(proxy.port, slow, 1.5, rate=100))
    assert set(told.outcomes) == {"whole", "refused"}
    assert len(told.refusals_ms) == told.outcomes["refused"] > 50


def test_what_overload_tells() -> None:
    told = Told(1.0, {"whole": 96, "refused": 300}, [1.0, 2.0, 9.0])
    rss = [1 << 20, 3 << 20, 2 << 20]
    line = Overload("firsttoken", 100.0, told, [1.0, 2.0, 8.0], rss, 0.98, 0.02).line()
    assert "(96.0% of the peak)" in line
    assert "p99 9.0 as the flood saw them, p50 2.0 ms, p99 8.0 as 3 probes did" in line
    assert "98% of a CPU, 2% by others; RSS 1 MiB at first, 3 at most, 2 at last" in line
