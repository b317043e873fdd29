"""A dialect that cannot be tripped: what it does not understand becomes the failure it is.

Providers and clients send JSON of any shape: a list where a word belongs, nothing where an object
does. The translators read what their format promises; here, once for all of them, whatever does
not keep the promise is a protocol failure (from a provider) or a refusal (of a client's request),
never an exception in somebody's event loop.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson

from proxy.chat import (
    Answer,
    ChatRequest,
    Done,
    Event,
    Extra,
    Failed,
    Finished,
    Json,
    Opened,
    Reasoning,
    Spent,
    Text,
    ToolCall,
)
from proxy.dialects.dialect import Decoder, Dialect, Encoder, ErrorReading, Frame, Rendered
from proxy.dialects.sse import HALF
from proxy.dialects.usual import Usual
from proxy.errors import ClientError, Kind, UpstreamFailure

# What reading JSON of an unexpected shape can raise.
MISREAD = (TypeError, AttributeError, LookupError, ValueError, ArithmeticError, RecursionError)

_LAST_SECOND = 253_402_300_799  # of the year 9999, in Unix time
_MOST = 2**53  # of what is counted: all who read JSON read it right, and sums fit into 64 bits


class Sturdy:
    """One dialect, with every way out of it closed but the two that are meant."""

    def __init__(self, inner: Dialect) -> None:
        self._inner = inner
        self.name = inner.name
        self.stream_type = inner.stream_type
        self.plain = inner.plain
        self.check = inner.check  # on every request's way, and fuzzed as it is
        self.write_answer = inner.write_answer  # read_answer has looked at what it writes
        self.write_error = inner.write_error

    def decoder(self) -> Decoder:
        """See Dialect.decoder."""
        return _Decoder(self._inner.decoder())

    def encoder(self, *, id: str, model: str, created: int, include_usage: bool) -> Encoder:
        """See Dialect.encoder."""
        return self._inner.encoder(id=id, model=model, created=created, include_usage=include_usage)

    def read_answer(self, body: Any) -> Answer:
        """See Dialect.read_answer."""
        try:
            answer = self._inner.read_answer(body)
            for choice in answer.choices:
                _text(choice.text, choice.reasoning, choice.refusal, choice.reasoning_signature)
                for call in choice.calls:
                    _text(call.id, call.name, call.arguments)
            _text(answer.id, answer.model)
            if not 0 <= answer.created <= _LAST_SECOND:
                raise ValueError(answer.created)
        except MISREAD as error:
            raise _not_promised() from error
        try:
            _number(*(answer.usage or ()))
        except TypeError:  # nobody used so much: as good as not told
            return replace(answer, usage=None)
        return answer

    def read_error(self, status: int, body: bytes) -> ErrorReading:
        """See Dialect.read_error; what cannot be understood at all has no words."""
        try:
            reading = self._inner.read_error(status, body)
            _text(reading.message, reading.code)
        except MISREAD:
            return self._inner.read_error(status, b"")
        return reading

    def parse(self, body: Json) -> ChatRequest:
        """See Dialect.parse."""
        try:
            return self._inner.parse(body)
        except MISREAD as error:
            raise _misunderstood() from error

    def render(self, request: ChatRequest, model: str) -> Rendered:
        """See Dialect.render."""
        try:
            return self._inner.render(request, model)
        except MISREAD as error:
            raise _misunderstood() from error


class _Decoder:
    """Its frames hold words where words are promised, and whole characters."""

    __slots__ = ("_halves", "_inner")

    def __init__(self, inner: Decoder) -> None:
        self._inner = inner
        self._halves: dict[object, str] = {}  # of characters, by what they are in

    def feed(self, data: bytes) -> list[Frame]:
        """See Decoder.feed."""
        try:
            return self._looked_at(self._inner.feed(data))
        except MISREAD as error:
            raise _not_promised() from error

    def close(self) -> list[Frame]:
        """See Decoder.close."""
        try:
            return self._looked_at(self._inner.close())
        except MISREAD as error:
            raise _not_promised() from error

    def usual(self) -> Usual | None:
        """See Decoder.usual, which sees to it that its words are words."""
        return self._inner.usual()

    def _looked_at(self, frames: list[Frame]) -> list[Frame]:
        """The frames; one that holds something else than is promised means nothing."""
        for frame in frames:
            try:
                for event in frame.events:
                    _look(event)
                    if type(event) is Text or type(event) is Reasoning:
                        if self._halves or not event.text.isascii():
                            event.text = self._whole((type(event), event.choice), event.text)
                    elif type(event) is ToolCall and (
                        self._halves or not event.arguments.isascii()
                    ):
                        place = (event.choice, event.index)
                        event.arguments = self._whole(place, event.arguments)
                if HALF.search(frame.raw):
                    orjson.dumps(frame.events, default=tuple)  # half a character anywhere else
            except TypeError:
                frame.events = ()
        return frames

    def _whole(self, place: object, text: str) -> str:
        """The text without half a character at its end, which its other half will follow; a half
        that stands alone is told as unreadable."""
        text = self._halves.pop(place, "") + text
        if "\ud800" <= text[-1:] <= "\udbff":
            self._halves[place] = text[-1]
            text = text[:-1]
        try:
            text.encode()
        except UnicodeEncodeError:
            return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return text


def _look(event: Event) -> None:
    if isinstance(event, Text):  # nearly always
        if type(event.text) is not str or type(event.choice) is not int:
            raise TypeError
        return
    match event:
        case Reasoning():
            _text(event.text, event.signature)
            _number(event.choice)
        case ToolCall():
            _text(event.id, event.name, event.arguments, event.signature)
            _number(event.index, event.choice)
        case Finished():
            _text(event.reason)
            _number(event.choice)
        case Opened():
            _text(event.id, event.model)
            _number(event.created)
        case Spent():
            _number(*event.usage)
        case Failed():
            _text(event.message, event.type, event.code)
        case Extra() | Done():
            pass


def _number(*values: object) -> None:
    for value in values:
        if not isinstance(value, int) or not -_MOST <= value <= _MOST:
            raise TypeError


def _text(*values: object) -> None:
    for value in values:
        if type(value) is not str:
            raise TypeError


def _not_promised() -> UpstreamFailure:
    return UpstreamFailure(Kind.PROTOCOL, "the answer is not what its format promises")


def _misunderstood() -> ClientError:
    return ClientError(400, "The request is not what its format promises.", code="invalid_request")
