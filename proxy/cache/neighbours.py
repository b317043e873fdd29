"""Kept prompts by nearness, within their partition: who a second opinion is asked about.

One index a partition, so that no search ever sees another tenant's vectors. Only a cache that has
somebody to ask makes them. A new vector waits with others before it enters the index, a batch at a
time: it can be found meanwhile, and no request pays for the insertion.
"""

from __future__ import annotations

import numpy as np

from embeddings.index import MOVES, Engine, Index, Vector
from proxy.cache.entry import Entry


class Partition:
    """How many entries it has, and their index once one was made."""

    __slots__ = ("count", "index", "name")

    def __init__(self, name: bytes) -> None:
        self.name = name  # one object for all its entries
        self.count = 0
        self.index: Index | None = None


class Neighbours:
    """Entries by the vector of their prompt; a vector is known by its entry's mark."""

    def __init__(self, engine: Engine) -> None:
        """engine: its background threads run FAISS's import and the training of large indexes."""
        self._engine = engine
        engine.load()
        self._entries: list[Entry | None] = []  # by mark
        self._waiting: dict[int, tuple[Partition, Vector]] = {}  # not yet in their index
        self._moving: set[Partition] = set()  # whose vectors are on their way to a larger index

    @property
    def waiting(self) -> int:
        """How many vectors are not yet in their index."""
        return len(self._waiting)

    def knows(self, entry: Entry) -> bool:
        """Whether it was added."""
        mark, entries = entry.mark, self._entries
        return 0 <= mark < len(entries) and entries[mark] is entry

    def near(self, partition: Partition, vector: Vector, k: int) -> list[tuple[Entry, float]]:
        """The k entries of this partition nearest to a unit vector, whatever they are about."""
        index = partition.index
        near = [] if index is None else index.search(vector, k)
        if index is not None and index.moving:  # the search may have begun it
            self._moving.add(partition)
        for mark, (where, waiting) in self._waiting.items():
            if where is partition:
                near.append((mark, float(np.dot(waiting, vector))))
        near.sort(key=lambda pair: -pair[1])
        named = ((self._entries[mark], product) for mark, product in near[:k])
        return [(entry, product) for entry, product in named if entry is not None]

    def add(self, partition: Partition, vector: Vector, entry: Entry) -> None:
        """An entry of this partition that has its mark."""
        entries = self._entries
        if entry.mark >= len(entries):
            entries.extend([None] * (entry.mark + 1 - len(entries)))
        entries[entry.mark] = entry
        self._waiting[entry.mark] = (partition, vector)

    def remove(self, partition: Partition, entry: Entry) -> None:
        """One that was added, and still has its mark; its partition's count is less by it."""
        self._entries[entry.mark] = None
        if self._waiting.pop(entry.mark, None) is None and partition.index is not None:
            partition.index.remove(entry.mark)
        if not partition.count:
            partition.index = None
            self._moving.discard(partition)

    def settle(self) -> bool:
        """Take waiting vectors of one partition into its index, under a millisecond; whether
        there is more to do."""
        waiting, moving = self._waiting, self._moving
        if waiting:
            partition = next(iter(waiting.values()))[0]
            index = partition.index = partition.index or Index(self._engine)
            marks = [mark for mark, (where, _) in waiting.items() if where is partition]
            del marks[index.batch :]
            vectors = [waiting.pop(mark)[1] for mark in marks]
            index.add(marks, np.array(vectors))
            if index.moving:
                moving.add(partition)
        elif moving:
            partition = next(iter(moving))
            if partition.index is not None:
                partition.index.move(MOVES)
            if partition.index is None or not partition.index.moving:
                moving.discard(partition)
        return bool(waiting or moving)
