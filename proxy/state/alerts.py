"""What an operator must hear of, and how often: pure; who tells them is elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

REPEAT_SECONDS = 3600.0  # before the same thing is told again
STORM = 20  # alerts a minute; what is beyond is counted, and told as one
STORM_SECONDS = 60.0
_SUBJECTS_LIMIT = 2000


@dataclass(frozen=True, slots=True)
class Alert:
    """kind: a word for programs, such as budget_exceeded or breaker_open. subject: of what.
    repeats: it is told even if the same was told lately, because its period is a new one."""

    kind: str
    subject: str
    words: str
    figures: Mapping[str, str | float | int] = field(default_factory=dict)
    repeats: bool = False


class Calm:
    """Lets through what is news. No storm: the same subject once an hour, and so many a minute."""

    __slots__ = ("_count", "_minute", "_told", "held_back")

    def __init__(self) -> None:
        self._told: dict[tuple[str, str], float] = {}
        self._minute = -STORM_SECONDS
        self._count = 0
        self.held_back = 0  # since the last storm was told of

    def news(self, alert: Alert, now: float) -> list[Alert]:
        """What to tell of this: nothing, the alert, or that there are too many."""
        what = (alert.kind, alert.subject)
        told = self._told.get(what)
        if told is not None and now - told < REPEAT_SECONDS and not alert.repeats:
            return []
        if now - self._minute >= STORM_SECONDS:
            self._minute, self._count = now, 0
        self._count += 1
        if self._count > STORM:
            self.held_back += 1
            return []
        if len(self._told) >= _SUBJECTS_LIMIT:
            self._told.clear()
        self._told[what] = now
        if not self.held_back:
            return [alert]
        missed, self.held_back = self.held_back, 0
        words = f"{missed} further alerts were held back: too many in a minute"
        return [Alert("storm", "alerts", words, {"held_back": missed}), alert]
