"""Whether a request may be answered from the cache, and whether its answer may be kept.

Pure decisions; the settings are the `[cache]` table of the configuration.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from proxy.chat import Json

MODES: frozenset[str] = frozenset(("", "bypass", "refresh", "only"))


@dataclass(frozen=True, slots=True)
class Settings:
    """What the cache may hold and when it may answer."""

    enabled: bool = True
    exact: bool = True  # answer the very same request
    semantic: bool = True  # answer one that means the same
    ttl_s: float = 86_400.0
    max_bytes: int = 256 << 20  # all answers together, compressed, overhead included
    max_entry_bytes: int = 1 << 20  # a larger answer is not kept
    max_entries: int = 1_000_000
    similarity: float = 0.95  # cosine asked of a paraphrase whose words do not speak for it
    floor: float = 0.35  # cosine asked even where every content word agrees
    # An unset temperature is 1.0 on OpenAI's wire and cacheable; only a wish for more is not.
    max_temperature: float = 1.0
    tool_calls: bool = False  # keep answers that call tools
    live_categories: tuple[str, ...] = ("web_search",)  # right today, wrong tomorrow
    paced: bool = False  # a stream is told as if it were being written
    tokens_per_s: float | None = None  # its pace; None: as the answer came when it was made
    max_error_rate: float | None = None  # the verified mode's bound on wrong hits


@dataclass(frozen=True, slots=True)
class Options:
    """What one request allows: read a stored answer, store its own, ask no upstream at all."""

    read: bool = True
    write: bool = True
    only: bool = False
    max_age_s: float = inf  # of a stored answer


ALLOWED = Options()
_BYPASS = Options(read=False, write=False)
_REFRESH = Options(read=False)
_ONLY = Options(write=False, only=True)
_MODES = {"bypass": _BYPASS, "refresh": _REFRESH, "only": _ONLY}


def options_of(mode: str = "", cache_control: str = "") -> Options:
    """The wish of one request: `firsttoken.cache`, else its Cache-Control header (RFC 9111 5.2.1).

    mode "bypass" neither reads nor writes, "refresh" writes without reading, "only" never asks
    an upstream. no-cache is refresh, no-store does not write, only-if-cached is only, max-age
    bounds the age of what is read.
    """
    if not mode and not cache_control:
        return ALLOWED
    if mode:
        return _MODES.get(mode, ALLOWED)
    words = {word.strip().lower() for word in cache_control.split(",")}
    max_age_s = min((_seconds(word) for word in words), default=inf)
    fresh = "no-cache" in words or max_age_s <= 0
    only = "only-if-cached" in words
    return Options(
        read=not fresh,
        write=not (only or "no-store" in words),
        only=only,
        max_age_s=inf if fresh else max_age_s,
    )


def _seconds(word: str) -> float:
    """What a max-age directive allows; one without a number allows nothing stored."""
    name, _, value = word.partition("=")
    if name.strip() != "max-age":
        return inf
    value = value.strip().strip('"')
    return float(value) if value.isascii() and value.isdigit() else 0.0


def may_look_up(body: Json, settings: Settings, category: str = "") -> bool:
    """Whether this request's answer could be somebody's stored one, before any key is made."""
    if not settings.enabled or category in settings.live_categories:
        return False
    temperature = body.get("temperature")
    if temperature is None:
        return True
    return not isinstance(temperature, (int, float)) or temperature <= settings.max_temperature


def may_store(  # noqa: PLR0913 - each fact alone can forbid it
    *,
    options: Options,
    settings: Settings,
    complete: bool,
    finishes: Iterable[str | None],
    size_bytes: int,
    has_text: bool = True,
    has_calls: bool = False,
    has_refusal: bool = False,
    has_media: bool = False,
) -> bool:
    """Whether a finished answer may be kept.

    complete: the wire's own end was seen and no error frame before it. finishes: the finish
    reason of each choice; only a natural stop is kept (tool calls too where asked for), so that
    truncated and filtered answers are never repeated.
    """
    if not (settings.enabled and options.write and complete) or has_refusal or has_media:
        return False
    if size_bytes > settings.max_entry_bytes or not (has_text or has_calls):
        return False
    if has_calls and not settings.tool_calls:
        return False
    wanted = ("stop", "tool_calls") if settings.tool_calls else ("stop",)
    finished = False
    for reason in finishes:
        if reason not in wanted:
            return False
        finished = True
    return finished
