from __future__ import annotations

import pytest

from proxy.cache.reader import read
from proxy.cache.roles import differ

TURNED = [
    ("What is chocolate milk?", "What is milk chocolate?"),
    ("What eats cows?", "What do cows eat?"),
    ("Do men help women?", "Do women help men?"),
    ("Convert a list to a tuple", "Convert a tuple to a list"),
    ("Convert JSON to YAML", "Convert YAML to JSON"),
    ("the effect of stress on sleep", "the effect of sleep on stress"),
    ("Is iron heavier than gold?", "Is gold heavier than iron?"),
    ("Is there more fat in milk than in soy?", "Does soy have more fat than milk?"),
    ("How do I get to the hotel?", "How do I get from the hotel?"),
    ("Write a poem for my wife", "Write a poem about my wife"),
    ("How do I sleep with a cold?", "How do I sleep in the cold?"),
    ("Use butter instead of oil", "Use oil instead of butter"),
    ("What do you think of cats?", "What do cats think of you?"),
    ("Sort by name then by date", "Sort by date then by name"),
    ("Le thé coûte-t-il plus que le café ?", "Le café coûte-t-il plus que le thé ?"),
    ("Traduis de l'anglais vers le français", "Traduis du français vers l'anglais"),
    ("Que penses-tu des chats ?", "Que pensent les chats de toi ?"),
    (
        "It changes in A. speed and length B. speed and width C. width and length D. speed or none",
        "It changes in A. speed and width B. width and length C. speed and length D. speed or none",
    ),
]
SAME = [
    ("What is the tallest mountain in Italy?", "Which mountain is the tallest in Italy?"),
    ("the history of Japan", "Japanese history"),
    ("the chemical formula of table salt", "table salt's chemical formula"),
    ("Compare tea and coffee", "Compare coffee and tea"),
    ("Compare tea with coffee", "Compare coffee with tea"),
    ("Sort a list in Python", "With Python, sort a list"),
    ("Write a short formal letter", "Write a formal short letter"),
    ("How many miles is 20 km?", "Convert 20 km to miles"),
]


@pytest.mark.parametrize(("a", "b"), TURNED)
def test_who_does_what_to_whom_is_told_apart(a: str, b: str) -> None:
    assert differ(read(a), read(b))
    assert differ(read(b), read(a))


@pytest.mark.parametrize(("a", "b"), SAME)
def test_words_may_stand_elsewhere(a: str, b: str) -> None:
    assert differ(read(a), read(b)) is None
    assert differ(read(b), read(a)) is None
