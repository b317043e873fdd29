"""Model names and what they ask for."""

import pytest

from benchmarks.mock import Scenario
from benchmarks.mock.faults import NAMES
from benchmarks.mock.scenario import parse, text_of, token


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gpt-4o", Scenario()),
        ("mock", Scenario()),
        ("mock-t64-f250-i20", Scenario(tokens=64, first_ms=250, interval_ms=20)),
        ("primary/mock-t8-i0.5", Scenario(tokens=8, interval_ms=0.5)),
        ("mock-u0-l1", Scenario(usage=False, late_head=True)),
        ("mock-e503", Scenario(status=503)),
        ("mock-t9-x4", Scenario(tokens=9, cut_after=4)),
        ("mock-s0", Scenario(stall_after=0)),
        ("mock-b400", Scenario(token_bytes=400)),
        (
            "mock-f300-d0.5-j0.2-h0.05",
            Scenario(first_ms=300, first_sigma=0.5, interval_sigma=0.2, stall_share=0.05),
        ),
        ("mock-t8-nonsense-i9", Scenario(tokens=8)),
        ("mock-t-1", Scenario()),
        ("mock-t99999999", Scenario()),
        ("mock-tinf", Scenario()),
        ("mock-snan", Scenario()),
        ("mock-f1e300", Scenario()),
        ("mock-i1e300", Scenario()),
        ("mock-d1000-f1", Scenario()),
        ("mock-e99999", Scenario()),
        ("fault-429-²", Scenario(tokens=20, interval_ms=2, fault="429")),
        ("fault-429-" + "9" * 400, Scenario(tokens=20, interval_ms=2, fault="429")),
        ("fault-nothing-known", Scenario()),
        ("fault-500", Scenario(tokens=20, interval_ms=2, fault="500")),
        ("fault-500-html", Scenario(tokens=20, interval_ms=2, fault="500-html")),
        ("fault-429-7", Scenario(tokens=20, interval_ms=2, fault="429", number=7)),
        (
            "fault-reset-mid-t60-x40",
            Scenario(tokens=60, interval_ms=2, fault="reset-mid", cut_after=40),
        ),
        (
            "fault-slow-first-token-1500",
            Scenario(tokens=20, interval_ms=2, fault="slow-first-token", number=1500),
        ),
    ],
)
def test_names(model, expected):
    parsed = parse(model, NAMES)
    if model == "mock-t-1":
        assert parsed.tokens == 64
    else:
        assert parsed == expected


def test_tokens_have_their_size():
    assert token(1) == " tok0001"
    assert len(token(7, 400)) == 400
    assert text_of(Scenario(tokens=2), "a") == " a0001xx a0002xx"


@pytest.mark.parametrize("bad", [{"tokens": -1}, {"token_bytes": 1 << 30}])
def test_sizes_are_bounded(bad):
    with pytest.raises(ValueError, match="must be"):
        Scenario(**bad)
