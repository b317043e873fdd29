"""Stored prompts as vectors, one index per partition: who is near, nothing more.

A partition is the fingerprint of everything but the last user text, tenant included, so that no
search ever sees another tenant's vectors. Entries are owned by the exact cache; what leaves it
is deleted here.
"""

from __future__ import annotations

from embeddings.index import Engine, Index, Vector
from proxy.cache.entry import Entry


class _Partition:
    __slots__ = ("entries", "index")

    def __init__(self, dim: int) -> None:
        self.index = Block(dim)
        self.entries: dict[int, Entry] = {}


class SemanticCache:
    """Entries by the vector of their prompt, within their partition."""

    def __init__(self) -> None:
        self._partitions: dict[bytes, _Partition] = {}
        self._next = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def propose(self, partition: bytes, vector: Vector, k: int = 4) -> list[tuple[Entry, float]]:
        """The k entries of this partition nearest to a unit vector, with their cosine."""
        found = self._partitions.get(partition)
        if found is None:
            return []
        entries = found.entries
        return [(entries[label], near) for label, near in found.index.search(vector, k)]

    def add(self, partition: bytes, vector: Vector, entry: Entry) -> None:
        """Make an entry findable by its unit vector."""
        found = self._partitions.get(partition)
        if found is None:
            found = self._partitions[partition] = _Partition(len(vector))
        self._next += 1
        entry.mark = self._next
        found.entries[entry.mark] = entry
        found.index.add(entry.mark, vector)
        self._count += 1

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
