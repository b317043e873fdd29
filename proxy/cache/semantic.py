"""Stored prompts as vectors, one index per partition: who is near, nothing more.

A partition is the fingerprint of everything but the last user text, tenant included, so that no
search ever sees another tenant's vectors. Entries are owned by the exact cache; what leaves it
is deleted here.
"""

from __future__ import annotations

from embeddings.index import Engine, Index, Spawn, Vector, spawn_thread
from proxy.cache.entry import Entry


class _Partition:
    __slots__ = ("entries", "index")

    def __init__(self, engine: Engine) -> None:
        self.index = Index(engine)
        self.entries: dict[int, Entry] = {}


class SemanticCache:
    """Entries by the vector of their prompt, within their partition."""

    def __init__(self, spawn: Spawn = spawn_thread) -> None:
        """spawn: runs FAISS's import and the training of large indexes beside the traffic."""
        self._spawn = spawn
        self._engine: Engine | None = None  # made by the first vector, whose length it keeps
        self._partitions: dict[bytes, _Partition] = {}
        self._next = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def partitions(self) -> int:
        """How many indexes there are."""
        return len(self._partitions)

    def propose(self, partition: bytes, vector: Vector, k: int = 4) -> list[tuple[Entry, float]]:
        """The k entries of this partition nearest to a unit vector, with their cosine."""
        found = self._partitions.get(partition)
        if found is None or self._engine is None or len(vector) != self._engine.dim:
            return []
        entries = found.entries
        return [(entries[label], near) for label, near in found.index.search(vector, k)]

    def add(self, partition: bytes, vector: Vector, entry: Entry) -> bool:
        """Make an entry findable by its unit vector. False: the vector is of another model."""
        engine = self._engine
        if engine is None:
            engine = self._engine = Engine(len(vector), spawn=self._spawn)
            engine.load()
        elif len(vector) != engine.dim:
            return False
        found = self._partitions.get(partition)
        if found is None:
            found = self._partitions[partition] = _Partition(engine)
        self._next += 1
        entry.mark = self._next
        found.entries[entry.mark] = entry
        found.index.add(entry.mark, vector)
        self._count += 1
        return True

    def remove(self, entry: Entry) -> bool:
        """Forget an entry's vector; whether it had one."""
        found = self._partitions.get(entry.partition)
        if found is None or found.entries.pop(entry.mark, None) is None:
            return False
        found.index.remove(entry.mark)
        self._count -= 1
        entry.mark = -1
        if not found.entries:
            del self._partitions[entry.partition]
        return True
