"""The verified mode at work: which hits are given, and what is learnt from comparing answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from proxy.cache.answers import Similar, agree, text_of
from proxy.cache.counts import Counts, Hit
from proxy.cache.entry import Entry
from proxy.cache.trust import Trust

_ASKED = 1024  # requests on their way upstream whose answer will be compared


class Verified:
    """Asks upstream where trust is not earned yet, and compares what comes; without a bound it
    lets everything through."""

    __slots__ = ("_asked", "_chance", "_counts", "_similar", "trust")

    def __init__(
        self,
        max_error_rate: float | None,
        counts: Counts,
        chance: Callable[[], float],
        similar: Similar | None,
    ) -> None:
        """max_error_rate: of given hits; None: the mode is off. chance: numbers in 0..1. similar:
        the cosine of two answers' texts."""
        self.trust: Trust | None = None
        self._chance = chance
        self._counts = counts
        self._similar = similar
        self._asked: dict[bytes, tuple[Entry, float]] = {}
        self.bound(max_error_rate)

    def bound(self, max_error_rate: float | None) -> None:
        """Keep to this bound from now on; what was learned stays, unless the mode is off."""
        if max_error_rate is None:
            self.trust = None
        elif self.trust is None:
            self.trust = Trust(max_error_rate, self._chance)
        else:
            self.trust.max_error_rate = max_error_rate

    def gives(self, exact: bytes, entry: Entry, near: float) -> bool:
        """Whether a hit may be given; it asks upstream otherwise, and will learn by it."""
        if self.trust is None or self.trust.gives(entry, near):
            return True
        if len(self._asked) >= _ASKED:
            self._asked.pop(next(iter(self._asked)))
        self._asked[exact] = (entry, near)
        self._counts.doubted += 1
        return False

    def samples(self) -> bool:
        """Whether the hit just given is one to check."""
        return self.trust is not None and self.trust.samples()

    def hear(self, exact: bytes, fresh: Entry) -> None:
        """An answer came: compare it with the hit that was not given for it, if there was one."""
        if self._asked and (asked := self._asked.pop(exact, None)) is not None:
            self.learn(Hit(*asked), fresh)

    def learn(self, hit: Hit, fresh: Entry) -> bool:
        """Compare a stored answer with a fresh one to the same request; whether they agree."""
        agreed = agree(text_of(hit.entry), text_of(fresh), self._similar)
        if self.trust is not None:
            self.trust.learn(hit.entry, hit.similarity, agreed)
        return agreed

    def forget(self, entry: Entry) -> None:
        """The entry is gone."""
        if self.trust is not None:
            self.trust.forget(entry)

    def figures(self) -> Mapping[str, float]:
        """For metrics: the wrong-hit estimate with its interval."""
        return {} if self.trust is None else self.trust.estimate()
