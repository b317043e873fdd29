"""What is written down of an exchange: a plain tuple, so that making one takes no time.

No prompt text, no answer, no key: who asked, what for, whom, how much, how fast, and how it ended.
"""

from __future__ import annotations

from typing import NamedTuple

from proxy.chat import Usage
from proxy.exchange import Miss

ESTIMATED = 1  # mark: the tokens were counted by us, not by the provider
UNPRICED = 2  # mark: nobody knows what this model costs
LOST = "lost"  # outcome of an attempt that another one overtook


class Row(NamedTuple):
    """One row. Times in seconds, at_s since 1970."""

    at_s: float
    id: str
    key: str
    route: str
    category: str
    provider: str
    model: str
    task_type: str | None
    cache: str
    outcome: str
    stream: bool
    status: int
    attempts: int
    usage: Usage | None
    first_s: float | None
    total_s: float
    error: str | None
    tags: tuple[str, ...]
    auth_s: float
    classify_s: float
    cache_s: float
    upstream_s: float  # of the attempt that answered, to its first token
    trail: tuple[Miss, ...]  # the attempts that did not


RowTuple = tuple[
    float, str, str, str, str, str, str, str | None, str, str, bool, int, int, Usage | None,
    float | None, float, str | None, tuple[str, ...], float, float, float, float, tuple[Miss, ...],
]  # fmt: skip  # a Row's fields, without the cost of making one
