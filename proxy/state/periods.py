"""When a day and a month end, UTC. Moments are Unix seconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def day_after(wall: float) -> float:
    """The next midnight."""
    return wall // 86_400 * 86_400 + 86_400.0


def month_start(wall: float) -> float:
    """The first moment of this month."""
    return _first(wall).timestamp()


def month_after(wall: float) -> float:
    """The first moment of the next month."""
    return (_first(wall) + timedelta(days=32)).replace(day=1).timestamp()


def iso(wall: float) -> str:
    """A moment as 2026-02-01T00:00:00Z."""
    return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _first(wall: float) -> datetime:
    return datetime.fromtimestamp(wall, UTC).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )
