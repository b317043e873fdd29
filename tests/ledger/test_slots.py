from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from proxy.ledger.slots import bounds_of, percentile, slots_of

MICROS = st.integers(0, 10**10)


def slot_of(micros: int) -> int:
    return int(slots_of(np.array([micros]))[0])


@given(MICROS)
def test_a_duration_is_within_its_slot(micros: int) -> None:
    low, high = bounds_of(slot_of(micros))
    assert low <= micros < high
    assert high - low <= max(1, low / 8)


@given(MICROS, MICROS)
def test_slots_keep_the_order(a: int, b: int) -> None:
    assert (slot_of(a) <= slot_of(b)) == (a <= b) or slot_of(a) == slot_of(b)


@given(st.lists(st.integers(100, 10**8), min_size=1, max_size=200), st.floats(0.01, 0.99))
def test_a_percentile_is_near_the_true_one(values: list[int], share: float) -> None:
    found = percentile(Counter(map(slot_of, values)).items(), share)
    ordered = sorted(values)
    place = min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))
    true = ordered[place]
    assert found is not None
    assert true * 0.87 <= found <= true * 1.14


def test_nothing_has_no_percentile() -> None:
    assert percentile([], 0.5) is None
