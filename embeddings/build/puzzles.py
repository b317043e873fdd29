"""Slots that are made rather than listed: numbers, word problems, questions with options, code."""
# ruff: noqa: E501, SIM905

from __future__ import annotations

import random

NAMES = "Anna Tom Maria Karim Lucas Sara John Emma Paul Nina Ahmed Julie Leo Mia Ben Rosa Ivan Lea Sam Clara".split()
THINGS = "apples books pencils cookies marbles tickets eggs shirts stamps bottles chairs flowers candies cards boxes".split()
THINGS_FR = "pommes livres crayons gâteaux billes tickets œufs chemises timbres bouteilles chaises fleurs bonbons cartes".split()

PROBLEMS = (
    "{a} has {x} {t}. {b} gives {a} {y} more and {a} eats {z} of them. How many {t} does {a} have left?",
    "{a} buys {x} {t} for ${y} each and pays with a ${z}00 bill. How much change does {a} get?",
    "A box holds {x} {t}. If {a} fills {y} boxes and sells {z} {t}, how many remain?",
    "{a} earns ${x} an hour and works {y} hours a day, {z} days a week. How much does {a} make in a month?",
    "{a} reads {x} pages on Monday, twice as many on Tuesday and {y} fewer on Wednesday. How many pages in total?",
    "There are {x} {t} in a shop. On the first day {y} are sold, on the second day half of the rest. How many are left?",
    "{a} is {x} years older than {b}. In {y} years {a} will be twice as old as {b}. How old is {b} now?",
    "A recipe for {x} people needs {y} {t}. {a} cooks for {z} people. How many {t} are needed?",
    "{a} drives {x} miles at {y} mph and then {z} miles at 60 mph. How long does the whole trip take?",
    "A shirt costs ${x}. It is discounted by {y}% and then taxed at {z}%. What is the final price?",
    "{a} and {b} share {x} {t} in the ratio {y}:{z}. How many more does {a} get than {b}?",
    "A farm has {x} chickens and cows with {y}0 legs altogether. How many cows are there?",
    "{a} saves ${x} per week while spending ${y} every month. After {z} months, how much money has {a} saved?",
    "A tank is filled at {x} liters per minute and leaks {y} liters per minute. How long to reach {z}00 liters?",
    "{a} bakes {x} cakes. Each cake needs {y} eggs, and eggs come in dozens. How many dozens must {a} buy?",
    "At a party there are {x} guests. Each shakes hands with every other guest once. How many handshakes are there?",
    "In a class of {x} students, {y}% play football. A third of those also play tennis. How many play both?",
    "{a} runs {x} km every day, and {b} runs {y} km more. How far do they run together in {z} weeks?",
)
PROBLEMS_FR = (
    "{a} a {x} {t}. {b} lui en donne {y} de plus et {a} en mange {z}. combien de {t} reste-t-il à {a} ?",
    "{a} achète {x} {t} à {y} euros pièce et paie avec un billet de {z}00 euros. combien lui rend-on ?",
    "une boîte contient {x} {t}. {a} remplit {y} boîtes et vend {z} {t}. combien en reste-t-il ?",
    "{a} gagne {x} euros de l'heure et travaille {y} heures par jour. combien gagne {a} en {z} jours ?",
    "{a} lit {x} pages lundi, le double mardi et {y} de moins mercredi. combien de pages en tout ?",
    "{a} a {x} ans de plus que {b}. dans {y} ans {a} aura le double de l'âge de {b}. quel âge a {b} ?",
    "une recette pour {x} personnes demande {y} {t}. combien en faut-il pour {z} personnes ?",
    "{a} roule {x} km à {y} km/h puis {z} km à 60 km/h. combien de temps dure le trajet ?",
    "un article coûte {x} euros. on applique {y} % de remise puis {z} % de taxe. quel est le prix final ?",
    "{a} et {b} se partagent {x} {t} dans le rapport {y} pour {z}. combien {a} en reçoit-il ?",
    "dans une classe de {x} élèves, {y} % font du sport, dont un tiers du tennis. combien font du tennis ?",
)
STEMS = (
    "Which of the following best describes {c}?",
    "Which of the following is true of {c}?",
    "A {n}-year-old patient presents with fever and a rash. What is the most likely diagnosis?",
    "The main purpose of {c} is",
    "According to the author, {c} is an example of",
    "Which statement about {c} is NOT correct?",
    "A court will most likely hold that the contract is",
    "The process by which {c} forms is called",
    "What was the main consequence of {c}?",
    "Two objects of mass {n} kg and {m} kg collide. Which quantity is conserved?",
    "In which century did {c} begin?",
    "Statement 1 | {c} is finite. Statement 2 | {c} is continuous.",
)
STEMS_FR = (
    "laquelle de ces affirmations sur {c} est exacte ?",
    "quel est le rôle principal de {c} ?",
    "parmi ces propositions, laquelle décrit le mieux {c} ?",
    "en quel siècle apparaît {c} ?",
)
MATTERS = "osmosis;the nervous system;federalism;a monopoly;the treaty of Versailles;plate tectonics;the enzyme;natural law;classical conditioning;a capacitor;the Renaissance;marginal utility;the small intestine;photosynthesis;common law;the cell membrane;game theory;utilitarianism;the ozone layer;a supernova;the Ottoman empire;aggregate demand;a prime ideal;tort liability".split(
    ";"
)
MATTERS_FR = "la photosynthèse;le système nerveux;la Renaissance;le fédéralisme;un monopole;la membrane cellulaire;le droit commun;la couche d'ozone;l'empire romain".split(
    ";"
)
ANSWERS = "an increase in pressure;the second option;both are true;a decrease in demand;cell division;the Supreme Court;none of the above;True, False;energy;the right to vote;iron and oxygen;1848;higher prices;the liver;consent;Paris;12 m/s;a group of islands".split(
    ";"
)

