"""Whether two answers say the same, cheaply: what the verified mode learns from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from proxy.cache import replay
from proxy.cache.entry import Entry
from proxy.cache.reader import read

Similar = Callable[[str, str], float]

_SHORT = 240  # characters: a short answer's numbers, names and negations are all that it says
_NEAR_LONG, _NEAR_SHORT = 0.9, 0.8


def text_of(entry: Entry) -> str:
    """What an answer says, all choices together."""
    try:
        body = orjson.loads(replay.whole_of(entry))
    except (KeyError, orjson.JSONDecodeError):
        return ""
    choices: Any = body.get("choices") if isinstance(body, dict) else None
    if not isinstance(choices, list):
        return ""
    texts = []
    for choice in choices:
        message = choice.get("message") if isinstance(choice, dict) else None
        said = message.get("content") if isinstance(message, dict) else choice.get("text")
        texts.append(said if isinstance(said, str) else "")
    return "\n".join(texts)


def agree(a: str, b: str, similar: Similar | None = None) -> bool:
    """Whether the two say the same.

    Equal texts do; short ones must hold the same numbers, names, negations and opposites; beyond
    that `similar` (a cosine) decides, or, without one, the share of words in common.
    """
    ours, theirs = " ".join(a.lower().split()), " ".join(b.lower().split())
    if ours == theirs:
        return True
    short = max(len(ours), len(theirs)) <= _SHORT
    if short:
        one, other = read(a), read(b)
        if (
            sorted(value for value, _ in one.numbers) != sorted(value for value, _ in other.numbers)
            or one.opposites != other.opposites
            or one.negations % 2 != other.negations % 2
            or one.names - other.content
            or other.names - one.content
        ):
            return False
    if similar is not None:
        return similar(a, b) >= (_NEAR_SHORT if short else _NEAR_LONG)
    left, right = set(ours.split()), set(theirs.split())
    return len(left & right) >= 0.6 * len(left | right)
