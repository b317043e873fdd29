"""The seam every wire format implements: four pure translations, and reading its errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from proxy.chat import Answer, ChatRequest, Event, Json
from proxy.dialects.usual import Usual
from proxy.errors import ClientError, Kind


@dataclass(slots=True)
class Frame:
    """One event of a stream: its bytes as received, blank line included, and what it means.

    A comment or ping has no events. raw of all frames together is the stream, byte for byte.
    """

    raw: bytes
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class ErrorReading:
    """A provider's error answer, understood."""

    kind: Kind
    message: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A request as a provider's endpoint takes it."""

    path: str  # below the provider's base URL, query included: "/messages"
    body: Json
    dropped: tuple[str, ...] = ()  # parameters that this format has no place for, by OpenAI's names


class Decoder(Protocol):
    """Turns a provider's stream into frames, however its bytes are cut."""

    __slots__ = ()

    def feed(self, data: bytes) -> list[Frame]:
        """Frames completed by these bytes. Raises UpstreamFailure(PROTOCOL) when one frame
        grows past the bound, or the bytes cannot be this dialect."""
        ...

    def close(self) -> list[Frame]:
        """What is left when the stream ends: a last frame without its blank line, if any."""
        ...

    def usual(self) -> Usual | None:
        """A short way to read this stream from here on; None where its format has none."""
        return None


class Encoder(Protocol):
    """Turns events into a client's stream. One encoder a stream."""

    __slots__ = ()

    def encode(self, events: Sequence[Event]) -> bytes: ...

    def around(self, event: Event) -> tuple[bytes, bytes] | None:
        """What encode writes before and after the word of such an event of choice 0, quotes
        included, as long as it is given nothing else; None where that depends on more."""
        del event
        return None

    def speaker(self, event: Event) -> Callable[[bytes], bytes] | None:
        """Where around has no answer: writes a word, as JSON has it between its quotes, as encode
        would write such an event of choice 0; None where there is no such short way either."""
        del event
        return None

    def resume(self, sent: bytes) -> None:
        """This stream was begun by another, and the client has these bytes of it: go on."""
        ...

    def end(self) -> bytes:
        """The end of a complete answer: pending usage, end mark."""
        ...

    def fail(self, error: ClientError) -> bytes:
        """The end of a broken answer: an error event, never the end mark."""
        ...


class Dialect(Protocol):
    name: str
    stream_type: bytes  # content-type of a stream
    plain: tuple[bytes, ...]  # one of these is in every event that holds nothing but content

    def check(self, body: Json) -> None:
        """Raises ClientError(400) naming the parameter that makes it no request of this dialect."""
        ...

    def decoder(self) -> Decoder: ...

    def encoder(self, *, id: str, model: str, created: int, include_usage: bool) -> Encoder: ...

    def read_answer(self, body: Any) -> Answer:
        """A whole answer, parsed JSON. Raises UpstreamFailure(PROTOCOL, EMPTY or ERROR_FRAME)."""
        ...

    def write_answer(self, answer: Answer) -> bytes: ...

    def read_error(self, status: int, body: bytes) -> ErrorReading: ...

    def write_error(self, error: ClientError) -> bytes: ...

    def parse(self, body: Json) -> ChatRequest:
        """A checked request in neutral form. Raises ClientError(400) for what check let pass and
        cannot be understood."""
        ...

    def render(self, request: ChatRequest, model: str) -> Rendered:
        """The request for a provider's model. Parameters without a place are named in dropped."""
        ...
