"""The usual event of a stream, read by the bytes around its word.

The events of one stream differ by a word, and perhaps by a filler that means nothing (a time,
counts so far, padding against eavesdroppers). Once one of them was read the long way, the next that
has the same bytes around another JSON string, and another filler in the same place, means the same
but for that string. So a translated token costs a few comparisons instead of a parse. What is not
exactly so is read the long way again.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

import orjson

from proxy.chat import Event, Reasoning, Text

if TYPE_CHECKING:
    from collections.abc import Callable

_LESSONS = 8  # events that are looked at, of a stream that has no usual one

# The fields that hold words or thoughts in the dialects' events. Which of them counts was decided
# by the decoder; here its place is sought, so it must be there once and hold what was decoded.
_KEYS: dict[type[Event], tuple[bytes, ...]] = {
    Text: (b"content", b"text"),
    Reasoning: (b"reasoning_content", b"reasoning", b"thinking", b"text"),
}
_VALUE = rb'": ?"((?:[^"\\\n]|\\.)+)"'
_PLACES = {
    key: re.compile(rb'"' + key + _VALUE) for keys in _KEYS.values() for key in keys
}  # fmt: skip

# Fields whose value differs from event to event and means nothing to any decoder.
_AFTER_WORD = re.compile(rb'"(?:obfuscation|usageMetadata)": ?(?=["{])')
_BEFORE_WORD = re.compile(rb'"created_at": ?(?=")')
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
_PADDED = re.compile(rb'"\} +\}\n\n')  # Anthropic's spaces, as many as it likes


class Pieces(Protocol):
    """What cuts a stream into events."""

    rest: bytes  # of an event that is not complete


def _nothing(data: bytes) -> bytes:
    del data
    return b""


class Form:
    """What a usual event looks like around its word. pieces: what cuts the stream."""

    __slots__ = ("after", "before", "end", "middle", "pieces")

    def __init__(self, pieces: Pieces, before: bytes, after: bytes) -> None:
        self.pieces = pieces
        self.before = before
        self.after = after
        self.middle = self.end = b""  # around a filler

    def fits(self, read: Callable[[bytes], bytes], raw: bytes) -> bool:
        """Whether this is such an event, whatever is left of one before it."""
        pieces, self.pieces = self.pieces, _WHOLE
        found = read(raw) != b""
        self.pieces = pieces
        return found

    def plain(self, data: bytes) -> bytes:
        before, after = self.before, self.after
        if data.startswith(before) and data.endswith(after) and not self.pieces.rest:
            word = data[len(before) : -len(after)]
            if is_text(word):
                return word
        return b""

    def padded(self, data: bytes) -> bytes:
        before = self.before
        if data.startswith(before) and data.endswith(b"}\n\n") and not self.pieces.rest:
            rest = data[len(before) : -3].rstrip(b" ")
            if rest.endswith(b'"}'):
                word = rest[:-2]
                if is_text(word):
                    return word
        return b""

    def filled_after(self, data: bytes) -> bytes:
        before, end = self.before, self.end
        if data.startswith(before) and data.endswith(end) and not self.pieces.rest:
            place = data.find(self.middle, len(before))
            if place > 0 and _is_filler(data[place + len(self.middle) : -len(end)]):
                word = data[len(before) : place]
                if is_text(word):
                    return word
        return b""

    def filled_before(self, data: bytes) -> bytes:
        before, after = self.before, self.after
        if data.startswith(before) and data.endswith(after) and not self.pieces.rest:
            place = data.find(self.middle, len(before))
            if place > 0 and _is_filler(data[len(before) : place]):
                word = data[place + len(self.middle) : -len(after)]
                if is_text(word):
                    return word
        return b""


class Usual:
    """The usual event of one stream: nothing at first, then what learn was shown last."""

    __slots__ = ("_form", "_kind", "_lessons", "_pieces", "_read", "_sign", "is_plain", "word")

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        self._lessons = _LESSONS
        self._form = Form(pieces, b"", b"")
        self._sign = b"\n\n"  # how an event ends
        self._kind: type[Event] | None = None  # of what it means
        # What is between the quotes of the word, as JSON has it, of data that is one usual event
        # and nothing else; or nothing. Never of data that goes on with an event begun before. A
        # method of the form's, not of this object: it would refer to itself for ever.
        self.word: Callable[[bytes], bytes] = _nothing
        self._read = self.word
        self.is_plain = False  # nothing differs in usual events but the word

    def learn(self, raw: bytes, events: tuple[Event, ...]) -> bool:
        """Take an event that was read the long way for the usual one, or forget it where this was
        another. To be told of every such event, as it may have changed what the next ones mean.
        """
        self.word = _nothing
        if len(events) == 1 and self._learned(raw, events[0]):
            self.word = self._read
            return True
        return False

    def words(self, data: bytes) -> list[bytes]:
        """The words of several usual events; nothing where anything else is among them."""
        if self.word is _nothing:
            return []
        sign = self._sign
        events = data.split(sign)
        if events.pop():
            return []
        words = [self.word(event + sign) for event in events]
        return words if all(words) else []

    @property
    def around(self) -> tuple[bytes, bytes]:
        """What is before and after the word of a plain one."""
        return self._form.before, self._form.after

    def _learned(self, raw: bytes, event: Event) -> bool:
        if (type(event) is not Text and type(event) is not Reasoning) or event.choice:
            return False
        if type(event) is Reasoning and event.signature:
            return False
        if type(event) is self._kind and self._form.fits(self._read, raw):
            return True
        if not self._lessons:
            return False
        self._lessons -= 1
        for key in _KEYS[type(event)]:
            found = _PLACES[key].search(raw)
            if found and raw.count(b'"%b"' % key) == 1 and is_text(found[1]) == event.text:
                self._kind = type(event)
                self._take(raw[: found.start(1)], raw[found.end(1) :])
                return self._form.fits(self._read, raw)
        return False

    def _take(self, before: bytes, after: bytes) -> None:
        form = self._form = Form(self._pieces, before, after)
        self._sign = after[len(after.rstrip(b"\r\n")) :]
        self._read = form.plain
        self.is_plain = True
        filler = _AFTER_WORD.search(after)
        if filler is not None:
            size = _size(after[filler.end() :])
            if size:
                form.middle, form.end = after[: filler.end()], after[filler.end() + size :]
                self._read = form.filled_after
                self.is_plain = False
            return
        filler = _BEFORE_WORD.search(before)
        if filler is not None:
            size = _size(before[filler.end() :])
            if size:
                form.before, form.middle = before[: filler.end()], before[filler.end() + size :]
                self._read = form.filled_before
                self.is_plain = False
        elif _PADDED.fullmatch(after):
            self._read = form.padded
            self.is_plain = False


class _Whole:
    rest = b""


_WHOLE = _Whole()


def is_text(word: bytes) -> str | None:
    """What is said between the quotes; None where that is no JSON string."""
    try:
        text: str = orjson.loads(b'"%b"' % word)
    except orjson.JSONDecodeError:
        return None
    return text


def _is_filler(value: bytes) -> bool:
    """Whether this is one JSON value in one line."""
    if b"\n" in value or b"\r" in value:
        return False
    try:
        orjson.loads(value)
    except orjson.JSONDecodeError:
        return False
    return True


def _size(text: bytes) -> int:
    """How long the string or the object is that this begins with; 0 where it has no end."""
    if text.startswith(b'"'):
        found = _STRING.match(text)
        return found.end() if found else 0
    depth = 0
    for mark in re.finditer(rb'"(?:[^"\\]|\\.)*"|[{}]', text):
        depth += {b"{": 1, b"}": -1}.get(mark[0], 0)
        if not depth:
            return mark.end()
    return 0
