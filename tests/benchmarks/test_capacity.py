"""The capacity model: what it sums up, and that the README shows what it says."""

from __future__ import annotations

from pathlib import Path

from benchmarks.capacity import Figures, plan

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()


def test_the_readme_shows_its_rows() -> None:
    for rate in (1e3, 1e4, 1e5):
        assert plan(rate, Figures()).row() in README


def test_it_is_a_sum_of_what_was_measured() -> None:
    known = Figures(request_us=1000.0, token_us=10.0, tokens=100.0, streamed=1.0, hits=0.0,
                    load=0.5, stream_s=2.0)  # fmt: skip
    found = plan(1000.0, known)
    assert found.processes == 4, "a second of requests and one of tokens, on half a core each"
    assert found.open_streams == 2000
    assert found.servers == 1
    assert plan(10.0, known).processes == 2, "one may fail"
    assert plan(1e5, known).servers > 1
