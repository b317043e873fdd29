"""Many prompts that are hardly told apart at first: each is found, and nothing stays behind."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from benchmarks.cache.prompts import entry, key, prompt, said_otherwise
from proxy.cache.gist import gist
from proxy.cache.semantic import FEW, SemanticCache

VECTOR = np.ones(8, np.float32) / np.float32(np.sqrt(8))


def alike() -> list[int]:
    """Numbers of prompts that have one gist, each with a sense of its own."""
    groups: defaultdict[int | None, list[int]] = defaultdict(list)
    for number in range(6000):
        groups[gist(prompt(number))].append(number)
    return max(groups.values(), key=len)


@pytest.mark.parametrize("many", [1, 2, FEW, FEW + 1, 30])
def test_each_of_many_is_found_by_its_meaning(many: int) -> None:
    numbers = alike()[:many]
    assert len(numbers) == many
    cache, kept = SemanticCache(), {}
    for number in numbers:
        asked = key(prompt(number))
        kept[number] = one = entry(number)
        one.text = asked.text
        assert asked.gist is not None
        assert cache.add(asked.partition, asked.gist, VECTOR, one)
    for number in numbers:
        found = [one for _, one in cache.alike(key(said_otherwise(number)), VECTOR)]
        assert kept[number] in found
        assert len(found) <= FEW
    for number in numbers[::2] + numbers[1::2]:
        assert cache.remove(kept[number])
        assert not cache.remove(kept[number])
        assert kept[number] not in [one for _, one in cache.alike(key(prompt(number)), VECTOR)]
    assert len(cache) == 0
    assert sum(map(len, cache._alike.shards)) == 0
    assert len(cache._above) == 0
