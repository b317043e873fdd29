"""Whom the cache answers: labelled pairs, and tenants who must not see each other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter_ns
from typing import Any

import orjson

from benchmarks.cache.prompts import entry, key, prompt, said_otherwise
from embeddings.classifier import Classifier
from proxy.cache import guards, opinion
from proxy.cache.cache import Cache
from proxy.cache.gist import gist
from proxy.cache.policy import Settings
from proxy.cache.reader import read

FILES = {  # the guards were tuned on the first two, and on none of the last
    "pairs": Path(__file__).with_name("pairs.jsonl"),
    "varied pairs": Path(__file__).with_name("varied.jsonl"),
    "unseen pairs": Path(__file__).with_name("unseen.jsonl"),
}
APART = Path(__file__).with_name("apart.jsonl")  # pairs that differ in one thing
Encode = Callable[[Sequence[str]], Any]
TENANTS = 20
SHARED = 400  # prompts that some of them keep


def hits(a: str, b: str, classifier: Classifier, settings: Settings) -> bool:
    """Whether b would be answered with a's answer."""
    if gist(a) is None or gist(a) != gist(b):
        return False
    near = float(classifier.read(a).vector @ classifier.read(b).vector)
    return near >= guards.required(read(a), read(b), settings.floor, settings.similarity)


def own(classifier: Classifier, path: Path) -> dict[str, float]:
    """Recall of the own pairs a language, and how many wrong hits there are of all."""
    settings, figures, wrong = Settings(), {}, 0
    rows = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    for language in ("en", "fr"):
        mine = [row for row in rows if row["lang"] == language]
        right = sum(hits(row["a"], row["same"], classifier, settings) for row in mine)
        figures[f"recall_{language}"] = right / len(mine)
        for row in mine:
            wrong += hits(row["a"], row["other"], classifier, settings)
            wrong += hits(row["same"], row["other"], classifier, settings)
    return {**figures, "hard_pairs": float(2 * len(rows)), "wrong": float(wrong)}


def second(path: Path, classifier: Classifier, encode: Encode) -> dict[str, float]:
    """The same with a second opinion on what is doubtful. encode: unit vectors of texts."""
    settings, figures, wrong = Settings(), {}, 0
    rows = [orjson.loads(line) for line in path.read_bytes().splitlines()]

    def settled(a: str, b: str) -> bool:
        if hits(a, b, classifier, settings):
            return True
        least = opinion.needed(read(a), read(b))
        if least >= guards.REFUSED:
            return False
        near = float(classifier.read(a).vector @ classifier.read(b).vector)
        if near < opinion.FLOOR and gist(a) != gist(b):
            return False  # it would not be found
        ours, theirs = encode((a, b))
        return float(ours @ theirs) >= least

    for language in ("en", "fr"):
        mine = [row for row in rows if row["lang"] == language]
        right = sum(settled(row["a"], row["same"]) for row in mine)
        figures[f"recall_{language}"] = right / len(mine)
        for row in mine:
            wrong += settled(row["a"], row["other"]) + settled(row["same"], row["other"])
    return {**figures, "hard_pairs": float(2 * len(rows)), "wrong": float(wrong)}


def apart(classifier: Classifier) -> dict[str, float]:
    """How many of the pairs that differ in one thing are taken for the same."""
    settings = Settings()
    rows = [orjson.loads(line) for line in APART.read_bytes().splitlines()]
    wrong = sum(hits(row["a"], row["b"], classifier, settings) for row in rows)
    return {"hard_pairs": float(len(rows)), "wrong": float(wrong)}


def labelled(rows: Iterable[Mapping[str, Any]], classifier: Classifier) -> dict[str, float]:
    """Precision and recall of given pairs."""
    settings = Settings()
    found = [(bool(row["label"]), hits(row["a"], row["b"], classifier, settings)) for row in rows]
    given = [label for label, hit in found if hit]
    there = sum(label for label, _ in found)
    return {
        "pairs": len(found),
        "precision": sum(given) / len(given) if given else 1.0,
        "recall": sum(given) / there if there else 0.0,
        "wrong": len(given) - sum(given),
    }


def tenants(lookups: int, classifier: Classifier) -> dict[str, float]:
    """Cross-tenant hits of randomised lookups, and what a miss costs where another tenant has the
    answer, against one that nobody has: medians in microseconds."""
    chance = Random(7)
    cache = Cache(Settings(), time.monotonic)
    vectors = [classifier.read(prompt(number)).vector for number in range(2 * SHARED)]
    held: set[tuple[int, int]] = set()
    for number in range(SHARED):
        for tenant in chance.sample(range(TENANTS), 5):
            made = entry(number, f"t{tenant}")
            cache.put(key(prompt(number), f"t{tenant}"), vectors[number], made)
            held.add((tenant, number))
    crossed, found = 0, 0
    others: list[int] = []
    nobodys: list[int] = []
    for _ in range(lookups):
        tenant, number = chance.randrange(TENANTS), chance.randrange(2 * SHARED)
        text = prompt(number) if chance.random() < 0.5 else said_otherwise(number)
        asked = key(text, f"t{tenant}")
        asked.gist  # noqa: B018 - read before: it costs the same for all
        began = perf_counter_ns()
        one = cache.find_exact(asked)
        hit = None if one is not None else cache.find_semantic(asked, vectors[number], "en")
        took = perf_counter_ns() - began
        given = one or (hit.entry if hit is not None else None)
        if given is not None:
            found += 1
            crossed += given.provider != f"t{tenant}"
        elif (tenant, number) not in held:
            (others if number < SHARED else nobodys).append(took)
    return {
        "lookups": lookups,
        "hits": found,
        "crossed": crossed,
        "miss_another_has_us": median(others) / 1e3,
        "miss_nobody_has_us": median(nobodys) / 1e3,
        "told_apart": _told_apart(others, nobodys, chance),
    }


def _told_apart(ones: list[int], others: list[int], chance: Random, most: int = 200_000) -> float:
    """How often a guess by time alone is right, 0.5 where times tell nothing (Mann and Whitney)."""
    score = 0.0
    for _ in range(most):
        one, other = chance.choice(ones), chance.choice(others)
        score += 1.0 if one > other else 0.5 if one == other else 0.0
    return score / most
