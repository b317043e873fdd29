"""When to try again: what providers say in their headers, else exponential backoff with jitter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

BASE_SECONDS = 0.2
MOST_SECONDS = 4.0
_EPOCH = 1_000_000_000  # larger numbers are unix times
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_RESETS = ("x-ratelimit-reset-requests", "x-ratelimit-reset-tokens", "x-ratelimit-reset")


def retry_after(headers: Mapping[str, str], wall: float) -> float | None:
    """Seconds to wait, as a provider asks; None where it does not, or talks rubbish.

    headers: lower-case names. wall: unix seconds. Understands retry-after-ms, Retry-After as
    seconds or date (RFC 9110 10.2.3), and x-ratelimit-reset* as seconds, durations such as
    "1m30.5s", unix times and ISO dates.
    """
    millis = headers.get("retry-after-ms")
    if millis is not None and (seconds := _number(millis)) is not None:
        return seconds / 1000
    asked = headers.get("retry-after")
    if asked is not None:
        return moment(asked, wall)
    waits = [moment(headers[name], wall) for name in _RESETS if name in headers]
    known = [wait for wait in waits if wait is not None]
    return max(known) if known else None


def moment(text: str, wall: float) -> float | None:
    """Seconds from now until what this text names."""
    text = text.strip()
    number = _number(text)
    if number is not None:
        return max(0.0, number - wall) if number > _EPOCH else number
    pieces = _DURATION.findall(text)
    if pieces and "".join(value + unit for value, unit in pieces) == text:
        return sum(float(value) * _UNITS[unit] for value, unit in pieces)
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        try:
            when = parsedate_to_datetime(text)
        except (ValueError, TypeError, IndexError):
            return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, when.timestamp() - wall)


def backoff(attempt: int, rand: float) -> float:
    """Seconds before another try: full jitter over a doubling interval. rand: uniform [0, 1)."""
    return rand * min(BASE_SECONDS * 2.0 ** min(attempt, 10), MOST_SECONDS)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < 1e12 else None
