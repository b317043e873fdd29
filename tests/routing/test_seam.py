"""What the client reads when a second target finishes the first one's answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.routing.seam import Diverged, Seam

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
