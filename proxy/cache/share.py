"""The cache of several proxies: what one keeps, the others hear of and keep too.

Entries lie in Valkey or Redis through aiocache's backend, with their time to live; a stream tells
which came and which were forgotten. A node reads that stream from where it stopped, or from its
beginning when it is new, and takes the entries in, so that every look-up stays local. When the
server is gone each node goes on alone, and catches up afterwards.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from importlib import import_module
from typing import Any

from aiocache.serializers import NullSerializer

from proxy.cache.records import pack, unpack
from proxy.shared.address import Address, close, connect, failures

log = logging.getLogger(__name__)

STREAM_ENTRIES = 100_000  # what a new node can hear of, about 10 MB in the server
WAITING_ENTRIES = 4096  # that wait for the server; the oldest are left out
_BATCH = 64
_AT_ONCE = 16  # entries taken in between two turns of the requests
_BLOCK_MS = 2000
_TIMEOUT_S = 10.0
_PATIENCE_S = (0.1, 5.0)  # before the first and before any later try to connect again

_Word = tuple[bytes, "Callable[[], bytes] | None", int]  # exact, payload or gone, seconds to live


class Share:
    """This node's side of it. Its calls return at once; `run` does the work."""

    def __init__(
        self,
        where: Address,
        prefix: str,
        node: bytes,
        absorb: Callable[[bytes], object],
        drop: Callable[[bytes], object],
    ) -> None:
        """node: a name no other node has. absorb: takes an entry's bytes into the cache.
        drop: forgets one by its exact fingerprint."""
        self._where = where
        self._stream = f"{{{prefix}}}:cache:events"  # the braces: one slot of a cluster
        self._namespace = f"{{{prefix}}}:cache:entry"
        self._node = node
        self._absorb = absorb
        self._drop = drop
        self._words: deque[_Word] = deque(maxlen=WAITING_ENTRIES)
        self._wake = asyncio.Event()
        self._seen = "0"
        self.connected = False
        self.received = 0
        self.sent = 0

    # ---- called from the cache -----------------------------------------------------------------

    def put(self, exact: bytes, payload: Callable[[], bytes], left_s: float) -> None:
        """Tell the others of an entry. payload: makes its bytes, in a thread. left_s: seconds it
        is worth keeping."""
        self._words.append((exact, payload, 0 if left_s == float("inf") else int(left_s) + 1))
        self._wake.set()

    def drop(self, exact: bytes) -> None:
        """Tell the others that an entry is wrong or unwanted: not that it was merely evicted."""
        self._words.append((exact, None, 0))
        self._wake.set()

    def figures(self) -> dict[str, float]:
        """For metrics: whether the server answers, entries received and words sent."""
        return {
            "shared_connected": float(self.connected),
            "shared_received": float(self.received),
            "shared_sent": float(self.sent),
        }

    # ---- the work ------------------------------------------------------------------------------

    async def run(self) -> None:
        """Send and receive until cancelled."""
        broken_ways = failures()
        patience_s = _PATIENCE_S[0]
        while True:
            client = connect(self._where, _TIMEOUT_S)
            try:
                await client.ping()
                self._tell(True)
                patience_s = _PATIENCE_S[0]
                async with asyncio.TaskGroup() as group:
                    group.create_task(_quietly(self._follow(client), broken_ways))
                    group.create_task(_quietly(self._send(client), broken_ways))
            except* broken_ways as broken:
                self._tell(False, broken.exceptions[0])
            finally:
                await close(client)
            await asyncio.sleep(patience_s)
            patience_s = min(patience_s * 2, _PATIENCE_S[1])

    def _tell(self, connected: bool, why: object = "") -> None:
        if connected != self.connected:
            self.connected = connected
            if connected:
                log.info("the shared cache is connected")
            else:
                log.warning("the shared cache is gone, this node goes on alone: %s", why)

    def _store(self, client: Any) -> Any:
        """aiocache's Redis cache, over this connection and for bytes as they are."""
        redis_cache = import_module("aiocache.backends.redis").RedisCache
        store = redis_cache(
            serializer=NullSerializer(encoding=None), namespace=self._namespace, timeout=_TIMEOUT_S
        )
        store.client = client
        return store

    async def _send(self, client: Any) -> None:
        store = self._store(client)
        while not _stopping():
            await self._wake.wait()
            self._wake.clear()
            while self._words and not _stopping():
                batch = [self._words.popleft() for _ in range(min(_BATCH, len(self._words)))]
                try:
                    await self._send_batch(client, store, batch)
                except BaseException:
                    self._words.extendleft(reversed(batch))
                    self._wake.set()
                    raise

    async def _send_batch(self, client: Any, store: Any, batch: list[_Word]) -> None:
        packed = await asyncio.to_thread(
            lambda: [None if payload is None else pack(payload()) for _, payload, _ in batch]
        )
        by_time: dict[int, list[tuple[str, bytes]]] = {}
        for (exact, _, ttl_s), data in zip(batch, packed, strict=True):
            if data is None:
                await store.delete(exact.hex())
            else:
                by_time.setdefault(ttl_s, []).append((exact.hex(), data))
        for ttl_s, pairs in by_time.items():
            await store.multi_set(pairs, ttl=ttl_s or None)
        async with client.pipeline(transaction=False) as pipe:
            for exact, payload, _ in batch:
                word = {b"k": exact, b"n": self._node, b"o": b"-" if payload is None else b"+"}
                pipe.xadd(self._stream, word, maxlen=STREAM_ENTRIES, approximate=True)
            await pipe.execute()
        self.sent += len(batch)

    async def _follow(self, client: Any) -> None:
        store = self._store(client)
        while not _stopping():
            found = await client.xread({self._stream: self._seen}, count=_BATCH, block=_BLOCK_MS)
            for _, words in found.items() if isinstance(found, dict) else found or ():
                flat = words[0] if words and isinstance(words[0], list) else words
                await self._hear(store, [fields for _, fields in flat])
                self._seen = flat[-1][0]

    async def _hear(self, store: Any, words: list[dict[bytes, bytes]]) -> None:
        """Take in what others kept, forget what they forgot; the last word on each counts."""
        last = {word[b"k"]: word[b"o"] for word in words if word[b"n"] != self._node}
        kept = [exact for exact, what in last.items() if what == b"+"]
        for exact, what in last.items():
            if what == b"-":
                self._drop(exact)
        if not kept:
            return
        found = await store.multi_get([exact.hex() for exact in kept])
        payloads = await asyncio.to_thread(_unpack_all, [one for one in found if one is not None])
        for number, payload in enumerate(payloads, 1):
            self._absorb(payload)
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)
        self.received += len(payloads)


def _stopping() -> bool:
    """Whether this task was told to end. Not all hear it: aiocache waits by asyncio.wait_for, which
    forgets it (until Python 3.12) where what it waits for is ready at that moment."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _quietly(
    work: Coroutine[Any, Any, None], broken_ways: tuple[type[BaseException], ...]
) -> None:
    """What breaks because the task was told to end is no failure: a group that has one forgets
    that it was told the same."""
    try:
        await work
    except broken_ways:
        if not _stopping():
            raise


def _unpack_all(packed: list[bytes]) -> list[bytes]:
    """The payloads of records; a damaged one is left out."""
    found = []
    for one in packed:
        try:
            found.append(unpack(one))
        except ValueError:
            log.warning("a damaged entry in the shared cache is left out")
    return found