SNIPPETS = (
    "def add(a, b):\n    return a + b",
    "for i in range(len(items)):\n    if items[i] == target:\n        return i\nreturn -1",
    "function total(cart) {\n  let sum = 0;\n  for (const item of cart) sum += item.price;\n  return sum;\n}",
    "SELECT name, COUNT(*) FROM orders GROUP BY name HAVING COUNT(*) > 3;",
    "public class Main {\n    public static void main(String[] args) {\n        System.out.println(x);\n    }\n}",
    "const res = await fetch(url);\nconst data = await res.json();\nsetState(data.items)",
    "import pandas as pd\ndf = pd.read_csv('data.csv')\nprint(df.groupby('city').mean())",
    '#include <stdio.h>\nint main() { int *p = NULL; printf("%d", *p); return 0; }',
    "fn longest(a: &str, b: &str) -> &str { if a.len() > b.len() { a } else { b } }",
    "Traceback (most recent call last):\n  File \"app.py\", line 12, in <module>\n    main()\nKeyError: 'user'",
    '<div class="card">\n  <h1>{{ title }}</h1>\n  <button onclick="save()">Save</button>\n</div>',
    "class Stack:\n    def __init__(self):\n        self.items = []\n    def pop(self):\n        return self.items[0]",
    "docker run -p 8080:80 nginx\ncurl: (7) Failed to connect to localhost port 8080",
    "func worker(jobs <-chan int, results chan<- int) {\n\tfor j := range jobs { results <- j * 2 }\n}",
    "try:\n    data = json.loads(body)\nexcept ValueError:\n    pass",
    "while (left <= right) { mid = (left + right) / 2; if (a[mid] < x) left = mid; else right = mid; }",
    "x = [n ** 2 for n in nums if n % 2 == 0]",
    "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  containers: []",
    "git push origin main\n! [rejected] main -> main (fetch first)",
    '#!/bin/bash\nfor f in *.txt; do mv "$f" "${f%.txt}.md"; done',
)
STUBS = (
    'def count_vowels(text: str) -> int:\n    """Return how many vowels the text has.\n    >>> count_vowels("hello")\n    2\n    """',
    'from typing import List\n\n\ndef rolling_max(numbers: List[int]) -> List[int]:\n    """ Given a list of integers, return the list of the largest so far.\n    >>> rolling_max([1, 3, 2])\n    [1, 3, 3]\n    """',
    'def is_sorted(values):\n    """Check whether the list is in ascending order.\n    Examples: is_sorted([1, 2]) ➞ True\n    """',
    'def encode(message):\n    """Write a function that takes a message and swaps the case of all letters.\n    >>> encode("Test")\n    "tEST"\n    """',
    "def split_words(txt):\n    '''Given a string of words, return a list of the words split on commas.\n    split_words(\"Hello,world\") == [\"Hello\", \"world\"]\n    '''",
    "// returns the number of ways to climb n stairs\nint climbStairs(int n) {",
    'def max_fill(grid, capacity):\n    """You are given a grid of wells. Each row is a well. Output how many times buckets are lowered.\n    Example 1: Input: grid : [[0,0,1,0]] Output: 6\n    Constraints: all wells have the same length\n    """',
    "/**\n * Reverse a string in place.\n * @param {string} s\n */\nfunction reverse(s) {",
)


def fill_special(name: str, rng: random.Random) -> str:
    """The text of a made slot; an unknown name stays empty, and a test sees to it that none is."""
    match name:
        case "n":
            return str(
                rng.choice(
                    (2, 3, 4, 5, 6, 8, 9, 10, 12, 15, 20, 24, 30, 50, 60, 75, 100, 120, 200, 350)
                )
            )
        case "snippet":
            code = rng.choice(SNIPPETS)
            return f"```\n{code}\n```" if rng.random() < 0.4 else code
        case "stub":
            return rng.choice(STUBS)
        case "word_problem":
            return _write_problem(PROBLEMS, THINGS, rng)
        case "word_problem_fr":
            return _write_problem(PROBLEMS_FR, THINGS_FR, rng)
        case "mc_question":
            return _write_options(STEMS, MATTERS, rng)
        case "mc_question_fr":
            return _write_options(STEMS_FR, MATTERS_FR, rng)
        case _:
            raise KeyError(name)


def _write_problem(problems: tuple[str, ...], things: list[str], rng: random.Random) -> str:
    a, b = rng.sample(NAMES, 2)
    numbers = {key: rng.randint(2, 60) for key in "xyz"}
    text = rng.choice(problems).format(a=a, b=b, t=rng.choice(things), **numbers)
    if rng.random() < 0.3:
        text = (
            rng.choice(problems).format(a=a, b=b, t=rng.choice(things), **numbers).rsplit(".", 1)[0]
            + ". "
            + text
        )
    return text


def _write_options(stems: tuple[str, ...], matters: list[str], rng: random.Random) -> str:
    stem = rng.choice(stems).format(
        c=rng.choice(matters), n=rng.randint(4, 80), m=rng.randint(2, 9)
    )
    mark = rng.choice((".", ")"))
    options = [
        f"{letter}{mark} {text}"
        for letter, text in zip("ABCD", rng.sample(ANSWERS, 4), strict=True)
    ]
    return stem + "\n" + "\n".join(options) + rng.choice(("", "\nAnswer:", "\n"))
