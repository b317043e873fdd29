"""The share of the strong model, whatever the traffic is like."""

from __future__ import annotations

import random

import pytest

from proxy.state.strong import StrongShare


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
@pytest.mark.parametrize("shape", ["uniform", "hard", "easy", "same"])
def test_the_share_is_kept_and_used(share: float, shape: str) -> None:
    rng = random.Random(3)
    draw = {
        "uniform": rng.random,
        "hard": lambda: 0.8 + 0.2 * rng.random(),
        "easy": lambda: 0.3 * rng.random(),
        "same": lambda: 0.6,
    }[shape]
    strong = StrongShare(share)
    count = 6000
    spent = sum(strong.is_strong(draw()) for _ in range(count)) / count
    assert spent <= share + 0.01
    assert spent >= share * 0.6


def test_the_hard_ones_are_strong() -> None:
    rng = random.Random(1)
    strong = StrongShare(0.3)
    seen = [(rank := rng.random(), strong.is_strong(rank)) for _ in range(3000)]
    chosen = [rank for rank, is_strong in seen if is_strong]
    assert min(chosen) > 0.5
    assert sum(chosen) / len(chosen) > 0.8


@pytest.mark.parametrize(("share", "expected"), [(0.0, False), (1.0, True)])
def test_none_and_all(share: float, expected: bool) -> None:
    strong = StrongShare(share)
    assert {strong.is_strong(rank) for rank in (0.0, 0.5, 1.0) * 200} == {expected}
