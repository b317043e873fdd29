from __future__ import annotations

import pytest

from proxy.cache.gist import gist
from proxy.cache.guards import check, passes
from proxy.cache.worded import cut

SAME = [
    ("How do you say 'good morning' in Spanish?", "Translate 'good morning' to Spanish."),
    ("Comment dit-on 'bonjour' en espagnol ?", "Traduis 'bonjour' en espagnol."),
    ("What does HTTP stand for?", "What is the meaning of HTTP?"),
    ("How many people live in Norway?", "What is the population of Norway?"),
    ("Combien d'habitants compte la Norvège ?", "Quelle est la population de la Norvège ?"),
    ("At what temperature does water boil?", "What is the boiling point of water?"),
    ("How far is the Moon from the Earth?", "What is the distance between the Earth and the Moon?"),
    ("Which currency is used in Japan?", "What is the currency of Japan?"),
    ("Quelle monnaie utilise-t-on au Japon ?", "Quelle est la monnaie du Japon ?"),
    ("List the planets of the solar system.", "What are the planets of the solar system?"),
    ("Name the planets of the solar system.", "Give me a list of the planets of the solar system."),
    ("Liste les symptômes de la grippe.", "Quels sont les symptômes de la grippe ?"),
    ("How old is the Eiffel Tower?", "What is the age of the Eiffel Tower?"),
    ("Quel âge a la tour Eiffel ?", "Quel est l'âge de la tour Eiffel ?"),
    ("What's the difference between TCP and UDP?", "How does TCP differ from UDP?"),
    ("Compare TCP and UDP.", "What is the difference between TCP and UDP?"),
    ("Quelle est la différence entre TCP et UDP ?", "Compare TCP et UDP."),
    ("Correct this sentence: 'He go home'.", "Fix this sentence: 'He go home'."),
    ("Give me a recipe for pancakes.", "How do I make pancakes?"),
    ("Donne-moi une recette de crêpes.", "Comment faire des crêpes ?"),
    ("Qu'est-ce que la photosynthèse ?", "Explique la photosynthèse."),
    ("Comment est-ce que je peux trier une liste ?", "Comment puis-je trier une liste ?"),
    ("Qui a écrit Les Misérables ?", "Qui est l'auteur des Misérables ?"),
    ("What is 100 fahrenheit in celsius?", "Convert 100 fahrenheit to celsius."),
    ("Définis l'entropie.", "Quelle est la définition de l'entropie ?"),
]
DIFFERENT = [
    ("How do you say 'cat' in Spanish?", "How do you say 'dog' in Spanish?"),
    ("How do you say 'cat' in Spanish?", "Translate 'cat' to French"),
    ("Comment dit-on chat en espagnol ?", "Comment dit-on chien en espagnol ?"),
    ("What does HTTP stand for?", "What does FTP stand for?"),
    ("How many people live in Norway?", "How many people live in Peru?"),
    ("How many people live in Norway?", "How many people died in Norway?"),
    ("At what temperature does water boil?", "At what temperature does water freeze?"),
    ("À quelle température bout l'eau ?", "À quelle température gèle l'eau ?"),
    ("How far is Paris from Lyon?", "How far is Paris from Nice?"),
    ("Which currency is used in Japan?", "Which language is used in Japan?"),
    ("Which cars are used in Japan?", "Which cars are made in Japan?"),
    ("List the planets as JSON", "List the planets as CSV"),
    ("List 3 rivers of Peru", "List 4 rivers of Peru"),
    ("Give me a list of foods", "Give me a table of foods"),
    ("How old is the tower?", "How tall is the tower?"),
    ("How does TCP differ from UDP?", "How does TCP differ from IP?"),
    ("Give me a recipe for pancakes.", "Give me a recipe for waffles."),
    ("Qui a écrit Hamlet ?", "Qui a traduit Hamlet ?"),
    ("Quand a fini la guerre ?", "Quand a commencé la guerre ?"),
    ("What is 20 km in miles?", "Convert 20 miles to km"),
    ("Calculate 5 + 3", "What is 5 - 3?"),
]  # fmt: skip


@pytest.mark.parametrize(("a", "b"), SAME)
def test_another_way_of_asking_is_the_same_question(a: str, b: str) -> None:
    assert [verdict for verdict in check(a, b) if not verdict.passed] == []
    assert passes(b, a)
    assert gist(a) == gist(b)


@pytest.mark.parametrize(("a", "b"), DIFFERENT)
def test_what_stands_in_the_idiom_still_counts(a: str, b: str) -> None:
    assert not passes(a, b)
    assert not passes(b, a)


@pytest.mark.parametrize(
    "text",
    [
        "What is a monad?",
        "The name of the list",
        "Say hello",
        "Il dit oui",
        "",
        "old",
        "how old is ",
    ],
)
def test_a_text_without_an_idiom_stays_as_it_is(text: str) -> None:
    assert cut(text).text in (text, "what is the age of ")
