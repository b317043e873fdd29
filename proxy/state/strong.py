"""Which share of requests goes to the strong model: a threshold that follows the traffic.

Complexity is a rank over ordinary prompts, but nobody's prompts are ordinary: the threshold starts
where the rank says and moves with what is seen, and a count over recent requests keeps the share
from being passed while it does.
"""

from __future__ import annotations

STEP = 0.01  # of the rank, by which one request moves the threshold
MEMORY = 500.0  # requests that the count reaches back, on average
SLACK = 2.0  # strong answers that a quiet start may be ahead by


class StrongShare:
    """Decides request by request. share: of all, 0 to 1."""

    __slots__ = ("_all", "_strong", "share", "threshold")

    def __init__(self, share: float) -> None:
        self._all = 0.0
        self._strong = 0.0
        self.configure(share)

    def configure(self, share: float) -> None:
        """Another share, with the threshold where an ordinary mix of prompts would have it."""
        self.share = share
        self.threshold = 1.0 - share

    def is_strong(self, complexity: float) -> bool:
        """Whether a request of this rank, 0 to 1, goes to the strong model; it is counted."""
        share = self.share
        hard = complexity >= self.threshold
        # The quantile that leaves `share` above it (Robbins and Monro, 1951).
        self.threshold += STEP * (1.0 - share) if hard else -STEP * share
        self.threshold = min(1.0, max(0.0, self.threshold))
        keep = 1.0 - 1.0 / MEMORY
        self._all = self._all * keep + 1.0
        self._strong *= keep
        strong = hard and self._strong + 1.0 <= share * (self._all + SLACK / max(share, 0.01))
        self._strong += strong
        return strong and share > 0.0
