"""Stored prompts by what they are about, within one partition: who may answer.

A partition is the fingerprint of everything but the last user text, tenant included: what is found
is always of the asker's own. Entries are owned by the exact cache; what leaves it is deleted here.

A prompt is found by its partition and gist, since one of another gist is refused by the guards
however near it is; its vector is then one product. Where more than a few have one gist, they are
parted by their sense, which says more and costs more. A partition of its own, which every later
turn of a conversation has, costs a hundred bytes, and its prompt is not even read. A new vector
waits with others before it is coded, a batch at a time, and can be found meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from embeddings.engine import Engine, Spawn, spawn_thread
from embeddings.index import Vector
from proxy.cache.codes import Rows
from proxy.cache.entry import Entry
from proxy.cache.gist import sense
from proxy.cache.neighbours import Neighbours, Partition
from proxy.cache.table import SHARDS, Table
from proxy.cache.worded import cut

if TYPE_CHECKING:
    from proxy.cache.key import Key

FEW = 4  # entries of one gist that are compared; more are parted by their sense,
_CROWD = 64  # and of more than that of one sense, those that came last are kept in mind
_BATCH = 64  # vectors coded at once, 0.1 ms
_LAST = SHARDS - 1

Group = dict[int, Entry]  # by mark


class _Parted:
    """Stands where entries of one gist would be that have a place for each sense."""

    __slots__ = ("places",)

    def __init__(self) -> None:
        self.places = 0


class SemanticCache:
    """Entries by the gist and the vector of their prompt, within their partition."""

    def __init__(self, spawn: Spawn = spawn_thread) -> None:
        """spawn: runs FAISS's import and the training of large indexes beside the traffic."""
        self._spawn = spawn
        self._engine: Engine | None = None  # made by the first vector, whose length it keeps
        self._rows: Rows | None = None
        self._neighbours: Neighbours | None = None  # by `begin_search`
        self._searches = False
        self._unknown: Iterator[Entry] = iter(())  # that were kept before
        self._alike: Table[Entry | Group | _Parted] = Table()  # by place; most are alone
        self._above: Table[int] = Table()  # a sense's place -> its gist's
        self._waiting: dict[int, Vector] = {}  # by mark: not yet coded
        self._free: list[int] = []  # marks to be given again
        self._next = 0  # the first mark that was never given
        self._partitions: Table[Partition] = Table()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def waiting(self) -> int:
        """How many vectors are not yet coded."""
        return len(self._waiting)

    def alike(self, key: Key, vector: Vector) -> Sequence[tuple[float, Entry]]:
        """Entries of a prompt's partition and gist with their cosine to its unit vector, nearest
        first."""
        partition = key.partition
        if partition not in self._partitions.shards[partition[0]]:
            return ()
        gist = key.gist
        if gist is None:
            return ()
        place = hash((partition, gist))
        held = self._alike.shards[place >> 24 & _LAST].get(place)
        if type(held) is _Parted:
            place = hash((place, key.sense))
            held = self._alike.shards[place >> 24 & _LAST].get(place)
        if held is None or self._engine is None or len(vector) != self._engine.dim:
            return ()
        if type(held) is Entry:
            if held.partition != partition:  # one place for both, by chance
                return ()
            return ((self._near(held.mark, vector), held),)
        assert type(held) is dict
        return self._among(held, partition, vector)

    def _among(self, held: Group, partition: bytes, vector: Vector) -> list[tuple[float, Entry]]:
        marks = [mark for mark, entry in held.items() if entry.partition == partition]
        waiting, rows = self._waiting, self._rows
        if rows is None or (waiting and not waiting.keys().isdisjoint(marks)):
            near = [self._near(mark, vector) for mark in marks]
        else:
            near = rows.products(marks, vector) if marks else []
        found = sorted(zip(near, marks, strict=True), reverse=True)
        return [(product, held[mark]) for product, mark in found]

    def begin_search(self) -> None:
        """From now on `propose` is asked."""
        self._searches = True
        if self._neighbours is None and self._engine is not None:
            self._neighbours = Neighbours(self._engine)
            self._unknown = self._all()

    def propose(self, partition: bytes, vector: Vector, k: int = 4) -> list[tuple[Entry, float]]:
        """The k entries of this partition nearest to a unit vector, whatever they are about. Of
        those that were there before `begin_search`, more with each `settle`."""
        if self._neighbours is None or self._engine is None or len(vector) != self._engine.dim:
            return []
        found = self._partitions.part(partition).get(partition)
        return [] if found is None else self._neighbours.near(found, vector, k)

    def add(self, partition: bytes, gist: int, vector: Vector, entry: Entry) -> bool:
        """Make an entry findable by its unit vector. False: the vector is of another model."""
        engine = self._engine
        if engine is None:
            engine = self._engine = Engine(len(vector), spawn=self._spawn)
            self._rows = Rows(engine)
            if self._searches:
                self._neighbours = Neighbours(engine)
        elif len(vector) != engine.dim:
            return False
        part = self._partitions.part(partition)
        found = part.get(partition)
        if found is None:
            found = part[partition] = Partition(partition)
        found.count += 1
        mark = self._free.pop() if self._free else self._next
        if mark == self._next:
            self._next += 1
        place = hash((partition, gist))
        entry.mark, entry.place, entry.partition = mark, place, found.name
        self._put(place, mark, entry)
        self._waiting[mark] = vector
        if self._neighbours is not None:
            self._neighbours.add(found, vector, entry)
        self._count += 1
        return True

    def _put(self, place: int, mark: int, entry: Entry) -> None:
        shard = self._alike.shards[place >> 24 & _LAST]
        held = shard.get(place)
        if held is None:
            shard[place] = entry
        elif type(held) is Entry:
            shard[place] = {held.mark: held, mark: entry}
        elif type(held) is _Parted:
            self._put_apart(place, held, entry)
        else:
            assert type(held) is dict
            held[mark] = entry
            if len(held) > FEW:
                parted = shard[place] = _Parted()
                for one in held.values():
                    self._put_apart(place, parted, one)

    def _put_apart(self, gist_place: int, parted: _Parted, entry: Entry) -> None:
        place = entry.place = hash((gist_place, sense(cut(entry.text))))
        shard = self._alike.shards[place >> 24 & _LAST]
        held = shard.get(place)
        if held is None:
            shard[place] = entry
            parted.places += 1
            self._above.shards[place >> 24 & _LAST][place] = gist_place
        elif type(held) is Entry:
            shard[place] = {held.mark: held, entry.mark: entry}
        elif type(held) is dict:
            if len(held) >= _CROWD:
                del held[next(iter(held))]
            held[entry.mark] = entry

    def vector_of(self, entry: Entry) -> Vector | None:
        """An entry's vector, as near as it was kept."""
        if entry.mark < 0 or self._rows is None:
            return None
        waiting = self._waiting.get(entry.mark)
        return self._rows.vector(entry.mark) if waiting is None else waiting

    def settle(self) -> bool:
        """Code waiting vectors, under a millisecond; whether there is more to do. Call it every
        few dozen vectors, and when there is nothing else."""
        waiting, rows = self._waiting, self._rows
        if waiting and rows is not None:
            marks = list(waiting)[:_BATCH]
            rows.put(marks, np.array([waiting.pop(mark) for mark in marks]))
        neighbours = self._neighbours
        if neighbours is None:
            return bool(waiting)
        if not neighbours.waiting:
            for entry in islice(self._unknown, _BATCH):
                vector = self.vector_of(entry)
                if vector is not None and not neighbours.knows(entry):
                    neighbours.add(
                        self._partitions.part(entry.partition)[entry.partition], vector, entry
                    )
        return neighbours.settle() or bool(waiting)

    def _all(self) -> Iterator[Entry]:
        """Every entry, whatever happens between two of them."""
        for part in self._alike.parts():
            for held in part:
                if type(held) is Entry:
                    yield held
                elif type(held) is dict:
                    yield from list(held.values())

    def close(self) -> None:
        """End the background work."""
        if self._engine is not None:
            self._engine.close()

    def remove(self, entry: Entry) -> bool:
        """Forget an entry's vector; whether it had one."""
        mark = entry.mark
        if mark < 0:
            return False
        shard = self._alike.shards[entry.place >> 24 & _LAST]
        held = shard.get(entry.place)
        if type(held) is dict:
            held.pop(mark, None)  # a crowd may have pushed it out
        if held is entry or held == {}:
            del shard[entry.place]
            self._leave(entry.place)
        self._waiting.pop(mark, None)
        part = self._partitions.part(entry.partition)
        found = part[entry.partition]
        found.count -= 1
        if self._neighbours is not None and self._neighbours.knows(entry):
            self._neighbours.remove(found, entry)
        if not found.count:
            del part[entry.partition]
        self._free.append(mark)
        self._count -= 1
        entry.mark = -1
        return True

    def _leave(self, place: int) -> None:
        """A place is empty. It may have been the last that its gist had."""
        above = self._above.shards[place >> 24 & _LAST].pop(place, None)
        if above is not None:
            shard = self._alike.shards[above >> 24 & _LAST]
            parted = shard[above]
            assert type(parted) is _Parted
            parted.places -= 1
            if not parted.places:
                del shard[above]

    def _near(self, mark: int, vector: Vector) -> float:
        waiting = self._waiting.get(mark)
        if waiting is not None:
            return float(np.dot(waiting, vector))
        assert self._rows is not None
        return self._rows.product(mark, vector)
