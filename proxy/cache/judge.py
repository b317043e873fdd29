"""Which of the near ones may answer: the guards, and the prompts they have read before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from proxy.cache import guards
from proxy.cache.counts import Counts
from proxy.cache.entry import Entry
from proxy.cache.gist import sense
from proxy.cache.key import Key
from proxy.cache.opinion import Doubt, doubts_among
from proxy.cache.prompt import Prompt
from proxy.cache.reader import read
from proxy.cache.worded import Worded, cut

_Known = TypeVar("_Known")
_PREPARED = 2048  # texts whose guard words are remembered, about 2 kB each


class Judge:
    """Remembers what it read of kept prompts."""

    __slots__ = ("_bar", "_clock", "_counts", "_floor", "_read", "_senses")

    def __init__(
        self, floor: float, bar: float, counts: Counts, clock: Callable[[], float]
    ) -> None:
        """floor, bar: the cosines asked, see guards.required. counts: told of who was refused."""
        self._floor = floor
        self._bar = bar
        self._counts = counts
        self._clock = clock
        self._read: dict[str, Prompt] = {}
        self._senses: dict[str, int] = {}

    def configure(self, floor: float, bar: float) -> None:
        """Ask for these cosines from now on."""
        self._floor, self._bar = floor, bar

    def choose(
        self, key: Key, near_ones: Sequence[tuple[float, Entry]], language: str
    ) -> tuple[float, Entry] | None:
        """Of entries with their cosine to a prompt, nearest first: the first that every guard
        lets pass, and that is neither old nor in another language."""
        floor = self._floor
        now = self._clock()
        asked: Prompt | None = None
        for found in near_ones:
            near, entry = found
            if entry.expires_s <= now or (
                language and entry.language and language != entry.language
            ):
                continue
            theirs, worded = self._senses.get(entry.text), None
            if theirs is None:
                worded = cut(entry.text)
                theirs = _remember(self._senses, entry.text, sense(worded))
            if key.sense != theirs:
                continue
            if asked is None:
                asked = read(key.worded)
            kept = self.read(entry.text, worded)
            if near >= guards.required(kept, asked, floor, self._bar):
                return found
            self._counts.guarded += 1
        return None

    def doubts(self, text: Worded, near_ones: Iterable[tuple[Entry, float]]) -> list[Doubt]:
        """Those of them that a second opinion could settle on."""
        return doubts_among(near_ones, text, self.read)

    def read(self, text: str, worded: Worded | None = None) -> Prompt:
        """A kept prompt, read once. worded: the text, if it was cut already."""
        found = self._read.get(text)
        return _remember(self._read, text, read(worded or text)) if found is None else found

    def forget(self, entry: Entry) -> None:
        """The entry is gone."""
        self._read.pop(entry.text, None)
        self._senses.pop(entry.text, None)


def _remember(known: dict[str, _Known], text: str, found: _Known) -> _Known:
    if len(known) >= _PREPARED:
        known.pop(next(iter(known)))
    known[text] = found
    return found
