"""Rounds to figures, figures to ratios."""

import pytest

from benchmarks.overhead import results

ROUNDS = [
    {
        "direct": {"c1_p50_ms": 0.1, "rps": 100.0},
        "nginx": {"cpu_us_per_request": 16.0, "c1_p50_ms": 0.2, "idle_mb": 5.0},
        "firsttoken": {"cpu_us_per_request": 40.0, "c1_p50_ms": 0.4, "start_s": 0.6},
    },
    {
        "direct": {"c1_p50_ms": 0.2, "rps": 90.0},
        "nginx": {"cpu_us_per_request": 15.0, "c1_p50_ms": 0.4, "idle_mb": 7.0},
        "firsttoken": {"cpu_us_per_request": 30.0, "c1_p50_ms": 0.5, "start_s": 0.5},
    },
]


def test_the_summary_takes_the_least_or_the_median():
    figures = results.summary(ROUNDS)
    assert figures["nginx"]["cpu_us_per_request"] == 15.0
    assert figures["nginx"]["idle_mb"] == 6.0
    assert figures["nginx"]["added_c1_p50_ms"] == pytest.approx(0.15)
    assert figures["firsttoken"]["added_c1_p50_ms"] == pytest.approx(0.3)
    assert figures["firsttoken"]["start_s"] == 0.5
    assert "added_c1_p50_ms" not in figures["direct"]


def test_ratios_and_limits():
    over = results.ratios(results.summary(ROUNDS), "nginx")
    assert over["firsttoken"]["cpu_us_per_request"] == 2.0
    assert "start_s" not in over["firsttoken"]
    assert results.broken(over, "firsttoken", {"cpu_us_per_request": 2.5}) == []
    assert "2.00 times" in results.broken(over, "firsttoken", {"cpu_us_per_request": 1.5})[0]
    assert "not measured" in results.broken(over, "firsttoken", {"kb_per_stream": 1.5})[0]


def test_translated_tokens_are_compared_with_passed_ones():
    figures = {"nginx": {"cpu_us_per_token": 20.0}, "a": {"translated_cpu_us_per_token": 25.0}}
    assert results.ratios(figures, "nginx")["a"]["translated_cpu_us_per_token"] == 1.25
    rounds = [{"direct": {"ttft_p99_ms": 1.0}, "a": {"tls_ttft_p99_ms": 3.0}}]
    assert results.summary(rounds)["a"]["added_tls_ttft_p99_ms"] == 2.0
