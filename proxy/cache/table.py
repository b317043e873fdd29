"""What is held by its key, and in which order it was last used, however many there are.

One dictionary of a million keys takes 50 ms to grow, and every request waits. So keys are spread
over many small ones, each of which grows in a moment; the order is a chain from one to the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

SHARDS = 256  # of a million keys: 4,000 each, a tenth of a millisecond to grow


class Link:
    """Something in a chain: which was used before it, and which after."""

    __slots__ = ("newer", "older")

    newer: Link
    older: Link


class Chain:
    """Links from the one unused for longest to the one used last."""

    __slots__ = ("_end",)

    def __init__(self) -> None:
        self._end = end = Link()
        end.newer = end.older = end

    def add(self, link: Link) -> None:
        """One that is not in it, as the one used last."""
        end = self._end
        last = end.older
        link.older, link.newer = last, end
        last.newer = end.older = link

    def use(self, link: Link) -> None:
        """One that is in it becomes the one used last."""
        end = self._end
        newer = link.newer
        if newer is end:
            return
        older = link.older
        older.newer, newer.older = newer, older
        last = end.older
        link.older, link.newer = last, end
        last.newer = end.older = link

    def remove(self, link: Link) -> None:
        """One that is in it."""
        older, newer = link.older, link.newer
        older.newer, newer.older = newer, older
        del link.older, link.newer

    def oldest(self, most: int) -> list[Link]:
        """Up to so many of those unused for longest, these first."""
        found: list[Link] = []
        link, end = self._end.newer, self._end
        while link is not end and len(found) < most:
            found.append(link)
            link = link.newer
        return found

    def newest_first(self) -> Iterator[Link]:
        """From the one used last on. Whatever is added, used or removed between two steps, what is
        not touched comes once: a mark in the chain remembers the place."""
        mark = Link()
        self.add(mark)
        try:
            while (link := mark.older) is not self._end:
                self.remove(mark)
                before = link.older
                mark.older, mark.newer = before, link
                before.newer = link.older = mark
                if type(link) is not Link:  # else another reader's mark
                    yield link
        finally:
            self.remove(mark)


Kept = TypeVar("Kept")


class Table(Generic[Kept]):
    """A mapping whose parts are `shards`; a key's part is `shards[shard_of(key)]`."""

    __slots__ = ("shards",)

    def __init__(self) -> None:
        self.shards: list[dict[Any, Kept]] = [{} for _ in range(SHARDS)]

    def part(self, key: Any) -> dict[Any, Kept]:
        """The dictionary a key belongs to."""
        return self.shards[shard_of(key)]

    def __len__(self) -> int:
        return sum(map(len, self.shards))

    def parts(self) -> Iterator[list[Kept]]:
        """Everything there is, a few thousand at a time; what comes later may be missing."""
        for shard in self.shards:
            if shard:
                yield list(shard.values())


def shard_of(key: Any) -> int:
    """Which part of a table is a key's: for a fingerprint its first byte."""
    if type(key) is bytes and key:
        return key[0]
    return hash(key) >> 24 & (SHARDS - 1)  # the lowest bits choose the place within its part
