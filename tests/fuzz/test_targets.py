"""A few hundred inputs of every target in every run; `python -m tests.fuzz` does millions."""

from __future__ import annotations

import pytest

from tests.fuzz.__main__ import input_of
from tests.fuzz.targets import TARGETS

COUNT = 300


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_nothing_fails_in_a_way_that_nobody_meant(name: str) -> None:
    target = TARGETS[name]
    inputs = [input_of(target, 7, number) for number in range(COUNT)]
    assert len(set(inputs)) > COUNT / 2, "the seeds are changed"
    for data in (*target.seeds, *inputs):
        target.run(data)
