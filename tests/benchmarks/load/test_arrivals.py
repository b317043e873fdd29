"""When requests are due."""

from itertools import islice, pairwise
from random import Random

import pytest

from benchmarks.load import arrivals


def test_constant():
    assert list(islice(arrivals.constant(4), 4)) == [0, 0.25, 0.5, 0.75]


@pytest.mark.parametrize("burstiness", [0.5, 1.0, 4.0])
def test_poisson_has_its_rate_and_spread(burstiness):
    times = list(islice(arrivals.poisson(100, Random(1), burstiness), 20_000))
    gaps = [b - a for a, b in pairwise(times)]
    mean = sum(gaps) / len(gaps)
    variance = sum((gap - mean) ** 2 for gap in gaps) / len(gaps)
    assert mean == pytest.approx(0.01, rel=0.05)
    assert variance / mean**2 == pytest.approx(1 / burstiness, rel=0.1)


def test_a_ramp_rises():
    times = [t for t in islice(arrivals.ramp(10, 100, 10), 2000) if t < 20]
    early = sum(t < 1 for t in times)
    late = sum(10 <= t < 11 for t in times)
    assert 10 <= early <= 20
    assert late == pytest.approx(100, abs=3)


def test_traces(tmp_path):
    path = tmp_path / "trace.jsonl"
    path.write_text('{"timestamp": 3000}\n{"timestamp": 1500}\n\n2.5\n')
    assert list(arrivals.trace(path)) == [0.0, 1.0, 1.5]
    path.write_text("")
    with pytest.raises(ValueError, match="no times"):
        arrivals.trace(path)
    for wrong in ('"soon"', "soon", "[1]", '{"timestamp": "soon"}', '{"at": 3}', "true"):
        path.write_text(f"1\n{wrong}\n")
        with pytest.raises(ValueError, match=r"trace\.jsonl:2: not a time"):
            arrivals.trace(path)
