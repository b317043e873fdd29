from __future__ import annotations

from collections.abc import Sequence

import pytest

from proxy.cache import guards
from proxy.cache.entry import Entry
from proxy.cache.opinion import Doubt, Settled, ask, doubts_among, needed
from proxy.cache.reader import read
from proxy.cache.worded import cut

KEPT = "Remove duplicates from a list of names please"
ASKED = "How can I remove duplicates from a list of names?"


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Who is the president of Peru?", "Who was the president of Peru?"),
        ("Qui est le maire de Lyon ?", "Qui était le maire de Lyon ?"),
        ("Is gold heavier than lead?", "Is lead heavier than gold?"),
        ("Is there more fat in milk than in soy?", "Does soy contain more fat than milk?"),
        ("Can a dog bite a man?", "Can a man bite a dog?"),
        ("Should I sell my house?", "Can I sell my house?"),
        ("How can I help you?", "How can you help me?"),
        ("Does a cat eat cheese?", "Does a mouse eat cheese?"),
        ("Name three rivers in Spain", "Name four rivers in Spain"),
        ("Is it safe to swim here?", "Is it dangerous to swim here?"),
        ("When did the Titanic sink?", "How did the Titanic sink?"),
        ("What did Ada win the prize for?", "When did Ada win the prize?"),
        ("How do I create a file?", "How do I find a file?"),
        ("Set an alarm for 7 am", "Set an alarm for 7 pm"),
        ("Donne les avantages du train", "Donne les avantages et inconvénients du train"),
        ("Quel temps fera-t-il demain ?", "Quel temps fera-t-il après-demain ?"),
        ("How big is a Jaguar?", "How big is a jaguar?"),
        ("Who directed Alien?", "Who directed Aliens?"),
        ("What are the best films of 1990?", "What are the best films of the 1990s?"),
        ("Combien pèse un livre ?", "Combien pèse une livre ?"),
    ],
)
def test_no_likeness_is_enough_where_it_means_another_thing(a: str, b: str) -> None:
    assert needed(read(a), read(b)) == guards.REFUSED
    assert needed(read(b), read(a)) == guards.REFUSED


@pytest.mark.parametrize(
    ("a", "b", "least"),
    [
        (KEPT, "Remove duplicates from a list of names", 0.75),  # only the vectors were too far
        ("Comment garder la forme ?", "Garder la forme, comment ?", 0.65),
        (KEPT, ASKED, 0.85),
        ("Is Pluto a planet?", "Is Pluto a planet or a different thing?", 0.85),
        ("How do I boil an egg?", "How do I boil an egg in water?", 0.97),
    ],
)
def test_what_is_said_in_another_form_or_at_more_length_may_be_settled(
    a: str, b: str, least: float
) -> None:
    assert needed(read(a), read(b)) == pytest.approx(least)


def test_only_doubtful_ones_are_read_in_full() -> None:
    full: list[str] = []

    def prepare(text: str):
        full.append(text)
        return read(text)

    fits = "Repair the roof of a garage please"
    texts = [fits, "Repair the roof of a barn", "Wash the dishes by hand"]
    near_ones = [(Entry(text=text), 0.9) for text in texts]
    asked = "How can I repair the roof of a garage?"
    assert [doubt.entry.text for doubt in doubts_among(near_ones, cut(asked), prepare)] == [fits]
    assert full == [fits]
    assert doubts_among([(Entry(text=fits), 0.1)], cut(asked), prepare) == []


def test_the_best_of_those_that_are_like_enough_is_heard_of() -> None:
    class Somebody:
        connected = True

        def ask(self, texts: Sequence[str], then, budget_s=None) -> None:
            assert texts[0] == ASKED
            then(Found([0.99, 0.9, 0.97]))

    class Found:
        def __init__(self, likeness: list[float]) -> None:
            self.likeness = likeness

        def __getitem__(self, place):
            return self

        def __matmul__(self, other):
            return self

        def tolist(self) -> list[float]:
            return self.likeness

    heard: list[tuple[str, float]] = []
    doubts = [
        Doubt(Entry(text=text), least) for text, least in (("a", 2.0), ("b", 0.9), ("c", 0.95))
    ]
    ask(Somebody(), ASKED, doubts, lambda doubt, like: heard.append((doubt.entry.text, like)))
    assert heard == [("c", 0.97)]


def test_what_was_settled_is_remembered_up_to_a_bound() -> None:
    settled = Settled()
    entry = Entry(text=KEPT)
    for number in range(1025):
        settled.settle(number.to_bytes(16, "big"), entry, 0.9)
    assert len(settled) == 1024
    assert settled.of((0).to_bytes(16, "big")) is None
    assert settled.of((1024).to_bytes(16, "big")) == (entry, 0.9)
