"""What makes two requests the same: the fingerprint of everything that shapes an answer.

A key has three parts. `partition` is everything but the last user text (tenant, route, wire
format, system prompt, earlier turns, tools, sampling): the semantic cache never looks outside
it. `exact` adds the text. `text` is that text, for the guards.

The same request is spelled in many ways; the spellings that cannot change the answer are folded
before hashing. Folding too little costs a miss, folding too much a wrong answer: what is not
listed here stays in the key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any
from unicodedata import is_normalized, normalize

import orjson

from proxy.cache.gist import gist, sense
from proxy.cache.worded import Worded, cut
from proxy.chat import Json

_Read = tuple[list[Any], str, tuple[str, ...]]  # earlier turns, last text, fields it used up

_UNREAD = -1  # no hash is
_SIZE = 16  # bytes: 2**64 work to find a collision, and a collision needs the same tenant


@dataclass(slots=True)
class Key:
    """partition and exact: 16 bytes each; text: the last user text, trimmed, in NFC."""

    partition: bytes
    exact: bytes
    text: str
    _worded: Worded | None = field(default=None, compare=False, repr=False)
    _gist: int | None = field(default=_UNREAD, compare=False, repr=False)
    _sense: int = field(default=_UNREAD, compare=False, repr=False)

    @property
    def gist(self) -> int | None:
        """See gist.gist; read once."""
        if self._gist == _UNREAD:
            self._gist = gist(self.text)
        return self._gist

    @property
    def sense(self) -> int:
        """See gist.sense; read once."""
        if self._sense == _UNREAD:
            self._sense = sense(self.worded)
        return self._sense

    @property
    def worded(self) -> Worded:
        """The text for the guards; cut once."""
        if self._worded is None:
            self._worded = cut(self.text)
        return self._worded


class _Uncacheable(Exception):
    """Something in the request that a stored answer cannot stand for."""


# Fields that decide how the answer travels or is filed, not what it says.
_SHAPELESS = frozenset(
    (
        "stream",
        "stream_options",
        "user",
        "metadata",
        "firsttoken",
        "safety_identifier",
        "prompt_cache_key",
        "prompt_cache_retention",
        "prompt_cache_options",
        "service_tier",
        "store",
        "prediction",
    )
)

# A field with its default value says nothing (OpenAI's API reference, per field).
_DEFAULTS: dict[str, Any] = {
    "temperature": 1,
    "top_p": 1,
    "n": 1,
    "best_of": 1,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "logprobs": False,
    "top_logprobs": 0,
    "echo": False,
    "tools": [],
    "functions": [],
    "stop": [],
    "stop_sequences": [],
    "logit_bias": {},
    "response_format": {"type": "text"},
    "modalities": ["text"],
    "text": {"format": {"type": "text"}},
    "truncation": "disabled",
    "include": [],
    "background": False,
    "suffix": "",
}

_ALIASES = {"max_completion_tokens": "max_tokens", "max_output_tokens": "max_tokens"}

_ROLES = {"developer": "system"}

_TEXT_PARTS = frozenset(("text", "input_text", "output_text"))

_TOOL_PARTS = frozenset(("tool_use", "tool_result", "thinking", "redacted_thinking"))

# State kept by the provider, live data, sound: not a function of the request alone.
_REFUSED = frozenset(
    ("audio", "previous_response_id", "conversation", "web_search_options", "container")
)

_PARTITIONS: dict[bytes, bytes] = {}  # what was hashed -> its fingerprint, of the last ones
_PARTITIONS_MAX, _SHORT_BYTES = 512, 2048  # a megabyte at most

_PLAIN = frozenset(("model", "max_tokens", "seed"))  # one spelling each


def key_of(body: Json, *, tenant: str, route: str, kind: str, also: str = "") -> Key | None:
    """The key of a parsed request, or None where no stored answer may stand for it.

    kind: "chat", "completions", "responses" or "messages", the endpoint's name. also: what else
    shapes the answer and is not in the body (a budget tier from a header, say).
    None: no user text at the end (a tool result, an assistant prefill), several answers asked
    for, images, files or sound, provider-side state, live web search, an unknown kind.
    """
    reader = _READERS.get(kind)
    if reader is None:
        return None
    shape: Json = {}
    try:
        turns, text, source = reader(body, shape)
        for name, value in body.items():
            if name in _PLAIN:
                if value is not None:
                    shape[name] = value
            elif name in source or name in _SHAPELESS or value is None:
                continue
            elif name not in _DEFAULTS or value != _DEFAULTS[name]:
                if name in _REFUSED and value:
                    return None
                _take(shape, name, value)
        raw = orjson.dumps([tenant, route, kind, also, shape, turns], option=orjson.OPT_SORT_KEYS)
    except (_Uncacheable, TypeError):  # TypeError: orjson, for what JSON cannot hold
        return None
    if not text:
        return None
    partition = _PARTITIONS.get(raw) or _partition(raw)
    exact = blake2b(partition + text.encode(), digest_size=_SIZE).digest()
    return Key(partition, exact, text)


def _partition(raw: bytes) -> bytes:
    """The fingerprint of everything but the text; a short one is met again with the next text."""
    partition = blake2b(raw, digest_size=_SIZE).digest()
    if len(raw) <= _SHORT_BYTES:
        if len(_PARTITIONS) >= _PARTITIONS_MAX:
            del _PARTITIONS[next(iter(_PARTITIONS))]
        _PARTITIONS[raw] = partition
    return partition


def _take(shape: Json, name: str, value: Any) -> None:
    """Put one field that is neither absent nor default into the shape, in its one spelling."""
    if name in ("n", "best_of"):
        raise _Uncacheable
    if type(value) is float and value.is_integer():
        value = int(value)  # 0.0 and 0 ask for the same
    elif name == "tools":
        for tool in value:
            if type(tool) is dict and str(tool.get("type", "")).startswith("web_search"):
                raise _Uncacheable
    elif name == "stop" and type(value) is str:
        value = [value]
    shape[_ALIASES.get(name, name)] = value


_MESSAGES = ("messages",)


def _read_chat(body: Json, shape: Json) -> _Read:
    messages = body.get("messages")
    if type(messages) is not list or not messages:
        raise _Uncacheable
    last = messages[-1]
    if type(last) is not dict or last.get("role") != "user":
        raise _Uncacheable
    content = last.get("content")
    text = _clean(content) if type(content) is str else _join(content)
    if len(last) > 2 and (rest := _rest(last)):
        shape["last turn"] = rest
    turns = [_turn(message) for message in messages[:-1]] if len(messages) > 1 else []
    return turns, text, _MESSAGES


def _read_messages(body: Json, shape: Json) -> _Read:
    turns, text, _ = _read_chat(body, shape)
    system = body.get("system")
    if type(system) is list:
        turns.insert(0, ["system", _join(system)])
    elif type(system) is str and system:
        turns.insert(0, ["system", _clean(system)])
    return turns, text, ("messages", "system")


def _read_completions(body: Json, _shape: Json) -> _Read:
    prompt = body.get("prompt")
    if type(prompt) is list and len(prompt) == 1:
        prompt = prompt[0]
    if type(prompt) is not str:
        raise _Uncacheable
    # The end of a completion prompt is part of the question: "a" and "a " continue differently.
    return [], prompt if prompt.strip() else "", ("prompt",)


def _read_responses(body: Json, shape: Json) -> _Read:
    if body.get("background"):
        raise _Uncacheable
    given = body.get("input")
    turns: list[Any] = []
    if body.get("instructions"):
        turns.append(["instructions", _clean(str(body["instructions"]))])
    if type(given) is str:
        return turns, _clean(given), ("input", "instructions")
    inner: Json = {"messages": given}
    earlier, text, _ = _read_chat(inner, shape)
    return turns + earlier, text, ("input", "instructions")


_READERS: dict[str, Callable[[Json, Json], _Read]] = {
    "chat": _read_chat,
    "completions": _read_completions,
    "responses": _read_responses,
    "messages": _read_messages,
}


def _turn(message: Any) -> list[Any]:
    """One earlier turn as [role, text] or [role, text, everything else it holds]."""
    if type(message) is not dict:
        raise _Uncacheable
    role = message.get("role")
    content = message.get("content")
    said = _clean(content) if type(content) is str else _earlier(content)
    role = _ROLES.get(role, role) if type(role) is str else role
    if len(message) > 2 and (rest := _rest(message)):
        return [role, said, rest]
    return [role, said]


def _earlier(content: Any) -> Any:
    """Parts of an earlier turn: their text, or, where tools were called, the parts as they are."""
    if type(content) is list and any(
        type(part) is dict and part.get("type") in _TOOL_PARTS for part in content
    ):
        for part in content:
            kind = part.get("type") if type(part) is dict else None
            if kind == "tool_result":
                _join(part.get("content") if type(part.get("content")) is list else None)
            elif kind not in _TOOL_PARTS and kind not in _TEXT_PARTS:
                raise _Uncacheable
        return content
    return _join(content)


def _rest(message: Json) -> Json | None:
    """What a message holds besides role and text; empty fields say nothing."""
    rest = {
        name: value
        for name, value in message.items()
        if name not in ("role", "content")
        and value not in (None, "", [])
        and not (name == "type" and value == "message")
    }
    if "audio" in rest:
        raise _Uncacheable
    return rest or None


def _join(content: Any) -> str:
    """The text of a list of parts. Raises _Uncacheable for parts that are not text."""
    if content is None:
        return ""
    if type(content) is not list:
        raise _Uncacheable
    texts: list[str] = []
    for part in content:
        if type(part) is str:
            texts.append(part)
        elif type(part) is dict and part.get("type") in _TEXT_PARTS:
            text = part.get("text")
            if type(text) is not str:
                raise _Uncacheable
            texts.append(text)
        else:
            raise _Uncacheable
    # A separator no JSON text of one part would hold by accident: two parts are not one.
    return _clean("\x1e".join(texts))


def _clean(text: str) -> str:
    """Trimmed, line ends as \\n, in NFC: spellings of the same text that no reader can see."""
    text = text.strip()
    if not text.isascii() and not is_normalized("NFC", text):
        text = normalize("NFC", text)
    return text.replace("\r\n", "\n") if "\r" in text else text
