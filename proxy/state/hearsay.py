"""What processes tell each other of providers: failures, recoveries and first-token times.

A provider's own words (a status, an error event) count everywhere as if they had been said here.
What may be the way's fault (no connection, a silence) brings a breaker elsewhere to the brink and
no further: a process whose own network is broken must not take the providers from the others. A
recovery elsewhere is reason enough to probe at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from proxy.errors import Kind
from proxy.state.breaker import RULES, Breakers
from proxy.state.latency import Latency

MOST = 256  # words kept for the next pulse; what is beyond says nothing new
SAMPLES = 32  # first-token times told with a pulse: a history remembers about 130
_SAID = frozenset({Kind.RATE_LIMITED, Kind.OVERLOADED, Kind.SERVER})  # by the provider itself
_OWN = frozenset({Kind.KEY_REFUSED, Kind.MODEL_UNKNOWN})  # of this process's configuration
_KINDS: Mapping[str, Kind] = {kind.value: kind for kind in Kind}
_LATER = -2  # a ticket of an earlier turn: a success with it asks for a probe

FAILED, CAME_BACK, RESET, OPENED, TOOK = "f", "b", "r", "o", "t"
Word = list[Any]  # one of these, a target, and what belongs to it


class SharedBreakers(Breakers):
    """Breakers that remember what the others should hear."""

    __slots__ = ("words",)

    def __init__(self, *, failures: int, open_seconds: float) -> None:
        super().__init__(failures=failures, open_seconds=open_seconds)
        self.words: deque[Word] = deque(maxlen=MOST)

    def succeeded(self, target: str, now: float, ticket: int | None = None) -> None:
        door = self.known.get(target)
        if door is None:
            return
        was_shut = door.shut
        super().succeeded(target, now, ticket)
        if was_shut and not door.shut:
            self.words.append([CAME_BACK, target])

    def failed(
        self,
        target: str,
        kind: Kind,
        now: float,
        *,
        retry_after: float | None = None,
        ticket: int | None = None,
    ) -> None:
        super().failed(target, kind, now, retry_after=retry_after, ticket=ticket)
        if not RULES[kind].alive and kind not in _OWN:
            self.words.append([FAILED, target, kind.value, retry_after])

    def reset(self, target: str | None = None) -> None:
        super().reset(target)
        self.words.append([RESET, target])

    def open(self, target: str, now: float) -> None:
        super().open(target, now)
        self.words.append([OPENED, target])

    def hear(self, word: Word, now: float) -> None:
        """What another process told."""
        match word:
            case [str(what), str(target), str(kind), retry_after] if (
                what == FAILED and kind in _KINDS
            ):
                self._hear_failure(target, _KINDS[kind], now, retry_after)
            case [str(what), str(target)] if what == CAME_BACK:
                door = self.known.get(target)
                if door is not None and door.shut:
                    super().succeeded(target, now, _LATER)
            case [str(what), str() | None as every] if what == RESET:
                super().reset(every)
            case [str(what), str(target)] if what == OPENED:
                super().open(target, now)
            case _:
                pass  # of a later version

    def _hear_failure(self, target: str, kind: Kind, now: float, retry_after: Any) -> None:
        if kind in _SAID:
            after = float(retry_after) if isinstance(retry_after, int | float) else None
            super().failed(target, kind, now, retry_after=after)
            return
        door = self.known.get(target) or self._make(target)
        if not door.shut and door.failures < self._failures - 1:
            door.failures += 1
            door.last_kind = kind.value


class SharedLatency(Latency):
    """First-token times, some of which the others hear."""

    __slots__ = ("words",)

    def __init__(self) -> None:
        super().__init__()
        self.words: deque[Word] = deque(maxlen=SAMPLES)

    def observe(
        self, target: str, prompt_bytes: int, seconds: float, now: float, *, reasoning: bool = False
    ) -> None:
        super().observe(target, prompt_bytes, seconds, now, reasoning=reasoning)
        self.words.append([TOOK, target, prompt_bytes, seconds, reasoning, False])

    def censored(
        self, target: str, prompt_bytes: int, seconds: float, now: float, *, reasoning: bool = False
    ) -> None:
        super().censored(target, prompt_bytes, seconds, now, reasoning=reasoning)
        self.words.append([TOOK, target, prompt_bytes, seconds, reasoning, True])

    def hear(self, word: Word, now: float) -> None:
        """What another process told."""
        match word:
            case [str(what), str(target), int(size), float(seconds), bool(thinks), bool(cut)] if (
                what == TOOK and seconds > 0
            ):
                tell = super().censored if cut else super().observe
                tell(target, size, seconds, now, reasoning=thinks)
            case _:
                pass


def told(breakers: Breakers, latency: Latency) -> list[Word]:
    """What there is to tell since the last time."""
    words: list[Word] = []
    for one in (breakers, latency):
        if isinstance(one, SharedBreakers | SharedLatency):
            words += one.words
            one.words.clear()
    return words


def hear(words: Iterable[Word], breakers: Breakers, latency: Latency, now: float) -> None:
    """What others told."""
    for word in words:
        listener = latency if word[:1] == [TOOK] else breakers
        if isinstance(listener, SharedBreakers | SharedLatency):
            listener.hear(word, now)
