"""Whom the cache answers: labelled pairs, and tenants who must not see each other."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter_ns
from typing import Any

import orjson

from benchmarks.cache.prompts import entry, key, prompt, said_otherwise
from embeddings.classifier import Classifier
from proxy.cache import guards
from proxy.cache.cache import Cache
from proxy.cache.gist import gist
from proxy.cache.policy import Settings
from proxy.cache.reader import read

OWN = Path(__file__).with_name("pairs.jsonl")  # the guards were tuned on these
UNSEEN = Path(__file__).with_name("unseen.jsonl")  # and on none of these
TENANTS = 20
SHARED = 400  # prompts that some of them keep


def hits(a: str, b: str, classifier: Classifier, settings: Settings) -> bool:
    """Whether b would be answered with a's answer."""
    if gist(a) is None or gist(a) != gist(b):
        return False
    near = float(classifier.read(a).vector @ classifier.read(b).vector)
    return near >= guards.required(read(a), read(b), settings.floor, settings.similarity)


def own(classifier: Classifier, path: Path = OWN) -> dict[str, float]:
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
