from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy.state.window import SECONDS, Window


@given(st.lists(st.tuples(st.floats(0, 40), st.integers(0, 30)), max_size=60))
def test_it_never_lets_more_than_its_limit_through_in_a_minute(steps) -> None:
    window = Window(100)
    now, taken = 1000.0, list[tuple[float, int]]()
    for pause, amount in steps:
        now += pause
        recent = sum(n for at, n in taken if at > now - (SECONDS - 1))
        if window.fits(amount, now):
            window.add(amount, now)
            taken.append((now, amount))
            assert recent + amount <= 100
        else:
            # Refused only for what really happened within the minute, to the second.
            assert sum(n for at, n in taken if at > now - SECONDS) + amount > 100
            wait = window.wait(amount, now)
            assert wait is not None
            assert 0 < wait <= SECONDS
            assert not window.fits(amount, now + wait - 1.001)
            assert window.fits(amount, now + wait)
            now += wait


def test_what_is_left_and_when_it_is_whole_again() -> None:
    window = Window(10)
    assert (window.left(5.0), window.full_in(5.0)) == (10, 0.0)
    window.add(4, 5.5)
    window.add(2, 20.25)
    assert window.left(20.5) == 4
    assert window.full_in(20.5) == 59.5
    assert window.left(65.0) == 8
    assert (window.left(80.0), window.full_in(80.0)) == (10, 0.0)
    assert window.wait(11, 80.0) is None


def test_an_estimate_is_put_right() -> None:
    window = Window(100)
    window.add(90, 10.0)
    window.add(-70, 30.0)
    assert window.left(30.0) == 80
    assert window.left(71.0) == 100  # the estimate is gone before its correction is
    assert window.left(500.0) == 100
