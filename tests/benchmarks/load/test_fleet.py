"""A load shared among processes is the same load."""

from functools import partial
from itertools import islice
from random import Random

import pytest

from benchmarks.load import arrivals, fleet
from benchmarks.load.plan import Load
from benchmarks.load.progress import State, joined, line


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_the_parts_are_the_whole(count):
    load = Load(concurrency=7, count=100, warmup=5, preconnect=3)
    parts = [fleet.portion(load, number, count) for number in range(count)]
    for name in ("concurrency", "count", "warmup", "preconnect"):
        assert sum(getattr(part, name) for part in parts) == getattr(load, name)
    assert all(part.arrivals is None for part in parts)


def test_every_process_takes_its_turn_of_the_same_schedule():
    def times():
        return arrivals.poisson(100, Random(5))

    load = Load(concurrency=9, count=None, seconds=1, arrivals=partial(times))
    parts = [fleet.portion(load, number, 3) for number in range(3)]
    mixed = sorted(due for part in parts for due in islice(part.arrivals(), 40))
    assert mixed == list(islice(times(), 120))


def test_states_add_up():
    nothing = float("nan")
    one = State(1.0, 0.5, 10, 100, 4, 0, True, 0.1, 0.2, (1, 2, 3))
    other = State(1.1, 0.3, 5, 50, 2, 1, True, 0.3, nothing, (4,))
    both = joined([one, other])
    assert (both.rate, both.token_rate, both.open, both.failed) == (15, 150, 6, 1)
    assert (both.p50, both.p99) == (0.3, 0.2)
    assert both.history == (1, 2, 7)
    assert both.share == pytest.approx(0.4)
    assert "ttft 300.0/200.0 ms" in line(both)
    for room in range(40, 130, 3):
        assert len(line(both, room).replace("\x1b[31m", "").replace("\x1b[0m", "")) <= room
    assert "ms" not in line(joined([State(0.5, 0.1, 0, 0, 3, 0, True, nothing, nothing, ())]))
