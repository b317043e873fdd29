"""The exact cache: an aiocache backend in this process, bounded in bytes.

It is a full aiocache cache (get, set, delete, exists, expire, clear, plugins, namespaces), so
that whatever speaks aiocache can use it. The hot path calls `peek` and `place` instead: the same
table without a coroutine.

Eviction looks at the eight entries unused for longest and drops the one worth least: what it
cost and how often it served, over its size and age. Expired entries are never used again and
so drift to that end by themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Any, cast

from proxy.cache.base import BaseCache, NullSerializer
from proxy.cache.entry import Entry
from proxy.cache.table import Chain, Link, Table

_SAMPLE = 8  # of the oldest, to be weighed against each other
_MANY, _AT_ONCE = 512, 4  # entries, of which so many leave together, from twice the sample
_MOMENT_S = 0.02
_LEAST_USD = 1e-4  # a free answer still saved its time
_FOREVER = float("inf")
_FIRST = itemgetter(0)


class _Box(Link):
    """Any other value aiocache's API may be asked to hold."""

    __slots__ = ("cost_usd", "created_s", "exact", "expires_s", "hits", "size_bytes", "value")

    def __init__(self, key: Any, value: Any) -> None:
        self.exact = key
        self.value = value
        self.cost_usd = 0.0
        self.created_s = 0.0
        self.expires_s = _FOREVER
        self.hits = 0
        self.size_bytes = 200 + (len(value) if isinstance(value, (bytes, str)) else 0)


_Held = Entry | _Box
Dropped = Callable[[Entry], None]


