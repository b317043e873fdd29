"""What the cache found and did: a hit, and how many there were of everything since the start."""

from __future__ import annotations

from dataclasses import dataclass

from proxy.cache.entry import Entry


@dataclass(frozen=True, slots=True)
class Hit:
    """A stored answer that may stand for this prompt, and the cosine between the two."""

    entry: Entry
    similarity: float
    check: bool = False  # verified mode: repeat the request upstream and call `learn`


@dataclass(slots=True)
class Counts:
    """Since the start."""

    exact_hits: int = 0
    semantic_hits: int = 0
    misses: int = 0
    stored: int = 0
    joined: int = 0  # requests that shared an answer under way
    guarded: int = 0  # candidates of the same gist, near enough, that a guard refused
    doubted: int = 0  # candidates the verified mode did not give
    second_hits: int = 0  # given by a second opinion, counted among the semantic ones too
    second_late: int = 0  # such opinions that came after upstream's first token
    saved_usd: float = 0.0
