"""The one cache interface: find by fingerprint, find by meaning, keep, explain, forget.

Everything here runs on the event loop between a request and its answer, so it is synchronous
and measured in microseconds. Answers are owned by the exact cache (bounded in bytes and time);
the semantic cache only points at them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from itertools import islice
from math import inf
from random import random

from embeddings.index import Vector
from proxy.cache import idioms, replay
from proxy.cache.answers import Similar
from proxy.cache.archive import Archive
from proxy.cache.counts import Counts, Hit
from proxy.cache.disk import Disk
from proxy.cache.entry import About, Entry
from proxy.cache.exact import ExactCache
from proxy.cache.judge import Judge
from proxy.cache.key import Key
from proxy.cache.opinion import FLOOR, NEAREST, Comparer, Doubt, Settled
from proxy.cache.pace import pace_of
from proxy.cache.policy import ALLOWED, Options, Settings
from proxy.cache.semantic import FEW, SemanticCache
from proxy.cache.share import Share
from proxy.cache.squeeze import LEAST_BYTES, Squeezer
from proxy.cache.verified import Verified

_ABOUTS = 4096  # kinds of answers whose words are shared
_FRESH = 48  # entries that wait to be settled together, about 10 us each
_SETTLED = 4  # of them at a look, a fifth of a millisecond; tokens come between


class Cache:
    """Kept answers of one process."""

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], float],
        *,
        model: str = "",
        similar: Similar | None = None,
        comparer: Comparer | None = None,
        chance: Callable[[], float] = random,
    ) -> None:
        """clock: monotonic seconds. model: names the encoder whose vectors come here, so that a
        kept vector is not compared with another encoder's. For the verified mode, similar: the
        cosine of two answers' texts; chance: numbers in 0..1. comparer: has second opinions."""
        self.settings = settings
        self.counts = Counts()
        self._clock = clock
        self._semantic = SemanticCache()
        self._squeezer = Squeezer()
        self._judge = Judge(settings.floor, settings.similarity, self.counts, clock)
        self.verified = Verified(settings.max_error_rate, self.counts, chance, similar)
        self.comparer = comparer
        self._settled = Settled()
        self._abouts: dict[About, About] = {}
        self._archive = Archive(clock, model)
        self._fresh: list[tuple[Entry, Vector | None]] = []  # kept, and not yet settled
        self._owed: Iterator[Entry] | None = None  # to a disk that came back
        self.exact = ExactCache(
            max_bytes=settings.max_bytes,
            max_entries=settings.max_entries,
            clock=clock,
            ttl=settings.ttl_s,
            dropped=self._forget,
        )

    def configure(self, settings: Settings) -> None:
        """Hold and answer by these settings from now on; what is kept stays, for as long as it was
        kept for."""
        self.settings = settings
        self._judge.configure(settings.floor, settings.similarity)
        self.verified.bound(settings.max_error_rate)
        self.exact.max_bytes, self.exact.ttl = settings.max_bytes, settings.ttl_s

    # ---- the hot path ----------------------------------------------------------------------

    def find_exact(self, key: Key, options: Options = ALLOWED) -> Entry | None:
        """The answer to this very request, if it is kept and may be read."""
        if not (options.read and self.settings.exact):
            return None
        entry = self.exact.peek(key.exact)
        if entry is None or not self._is_young(entry, options):
            return None
        self._count_hit(entry)
        self.counts.exact_hits += 1
        return entry

    def find_semantic(
        self, key: Key, vector: Vector, language: str = "", options: Options = ALLOWED
    ) -> Hit | None:
        """An answer to a prompt that means the same, within this key's partition.

        vector: unit float32, of the encoder that made the stored ones. language: as the
        classifier found it; an entry in another language never answers.
        """
        if not options.read:
            return None
        if self.settings.semantic and (near_ones := self._semantic.alike(key, vector)):
            if options.max_age_s != inf:
                near_ones = [one for one in near_ones if self._is_young(one[1], options)]
            chosen = self._judge.choose(key, near_ones[:FEW], language)
            if chosen is not None:
                hit = self._give(key, chosen[1], chosen[0])
                if hit is not None:
                    return hit
        if self._settled and (known := self._settled.of(key.exact)) is not None:
            entry, likeness = known
            if self._lives(entry) and self._is_young(entry, options):
                return self._give(key, entry, likeness)
        self.counts.misses += 1
        return None

    def doubtful(
        self, key: Key, vector: Vector, language: str = "", options: Options = ALLOWED
    ) -> list[Doubt]:
        """After a miss: entries that a second opinion could settle on, nearest first. Some ten
        microseconds a candidate: ask when the request is under way."""
        if not (options.read and self.settings.semantic and self._asks) or key.gist is None:
            return []
        alike = self._semantic.alike(key, vector)[:FEW]  # refused for their vector only
        near_ones = {id(entry): (entry, max(near, FLOOR)) for near, entry in alike}
        for entry, near in self._semantic.propose(key.partition, vector, NEAREST):
            near_ones.setdefault(id(entry), (entry, near))
        fitting = [
            (entry, near)
            for entry, near in near_ones.values()
            if self._lives(entry)
            and self._is_young(entry, options)
            and language in ("", entry.language or language)
        ]
        return self._judge.doubts(key.worded, fitting)

    def settle(self, key: Key, doubt: Doubt, likeness: float) -> bool:
        """A second opinion is that an entry answers this prompt, and the next one like it. Whether
        it may be given."""
        entry = doubt.entry
        if not self._lives(entry):
            return False
        self._settled.settle(key.exact, entry, likeness)
        return self.verified.gives(key.exact, entry, likeness)

    def overtake(self, doubt: Doubt, likeness: float) -> Hit:
        """The hit of what was settled in time: a miss no more."""
        self.counts.misses -= 1
        self.counts.second_hits += 1
        return self._take(doubt.entry, likeness)

    def _give(self, key: Key, entry: Entry, near: float) -> Hit | None:
        """The hit, or None where the verified mode asks upstream first."""
        return self._take(entry, near) if self.verified.gives(key.exact, entry, near) else None

    def _take(self, entry: Entry, near: float) -> Hit:
        self._count_hit(entry)
        self.counts.semantic_hits += 1
        return Hit(entry, near, self.verified.samples())

    def learn(self, hit: Hit, fresh: Entry) -> bool:
        """Compare a stored answer with a fresh one to the same request; whether they agree."""
        return self.verified.learn(hit, fresh)

    def put(
        self, key: Key, vector: Vector | None, entry: Entry, ttl_s: float | None = None
    ) -> None:
        """Keep a finished answer. vector: its prompt's, or None for exact hits only."""
        self.verified.hear(key.exact, entry)
        entry.partition = key.partition
        entry.exact = key.exact
        if not entry.text:
            entry.text = key.text
            entry.size_bytes += len(key.text)
        self.counts.stored += 1
        self._share_words(entry)
        if not self.exact.place(key.exact, entry, ttl_s):
            return
        if vector is not None and self.settings.semantic:
            self._index(key, vector, entry)
        if self._archive.records or entry.has_stream or entry.size_bytes > LEAST_BYTES:
            self._fresh.append((entry, vector))
            if len(self._fresh) >= _FRESH:
                self._settle(2)  # what waits gets no longer

    def _share_words(self, entry: Entry) -> None:
        """Let it say the same of itself as others in the same words: some hundred bytes less."""
        abouts = self._abouts
        if len(abouts) >= _ABOUTS:
            abouts.clear()
        entry.about = abouts.setdefault(entry.about, entry.about)

    def _index(self, key: Key, vector: Vector, entry: Entry) -> None:
        gist = key.gist
        if gist is not None:
            if self._asks:
                self._semantic.begin_search()
            self._semantic.add(key.partition, gist, vector, entry)
            if self._semantic.waiting >= _FRESH:
                self._semantic.settle()

    def _settle(self, most: int) -> None:
        """What new entries still need: packing, and their record on disk. 35 µs each."""
        fresh, self._fresh = self._fresh[:most], self._fresh[most:]
        for entry, vector in fresh:
            if not self.exact.holds(entry):
                continue
            before = entry.size_bytes
            replay.pack(entry)
            self.exact.grow(entry, entry.size_bytes - before)
            self._squeezer.offer(entry)
            if self._archive.records and self.exact.holds(entry):
                self._archive.write(entry, vector)

    def stream_of(self, entry: Entry, *, include_usage: bool) -> bytes:
        """A hit as an SSE body; usage marked as cached, and only where it was asked for."""
        before = entry.size_bytes
        stream = replay.stream_of(entry, include_usage=include_usage)
        self.exact.grow(entry, entry.size_bytes - before)
        return stream

    def pace_of(self, frames: int, entry: Entry) -> float:
        """Frames a second at which a hit is told, 0 for all at once."""
        settings = self.settings
        return pace_of(frames, entry.took_s, settings.tokens_per_s) if settings.paced else 0.0

    def whole_of(self, entry: Entry) -> bytes:
        """A hit as one JSON body, usage marked as cached."""
        before = entry.size_bytes
        whole = replay.whole_of(entry)
        self.exact.grow(entry, entry.size_bytes - before)
        return whole

    # ---- beside the traffic ----------------------------------------------------------------

    @property
    def now_s(self) -> float:
        """The cache's clock."""
        return self._clock()

    def pin(self, entry: Entry, pinned: bool) -> None:
        """Keep an entry for good, or no longer; the disk hears of it."""
        self.exact.pin(entry, pinned)
        self._archive.write(entry, self._semantic.vector_of(entry))

    def forget(self, exact: bytes) -> int:
        """Drop an entry because it is not wanted, everywhere; how many that were here."""
        self._archive.withdraw(exact)
        return self.exact.drop(exact)

    def refuse(self, unwanted: Callable[[Entry], bool]) -> None:
        """Do not take in such entries from the disk, if it is still being read."""
        self._archive.refuse(unwanted)

    def attach(self, disk: Disk, wall: Callable[[], float]) -> None:
        """Keep entries on this disk from now on, and take in what it holds with each tick.

        wall: Unix time in seconds.
        """
        self._archive.attach(disk, wall)

    def share(self, share: Share, wall: Callable[[], float]) -> None:
        """Tell other nodes of what is kept and forgotten from now on."""
        self._archive.share(share, wall)

    def tick(self, most: int = 16) -> bool:
        """A little housekeeping, under a millisecond; whether there is more to do soon."""
        if self._fresh:
            self._settle(_SETTLED)
        for entry, by_bytes in self._squeezer.collect():
            self.exact.grow(entry, by_bytes)
        if self._asks:
            self._semantic.begin_search()
        more = self._semantic.settle() or bool(self._fresh)
        if len(self._semantic):
            more = idioms.prepare() or more
        archive = self._archive
        if archive.was_made_anew():
            self._owed = self.exact.entries()
        if self._owed is not None:
            more = self._rewrite(most) or more
        if not archive.loading:
            return more
        for payload in archive.take(most):
            unwanted = self.absorb(payload)
            if unwanted is not None:
                archive.left(unwanted)
        return True

    def _rewrite(self, most: int) -> bool:
        """Give a disk that came back so many of those that are kept; whether there are more."""
        assert self._owed is not None
        if not self._archive.has_room():
            return False  # not now
        for entry in islice(self._owed, most):
            most -= 1
            if self.exact.holds(entry):
                self._archive.rewrite(entry, self._semantic.vector_of(entry))
        if most:
            self._owed = None
        return not most

    def close(self) -> None:
        """Write what is not yet on disk."""
        self._settle(len(self._fresh))
        self._semantic.close()
        self._squeezer.close()
        self._archive.close()

    def absorb(self, payload: bytes) -> bytes | None:
        """Take in an entry that was kept before, or by another node, unless this one has an answer
        already. The exact fingerprint of one that was invalidated meanwhile comes back."""
        kept = self._archive.open(payload)
        if kept is None or self.exact.peek(kept[0].exact) is not None:
            return None
        key, vector, entry, left_s = kept
        entry.partition, entry.exact = key.partition, key.exact
        if self._archive.refuses(entry):
            return key.exact
        entry.measure()
        self._share_words(entry)
        self._squeezer.offer(entry)
        self.exact.place(key.exact, entry, inf if left_s is None else left_s)
        if vector is not None and self.settings.semantic and self.exact.holds(entry):
            self._index(key, vector, entry)
        return None

    @property
    def trouble(self) -> str:
        """Why nothing is kept on disk now; empty where all is well."""
        return self._archive.trouble

    def stats(self) -> Mapping[str, float]:
        """Counts and sizes, for the admin API and metrics."""
        return {
            "entries": len(self.exact),
            "vectors": len(self._semantic),
            "bytes": self.exact.used_bytes,
            "max_bytes": self.exact.max_bytes,
            "evictions": self.exact.evictions,
            **asdict(self.counts),
            **self.verified.figures(),
            **self._archive.figures(),
        }

    # ---- inside ----------------------------------------------------------------------------

    @property
    def _asks(self) -> bool:
        """Whether there is anybody to have a second opinion."""
        return self.comparer is not None and self.comparer.connected

    def _is_young(self, entry: Entry, options: Options) -> bool:
        """Whether an answer is not older than the request allows."""
        return options.max_age_s == inf or self._clock() - entry.created_s <= options.max_age_s

    def _lives(self, entry: Entry) -> bool:
        return entry.mark >= 0 and entry.expires_s > self._clock()

    def _count_hit(self, entry: Entry) -> None:
        entry.hits += 1
        self.counts.saved_usd += entry.cost_usd

    def _forget(self, entry: Entry) -> None:
        self._semantic.remove(entry)
        self._judge.forget(entry)
        self.verified.forget(entry)
        self._archive.left(entry.exact)
