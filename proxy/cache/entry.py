"""One kept answer: its bytes, what it cost, and the two forms it can be replayed in."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from proxy.cache.table import Link
from proxy.chat import Usage
from proxy.packed import Packed, pack, plain, unpack

if TYPE_CHECKING:
    from proxy.packed import Squeezed, Stream

OVERHEAD_BYTES = 1000  # its own objects, its place in three tables and its vector: see bench cache


class About(NamedTuple):
    """What many answers have in common: one object serves them all."""

    kind: str
    finish: str
    model: str
    provider: str
    category: str
    language: str
    tags: tuple[str, ...]


_USAGE = struct.Struct("<5I?")  # a tuple of six numbers takes three times as much
_MOST = (1 << 32) - 1
_NO_USAGE = _USAGE.pack(*Usage())


class Entry(Link):
    """A complete answer and what is known about it.

    stream: the SSE body as sent, or b""; whole: the JSON answer, or b"". kind: the endpoint's
    wire format ("chat", ...). text: the prompt's last user text. created_s: the cache's clock.
    cost_usd: what the answer cost when it was made, took_s: from its first word to its last.
    mark: the number of its vector, -1 where it has none; place: by which the semantic cache finds
    it. ready: its stream is packed.
    marked: its whole form tells that its usage came from a cache. pinned: never evicted nor old.
    """

    __slots__ = (
        "_stream",
        "_usage",
        "_whole",
        "about",
        "cost_usd",
        "created_s",
        "exact",
        "expires_s",
        "hits",
        "mark",
        "marked",
        "partition",
        "pinned",
        "place",
        "ready",
        "size_bytes",
        "text",
        "took_s",
        "usage_frame",
    )

    def __init__(  # noqa: PLR0913 - a record
        self,
        *,
        stream: Stream = b"",
        whole: bytes = b"",
        usage: Usage | None = None,
        kind: str = "chat",
        finish: str = "stop",
        model: str = "",
        provider: str = "",
        category: str = "",
        language: str = "",
        text: str = "",
        tags: tuple[str, ...] = (),
        created_s: float = 0.0,
        cost_usd: float = 0.0,
        took_s: float = 0.0,
    ) -> None:
        self._stream: Stream = stream
        self._whole = whole
        self.usage_frame = b""
        self._usage = _NO_USAGE if usage is None else _packed(usage)
        self.about = About(kind, finish, model, provider, category, language, tags)
        self.text = text
        self.created_s = created_s
        self.expires_s = 0.0
        self.cost_usd = cost_usd
        self.took_s = took_s
        self.hits = 0
        self.partition = b""
        self.exact = b""
        self.mark = -1
        self.place = 0
        self.pinned = False
        self.ready = False
        self.marked = False
        self.size_bytes = OVERHEAD_BYTES + len(stream) + len(whole) + len(text)

    @property
    def usage(self) -> Usage:
        """The tokens that the answer took when it was made."""
        return Usage._make(_USAGE.unpack(self._usage))

    @property
    def kind(self) -> str:
        return self.about.kind

    @property
    def finish(self) -> str:
        return self.about.finish

    @property
    def model(self) -> str:
        return self.about.model

    @property
    def provider(self) -> str:
        return self.about.provider

    @property
    def category(self) -> str:
        return self.about.category

    @property
    def language(self) -> str:
        return self.about.language

    @property
    def tags(self) -> tuple[str, ...]:
        return self.about.tags

    def measure(self) -> None:
        """Set size_bytes, the memory this entry answers for."""
        held = len(self._stream) + len(self._whole) + len(self.usage_frame) + len(self.text)
        self.size_bytes = OVERHEAD_BYTES + held

    @property
    def stream(self) -> bytes:
        """The answer as an SSE body, or b"" where only the whole is known."""
        return unpack(self._stream)

    @property
    def whole(self) -> bytes:
        """The answer as one JSON body, or b"" where only the stream is known."""
        return plain(self._whole)

    @property
    def bulky(self) -> list[bytes]:
        """What it keeps that could be compressed."""
        held = [self._whole]
        if isinstance(self._stream, Packed):
            held.append(self._stream.middles)
        return [one for one in held if type(one) is bytes]

    def swap(self, before: bytes, after: Squeezed) -> bool:
        """Keep the compressed form instead; False where `before` is not what is kept now."""
        stream = self._stream
        if self._whole is before:
            self._whole = after
        elif isinstance(stream, Packed) and stream.middles is before:
            self._stream = replace(stream, middles=after)
        else:
            return False
        self.size_bytes += len(after) - len(before)
        return True

    @property
    def has_stream(self) -> bool:
        return bool(self._stream)

    @property
    def small_stream(self) -> Stream:
        """The streamed form as it is kept."""
        return self._stream

    def adopt_stream(self, stream: Stream) -> None:
        """Take in the streamed form, packed."""
        self._stream = pack(stream) if isinstance(stream, bytes) else stream
        self.measure()

    def adopt_whole(self, whole: bytes) -> None:
        """Take in the whole form. A copy: what orjson makes sits in four kilobytes for good."""
        self._whole = bytes(memoryview(whole))
        self.measure()

    def describe(self) -> dict[str, Any]:
        """For the admin API: everything but the answer."""
        return {
            "id": self.exact.hex(),
            "partition": self.partition.hex(),
            "text": self.text,
            "model": self.model,
            "provider": self.provider,
            "category": self.category,
            "language": self.language,
            "tags": list(self.tags),
            "hits": self.hits,
            "pinned": self.pinned,
            "created_s": self.created_s,
            "expires_s": self.expires_s,
            "cost_usd": self.cost_usd,
            "size_bytes": self.size_bytes,
        }


def _packed(usage: Usage) -> bytes:
    try:
        return _USAGE.pack(*usage)
    except struct.error:  # a provider's count that is none
        *counts, estimated = usage
        return _USAGE.pack(*(min(max(int(count), 0), _MOST) for count in counts), estimated)