class ExactCache(BaseCache):  # type: ignore[misc] # aiocache ships no types
    """Answers by the exact fingerprint of their request."""

    NAME = "firsttoken"

    def __init__(
        self,
        *,
        max_bytes: int,
        clock: Callable[[], float],
        ttl: float | None = None,
        max_entries: int = 1_000_000,
        dropped: Dropped | None = None,
        **aiocache: Any,
    ) -> None:
        """clock: monotonic seconds. dropped: told of every Entry that leaves, and how it left
        does not matter. aiocache: BaseCache's own options."""
        aiocache.setdefault("serializer", NullSerializer())
        aiocache.setdefault("timeout", None)  # nothing here waits
        super().__init__(ttl=ttl, **aiocache)
        self.max_bytes = max_bytes
        self.max_entries = max_entries
        self.used_bytes = 0
        self.pinned_bytes = 0
        self.evictions = 0
        self._clock = clock
        self._dropped = dropped
        self._held: Table[_Held] = Table()
        self._order = Chain()
        self._count = 0
        self._moment = (0.0, 0.0, 0.0)  # of the last one: kept, over, seconds between

    # ---- the hot path ----------------------------------------------------------------------

    def peek(self, key: bytes) -> Entry | None:
        """The live entry under this key, now the most recently used."""
        held = self._held.shards[key[0]].get(key)
        if held is None:
            return None
        if held.expires_s <= self._clock():
            self.drop(key)
            return None
        self._order.use(held)
        return held if type(held) is Entry else None

    def place(self, key: bytes, entry: Entry, ttl_s: float | None = None) -> bool:
        """Keep an entry; older ones leave until everything fits. Too large alone: not kept."""
        return self._place(key, entry, self.ttl if ttl_s is None else ttl_s)

    def drop(self, key: Any) -> int:
        """Forget a key; how many entries that were."""
        held = self._held.part(key).pop(key, None)
        if held is None:
            return 0
        self._order.remove(held)
        self._count -= 1
        self.used_bytes -= held.size_bytes
        if type(held) is Entry and held.pinned:
            self.pinned_bytes -= held.size_bytes
        if self._dropped is not None and type(held) is Entry:
            self._dropped(held)
        return 1

    def grow(self, entry: Entry, by_bytes: int) -> None:
        """A kept entry took more memory than when it was placed."""
        if by_bytes and self.holds(entry):
            self.used_bytes += by_bytes
            if entry.pinned:
                self.pinned_bytes += by_bytes
            while self.used_bytes > self.max_bytes and self._count > 1:
                if not self._evict(self._clock(), entry.exact):
                    break

    def pin(self, entry: Entry, pinned: bool) -> None:
        """Keep an entry for good, or from now on as long as any other."""
        if pinned == entry.pinned or not self.holds(entry):
            return
        entry.pinned = pinned
        self.pinned_bytes += entry.size_bytes if pinned else -entry.size_bytes
        entry.expires_s = _FOREVER if pinned or not self.ttl else self._clock() + self.ttl

    def holds(self, entry: Entry) -> bool:
        """Whether it is this very entry that is kept under its key."""
        return self._held.part(entry.exact).get(entry.exact) is entry

    def look(self, key: Any) -> Entry | None:
        """The live entry under this key, no more recently used than before."""
        held = self._held.part(key).get(key)
        return held if type(held) is Entry and held.expires_s > self._clock() else None

    def parts(self) -> Iterator[list[Entry]]:
        """Every live entry, a few thousand at a time, whatever happens between two of them."""
        for part in self._held.parts():
            now = self._clock()
            yield [one for one in part if type(one) is Entry and one.expires_s > now]

    def newest_first(self) -> Iterator[Entry]:
        """Every live entry, most recently used first; see Chain.newest_first."""
        for held in self._order.newest_first():
            if type(held) is Entry and held.expires_s > self._clock():
                yield held

    def entries(self) -> Iterator[Entry]:
        """Every live entry, in no order. O(n): not for traffic."""
        for part in self.parts():
            yield from part

    def __len__(self) -> int:
        return self._count

    def _place(self, key: Any, held: _Held, ttl_s: float | None) -> bool:
        part = self._held.part(key)
        if key in part:
            self.drop(key)
        now = self._clock()
        pinned = type(held) is Entry and held.pinned
        self._date(held, now, _FOREVER if pinned or not ttl_s else ttl_s)
        held.exact = key
        if held.size_bytes > self.max_bytes:
            if self._dropped is not None and type(held) is Entry:
                self._dropped(held)
            return False
        part[key] = held
        self._order.add(held)
        self._count += 1
        self.used_bytes += held.size_bytes
        if pinned:
            self.pinned_bytes += held.size_bytes
        while self.used_bytes > self.max_bytes or self._count > self.max_entries:
            if not self._evict(now, key):
                break
        return True

    def _date(self, held: _Held, now: float, ttl_s: float) -> None:
        """Those of one moment share their times: two numbers less for each."""
        then, until, ttl_before_s = self._moment
        if ttl_s != ttl_before_s or not 0.0 <= now - then < _MOMENT_S:
            then, until = now, now + ttl_s
            self._moment = (then, until, ttl_s)
        held.created_s = held.created_s or then
        held.expires_s = until

    def _evict(self, now: float, spare: Any) -> bool:
        """Drop the least worthy of the oldest and what has expired; of many, some at once, since
        looking at them costs most. False: all that were looked at are pinned."""
        sample, most = (_SAMPLE, 1) if self._count < _MANY else (2 * _SAMPLE, _AT_ONCE)
        worths: list[tuple[float, Any]] = []
        for link in self._order.oldest(sample):
            held = cast("_Held", link)
            if type(link) is Link or held.exact == spare:
                continue
            if held.expires_s <= now:
                worths.append((0.0, held.exact))
                continue
            if type(held) is Entry and held.pinned:
                self._order.use(held)
                continue
            age_s = max(now - held.created_s, 1.0)
            worth = (1 + held.hits) * (held.cost_usd + _LEAST_USD) / (held.size_bytes * age_s)
            worths.append((worth, held.exact))
        worths.sort(key=_FIRST)
        for _, key in worths[:most]:
            self.evictions += 1
            self.drop(key)
        return bool(worths)

    # ---- aiocache's seam -------------------------------------------------------------------

    def _find(self, key: Any) -> Any:
        held = self._held.part(key).get(key)
        if held is None:
            return None
        if held.expires_s <= self._clock():
            self.drop(key)
            return None
        self._order.use(held)
        return held.value if type(held) is _Box else held

    def _keep(self, key: Any, value: Any, ttl: float | None) -> None:
        self._place(key, value if type(value) is Entry else _Box(key, value), ttl)

    async def _get(self, key: Any, encoding: str | None = "utf-8", _conn: Any = None) -> Any:  # noqa: ARG002
        return self._find(key)

    async def _gets(self, key: Any, encoding: str | None = "utf-8", _conn: Any = None) -> Any:  # noqa: ARG002
        return self._find(key)

    async def _multi_get(
        self,
        keys: list[Any],
        encoding: str | None = "utf-8",  # noqa: ARG002
        _conn: Any = None,
    ) -> list[Any]:
        return [self._find(key) for key in keys]

    async def _set(
        self,
        key: Any,
        value: Any,
        ttl: float | None = None,
        _cas_token: Any = None,
        _conn: Any = None,
    ) -> Any:
        if _cas_token is not None and _cas_token != self._find(key):
            return 0
        self._keep(key, value, ttl)
        return True

    async def _multi_set(
        self, pairs: list[tuple[Any, Any]], ttl: float | None = None, _conn: Any = None
    ) -> bool:
        for key, value in pairs:
            self._keep(key, value, ttl)
        return True

    async def _add(self, key: Any, value: Any, ttl: float | None = None, _conn: Any = None) -> bool:
        if self._find(key) is not None:
            raise ValueError(f"Key {key} already exists, use .set to update the value")
        self._keep(key, value, ttl)
        return True

    async def _exists(self, key: Any, _conn: Any = None) -> bool:
        return self._find(key) is not None

    async def _increment(self, key: Any, delta: int, _conn: Any = None) -> int:
        value = self._find(key)
        try:
            total = (0 if value is None else int(value)) + delta
        except (TypeError, ValueError):
            raise TypeError("Value is not an integer") from None
        held = self._held.part(key).get(key)
        left = None if held is None else held.expires_s - self._clock()
        self._keep(key, total, None if left == _FOREVER else left)
        return total

    async def _expire(self, key: Any, ttl: float, _conn: Any = None) -> bool:
        if self._find(key) is None:
            return False
        self._held.part(key)[key].expires_s = self._clock() + ttl if ttl else _FOREVER
        return True

    async def _delete(self, key: Any, _conn: Any = None) -> int:
        return self.drop(key)

    async def _clear(self, namespace: str | None = None, _conn: Any = None) -> bool:
        for part in self._held.shards:
            for key in list(part):
                if not namespace or (isinstance(key, str) and key.startswith(namespace)):
                    self.drop(key)
        return True

    async def _raw(
        self,
        command: str,
        *args: Any,
        encoding: str | None = "utf-8",  # noqa: ARG002
        _conn: Any = None,
        **kwargs: Any,
    ) -> Any:
        held = {key: one for part in self._held.shards for key, one in part.items()}
        return getattr(held, command)(*args, **kwargs)

    async def _redlock_release(self, key: Any, value: Any) -> int:
        return self.drop(key) if self._find(key) == value else 0
