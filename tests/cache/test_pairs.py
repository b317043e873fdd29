"""Pairs of one meaning, and what must not be taken for it: the files in benchmarks/cache."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from benchmarks import cache as home
from proxy.cache.gist import gist
from proxy.cache.guards import passes


def rows_of(name: str) -> list[dict[str, str]]:
    path = Path(home.__file__).parent / f"{name}.jsonl"
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


PAIRS = rows_of("pairs")
VARIED = rows_of("varied")
UNSEEN = rows_of("unseen")


@pytest.mark.parametrize("row", PAIRS, ids=[row["other"][:40] for row in PAIRS])
def test_what_asks_something_else_is_refused(row: dict[str, str]) -> None:
    assert not passes(row["a"], row["other"])
    assert not passes(row["same"], row["other"])


@pytest.mark.parametrize("row", rows_of("apart"), ids=lambda row: row["b"][:40])
def test_what_differs_in_one_thing_is_kept_apart(row: dict[str, str]) -> None:
    assert not passes(row["a"], row["b"])
    assert not passes(row["b"], row["a"])


def test_of_pairs_that_nobody_tuned_on_none_is_taken_for_another() -> None:
    """Two thirds of their paraphrases pass: see benchmarks/cache. Leave them as they are: a guard
    that was made for one of them has seen it."""
    assert len(UNSEEN) > 150
    assert wrong(UNSEEN) == []
    assert share(UNSEEN) >= 0.65


def test_of_pairs_in_all_kinds_of_words_none_is_taken_for_another() -> None:
    assert len(VARIED) > 600
    assert wrong(VARIED) == []
    assert share(VARIED) >= 0.65


def wrong(rows: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [
        (first, row["other"])
        for row in rows
        for first in (row["a"], row["same"])
        if passes(first, row["other"]) or passes(row["other"], first)
    ]


def share(rows: list[dict[str, str]]) -> float:
    return sum(passes(row["a"], row["same"]) for row in rows) / len(rows)


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_most_of_what_asks_the_same_passes(lang: str) -> None:
    rows = [row for row in PAIRS if row["lang"] == lang]
    passed = [row for row in rows if passes(row["a"], row["same"])]
    assert len(passed) >= 0.7 * len(rows)
    assert all(gist(row["a"]) == gist(row["same"]) for row in passed)
