"""Labelled prompts for the head: patterns filled with topics, passages and code, then roughened.

Everything comes from lists written for this build and from clean corpus sentences. Variety is the
aim: register, length, typing errors, missing accents, politeness, instructions before or after.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from embeddings.build import prompts_en, prompts_fr, seeds
from embeddings.build.puzzles import fill_special
from embeddings.build.topics import TOPICS
from embeddings.cues import strip_accents

CATEGORIES: tuple[str, ...] = (
    "code",
    "reasoning",
    "analysis",
    "summarization",
    "translation",
    "classification",
    "extraction",
    "creative",
    "conversation",
    "web_search",
    "qa",
)
_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{(\w+)\}")

POLITE = {
    "en": (
        (
            "please ",
            "can you ",
            "could you ",
            "i need you to ",
            "hey, ",
            "hi, ",
            "help me: ",
            "i want you to ",
        ),
        (" please", " thanks", " thank you!", " asap", " thx", ""),
    ),
    "fr": (
        (
            "stp ",
            "peux-tu m'aider : ",
            "bonjour, ",
            "salut, ",
            "s'il te plaît, ",
            "j'aimerais que tu m'aides : ",
        ),
        (" s'il te plaît", " stp", " merci", " merci d'avance", " svp", ""),
    ),
}


@dataclass(frozen=True, slots=True)
class Prompt:
    """A labelled text. `family` numbers its pattern, so that folds can keep patterns apart."""

    text: str
    category: str
    language: str
    family: int


def write_prompts(passages: Sequence[str], each: int, seed: int = 5) -> list[Prompt]:
    """About `each` prompts for each category and language."""
    rng = random.Random(seed)
    slots = {name: _entries(block) for name, block in TOPICS.items()}
    found: list[Prompt] = []
    family = 0
    for language, source in (("en", prompts_en.PATTERNS), ("fr", prompts_fr.PATTERNS)):
        for category in CATEGORIES:
            patterns = [line for line in source[category].strip().split("\n") if line.strip()]
            share = max(1, each // len(patterns))
            for pattern in patterns:
                for _ in range(share):
                    text = _fill(pattern.replace("\\n", "\n"), slots, passages, rng)
                    found.append(Prompt(_roughen(text, language, rng), category, language, family))
                family += 1
    for language, by_category in seeds.SEEDS.items():
        for category, block in by_category.items():
            for line in block.strip().split("\n"):
                for _ in range(SEED_COPIES):
                    text = line.replace("\\n", "\n")
                    found.append(Prompt(_roughen(text, language, rng), category, language, family))
                family += 1
    rng.shuffle(found)
    return found


SEED_COPIES = 4


def _entries(block: str) -> list[str]:
    return [entry.strip() for entry in block.split(";")]


def _fill(
    pattern: str, slots: Mapping[str, list[str]], passages: Sequence[str], rng: random.Random
) -> str:
    while found := _CHOICE.search(pattern):
        chosen = rng.choice(found.group(1).split("|"))
        pattern = pattern[: found.start()] + chosen + pattern[found.end() :]

    def fill(match: re.Match[str]) -> str:
        name = match.group(1)
        if name in slots:
            return rng.choice(slots[name])
        if name == "passage":
            return _join_passage(passages, rng)
        if name == "short_passage":
            return rng.choice(passages)[:70]
        return fill_special(name, rng)

    return re.sub("  +", " ", _SLOT.sub(fill, pattern)).strip()


def _join_passage(passages: Sequence[str], rng: random.Random) -> str:
    count = rng.choice((1, 1, 2, 3, 4, 6, 9, 14))
    joined = " ".join(rng.choice(passages) for _ in range(count))
    quote = rng.choice(("", "", "", '"'))
    return f"{quote}{joined}{quote}"


def _roughen(text: str, language: str, rng: random.Random) -> str:
    if rng.random() < 0.16:
        text = rng.choice(POLITE[language][0]) + text
    if rng.random() < 0.10:
        text += rng.choice(POLITE[language][1])
    if language == "fr" and rng.random() < 0.25:
        text = strip_accents(text)
    if rng.random() < 0.12:
        text = _mistype(text, rng)
    case = rng.random()
    if case < 0.55:
        text = text[:1].upper() + text[1:]
    elif case < 0.58:
        text = text.upper()
    if rng.random() < 0.2:
        text = text.rstrip("?.! ")
    elif rng.random() < 0.3 and text[-1:].isalpha():
        text += "."
    return text


def _mistype(text: str, rng: random.Random) -> str:
    place = rng.randrange(len(text)) if text else 0
    if place < 1 or place + 1 >= len(text) or not text[place].isalpha():
        return text
    kind = rng.random()
    if kind < 0.4:
        return text[:place] + text[place + 1] + text[place] + text[place + 2 :]
    if kind < 0.7:
        return text[:place] + text[place + 1 :]
    return text[:place] + text[place] + text[place:]
