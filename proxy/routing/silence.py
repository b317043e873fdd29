"""When a stream that has begun counts as stalled: silent for too long, or slower than asked for.

The relay keeps the time of the last token and a count, and looks at both when its one timer fires;
a token costs nothing here.
"""

from __future__ import annotations

RATE_WINDOW_S = 5.0  # over which a rate is measured: shorter ones are bursts and pauses
_GRAIN_S = 0.001  # a timer's rounding


def next_look_s(silent_s: float, gap_s: float, least_per_s: float | None) -> float:
    """Seconds until the stream is worth another look. least_per_s: the route's floor, or None."""
    wait = max(gap_s - silent_s, _GRAIN_S)
    return wait if least_per_s is None else min(wait, RATE_WINDOW_S)


def stalled(
    silent_s: float, gap_s: float, tokens: int, window_s: float, least_per_s: float | None
) -> str | None:
    """Why this stream counts as stalled, or None.

    tokens: that came within the last window_s seconds, one a frame. A window shorter than the
    measure is no evidence.
    """
    if silent_s + _GRAIN_S >= gap_s:
        return "the provider stopped in the middle of its answer"
    if least_per_s is None or window_s + _GRAIN_S < RATE_WINDOW_S:
        return None
    if tokens < least_per_s * window_s:
        return f"the provider sends {tokens / window_s:.1f} tokens a second"
    return None
