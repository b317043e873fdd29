"""What a Claude model takes, read off its name: what one generation needs another refuses.

Generations as pydantic-ai 2.38.0 (MIT) records them in profiles/anthropic.py: thinking is adaptive
from 4.6 on; temperature, top_p and top_k are refused from Opus 4.7 and the fifth generation on;
JSON schemas are native from 4.5 on (Opus 4.1); Fable and Mythos refuse a forced tool from 5.1 on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_WORD = re.compile(r"[a-z]+|\d+")
_FAMILIES = frozenset({"haiku", "sonnet", "opus", "fable", "mythos", "instant"})
_LATEST = (99, 0)  # a Claude without a version is taken for a new one
_OTHER = (4, 0)  # what other vendors' models behind Anthropic's format are taken for
_UNFORCED = frozenset({"fable", "mythos"})


@dataclass(frozen=True, slots=True)
class Traits:
    """What a model takes. max_tokens is sent where the caller names no limit: a limit is required,
    and this one is within every model of its generation."""

    adaptive: bool  # thinking by effort, not by budget
    samples: bool  # temperature, top_p, top_k
    schemas: bool  # output_config.format
    forced: bool  # tool_choice any or tool
    max_tokens: int


@lru_cache(maxsize=256)
def traits(model: str) -> Traits:
    """The traits of a model under any of its names: with dates, vendors' prefixes, either order."""
    family, version = _read(model)
    return Traits(
        adaptive=version >= (4, 6),
        samples=version < ((4, 7) if family == "opus" else (5, 0)),
        schemas=version >= ((4, 1) if family == "opus" else (4, 5)),
        forced=family not in _UNFORCED or version < (5, 1),
        max_tokens=4096 if version < (3, 5) else 8192 if version < (3, 7) else 32000,
    )


def _read(model: str) -> tuple[str, tuple[int, int]]:
    name = model.lower()
    if "claude" not in name:
        return "", _OTHER
    words = _WORD.findall(name[name.find("claude") :])
    family = next((word for word in words if word in _FAMILIES), "")
    numbers: list[int] = []
    for word in words[1:]:
        if word.isdigit() and len(word) <= 2:
            numbers.append(int(word))
        elif numbers:
            break
    if not numbers:
        return family, _LATEST
    return family, (numbers[0], numbers[1] if len(numbers) > 1 else 0)
