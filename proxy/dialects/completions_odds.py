"""What is told of tokens' probabilities: as text completions have it, and as chats do.

Completions tell four lists of one length; top_logprobs is an object by token, and text_offset
counts characters from the answer's beginning.
"""

from __future__ import annotations

from typing import Any

from proxy.chat import Json
from proxy.dialects.content import likely, logprobs_json
from proxy.dialects.loose import mapping, objects, string


def from_chat(logprobs: Any, offset: int) -> Json:
    """A chat's logprobs as a completion's. offset: where their text begins, in characters."""
    tokens, values, tops, offsets = [], [], [], []
    for one in objects(mapping(logprobs).get("content")):
        token, value = likely(one, "token", "logprob")
        tokens.append(token)
        values.append(value)
        others = (likely(top, "token", "logprob") for top in objects(one.get("top_logprobs")))
        tops.append(dict(others))
        offsets.append(offset)
        offset += len(token)
    return {"tokens": tokens, "token_logprobs": values, "top_logprobs": tops,
            "text_offset": offsets}  # fmt: skip


def to_chat(logprobs: Any) -> Json | None:
    """The reverse; None where nothing is told."""
    told = mapping(logprobs)
    tokens = told.get("tokens")
    if not isinstance(tokens, list) or not tokens:
        return None
    values, tops = told.get("token_logprobs"), told.get("top_logprobs")
    return logprobs_json(
        (
            likely({"token": token, "logprob": _at(values, place)}, "token", "logprob"),
            [(string(other), float(value)) for other, value in mapping(_at(tops, place)).items()],
        )
        for place, token in enumerate(tokens)
    )


def _at(values: Any, place: int) -> Any:
    return values[place] if isinstance(values, list) and place < len(values) else None
