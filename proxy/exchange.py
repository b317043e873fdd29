"""The one mutable object that travels with a request, and the sink its answer goes to."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from secrets import token_hex
from typing import TYPE_CHECKING, Protocol

from proxy.chat import Json, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from proxy.errors import ClientError
    from proxy.trace import Trace

Miss = tuple[str, float, float, str]  # target, seconds from and to since started_s, why


@dataclass(slots=True)
class Share:
    """What one caller has open now."""

    open: int = 0


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: a configured key, or everyone where no key is needed."""

    name: str
    tenant: str  # the cache's partition: the key's name, or its sharing group
    routes: frozenset[str] | None = None  # None: all
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    share: Share = field(default_factory=Share, compare=False, repr=False)


ANONYMOUS = Caller(name="anonymous", tenant="anonymous")


@dataclass(frozen=True, slots=True)
class Options:
    """What a caller may ask of one request, by body object or header."""

    use_case: str | None = None
    budget_tier: str | None = None
    cache: str | None = None  # bypass | refresh | only
    category: str | None = None
    first_token_ms: float | None = None
    tags: tuple[str, ...] = ()
    cache_control: str = ""  # the header of that name, where `cache` says nothing


NO_OPTIONS = Options()


class Rated(Protocol):
    """What the classifier says of how sure it is, and how hard the text."""

    @property
    def confidence(self) -> float: ...
    @property
    def complexity(self) -> float: ...


class Sink(Protocol):
    """Where an answer goes: the lean lane's connection, or aiohttp's response."""

    def open(self, status: int, headers: bytes, first: bytes) -> None:
        """Status, header lines (each ending in CRLF) and the first bytes of a stream, at once."""
        ...

    def write(self, data: bytes) -> None: ...

    def end(self, last: bytes = b"") -> None:
        """The stream is complete with these bytes; the connection may serve the next request."""
        ...

    def whole(self, status: int, headers: bytes, body: bytes) -> None:
        """A complete answer with its length."""
        ...

    def abort(self) -> None:
        """The stream cannot be completed and that must be visible: cut the connection."""
        ...


_BYTES = tuple(f"{number:02x}" for number in range(256))


def _ids() -> Iterator[str]:
    """A random beginning, and a number; what 256 of them share is written once."""
    prefix = "req_" + token_hex(6)
    for block in itertools.count():
        head = f"{prefix}{block:06x}"
        for tail in _BYTES:
            yield head + tail


next_id = _ids().__next__


class Exchange:
    """One request from its first byte to the ledger. Times are perf_counter seconds."""

    __slots__ = (
        "attempts",
        "auth_s",
        "beta",
        "body",
        "cache",
        "cache_s",
        "caller",
        "category",
        "classify_s",
        "dropped",
        "error",
        "finish",
        "first_token_s",
        "id",
        "kind",
        "lane",
        "language",
        "model",
        "options",
        "outcome",
        "prompt_bytes",
        "provider",
        "provider_model",
        "reading",
        "route",
        "started_s",
        "status",
        "stream",
        "trace",
        "traceparent",
        "trail",
        "upstream_s",
        "usage",
        "wants_usage",
        "why",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913, PLR0917 - what is known at first; by place, which is faster
        self,
        kind: str,
        body: Json,
        caller: Caller,
        started_s: float,
        options: Options = NO_OPTIONS,
        model: str = "",
        prompt_bytes: int = 0,
        auth_s: float = 0.0,
    ) -> None:
        self.kind = kind  # the client's dialect: openai | completions | anthropic | responses
        self.body = body
        self.caller = caller
        self.started_s = started_s
        self.options = options
        self.id = next_id()
        self.lane: str = "fast"
        self.model = model  # as asked
        self.stream: bool = False
        self.wants_usage: bool = False  # the client asked for include_usage itself
        self.route: str = ""
        self.category: str = ""
        self.reading: Rated | None = None  # what the classifier says, where it was asked
        self.language: str = ""
        self.cache: str = "bypass"
        self.attempts: int = 0
        self.provider: str = ""
        self.provider_model: str = ""
        self.why: str = ""
        self.dropped: tuple[str, ...] = ()
        self.beta: bytes = b""  # Anthropic's header for features under trial, told with the body
        self.prompt_bytes = prompt_bytes
        self.auth_s = auth_s
        self.classify_s: float = 0.0
        self.cache_s: float = 0.0
        self.upstream_s: float = 0.0
        self.first_token_s: float | None = None  # since started_s
        self.status: int = 0
        self.outcome: str = ""  # ok | error | cancelled | broken
        self.error: ClientError | None = None
        self.usage: Usage | None = None
        self.finish: str = ""
        self.traceparent: bytes = b""  # the client's header of that name
        self.trace: Trace | None = None  # where traces are configured
        self.trail: tuple[Miss, ...] = ()  # attempts that did not answer, as they ended

    @property
    def confidence(self) -> float:
        """The chance that the category is right, 0 to 1; 0 where nobody decided."""
        return 0.0 if self.reading is None else self.reading.confidence

    @property
    def complexity(self) -> float:
        """From easy, 0, to hard, 1."""
        return 0.0 if self.reading is None else self.reading.complexity

    def missed(self, target: str, from_s: float, to_s: float, why: str) -> None:
        """An attempt has ended without being the answer. Times are perf_counter seconds."""
        begun_s = self.started_s
        self.trail = (*self.trail, (target, from_s - begun_s, to_s - begun_s, why))
