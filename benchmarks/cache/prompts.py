"""Prompts without end, no two of one meaning, and a kept answer of usual size."""

from __future__ import annotations

import orjson

from proxy.cache.entry import Entry
from proxy.cache.key import Key, key_of
from proxy.chat import Usage

_NAMES = """
river stone market winter engine garden planet silver window bridge forest thunder candle mirror
pocket ladder button basket copper violin ocean desert castle harbour meadow hammer lantern orchard
pepper quarry ribbon saddle tunnel valley wagon anchor barrel carpet dragon falcon
"""
_VERBS = "paint repair describe compare store carry measure draw build clean"
_THINGS, _DOINGS = _NAMES.split(), _VERBS.split()
_MOST = len(_THINGS)


def prompt(number: int) -> str:
    """The number-th prompt; its neighbours are much like it."""
    rest, one = divmod(number, _MOST)
    rest, two = divmod(rest, _MOST)
    rest, doing = divmod(rest, len(_DOINGS))
    return (
        f"How should somebody {_DOINGS[doing]} the {_THINGS[one]} that is kept beside the white"
        f" {_THINGS[two]} of house {rest + 1}?"
    )


def said_otherwise(number: int) -> str:
    """The same question in other words."""
    return prompt(number).replace("How should somebody", "Please explain how somebody should")


def key(text: str, tenant: str = "one") -> Key:
    """The key of a plain request."""
    body = {
        "model": "chat",
        "messages": [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": text},
        ],
        "temperature": 0.2,
    }
    found = key_of(body, tenant=tenant, route="chat", kind="chat")
    assert found is not None
    return found


def entry(number: int, provider: str = "p") -> Entry:
    """A whole answer of some 400 bytes."""
    words = f"This is what can be said of number {number}, in a sentence of the usual length."
    message = {"role": "assistant", "content": words}
    whole = orjson.dumps(
        {
            "id": f"chatcmpl-{number:08x}",
            "object": "chat.completion",
            "created": 1_750_000_000 + number,
            "model": "m",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 331, "completion_tokens": 319, "total_tokens": 650},
        }
    )
    # orjson's bytes sit in 4 kB, a network's do not
    held = bytes(memoryview(whole))
    usage = Usage(300 + number % 900, 290 + number % 700)  # numbers of which each is an object
    return Entry(
        whole=held,
        usage=usage,
        model="m",
        provider=provider,
        category="qa",
        language="en",
        cost_usd=number * 1e-7,
    )
