"""Stored prompts by what they are about, within one partition: who may answer, who is near.

A partition is the fingerprint of everything but the last user text, tenant included, so that no
search ever sees another tenant's vectors. Entries are owned by the exact cache; what leaves it
is deleted here.

A prompt is found by its gist, since one of another gist is refused by the guards however near it
is; its vector is then one product. Only where many share a gist does the index choose the nearest.
A new vector waits with others before it enters the index, a batch at a time: it can be found
meanwhile, and no request pays for the insertion.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from embeddings.index import MOVES, Engine, Index, Spawn, Vector, spawn_thread
from proxy.cache.entry import Entry

if TYPE_CHECKING:
    from proxy.cache.key import Key

_FEW = 8  # entries of one gist that are compared one by one
_NEAREST = 16  # sought by the index where there are more


class _Partition:
    __slots__ = ("alike", "entries", "free", "index", "name")

    def __init__(self, name: bytes, engine: Engine) -> None:
        self.name = name
        self.index = Index(engine)
        self.entries: list[Entry | None] = []  # by mark; a free place is used again
        self.free: list[int] = []
        self.alike: dict[int | None, Entry | dict[int, Entry]] = {}  # by gist; most are alone


class SemanticCache:
    """Entries by the gist and the vector of their prompt, within their partition."""

    def __init__(self, spawn: Spawn = spawn_thread) -> None:
        """spawn: runs FAISS's import and the training of large indexes beside the traffic."""
        self._spawn = spawn
        self._engine: Engine | None = None  # made by the first vector, whose length it keeps
        self._partitions: dict[bytes, _Partition] = {}
        self._waiting: dict[
            tuple[bytes, int], tuple[_Partition, Vector]
        ] = {}  # not yet in their index
        self._moving: set[_Partition] = set()  # whose vectors are on their way to a larger index
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def partitions(self) -> int:
        """How many indexes there are."""
        return len(self._partitions)

    @property
    def waiting(self) -> int:
        """How many vectors are not yet in their index."""
        return len(self._waiting)

    def alike(self, key: Key, vector: Vector) -> Sequence[tuple[float, Entry]]:
        """Entries of a prompt's partition and gist with their cosine to its unit vector, nearest
        first.

        A later turn of a conversation has a partition of its own, mostly empty: its prompt is not
        even read.
        """
        found = self._partitions.get(key.partition)
        if found is None or (held := found.alike.get(key.gist)) is None:  # None is nobody's gist
            return ()
        if self._engine is None or len(vector) != self._engine.dim:
            return ()
        if isinstance(held, Entry):
            return ((self._near(found, held.mark, vector), held),)
        if len(held) > _FEW:
            nearest = self.propose(key.partition, vector, _NEAREST)
            if nearest:
                return [(near, entry) for entry, near in nearest if entry.gist == key.gist]
        # The index may have to be made first: then a few of them are as good as any.
        near = [(self._near(found, mark, vector), mark) for mark in islice(held, _FEW)]
        near.sort(reverse=True)
        return [(product, held[mark]) for product, mark in near]

    def propose(self, partition: bytes, vector: Vector, k: int = 4) -> list[tuple[Entry, float]]:
        """The k entries of this partition nearest to a unit vector, whatever they are about."""
        found = self._partitions.get(partition)
        if found is None or self._engine is None or len(vector) != self._engine.dim:
            return []
        near = found.index.search(vector, k)
        if found.index.moving:  # the search may have begun it
            self._moving.add(found)
        for (_, mark), (where, waiting) in self._waiting.items():
            if where is found:
                near.append((mark, float(np.dot(waiting, vector))))
        near.sort(key=lambda pair: -pair[1])
        named = ((found.entries[mark], product) for mark, product in near[:k])
        return [(entry, product) for entry, product in named if entry is not None]

    def add(self, partition: bytes, gist: int, vector: Vector, entry: Entry) -> bool:
        """Make an entry findable by its unit vector. False: the vector is of another model."""
        engine = self._engine
        if engine is None:
            engine = self._engine = Engine(len(vector), spawn=self._spawn)
            engine.load()
        elif len(vector) != engine.dim:
            return False
        found = self._partitions.get(partition)
        if found is None:
            found = self._partitions[partition] = _Partition(partition, engine)
        if found.free:
            mark = found.free.pop()
            found.entries[mark] = entry
        else:
            mark = len(found.entries)
            found.entries.append(entry)
        entry.mark, entry.gist, entry.partition = mark, gist, found.name
        held = found.alike.get(gist)
        if held is None:
            found.alike[gist] = entry
        elif isinstance(held, Entry):
            found.alike[gist] = {held.mark: held, mark: entry}
        else:
            held[mark] = entry
        self._waiting[found.name, mark] = (found, vector)
        self._count += 1
        return True

    def vector_of(self, entry: Entry) -> Vector | None:
        """An entry's vector, as near as it was kept."""
        found = self._partitions.get(entry.partition)
        waiting = self._waiting.get((entry.partition, entry.mark))
        if waiting is not None:
            return waiting[1]
        return None if found is None else found.index.vector(entry.mark)

    def settle(self) -> bool:
        """Take waiting vectors of one partition into its index, under a millisecond; whether
        there is more to do. Call it every few dozen vectors, and when there is nothing else."""
        waiting, moving = self._waiting, self._moving
        if waiting:
            partition = next(iter(waiting.values()))[0]
            names = [name for name, (where, _) in waiting.items() if where is partition]
            del names[partition.index.batch :]
            vectors = [waiting.pop(name)[1] for name in names]
            partition.index.add([mark for _, mark in names], np.array(vectors))
            if partition.index.moving:
                moving.add(partition)
        elif moving:
            partition = next(iter(moving))
            partition.index.move(MOVES)
            if not partition.index.moving:
                moving.discard(partition)
        return bool(waiting or moving)

    def close(self) -> None:
        """End the background work."""
        if self._engine is not None:
            self._engine.close()

    def remove(self, entry: Entry) -> bool:
        """Forget an entry's vector; whether it had one."""
        found = self._partitions.get(entry.partition)
        mark = entry.mark
        if found is None or mark < 0 or found.entries[mark] is not entry:
            return False
        found.entries[mark] = None
        found.free.append(mark)
        held = found.alike[entry.gist]
        if isinstance(held, Entry):
            del found.alike[entry.gist]
        else:
            del held[mark]
            if not held:
                del found.alike[entry.gist]
        if self._waiting.pop((found.name, mark), None) is None:
            found.index.remove(mark)
        self._count -= 1
        entry.mark = -1
        if len(found.free) == len(found.entries):
            del self._partitions[entry.partition]
            self._moving.discard(found)
        return True

    def _near(self, found: _Partition, mark: int, vector: Vector) -> float:
        waiting = self._waiting.get((found.name, mark))
        if waiting is not None:
            return float(np.dot(waiting[1], vector))
        return found.index.product(mark, vector)
