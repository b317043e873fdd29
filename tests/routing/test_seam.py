"""What the client reads when a second target finishes the first one's answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.routing.seam import Diverged, Echo, Seam

SAID = "The proxy holds the first frames back until a token has arrived, and then"


def joined(said: str, pieces: list[str]) -> str:
    seam = Seam(said)
    return said + "".join(seam.feed(piece) for piece in pieces) + seam.finish()


def cut(text: str, size: int) -> list[str]:
    return [text[i : i + size] for i in range(0, len(text), size)]


@pytest.mark.parametrize("size", [1, 3, 7, 500])
@pytest.mark.parametrize(
    "new",
    [
        " it lets everything flow to the client.",
        "until a token has arrived, and then it lets everything flow to the client.",
        "has arrived, and then it lets everything flow to the client.",
        SAID + " it lets everything flow to the client.",
    ],
    ids=["exact", "overlap", "short overlap", "restart"],
)
def test_every_manner_of_going_on_reads_the_same(new: str, size: int) -> None:
    whole = SAID + " it lets everything flow to the client."
    assert joined(SAID, cut(new, size)) == whole


def test_a_chance_agreement_is_kept() -> None:
    assert joined("He saw the ", ["the", " theatre"]) == "He saw the the theatre"


def test_two_spaces_become_one() -> None:
    assert joined("one two ", [" three"]) == "one two three"


def test_a_restart_that_goes_another_way_cannot_be_joined() -> None:
    seam = Seam(SAID)
    with pytest.raises(Diverged):
        for piece in cut(SAID[:60] + " something else entirely, and more of it", 5):
            seam.feed(piece)


def test_a_restart_that_ends_early_adds_nothing() -> None:
    assert joined(SAID, cut(SAID[:40], 4)) == SAID


@given(
    st.text("ab ", min_size=60, max_size=120),
    st.text("cd ", min_size=1, max_size=80),
    st.integers(1, 9),
)
def test_what_is_new_is_never_lost(said: str, new: str, size: int) -> None:
    whole = joined(said, cut(new, size))
    assert whole.startswith(said)
    assert whole.replace(" ", "").endswith(new.replace(" ", ""))


@pytest.mark.parametrize("size", [1, 3, 7, 500])
def test_the_same_answer_again_is_silent_until_it_says_more(size: int) -> None:
    echo = Echo(SAID)
    pieces = [echo.feed(piece) for piece in cut(SAID + " it goes on. ", size)]
    assert "".join(pieces) + echo.finish() == " it goes on. "
    assert not echo.silent


@pytest.mark.parametrize("size", [1, 5, 500])
@pytest.mark.parametrize("at", [0, 30, len(SAID) - 1])
def test_an_answer_that_differs_anywhere_is_no_echo(at: int, size: int) -> None:
    echo = Echo(SAID)
    other = SAID[:at] + "#" + SAID[at + 1 :] + " and more"
    with pytest.raises(Diverged):
        for piece in cut(other, size):
            assert echo.feed(piece) == "", "nothing is heard of it"
    assert echo.silent


def test_an_echo_that_ends_early_is_none() -> None:
    echo = Echo(SAID)
    echo.feed(SAID[:-1])
    with pytest.raises(Diverged):
        echo.finish()


@given(st.text(max_size=40), st.text(max_size=40), st.integers(1, 9))
def test_an_echo_is_exact(said: str, new: str, size: int) -> None:
    echo = Echo(said)
    heard = "".join(echo.feed(piece) for piece in cut(said + new, size)) + echo.finish()
    assert heard == new
