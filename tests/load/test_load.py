"""Short versions of the long runs: they work, and nothing is wrong or lost."""

from __future__ import annotations

import pytest

from tests.load.house import house
from tests.load.overload import Found as Overload
from tests.load.soak import ROUTES, soak

pytestmark = [pytest.mark.loopback, pytest.mark.slow]


async def test_a_short_soak_is_all_right() -> None:
    with house(cache=True, extra=ROUTES) as proxy:
        found = await soak(proxy, 600, each=200)
    assert found.wrong == []
    assert found.done >= 600
    assert found.looks[-1][2] - found.looks[0][2] < 20, "descriptors"
    assert set(found.outcomes) >= {"good", "whole", "left", "fallback", "broken"}
    assert "0 wrong" in found.line()


def test_what_overload_tells() -> None:
    told = Overload(100.0, 96.0, 3, [1.0, 2.0, 9.0], [1 << 20, 3 << 20, 2 << 20], 0).line()
    assert "(96.0%)" in told
    assert "p99 9.0 ms" in told
