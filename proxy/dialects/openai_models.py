"""What OpenAI's own models take, read off their names.

As pydantic-ai 2.38.0 (MIT) records it in profiles/openai.py, checked there against the live API: a
model refuses temperature, top_p, penalties and logprobs exactly while it reasons. The o-series and
the first GPT-5 always do; 5.1 to 5.4 when an effort is asked for; 5.5 and later unless none is.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

_OWN = re.compile(r"(?:.*/)?(?:gpt-(?!oss)|chatgpt-|o[1-9](?:-|$)|codex-|computer-use)")
_ALWAYS = re.compile(r"(?:.*/)?(?:o[1-9](?:-|$)|codex-)")
_GPT = re.compile(r"(?:.*/)?gpt-(\d+)(?:\.(\d+))?(?!\d)(.*)")

Habit = Literal["never", "asked", "default", "always"]

SAMPLING = (
    "temperature", "top_p", "presence_penalty", "frequency_penalty", "logit_bias", "logprobs",
    "top_logprobs",
)  # fmt: skip


def own(model: str) -> bool:
    """Whether this is one of OpenAI's own models, by whatever provider."""
    return _OWN.match(model) is not None


@lru_cache(maxsize=256)
def habit(model: str) -> Habit:
    """When a model reasons before it answers. Other vendors' never do, as far as a name tells."""
    if _ALWAYS.match(model):
        return "always"
    found = _GPT.match(model)
    if not found:
        return "never"
    version, kind = (int(found[1]), int(found[2] or 0)), found[3]
    if version < (5, 0) or (version == (5, 0) and "-chat" in kind):
        return "never"
    if version == (5, 0) or "-pro" in kind or (version < (5, 5) and "-chat" in kind):
        return "always"
    if version == (5, 1) and "-codex" in kind:
        return "always"
    return "asked" if version < (5, 5) else "default"


def reasons(model: str) -> bool:
    """Whether the model takes an effort, and its limit as max_completion_tokens."""
    return habit(model) != "never"


def refuses_sampling(model: str, effort: str | None) -> bool:
    """Whether SAMPLING is answered with 400, for this effort."""
    match habit(model):
        case "always":
            return True
        case "default":
            return effort != "none"
        case "asked":
            return effort not in (None, "none")
        case "never":
            return False
