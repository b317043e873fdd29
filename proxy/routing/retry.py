"""When to try again: what providers say in their headers, else exponential backoff with jitter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol

from proxy.errors import RETRY_STATUS, Kind

BASE_SECONDS = 0.2
MOST_SECONDS = 4.0
LIMITED_SECONDS = 1.5  # for every try after the second, at a limit whose end nobody tells
WAIT_SECONDS = 5.0  # a provider that asks for longer is taken at its word: the client waits
JITTER = 0.1  # added to what a provider asks for, so that not all come back at once
_EPOCH = 1_000_000_000  # larger numbers are unix times,
_EPOCH_MS = 100_000_000_000  # and these in milliseconds
_UNITS = {"d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "us": 1e-6, "µs": 1e-6}
_PIECE = r"(\d+(?:\.\d+)?)(ms|us|µs|d|h|m|s)"
_DURATION = re.compile(_PIECE)
_IN_WORDS = re.compile(rf"(?:try again|retry) (?:in|after) ((?:{_PIECE})+)", re.IGNORECASE)
# Each limit's reset beside what remains of it: OpenAI and its kin, Anthropic, Mistral, the draft.
_LIMITS = (
    ("x-ratelimit-reset-requests", "x-ratelimit-remaining-requests"),
    ("x-ratelimit-reset-tokens", "x-ratelimit-remaining-tokens"),
    ("x-ratelimit-reset", "x-ratelimit-remaining"),
    ("anthropic-ratelimit-requests-reset", "anthropic-ratelimit-requests-remaining"),
    ("anthropic-ratelimit-input-tokens-reset", "anthropic-ratelimit-input-tokens-remaining"),
    ("anthropic-ratelimit-output-tokens-reset", "anthropic-ratelimit-output-tokens-remaining"),
    ("anthropic-ratelimit-tokens-reset", "anthropic-ratelimit-tokens-remaining"),
    ("ratelimitbysize-reset", "ratelimitbysize-remaining"),
    ("ratelimit-reset", "ratelimit-remaining"),
)


class Purse(Protocol):
    """A budget of retries."""

    def take(self) -> bool: ...


def retry_in(
    kind: Kind, tries: int, asked: float | None, rand: float, purse: Purse
) -> float | None:
    """Seconds until the same target may be tried again, None for not at all.

    tries: lanes before. asked: what the provider asks for; longer than WAIT_SECONDS is the
    client's to wait for. rand: uniform [0, 1). Takes from the purse what it allows.
    """
    if kind not in RETRY_STATUS or (asked is not None and asked > WAIT_SECONDS):
        return None
    if not purse.take():
        return None
    wait = backoff(tries, rand)
    if kind is Kind.RATE_LIMITED and asked is None:
        wait = max(wait, LIMITED_SECONDS * tries)
    return wait if not asked else max(wait, asked * (1.0 + JITTER * rand))


def retry_after(
    headers: Mapping[str, str], wall: float, *, limited: bool = True, words: str = ""
) -> float | None:
    """Seconds to wait, as a provider asks; None where it does not, or talks rubbish.

    headers: lower-case names. wall: unix seconds. limited: the answer was a 429; only then do
    x-ratelimit-reset* count, which many send with every answer. words: the error's message.
    Understands retry-after-ms, Retry-After as seconds or date (RFC 9110 10.2.3), and resets as
    seconds, durations such as "1m30.5s" or "1d2h", unix times in seconds or milliseconds, and
    ISO dates. Of several limits the used up ones count, and of those the latest.
    """
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        millis = headers.get(name)
        if millis is not None and (seconds := _number(millis)) is not None:
            return seconds / 1000
    asked = headers.get("retry-after")
    if asked is not None and (seconds := moment(asked, wall)) is not None:
        return seconds
    if not limited:
        return None
    named = _IN_WORDS.search(words[:2000])
    if named is not None:
        return moment(named.group(1), wall)
    used_up: list[float] = []
    others: list[float] = []
    for reset, remaining in _LIMITS:
        if reset in headers and (wait := moment(headers[reset], wall)) is not None:
            left = _number(headers.get(remaining, "0"))
            (used_up if left == 0 else others).append(wait)
    return max(used_up or others, default=None)


def may_retry(headers: Mapping[str, str]) -> bool:
    """Whether the provider does not forbid another try (OpenAI's and Anthropic's header)."""
    return headers.get("x-should-retry", "").strip().lower() != "false"


def moment(text: str, wall: float) -> float | None:
    """Seconds from now until what this text names."""
    text = text.strip()
    number = _number(text)
    if number is not None:
        if number >= _EPOCH_MS:
            return max(0.0, number / 1000 - wall)
        return max(0.0, number - wall) if number >= _EPOCH else number
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
    return value if 0 <= value < 1e15 else None
